//! The freshness lifetime of a response, and the windows in which it may be used stale.

use std::time::Duration;

use http::HeaderMap;
use http::header::EXPIRES;

use super::cache_control::{Qualified, ResponseDirectives};
use super::date;
use crate::time::WallTime;

pub use crate::lifetime::Lifetime;

/// The lifetime that a handler set for its response. It takes precedence over the header fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)] // The fields are those of `Lifetime`.
pub struct LifetimeOverride {
    /// The freshness lifetime.
    pub fresh: Option<Duration>,
    /// The window in which the response may be served during a refresh.
    pub while_revalidate: Option<Duration>,
    /// The window in which the response may be served if the handler fails.
    pub if_error: Option<Duration>,
}

/// Returns the lifetime of a response that arrived at `received`.
///
/// The freshness lifetime is the first of these that is present: the value in `said`, `s-maxage`,
/// `max-age`, `Expires`, the value in `default`.
///
/// A window is the first of these that is present: the value in `said`, the directive, the value in
/// `default`. A response that must not be used stale has no windows unless `said` sets them.
#[must_use]
pub fn lifetime(
    directives: &ResponseDirectives,
    headers: &HeaderMap,
    default: Lifetime,
    handler_override: &LifetimeOverride,
    received: WallTime,
) -> Lifetime {
    let fresh =
        handler_override.fresh.or_else(|| explicit(directives, headers, received)).unwrap_or(default.fresh);
    let window = |chosen: Option<Duration>, directive: Option<Duration>, default: Duration| {
        let otherwise = if never_stale(directives) { Duration::ZERO } else { directive.unwrap_or(default) };
        chosen.unwrap_or(otherwise)
    };
    Lifetime {
        fresh,
        while_revalidate: window(
            handler_override.while_revalidate,
            directives.stale_while_revalidate,
            default.while_revalidate,
        ),
        if_error: window(handler_override.if_error, directives.stale_if_error, default.if_error),
    }
}

/// Whether the response states its own freshness lifetime, in its fields.
///
/// This is false if `said` sets the lifetime.
pub(super) fn is_stated(
    directives: &ResponseDirectives,
    headers: &HeaderMap,
    handler_override: &LifetimeOverride,
) -> bool {
    handler_override.fresh.is_none()
        && (directives.s_maxage.or(directives.max_age).is_some()
            || directives.uses_expires() && headers.contains_key(EXPIRES))
}

/// Whether a shared cache must not use the response stale.
///
/// RFC 9111 §4.2.4: "A cache MUST NOT generate a stale response if it is prohibited by an explicit
/// in-protocol directive (e.g., by a no-cache response directive, a must-revalidate response
/// directive, or an applicable s-maxage or proxy-revalidate response directive; see Section
/// 5.2.2)."
pub(super) fn never_stale(directives: &ResponseDirectives) -> bool {
    directives.must_revalidate
        || directives.proxy_revalidate
        || directives.s_maxage.is_some()
        || directives.no_cache == Qualified::Whole
}

/// Returns the freshness lifetime that the response states to a shared cache (RFC 9111 §4.2.1).
fn explicit(directives: &ResponseDirectives, headers: &HeaderMap, received: WallTime) -> Option<Duration> {
    let expires = || if directives.uses_expires() { expires(headers, received) } else { None };
    directives.s_maxage.or(directives.max_age).or_else(expires)
}

