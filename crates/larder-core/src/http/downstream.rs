//! The lifetimes for caches downstream, apart from the lifetime in this cache.
//!
//! RFC 9111 §4.2: a response is fresh as long as its freshness lifetime is greater than its age. A
//! stored response has an age, and §4 demands: "a cache MUST generate an Age header field". So a
//! `max-age` for a recipient is that age plus the time that the recipient may use the response. A
//! recipient that computes the age from `Date` (§4.2.3) comes to the same result. Without `Age` and
//! with a new `Date`, the response would claim to be younger than it is, to caches and to users.

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::time::Duration;

use http::header::{CACHE_CONTROL, EXPIRES};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::cache_control::ResponseDirectives;
use super::freshness::{Lifetime, expires};
use super::list::{members, trim};
use crate::time::WallTime;

/// The field for CDNs that have no field of their own (RFC 9213 §3.1).
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
/// The field for surrogates (Edge Architecture Specification, W3C Note of 2001).
const SURROGATE_CONTROL: HeaderName = HeaderName::from_static("surrogate-control");
/// RFC 9111 §1.2.2: 2^31 stands for all longer times.
const MAX_SECONDS: u64 = 1 << 31;

/// The times for which caches downstream may use a response, from the moment they receive it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // A policy sets every field.
pub struct DownstreamRules {
    /// The time for browsers and all other caches, in `Cache-Control`.
    pub browser: Option<Duration>,
    /// The time for CDNs, in `CDN-Cache-Control`.
    pub cdn: Option<Duration>,
    /// The time for surrogates, in `Surrogate-Control`.
    pub surrogate: Option<Duration>,
}

/// The age and the lifetime of a stored response at the moment at which it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A cache knows every field.
pub struct ServedAge {
    /// The age that a recipient computes from the fields `Age` and `Date`.
    pub stated: Duration,
    /// The age in this cache.
    pub age: Duration,
    /// The lifetime in this cache.
    pub lifetime: Lifetime,
    /// The moment at which the response arrived, which counts if it has no `Date`.
    pub response_time: WallTime,
}

/// States how long caches downstream may use a stored response.
///
/// No time is longer than the rest of the lifetime and of its longer window. For a response that is
/// stale, every time is zero.
///
/// `Cache-Control` keeps all directives that are no lifetimes. Its `max-age` becomes the time in
/// `rules`, or that of the handler's `max-age` or `Expires` if it is shorter. `s-maxage` is limited
/// to the lifetime, and `stale-while-revalidate` and `stale-if-error` to the time that is left.
///
/// The fields for CDNs are added unless the response has them. RFC 9213 §2.2: a cache that finds
/// such a field ignores `Cache-Control`. So they are not added to a response with `private`,
/// `no-cache` or `no-store`.
pub fn set_lifetimes(headers: &mut HeaderMap, rules: &DownstreamRules, served: &ServedAge) {
    let directives = ResponseDirectives::parse(headers);
    let budget = Budget::of(served);
    if !directives.no_store || directives.must_understand {
        set_in_cache_control(headers, rules, &directives, &budget);
    }
    set_for_cdns(headers, rules, &directives, &budget);
}

/// The time that caches downstream may use a response, in whole seconds.
///
/// Ages are stated in whole seconds, so nothing here is more precise.
struct Budget {
    stated_age: u64,
    age: u64,
    response_time: WallTime,
    total: u64,
    /// The rest of the lifetime and of its longer window. Zero for a response that is stale.
    left: u64,
}

impl Budget {
    fn of(served: &ServedAge) -> Self {
        let (age, total) = (served.age.as_secs(), served.lifetime.total().as_secs());
        let is_fresh = served.age < served.lifetime.fresh;
        let left = if is_fresh { total.saturating_sub(age) } else { 0 };
        Self { stated_age: served.stated.as_secs(), age, response_time: served.response_time, total, left }
    }

    /// Returns the time that is left of `wanted`.
    fn grant(&self, wanted: Duration) -> u64 {
        wanted.as_secs().min(self.left)
    }

