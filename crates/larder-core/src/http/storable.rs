//! Whether a response may be stored (RFC 9111 §3).

mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::header::{CONTENT_RANGE, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, StatusCode};

pub use status::{StatusRules, is_error};

use super::age;
use super::cache_control::{Qualified, RequestDirectives, ResponseDirectives};
use super::freshness::{self, Lifetime, Override};
use super::heuristic::{self, Heuristic};
use super::range::ContentRange;
use super::validators::has_validator;
use super::vary::Vary;
use crate::outcome::NotStored;
use crate::stored::Flags;
use crate::time::Wall;

/// What a policy says about storing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // A policy sets every one of them.
pub struct StoreRules {
    /// The lifetime of responses that do not state their own. Zero by default: only what states one is stored.
    pub lifetime: Lifetime,
    /// The statuses that are stored.
    pub statuses: StatusRules,
    /// Whether requests may forbid to store (`no-store`). Not by default.
    pub follow_request: bool,
    /// Whether responses to requests with `Authorization` may be shared. Not by default.
    pub share_authorized: bool,
    /// Whether responses to requests with undeclared cookies may be shared. Not by default.
    pub share_cookies: bool,
    /// Whether parts are stored: responses with status 206. Not by default.
    pub partial: bool,
    /// Whether a response has to say itself that it may be stored: by a lifetime, by `public`, or by a status that is
    /// cacheable by default (RFC 9111 §3). By default the policy says it.
    pub by_headers: bool,
    /// The lifetime of responses that do not state their own, guessed. Not guessed by default.
    pub heuristic: Option<Heuristic>,
    /// Whether responses with `Set-Cookie` are stored, with it (RFC 9111 §7.3). Not by default.
    pub store_set_cookie: bool,
    /// The fields that are for this cache, in whose presence `Cache-Control` and `Expires` say nothing to it: its target
    /// list (RFC 9213 §2.2). Empty by default.
    pub targets: Vec<HeaderName>,
}

/// The credentials of a request that the cache key does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // HTTP has these two.
pub struct Credentials {
    /// It has `Authorization`.
    pub authorization: bool,
    /// It has a cookie that the policy does not declare.
    pub cookie: bool,
}

/// What was found of a response that may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Judged {
    /// How long it is of use.
    pub lifetime: Lifetime,
    /// What it says about its use. `own_etag` is not set here.
    pub flags: Flags,
    /// Its age when it arrived.
    pub initial_age: Duration,
    /// Whether it states its freshness lifetime itself, so that a cache must not make it longer.
    pub stated: bool,
}

/// Judges a response to a `GET` with these fields: may it be stored, and for how long is it of use?
///
/// `request_time` and `response_time` are when the handler was called and when its response head came.
///
/// # Errors
/// The first reason that was found not to store it.
#[allow(clippy::too_many_arguments)] // The rule has that many inputs.
pub fn judge(
    rules: &StoreRules,
    credentials: Credentials,
    request: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
    said: &Override,
    request_time: Wall,
    response_time: Wall,
) -> Result<Judged, NotStored> {
    let directives = ResponseDirectives::of(headers, &rules.targets);
    if rules.follow_request && RequestDirectives::parse(request).no_store {
        return Err(NotStored::Request); // §5.2.1.5
    }
    let status = of_the_whole(rules, status, headers);
    let default = default_lifetime(rules, status, headers)?;
    permitted(rules, &directives, status, headers)?;
    shareable_with(rules, credentials, &directives)?;

    let stated = freshness::is_stated(&directives, headers, said);
    let default = match unstated(rules, request, &directives, status) {
        _ if stated || said.fresh.is_some() => default,
        Unstated::Guessed(heuristic) => {
            Lifetime { fresh: heuristic.lifetime(headers, response_time), ..default }
        }
        Unstated::Default => default,
        Unstated::Forbidden => return Err(NotStored::NoLifetime),
    };
    let lifetime = freshness::lifetime(&directives, headers, default, said, response_time);
    let judged = Judged {
        lifetime,
        flags: Flags {
            shareable: shareable(&directives),
            must_revalidate: freshness::never_stale(&directives),
            no_cache: directives.no_cache == Qualified::Whole,
            own_etag: false,
        },
        initial_age: age::initial_age(headers, request_time, response_time),
        stated,
    };
    if judged.is_of_use() || has_validator(headers) { Ok(judged) } else { Err(NotStored::NoLifetime) }
}

impl Judged {
    /// Whether it could be used at least once without being validated.
    fn is_of_use(&self) -> bool {
        !self.flags.no_cache && self.lifetime.total() > self.initial_age
    }
}

