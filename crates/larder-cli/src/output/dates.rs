//! Dates, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last moment that can be shown: the end of the year 9999.
const LAST: Duration = Duration::from_secs(253_402_300_799);

/// Returns a date to the second, such as `2026-11-30 05:09:33Z`.
pub(crate) fn date(unix: Duration) -> String {
    let shown = humantime::format_rfc3339_seconds(UNIX_EPOCH + unix.min(LAST)).to_string();
    shown.replace('T', " ")
}

/// Returns a date to the millisecond.
pub(crate) fn date_millis(unix: Duration) -> String {
    let shown = humantime::format_rfc3339_millis(UNIX_EPOCH + unix.min(LAST)).to_string();
    shown.replace('T', " ")
}

/// Returns how long ago a date was, or zero if it is in the future.
pub(crate) fn since(unix: Duration) -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH + unix.min(LAST)).unwrap_or_default()
}

/// Returns how long it is until a date, or zero if it is in the past.
pub(crate) fn until(unix: Duration) -> Duration {
    (UNIX_EPOCH + unix.min(LAST)).duration_since(SystemTime::now()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_shown_in_utc() {
        assert_eq!(date(Duration::from_secs(1_796_015_373)), "2026-11-30 05:09:33Z");
        assert_eq!(date_millis(Duration::from_millis(1_796_015_373_042)), "2026-11-30 05:09:33.042Z");
        assert_eq!(date(Duration::MAX), "9999-12-31 23:59:59Z");
    }
}
