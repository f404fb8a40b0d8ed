//! How long a response is fresh.

use std::time::Duration;

use http::HeaderMap;
use http::header::EXPIRES;

use super::cache_control::ResponseDirectives;
use super::date;
use crate::time::Wall;

/// How long a stored response is fresh, and how long after that it may still be of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)] // A fourth window would change every rule.
pub struct Lifetime {
    /// The freshness lifetime (RFC 9111 §4.2.1).
    pub fresh: Duration,
    /// How long after that it may be served while it is being refreshed (RFC 5861 §3).
    pub while_revalidate: Duration,
    /// How long after that it may be served if the handler fails (RFC 5861 §4).
    pub if_error: Duration,
}

impl Lifetime {
    /// How long it is of use at all, with or without validation.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.fresh
            .saturating_add(self.while_revalidate.max(self.if_error))
    }
}

/// What a handler said of the lifetime of its response, beside the header fields. It outranks them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)] // As many as `Lifetime` has.
pub struct Override {
    /// The freshness lifetime.
    pub fresh: Option<Duration>,
    /// The window for serving it while it is being refreshed.
    pub while_revalidate: Option<Duration>,
    /// The window for serving it if the handler fails.
    pub if_error: Option<Duration>,
}

/// The lifetime of a response that was received at this moment.
///
/// For freshness the first of these that is there holds: what the handler said, `s-maxage`, `max-age`, `Expires`, the
/// default. For the windows: what the handler said, the directive, the default; but a response that must not be used
/// stale has none unless the handler says so.
#[must_use]
pub fn lifetime(
    directives: &ResponseDirectives,
    headers: &HeaderMap,
    default: Lifetime,
    said: &Override,
    received: Wall,
) -> Lifetime {
    let fresh = said
        .fresh
        .or_else(|| explicit(directives, headers, received))
        .unwrap_or(default.fresh);
    let window = |said: Option<Duration>, directive: Option<Duration>, default: Duration| {
        let unsaid = if never_stale(directives) {
            Duration::ZERO
        } else {
            directive.unwrap_or(default)
        };
        said.unwrap_or(unsaid)
    };
    Lifetime {
        fresh,
        while_revalidate: window(
            said.while_revalidate,
            directives.stale_while_revalidate,
            default.while_revalidate,
        ),
        if_error: window(said.if_error, directives.stale_if_error, default.if_error),
    }
}

/// Whether a shared cache must not use the response stale.
///
/// RFC 9111 §4.2.4: "A cache MUST NOT generate a stale response if it is prohibited by an explicit in-protocol directive
/// (e.g., by a no-cache response directive, a must-revalidate response directive, or an applicable s-maxage or
/// proxy-revalidate response directive)."
pub(super) fn never_stale(directives: &ResponseDirectives) -> bool {
    directives.must_revalidate
        || directives.proxy_revalidate
        || directives.s_maxage.is_some()
        || directives.no_cache.is_present()
}

/// RFC 9111 §4.2.1, for a shared cache.
fn explicit(directives: &ResponseDirectives, headers: &HeaderMap, received: Wall) -> Option<Duration> {
    directives
        .s_maxage
        .or(directives.max_age)
        .or_else(|| expires(headers, received))
}

/// `Expires` minus `Date`, or minus the arrival where there is no `Date` (RFC 9110 §6.6.1).
///
/// RFC 9111 §5.3: "A cache recipient MUST interpret invalid date formats, especially the value "0", as representing a
/// time in the past". §4.2.1: of two lines that differ, "the response should be considered stale".
fn expires(headers: &HeaderMap, received: Wall) -> Option<Duration> {
    let mut lines = headers.get_all(EXPIRES).iter();
    let first = lines.next()?;
    if lines.any(|line| line != first) {
        return Some(Duration::ZERO);
    }
    let date = date::date(headers).unwrap_or(received);
    Some(date::after(first, date))
}