/// The status that a response would have had if all of it had been asked for.
///
/// §3.3: "a 206 (Partial Content) response MAY be stored as if it were an incomplete 200 (OK) response", but not by a cache
/// that does not "understand the range units used": nor one of several parts, whose ranges stand in its body.
fn of_the_whole(rules: &StoreRules, status: StatusCode, headers: &HeaderMap) -> StatusCode {
    let is_part = rules.partial && status == StatusCode::PARTIAL_CONTENT;
    if is_part && ContentRange::of(headers).is_some() { StatusCode::OK } else { status }
}

fn default_lifetime(
    rules: &StoreRules,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Lifetime, NotStored> {
    // RFC 9110 §14.4: in responses other than 206 and 416, `Content-Range` "has no meaning". A handler that sends it so means
    // a part all the same, which no other application's policy has to find out.
    let is_called_a_part = !rules.partial && !rules.by_headers && headers.contains_key(CONTENT_RANGE);
    // §3: a cache that stores a 206 has to understand ranges (§3.3), and is to store parts.
    if status == StatusCode::PARTIAL_CONTENT || is_called_a_part {
        return Err(NotStored::Partial);
    }
    let fresh = rules.statuses.lifetime_of(status, rules.lifetime.fresh).ok_or(NotStored::Status)?;
    Ok(Lifetime { fresh, ..rules.lifetime })
}

/// What becomes of a response that does not state its lifetime.
enum Unstated {
    Default,
    Guessed(Heuristic),
    Forbidden,
}

/// §3: "A cache MUST NOT store a response to a request unless: […] the response contains at least one of the following:" "a
/// public response directive", "an Expires header field", "a max-age response directive", "if the cache is shared: an s-maxage
/// response directive", "a status code that is defined as heuristically cacheable".
///
/// That a response which does not say for how long it holds is the same for everybody is not guessed of one that answers a
/// request with a cookie: no field says so, and the page may be somebody's own.
fn unstated(
    rules: &StoreRules,
    request: &HeaderMap,
    directives: &ResponseDirectives,
    status: StatusCode,
) -> Unstated {
    let is_allowed = heuristic::is_allowed(directives, status);
    match rules.heuristic {
        _ if rules.by_headers && !is_allowed => Unstated::Forbidden,
        Some(heuristic) if is_allowed && (directives.public || !request.contains_key(COOKIE)) => {
            Unstated::Guessed(heuristic)
        }
        _ => Unstated::Default,
    }
}

/// What the response itself forbids.
fn permitted(
    rules: &StoreRules,
    directives: &ResponseDirectives,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), NotStored> {
    // §5.2.2.3: "the cache SHOULD ignore the no-store directive if it understands and implements the status code's
    // caching requirements"; §3: with `must-understand`, only a response whose status is understood is stored.
    let understood = status::is_understood(status);
    if directives.must_understand && !understood {
        return Err(NotStored::Status);
    }
    if directives.no_store && !directives.must_understand {
        return Err(NotStored::NoStore);
    }
    // §5.2.2.7: of a qualified one, "a shared cache MUST NOT store the listed header fields", and may store the rest.
    if directives.private == Qualified::Whole {
        return Err(NotStored::Private);
    }
    // §7.3 leaves it open.
    let sets_cookie =
        headers.contains_key(SET_COOKIE) && !directives.unstorable().any(|name| *name == SET_COOKIE);
    if sets_cookie && !rules.store_set_cookie {
        return Err(NotStored::SetCookie);
    }
    // §4.1: "A stored response with a Vary header field value containing a member "*" always fails to match."
    if Vary::parse(headers) == Vary::Any {
        return Err(NotStored::VaryStar);
    }
    Ok(())
}

/// §3.5: "A shared cache MUST NOT use a cached response to a request with an Authorization header field […] to satisfy any
/// subsequent request unless the response contains a Cache-Control field with a response directive […] that allows it to be
/// stored by a shared cache".
///
/// Cookies are credentials just the same, but of those `must-revalidate` says nothing: §5.2.2.2 speaks of `Authorization`.
fn shareable_with(
    rules: &StoreRules,
    credentials: Credentials,
    directives: &ResponseDirectives,
) -> Result<(), NotStored> {
    let meant_for_all = directives.public || directives.s_maxage.is_some();
    if credentials.authorization && !rules.share_authorized && !shareable(directives) {
        return Err(NotStored::Authorization);
    }
    if credentials.cookie && !rules.share_cookies && !meant_for_all {
        return Err(NotStored::Cookie);
    }
    Ok(())
}

fn shareable(directives: &ResponseDirectives) -> bool {
    directives.public || directives.s_maxage.is_some() || directives.must_revalidate
}
