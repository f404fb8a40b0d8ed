//! The time at which a failing handler wants to be asked again (RFC 9110 §10.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;

use super::date;
use super::list::trim;
use crate::time::WallTime;

/// Returns how long to wait, by the `Retry-After` of a response that arrived at `received`.
///
/// "The Retry-After field value can be either an HTTP-date or a number of seconds to delay after
/// receiving the response." A date in the past means no delay. Returns `None` without the field, or
/// if it is malformed.
#[must_use]
pub fn retry_after(headers: &HeaderMap, received: WallTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?;
    let digits = trim(value.as_bytes());
    if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
        // A number that is too large for the type means a very long time.
        let seconds = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds));
    }
    date::parse(value).map(|date| date.saturating_since(received))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{NOVEMBER, fields, secs};

    #[test]
    fn it_is_a_number_of_seconds_or_a_date() {
        for (value, expected) in [
            ("0", Some(secs(0))),
            ("120", Some(secs(120))),
            (" 7 ", Some(secs(7))),
            ("99999999999999999999999", Some(Duration::from_secs(u64::MAX))),
            // NOVEMBER is 08:49:37.
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(secs(30))),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(secs(0))),
            ("", None),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(&fields(&[("retry-after", value)]), NOVEMBER), expected, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), NOVEMBER), None);
    }
}
