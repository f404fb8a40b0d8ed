//! Jitter: varies lifetimes at random, so that responses stored together don't expire together.

use std::time::Duration;

use super::storable::Storable;

/// The fraction by which freshness lifetimes vary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// No variation.
    pub const OFF: Self = Self(0.0);

    /// A variation of up to a twentieth.
    pub const DEFAULT: Self = Self(0.05);

    /// The largest allowed fraction.
    pub const MAX: f64 = 0.5;

    /// Creates a variation of up to `fraction`.
    ///
    /// 0 means no variation. Returns `None` if `fraction` is not from 0 to [`MAX`](Self::MAX).
    #[must_use]
    pub fn new(fraction: f64) -> Option<Self> {
        (0.0..=Self::MAX).contains(&fraction).then_some(Self(fraction))
    }

    /// Returns the longest lifetime that this makes of `lifetime`.
    #[must_use]
    pub fn longest(self, lifetime: Duration) -> Duration {
        lifetime.saturating_add(scaled(lifetime, self.0))
    }

    /// Returns the response with a varied freshness lifetime.
    ///
    /// `drawn` is a uniformly distributed number from 0 to 1.
    ///
    /// Only the part of the lifetime that is left on arrival is varied. For a response that is old
    /// already, this part may be short. A lifetime that the response states is only shortened: a
    /// cache must not treat a response as fresh for longer than it says (RFC 9111 §4.2).
    #[must_use]
    pub fn apply(self, mut judged: Storable, drawn: f64) -> Storable {
        let Storable { lifetime, initial_age, .. } = judged;
        let left = lifetime.fresh.saturating_sub(initial_age);
        let most = scaled(left, self.0);
        let moved = if judged.explicit { scaled(most, drawn) } else { scaled(most, 2.0 * drawn) };
        let earliest = lifetime.fresh.saturating_sub(most);
        judged.lifetime.fresh = if judged.explicit {
            lifetime.fresh.saturating_sub(moved)
        } else {
            earliest.saturating_add(moved)
        };
        judged
    }
}

/// Multiplies a time by a factor.
///
/// Returns the time unchanged if the result is too long for a `Duration`.
fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::freshness::Lifetime;
    use crate::http::response_flags::ResponseFlags;
    use crate::http::testing::secs;

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
                let moved = Jitter::new(fraction).unwrap().apply(given, drawn);
                let expected =
                    Storable { lifetime: Lifetime { fresh: secs(expected), ..given.lifetime }, ..given };
                assert_eq!(
                    moved, expected,
                    "{fraction} of {fresh} at {age}, stated: {stated}, drawn {drawn}"
                );
            }
        }
    }

    #[test]
    fn no_lifetime_is_too_long() {
        for stated in [true, false] {
            for drawn in [0.0, 0.3, 1.0] {
                let moved = Jitter::new(0.5).unwrap().apply(judged(Duration::MAX, 0, stated), drawn);
                assert!(moved.lifetime.fresh >= Duration::MAX / 3, "{:?}", moved.lifetime.fresh);
            }
        }
    }

    #[test]
    fn a_fraction_that_makes_no_sense_is_none() {
        for fraction in [-0.01, 0.51, f64::NAN, f64::INFINITY] {
            assert_eq!(Jitter::new(fraction), None, "{fraction}");
        }
        assert_eq!(Jitter::new(0.0), Some(Jitter::OFF));
        assert_eq!(Jitter::new(0.05), Some(Jitter::DEFAULT));
    }
}
