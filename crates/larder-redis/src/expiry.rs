//! Expiry times, in the form that Redis takes.

use std::time::Duration;

/// The maximum expiry time: 100 years. Redis rejects expiry times that overflow its clock.
const MAX_EXPIRY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// Converts an expiry time to milliseconds, at least 1 because Redis rejects zero.
pub(crate) fn millis(expiry: Duration) -> i64 {
    i64::try_from(expiry.min(MAX_EXPIRY).as_millis()).map_or(i64::MAX, |millis| millis.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expiry_is_one_that_redis_takes() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_micros(1_500)), 1);
        assert_eq!(millis(Duration::from_secs(10)), 10_000);
        assert_eq!(millis(Duration::MAX), millis(MAX_EXPIRY));
    }
}
