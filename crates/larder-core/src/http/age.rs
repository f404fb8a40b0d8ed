//! How old a response is (RFC 9111 §4.2.3).

use std::time::Duration;

use http::HeaderMap;
use http::header::AGE;

use super::cache_control::delta_seconds;
use super::date;
use super::list::members;
use crate::time::Wall;

/// What the `Age` field says; zero where it is absent or invalid (`age_value`).
///
/// RFC 9111 §5.1: "a cache encountering a message with a list-based Age field value SHOULD use the first member of the
/// field value, discarding subsequent members. If the field value (after discarding additional members, as per above) is
/// invalid […], a cache SHOULD ignore the field."
#[must_use]
pub fn age_field(headers: &HeaderMap) -> Duration {
    headers
        .get(AGE)
        .and_then(|line| members(line.as_bytes()).next())
        .and_then(delta_seconds)
        .unwrap_or_default()
}

/// How old the response was when it arrived (`corrected_initial_age`), given when the request for it was made and when
/// it arrived.
///
/// Without a `Date` it is as old as it says and as it took to come: RFC 9110 §6.6.1 dates it by its arrival.
#[must_use]
pub fn initial_age(headers: &HeaderMap, request_time: Wall, response_time: Wall) -> Duration {
    let apparent = date::date(headers).map_or(Duration::ZERO, |date| response_time.saturating_since(date));
    let response_delay = response_time.saturating_since(request_time);
    let corrected = age_field(headers).saturating_add(response_delay);
    apparent.max(corrected)
}

/// How old a response is that was this old when it arrived, and has been here for so long (`current_age`).
#[must_use]
pub fn current_age(initial: Duration, resident: Duration) -> Duration {
    initial.saturating_add(resident)
}