    /// Returns the `max-age` with which a recipient may use the response for `seconds`.
    fn max_age(&self, seconds: u64) -> u64 {
        if seconds == 0 { 0 } else { self.stated_age.saturating_add(seconds).min(MAX_SECONDS) }
    }
}

fn set_in_cache_control(
    headers: &mut HeaderMap,
    rules: &DownstreamRules,
    directives: &ResponseDirectives,
    budget: &Budget,
) {
    let stated = directives.max_age.or_else(|| expires(headers, budget.response_time));
    let wanted = shorter(rules.browser, stated).map(|wanted| budget.grant(wanted));
    let left = budget.left - wanted.unwrap_or_default();
    let window = |stated: Option<Duration>| stated.map(|window| window.as_secs().min(left));
    let lifetimes = [
        ("max-age", wanted.map(|seconds| budget.max_age(seconds))),
        ("s-maxage", directives.s_maxage.map(|stated| stated.as_secs().min(budget.total))),
        ("stale-while-revalidate", window(directives.stale_while_revalidate)),
        ("stale-if-error", window(directives.stale_if_error)),
    ];
    if lifetimes.iter().all(|(_, seconds)| seconds.is_none()) {
        return;
    }
    // RFC 9111 §5.3: `Expires` is ignored where there is a `max-age`. Here it is the older word.
    if wanted.is_some() {
        headers.remove(EXPIRES);
    }
    let line = with_lifetimes(headers, lifetimes);
    if let Ok(line) = HeaderValue::from_maybe_shared(bytes::Bytes::from(line)) {
        headers.insert(CACHE_CONTROL, line);
    }
}

/// Returns the line with these lifetimes, and with the other directives of the response.
///
/// The lifetimes come first: an unfinished quoted string would hide them from other parsers.
fn with_lifetimes(headers: &HeaderMap, lifetimes: [(&str, Option<u64>); 4]) -> Vec<u8> {
    let mut line = Vec::with_capacity(64);
    for (name, seconds) in lifetimes {
        if let Some(seconds) = seconds {
            push_comma(&mut line);
            let _ = write!(line, "{name}={seconds}");
        }
    }
    let given = headers.get_all(CACHE_CONTROL).iter().flat_map(|value| members(value.as_bytes()));
    let is_lifetime = |member: &[u8]| {
        let name = trim(member.split(|&byte| byte == b'=').next().unwrap_or_default());
        lifetimes.iter().any(|(lifetime, _)| name.eq_ignore_ascii_case(lifetime.as_bytes()))
    };
    for member in given.filter(|member| !member.is_empty() && !is_lifetime(member)) {
        push_comma(&mut line);
        line.extend_from_slice(member);
    }
    line
}

fn push_comma(line: &mut Vec<u8>) {
    if !line.is_empty() {
        line.extend_from_slice(b", ");
    }
}

fn set_for_cdns(
    headers: &mut HeaderMap,
    rules: &DownstreamRules,
    directives: &ResponseDirectives,
    budget: &Budget,
) {
    if directives.no_store || directives.private.is_present() || directives.no_cache.is_present() {
        return;
    }
    // `s-maxage` is for all shared caches, so it limits the time of CDNs too.
    let shared = directives.s_maxage.map(|stated| stated.saturating_sub(Duration::from_secs(budget.age)));
    let must_revalidate = directives.must_revalidate || directives.proxy_revalidate;
    let suffix = if must_revalidate { ", must-revalidate" } else { "" };
    for (name, wanted, suffix) in
        [(CDN_CACHE_CONTROL, rules.cdn, suffix), (SURROGATE_CONTROL, rules.surrogate, "")]
    {
        let Some(wanted) = wanted.filter(|_| !headers.contains_key(&name)) else { continue };
        let seconds = budget.grant(shared.map_or(wanted, |shared| wanted.min(shared)));
        let text = format!("max-age={}{suffix}", budget.max_age(seconds));
        if let Ok(value) = HeaderValue::try_from(text) {
            headers.insert(name, value);
        }
    }
}

/// Returns the shorter time, or the only one.
fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