/// Returns `Expires` minus `Date`. Without a `Date`, the arrival counts (RFC 9110 §6.6.1).
///
/// RFC 9111 §5.3: "A cache recipient MUST interpret invalid date formats, especially the value "0",
/// as representing a time in the past". RFC 9111 §4.2.1, on two lines that differ: "the response
/// should be considered stale".
pub(super) fn expires(headers: &HeaderMap, received: WallTime) -> Option<Duration> {
    let mut lines = headers.get_all(EXPIRES).iter();
    let first = lines.next()?;
    if lines.any(|line| line != first) {
        return Some(Duration::ZERO);
    }
    let date = date::date(headers).unwrap_or(received);
    Some(date::after(first, date))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{NOVEMBER, fields, secs};

    const DEFAULT: Lifetime = Lifetime { fresh: secs(100), while_revalidate: secs(20), if_error: secs(30) };
    const UNSAID: LifetimeOverride = LifetimeOverride { fresh: None, while_revalidate: None, if_error: None };

    fn of(lines: &[(&'static str, &str)], handler_override: &LifetimeOverride) -> Lifetime {
        let headers = fields(lines);
        lifetime(&ResponseDirectives::parse(&headers), &headers, DEFAULT, handler_override, NOVEMBER)
    }

    /// RFC 9111 §4.2.1: the first of "s-maxage […], max-age […], Expires […] minus […] Date".
    #[test]
    fn the_freshness_lifetime_is_the_first_that_is_stated() {
        const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:07 GMT");
        const EXPIRES: (&str, &str) = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
        const PAST: (&str, &str) = ("expires", "Sun, 06 Nov 1994 08:48:00 GMT");
        for (lines, expected) in [
            (&[][..], 100),
            (&[("cache-control", "public")], 100),
            (&[("cache-control", "max-age=5, s-maxage=6"), EXPIRES, DATE], 6),
            (&[("cache-control", "s-maxage=0, max-age=5")], 0),
            (&[("cache-control", "max-age=5"), EXPIRES, DATE], 5),
            (&[("cache-control", "max-age=5"), ("expires", "0")], 5),
            (&[("cache-control", "max-age=0"), EXPIRES, DATE], 0),
            // §4.2.1: an invalid `max-age` means stale, not absent.
            (&[("cache-control", "max-age=x"), EXPIRES, DATE], 0),
            (&[EXPIRES, DATE], 40),
            // RFC 9110 §6.6.1: the response is dated by its arrival, at 08:49:37.
            (&[EXPIRES], 10),
            (&[EXPIRES, ("date", "foo")], 10),
            (&[PAST, DATE], 0),
            (&[("expires", "Sun, 06 Nov 1994 08:49:07 GMT"), ("date", "Sun, 06 Nov 1994 08:49:07 GMT")], 0),
            // §5.3: "especially the value "0", as representing a time in the past".
            (&[("expires", "0"), DATE], 0),
            (&[("expires", "soon"), DATE], 0),
            (&[("expires", ""), DATE], 0),
            (&[EXPIRES, EXPIRES, DATE], 40),
            (&[EXPIRES, PAST, DATE], 0),
        ] {
            assert_eq!(of(lines, &UNSAID).fresh, secs(expected), "{lines:?}");
        }
    }

    /// RFC 5861 §3, §4; RFC 9111 §4.2.4, §5.2.2.8, §5.2.2.10.
    #[test]
    fn the_windows_are_the_directives_or_the_defaults_and_none_where_stale_is_forbidden() {
        for (cache_control, expected) in [
            ("max-age=5", (20, 30)),
            ("max-age=5, stale-while-revalidate=1", (1, 30)),
            ("max-age=5, stale-if-error=2", (20, 2)),
            ("max-age=5, stale-while-revalidate=0, stale-if-error=0", (0, 0)),
            ("stale-while-revalidate=x, stale-if-error=1, stale-if-error=2", (0, 0)),
            ("max-age=5, must-revalidate", (0, 0)),
            ("max-age=5, proxy-revalidate, stale-if-error=2", (0, 0)),
            ("s-maxage=5, stale-while-revalidate=1", (0, 0)),
            ("no-cache, stale-if-error=2", (0, 0)),
            // §5.2.2.4: with a qualified `no-cache`, only the listed fields must not be used.
            ("no-cache=\"a\", stale-if-error=2", (20, 2)),
        ] {
            let found = of(&[("cache-control", cache_control)], &UNSAID);
            assert_eq!(
                (found.while_revalidate, found.if_error),
                (secs(expected.0), secs(expected.1)),
                "{cache_control}"
            );
        }
    }

    #[test]
    fn each_override_of_the_handler_outranks_the_fields() {
        let lines = &[("cache-control", "s-maxage=5, max-age=6, must-revalidate, stale-if-error=7")];
        let fresh = LifetimeOverride { fresh: Some(secs(1)), ..UNSAID };
        let window = LifetimeOverride { while_revalidate: Some(secs(2)), ..UNSAID };
        let error = LifetimeOverride { if_error: Some(secs(3)), ..UNSAID };
        for (handler_override, expected) in
            [(UNSAID, (5, 0, 0)), (fresh, (1, 0, 0)), (window, (5, 2, 0)), (error, (5, 0, 3))]
        {
            let expected = Lifetime {
                fresh: secs(expected.0),
                while_revalidate: secs(expected.1),
                if_error: secs(expected.2),
            };
            assert_eq!(of(lines, &handler_override), expected, "{handler_override:?}");
        }
    }
}
