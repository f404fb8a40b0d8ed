//! The age of a response (RFC 9111 §4.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::AGE;

use super::cache_control::delta_seconds;
use super::date;
use super::list::members;
use crate::time::WallTime;

/// Returns the value of the `Age` field, or zero if it is absent or invalid (`age_value`).
///
/// RFC 9111 §5.1: "a cache encountering a message with a list-based Age field value SHOULD use the
/// first member of the field value, discarding subsequent ones. If the field value (after
/// discarding additional members, as per above) is invalid […], a cache SHOULD ignore the field."
#[must_use]
pub fn age_field(headers: &HeaderMap) -> Duration {
    headers
        .get(AGE)
        .and_then(|line| members(line.as_bytes()).next())
        .and_then(delta_seconds)
        .unwrap_or_default()
}

/// Returns the age that the response had on arrival (`corrected_initial_age`).
///
/// `request_time` is when the request for it was made, `response_time` is when it arrived.
///
/// RFC 9110 §6.6.1: a response without a `Date` is dated by its arrival. Its age is then the value
/// of `Age` plus the response delay.
///
/// `Date` counts whole seconds, so the time since then is cut to whole seconds too. A response that
/// is dated in the second of its arrival would otherwise be too old for a lifetime of less.
#[must_use]
pub fn initial_age(headers: &HeaderMap, request_time: WallTime, response_time: WallTime) -> Duration {
    let second = WallTime::from_unix_millis(response_time.unix_millis() / 1_000 * 1_000);
    let apparent = date::date(headers).map_or(Duration::ZERO, |date| second.saturating_since(date));
    let response_delay = response_time.saturating_since(request_time);
    let corrected = age_field(headers).saturating_add(response_delay);
    apparent.max(corrected)
}

/// Returns the age of a response in the cache (`current_age`).
///
/// `initial` is its age on arrival. `resident` is the time since then.
#[inline]
#[must_use]
pub fn current_age(initial: Duration, resident: Duration) -> Duration {
    initial.saturating_add(resident)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{NOVEMBER, fields, secs};

    /// RFC 9111 §5.1: only the first member counts, and an invalid one is ignored.
    #[test]
    fn the_age_field_is_its_first_member() {
        for (lines, expected) in [
            (&[][..], 0),
            (&["30"], 30),
            (&["7200, 0"], 7200),
            (&["0,7200"], 0),
            (&["7200", "0"], 7200),
            (&["0", "7200"], 0),
            (&["abc"], 0),
            (&["-7200"], 0),
            (&["7200.0"], 0),
            (&["\"7200\""], 0),
            (&["abc, 7200"], 0),
            (&["99999999999"], 1 << 31),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("age", *line)).collect();
            assert_eq!(age_field(&fields(&lines)), secs(expected), "{lines:?}");
        }
    }

    /// RFC 9111 §4.2.3: `max(apparent_age, age_value + response_delay)`.
    #[test]
    fn the_initial_age_is_the_larger_of_the_apparent_and_the_corrected_one() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        // (fields, seconds from Date to request and to response, initial age)
        for (lines, request, response, expected) in [
            (&[DATE][..], 0, 0, 0),
            (&[DATE], 10, 10, 10),
            (&[DATE, ("age", "7")], 10, 10, 10),
            (&[DATE, ("age", "15")], 10, 10, 15),
            (&[DATE, ("age", "7")], 6, 10, 11),
            (&[("date", "foo"), ("age", "7")], 6, 10, 11),
            (&[("age", "7")], 6, 10, 11),
            (&[], 6, 10, 4),
            (&[], 10, 6, 0),
        ] {
            let at = |seconds| NOVEMBER.saturating_add(secs(seconds));
            assert_eq!(
                initial_age(&fields(lines), at(request), at(response)),
                secs(expected),
                "{lines:?} {request} {response}"
            );
        }
        // The response arrives in the second of its `Date`, or in the next one.
        let at = |millis| NOVEMBER.saturating_add(Duration::from_millis(millis));
        for (millis, expected) in [(0, 0), (999, 0), (1_000, 1), (1_999, 1)] {
            assert_eq!(initial_age(&fields(&[DATE]), at(millis), at(millis)), secs(expected), "{millis}");
        }
        assert_eq!(initial_age(&fields(&[DATE]), at(100), at(700)), Duration::from_millis(600));
        // A `Date` that is ahead of our clock does not make the age negative.
        let headers = fields(&[DATE, ("age", "3")]);
        assert_eq!(initial_age(&headers, WallTime::default(), WallTime::default()), secs(3));
    }

    /// RFC 9111 §4.2.3: `corrected_initial_age + resident_time`; §1.2.2 for the overflow.
    #[test]
    fn the_current_age_grows_with_the_stay() {
        assert_eq!(current_age(secs(3), secs(4)), secs(7));
        assert_eq!(current_age(Duration::MAX, secs(1)), Duration::MAX);
    }
}
