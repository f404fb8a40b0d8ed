//! HTTP dates (RFC 9110 §5.6.7).

use std::str;
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use http::header::DATE;
use httpdate::HttpDate;

use super::field_lines::FieldLines;
use super::list::trim;
use crate::time::WallTime;

/// The length of the longest form of a date: `Wednesday, 06-Nov-94 08:49:37 GMT`.
const MAX_DATE_LEN: usize = 33;

/// The last second of the year 9999, the last year with four digits.
const LAST: WallTime = WallTime::from_unix_millis(253_402_300_799_000);

/// Parses a date in any of the three forms of HTTP, or returns `None` if it is malformed.
///
/// RFC 9111 §4.2: "Although all date formats are specified to be case-sensitive, a cache recipient
/// SHOULD match the field value case-insensitively", and "SHOULD consider a date with a zone
/// abbreviation other than "GMT" to be invalid".
///
/// A date before 1970 also counts as malformed. A year of two digits means one from 1970 to 2069.
/// By RFC 9110 §5.6.7, its meaning depends on the current year. Where the two readings differ, the
/// date read here is in the past, so the cache serves less.
#[must_use]
pub fn parse(value: &HeaderValue) -> Option<WallTime> {
    parse_line(value.as_bytes())
}

/// Parses a date like [`parse`], from the bytes of a value.
pub(super) fn parse_line(value: &[u8]) -> Option<WallTime> {
    let value = trim(value);
    let mut buffer = [0; MAX_DATE_LEN];
    let text = buffer.get_mut(..value.len())?;
    text.copy_from_slice(value);
    put_in_case(text);
    drop_leap_second(text);
    let text = str::from_utf8(text).ok()?;
    let date: HttpDate = text.parse().ok().or_else(|| on_its_day(text))?;
    Some(WallTime::from(SystemTime::from(date)))
}

/// The days of the week, in the two spellings that the three forms use.
const DAYS: [[&str; 7]; 2] = [
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
];

/// Parses a date that names the wrong day of the week.
///
/// The rest of the text is enough to know the date, and RFC 9110 §5.6.7 wants recipients to "be
/// robust in parsing timestamps".
#[cold]
fn on_its_day(text: &str) -> Option<HttpDate> {
    let named = text.split([',', ' ']).next()?;
    let days = DAYS.iter().find(|days| days.contains(&named))?;
    let rest = &text[named.len()..];
    days.iter().find_map(|day| format!("{day}{rest}").parse().ok())
}

/// Gives every word the case of the grammar: `Sun`, `Nov`, `GMT`.
fn put_in_case(text: &mut [u8]) {
    let mut within_word = false;
    for byte in &mut *text {
        if within_word {
            byte.make_ascii_lowercase();
        } else {
            byte.make_ascii_uppercase();
        }
        within_word = byte.is_ascii_alphabetic();
    }
    if text.ends_with(b" Gmt") {
        let zone = text.len() - 3;
        text[zone..].make_ascii_uppercase();
    }
}

/// Replaces a leap second by the second before it. Unix time has no leap seconds.
///
/// RFC 9111 §4.2: a time that cannot be represented becomes "the nearest time equal to or earlier
/// than the received value".
fn drop_leap_second(text: &mut [u8]) {
    const LEAP: &[u8] = b"23:59:60";
    if let Some(at) = text.windows(LEAP.len()).position(|window| window == LEAP) {
        text[at..at + LEAP.len()].copy_from_slice(b"23:59:59");
    }
}

/// Formats a date as `IMF-fixdate`, the form that senders must generate.
///
/// The milliseconds are dropped. A date after the year 9999 is written as the last second of that
/// year.
#[must_use]
pub fn format(wall: WallTime) -> HeaderValue {
    let text = httpdate::fmt_http_date(wall.min(LAST).into());
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// Returns the `Date` of a message, if it has a valid one.
#[must_use]
pub fn date(headers: &impl FieldLines) -> Option<WallTime> {
    headers.line(&DATE).and_then(parse_line)
}

/// Returns the time from `earlier` to a date, or zero if `value` is not a later date.
pub(super) fn after(value: &HeaderValue, earlier: WallTime) -> Duration {
    parse(value).map_or(Duration::ZERO, |date| date.saturating_since(earlier))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::NOVEMBER;

    fn read(text: &str) -> Option<WallTime> {
        parse(&HeaderValue::from_bytes(text.as_bytes()).unwrap())
    }

    /// RFC 9110 §5.6.7 defines the three forms. RFC 9111 §4.2 accepts any case.
    #[test]
    fn all_three_forms_are_read_in_any_case() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "SUN, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 NOV 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gMT",
            "SUNDAY, 06-nov-94 08:49:37 gmt",
            " Sun, 06 Nov 1994 08:49:37 GMT ",
        ] {
            assert_eq!(read(text), Some(NOVEMBER), "{text}");
        }
        assert!(read("Wednesday, 09-Nov-94 08:49:37 GMT").is_some());
    }

    /// RFC 9110 §5.6.7: recipients "are encouraged to be robust in parsing timestamps".
    #[test]
    fn another_day_of_the_week_does_not_make_it_another_date() {
        for text in [
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "SAT, 06 Nov 1994 08:49:37 GMT",
            "Monday, 06-Nov-94 08:49:37 GMT",
            "Thu Nov  6 08:49:37 1994",
        ] {
            assert_eq!(read(text), Some(NOVEMBER), "{text}");
        }
        for text in [
            "Day, 06 Nov 1994 08:49:37 GMT",
            "Monday, 06 Nov 1994 08:49:37 GMT",
            "Mon, 06-Nov-94 08:49:37 GMT",
            "Monday Nov  6 08:49:37 1994",
            "Mon, 31 Feb 1994 08:49:37 GMT",
            "06 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_malformed_date_is_no_date() {
        for text in [
            "",
            "0",
            "-1",
            "784111777",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 +0000",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 94 08:49:37 GMT",
            "Sun 06 Nov 1994 08:49:37 GMT",
            "Sun, 06  Nov  1994 08:49:37 GMT",
            "Sun, 06-Nov-1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08.49.37 GMT",
            "Sun, 06 Nov 1994 8:49:37 GMT",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Thu, 01 Jan 1960 00:00:00 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:3\u{e9} GMT",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    /// RFC 9111 §4.2: "the nearest time equal to or earlier".
    #[test]
    fn a_leap_second_is_the_second_before_it() {
        assert_eq!(read("Sat, 31 Dec 2016 23:59:60 GMT"), read("Sat, 31 Dec 2016 23:59:59 GMT"));
        assert_eq!(read("Sat, 31 Dec 2016 22:59:60 GMT"), None);
    }

    /// RFC 9110 §5.6.7: "a sender MUST generate […] IMF-fixdate".
    #[test]
    fn a_date_is_written_as_it_is_read() {
        assert_eq!(format(NOVEMBER), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(parse(&format(NOVEMBER)), Some(NOVEMBER));
        assert_eq!(format(WallTime::default()), "Thu, 01 Jan 1970 00:00:00 GMT");
        let end = WallTime::from_unix_millis(u64::MAX);
        assert_eq!(format(end), "Fri, 31 Dec 9999 23:59:59 GMT");
    }
}
