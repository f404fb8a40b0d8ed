//! Heuristic freshness: a lifetime for responses that state none (RFC 9111 §4.2.2).

use std::time::Duration;

use http::header::LAST_MODIFIED;
use http::{HeaderMap, StatusCode};

use super::cache_control::ResponseDirectives;
use super::date;
use crate::time::Wall;

/// The freshness lifetime of responses that state none, estimated from `Last-Modified`.
///
/// RFC 9111 §4.2.2: "caches are encouraged to use a heuristic expiration value that is no more than
/// some fraction of the interval since that time. A typical setting of this fraction might be 10%."
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Heuristic {
    most: Duration,
}

/// The divisor of the time since the last modification.
const FRACTION: u64 = 10;

impl Heuristic {
    /// Creates a heuristic: a tenth of the time since the last modification, limited to `most`.
    #[must_use]
    pub const fn up_to(most: Duration) -> Self {
        Self { most }
    }

    /// Returns the lifetime of a response that states none and that arrived at `received`.
    ///
    /// Returns zero if there is no valid `Last-Modified` to estimate it from.
    #[must_use]
    pub fn lifetime(self, headers: &HeaderMap, received: Wall) -> Duration {
        let modified = headers.get(LAST_MODIFIED).and_then(date::parse);
        let sent = date::date(headers).unwrap_or(received);
        let since = modified.map_or(Duration::ZERO, |modified| sent.saturating_since(modified));
        // Like every lifetime, this one has whole seconds (§1.2.2).
        Duration::from_secs(since.as_secs() / FRACTION).min(self.most)
    }
}

/// Whether a response that states no lifetime may be stored with a heuristic one.
///
/// RFC 9111 §4.2.2: "heuristics can only be used on responses without explicit freshness whose
/// status codes are defined as heuristically cacheable […] and on responses without explicit
/// freshness that have been marked as explicitly cacheable (e.g., with a public response
/// directive)."
#[must_use]
pub fn is_allowed(directives: &ResponseDirectives, status: StatusCode) -> bool {
    directives.public || is_heuristically_cacheable(status)
}

/// Whether the status code is defined as heuristically cacheable.
///
/// RFC 9110 §15.1: "Responses with status codes that are defined as heuristically cacheable (e.g.,
/// 200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, and 501 in this specification)".
fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{NOVEMBER, fields, secs};

    /// RFC 9111 §4.2.2.
    #[test]
    fn the_lifetime_is_a_tenth_of_the_time_since_the_modification_within_the_bound() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        for (lines, expected) in [
            (&[DATE, ("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT")][..], 10),
            (&[DATE, ("last-modified", "Sun, 06 Nov 1994 08:47:58 GMT")], 9),
            (&[DATE, ("last-modified", "Sat, 05 Nov 1994 08:49:37 GMT")], 3600),
            (&[DATE, ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")], 0),
            (&[DATE, ("last-modified", "Mon, 07 Nov 1994 08:49:37 GMT")], 0),
            (&[DATE, ("last-modified", "yesterday")], 0),
            (&[DATE], 0),
            // RFC 9110 §6.6.1: the response is dated by its arrival.
            (&[("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT")], 10),
            (
                &[
                    ("date", "Sun, 06 Nov 1994 08:48:07 GMT"),
                    ("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT"),
                ],
                1,
            ),
        ] {
            let found = Heuristic::up_to(secs(3600)).lifetime(&fields(lines), NOVEMBER);
            assert_eq!(found, secs(expected), "{lines:?}");
        }
    }

    /// RFC 9110 §15.1; RFC 9111 §4.2.2.
    #[test]
    fn a_status_has_to_be_cacheable_by_default_or_the_response_public() {
        let may = |status: u16, cache_control: &str| {
            let directives = ResponseDirectives::parse(&fields(&[("cache-control", cache_control)]));
            is_allowed(&directives, StatusCode::from_u16(status).unwrap())
        };
        let by_default: Vec<_> = (100..=999).filter(|&status| may(status, "")).collect();
        assert_eq!(by_default, [200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
        assert!((100..=999).all(|status| may(status, "public")));
    }
}
