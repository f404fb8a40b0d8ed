//! How long the shared tier keeps what it stores.

use std::time::Duration;

use super::Lifetime;

/// Maximum time that the shared tier keeps a response beyond its windows.
///
/// Below this limit, that time is a tenth of the response's lifetime. During that time a miss can
/// be reported as *expired*, and a validator can still be used.
const MAX_AFTERLIFE: Duration = Duration::from_secs(600);
/// Minimum of that time for a response that can be validated.
///
/// A response with `no-cache` is of no other use.
const MIN_VALIDATION_TIME: Duration = Duration::from_secs(60);

/// Returns how long the shared tier stores a response or a value of this age.
#[must_use]
pub fn expiry(lifetime: &Lifetime, age: Duration, can_be_validated: bool) -> Duration {
    let min_afterlife = if can_be_validated { MIN_VALIDATION_TIME } else { Duration::ZERO };
    let afterlife = (lifetime.fresh / 10).min(MAX_AFTERLIFE).max(min_afterlife);
    let windows = lifetime.while_revalidate.max(lifetime.if_error).max(afterlife);
    let fresh_for = lifetime.fresh.saturating_sub(age);
    fresh_for.saturating_add(windows).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_stays_in_the_shared_tier_for_as_long_as_it_is_of_use() {
        let secs = Duration::from_secs;
        let lifetime = |fresh, while_revalidate, if_error| Lifetime {
            fresh: secs(fresh),
            while_revalidate: secs(while_revalidate),
            if_error: secs(if_error),
        };
        let cases = [
            (lifetime(100, 0, 0), 0, false, 110),
            (lifetime(100, 50, 0), 0, false, 150),
            (lifetime(100, 50, 500), 20, false, 580),
            (lifetime(100_000, 0, 0), 0, true, 100_600),
            (lifetime(0, 0, 0), 0, false, 1),
            (lifetime(10, 0, 0), 60, false, 1),
            (lifetime(0, 0, 0), 0, true, 60),
            (lifetime(10, 0, 0), 60, true, 60),
            (lifetime(10, 0, 500), 0, true, 510),
        ];
        for (lifetime, age, validates, expected) in cases {
            assert_eq!(expiry(&lifetime, secs(age), validates), secs(expected), "{lifetime:?} at {age}");
        }
    }
}
