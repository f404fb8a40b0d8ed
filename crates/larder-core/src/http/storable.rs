//! Whether a response may be stored (RFC 9111 §3).

mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::header::{CONTENT_RANGE, SET_COOKIE};
use http::{HeaderMap, StatusCode};

pub use status::{StatusRules, is_error};

use super::age;
use super::cache_control::{RequestDirectives, ResponseDirectives};
use super::freshness::{self, Lifetime, Override};
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

/// Judges a response to a `GET`: may it be stored, and for how long is it of use?
///
/// `request_time` and `response_time` are when the handler was called and when its response head came.
///
/// # Errors
/// The first reason that was found not to store it.
#[allow(clippy::too_many_arguments)] // The rule has that many inputs.
pub fn judge(
    rules: &StoreRules,
    credentials: Credentials,
    request: &RequestDirectives,
    status: StatusCode,
    headers: &HeaderMap,
    said: &Override,
    request_time: Wall,
    response_time: Wall,
) -> Result<Judged, NotStored> {
    let directives = ResponseDirectives::parse(headers);
    if rules.follow_request && request.no_store {
        return Err(NotStored::Request); // §5.2.1.5
    }
    let status = of_the_whole(rules, status, headers);
    let default = default_lifetime(rules, status, headers)?;
    permitted(&directives, status, headers)?;
    shareable_with(rules, credentials, &directives)?;

    let lifetime = freshness::lifetime(&directives, headers, default, said, response_time);
    let judged = Judged {
        lifetime,
        flags: Flags {
            shareable: shareable(&directives),
            must_revalidate: freshness::never_stale(&directives),
            no_cache: directives.no_cache.is_present(),
            own_etag: false,
        },
        initial_age: age::initial_age(headers, request_time, response_time),
        stated: freshness::is_stated(&directives, headers, said),
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
    // §3: a cache that stores a 206 has to understand ranges (§3.3), and is to store parts.
    let is_of_a_part = || !rules.partial && headers.contains_key(CONTENT_RANGE);
    if status == StatusCode::PARTIAL_CONTENT || is_of_a_part() {
        return Err(NotStored::Partial);
    }
    let fresh = rules.statuses.lifetime_of(status, rules.lifetime.fresh).ok_or(NotStored::Status)?;
    Ok(Lifetime { fresh, ..rules.lifetime })
}

/// What the response itself forbids.
fn permitted(
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
    // §5.2.2.7 lets a cache store what is left without the listed fields; `private` is rarely meant so.
    if directives.private.is_present() {
        return Err(NotStored::Private);
    }
    if headers.contains_key(SET_COOKIE) {
        return Err(NotStored::SetCookie);
    }
    // §4.1: "A stored response with a Vary header field value containing a member "*" always fails to match."
    if Vary::parse(headers) == Vary::Any {
        return Err(NotStored::VaryStar);
    }
    Ok(())
}

/// §3.5: "A shared cache MUST NOT use a cached response to a request with an Authorization header field to satisfy any
/// subsequent request unless the response contains a Cache-Control field with a response directive that allows it".
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
