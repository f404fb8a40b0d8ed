//! Random variation of the freshness lifetimes of responses.

use super::storable::Storable;
use crate::lifetime::jitter::Jitter;

/// Returns the response with a varied freshness lifetime.
///
/// `drawn` is a uniformly distributed number from 0 to 1.
///
/// Only the part of the lifetime that is left on arrival is varied. For a response that is old
/// already, this part may be short. A lifetime that the response states is only shortened: a cache
/// must not treat a response as fresh for longer than it says (RFC 9111 §4.2).
#[must_use]
pub fn with_jitter(mut judged: Storable, jitter: Jitter, drawn: f64) -> Storable {
    let Storable { lifetime, initial_age, .. } = judged;
    let left = lifetime.fresh.saturating_sub(initial_age);
    judged.lifetime.fresh = if judged.explicit {
        jitter.shorten(lifetime.fresh, left, drawn)
    } else {
        jitter.vary(lifetime.fresh, left, drawn)
    };
    judged
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::http::response_flags::ResponseFlags;
    use crate::http::testing::secs;
    use crate::lifetime::Lifetime;

    fn judged(fresh: Duration, age: u64, stated: bool) -> Storable {
        let lifetime = Lifetime { fresh, while_revalidate: secs(7), if_error: secs(9) };
        Storable { lifetime, flags: ResponseFlags::default(), initial_age: secs(age), explicit: stated }
    }

    #[test]
    fn the_remaining_lifetime_is_moved_both_ways_or_shortened() {
        // (fraction, lifetime, age, stated, results for the lowest, the middle and the highest
        // draw)
        let cases = [
            (0.05, 3600, 0, false, [3420, 3600, 3780]),
            (0.05, 3600, 0, true, [3600, 3510, 3420]),
            (0.5, 100, 0, false, [50, 100, 150]),
            (0.5, 100, 0, true, [100, 75, 50]),
            (0.5, 100, 96, false, [98, 100, 102]),
            (0.5, 100, 96, true, [100, 99, 98]),
            (0.5, 100, 200, true, [100, 100, 100]),
            (0.5, 0, 0, false, [0, 0, 0]),
            (0.0, 3600, 0, false, [3600, 3600, 3600]),
            (0.0, 3600, 0, true, [3600, 3600, 3600]),
        ];
        for (fraction, fresh, age, stated, expected) in cases {
            for (drawn, expected) in [0.0, 0.5, 1.0].into_iter().zip(expected) {
                let given = judged(secs(fresh), age, stated);
                let moved = with_jitter(given, Jitter::new(fraction).unwrap(), drawn);
                let expected =
                    Storable { lifetime: Lifetime { fresh: secs(expected), ..given.lifetime }, ..given };
                assert_eq!(
                    moved, expected,
                    "{fraction} of {fresh} at {age}, stated: {stated}, drawn {drawn}"
                );
            }
        }
    }
}
