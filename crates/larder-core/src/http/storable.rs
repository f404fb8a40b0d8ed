//! The rules for storing a response (RFC 9111 §3).

#[cfg(test)]
mod by_headers;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::header::{CONTENT_RANGE, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, StatusCode};

pub use status::{StatusRules, is_error};

use super::age;
use super::cache_control::{Qualified, RequestDirectives, ResponseDirectives};
use super::freshness::{self, Lifetime, LifetimeOverride};
use super::heuristic::{self, Heuristic};
use super::range::ContentRange;
use super::response_flags::{ResponseFlags, SetByHandler};
use super::validators::has_validator;
use super::vary::Vary;
use crate::outcome::NotStored;
use crate::time::WallTime;

/// The rules of a policy for storing responses.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // A policy sets every field.
pub struct StoreRules {
    /// The lifetime of responses that do not state their own.
    ///
    /// Default: zero, so that only responses that state a lifetime are stored.
    pub lifetime: Lifetime,
    /// The status codes that are stored.
    pub statuses: StatusRules,
    /// Whether requests may forbid storing (`no-store`). Default: `false`.
    pub honor_request: bool,
    /// Whether responses to requests with `Authorization` may be shared. Default: `false`.
    pub share_authorized: bool,
    /// Whether responses to requests with undeclared cookies may be shared. Default: `false`.
    pub share_cookies: bool,
    /// Whether the key of a response has its user, so that `private` permits storing it.
    ///
    /// Default: `false`.
    pub store_private: bool,
    /// Whether partial responses (status 206) are stored. Default: `false`.
    pub store_partial: bool,
    /// Whether the response itself has to permit storing. Default: `false`.
    ///
    /// A response permits storing through a lifetime, `public`, or a status code that is cacheable
    /// by default (RFC 9111 §3). If this is `false`, the policy gives the permission instead.
    pub require_explicit: bool,
    /// The heuristic lifetime of responses that do not state their own. Default: none.
    pub heuristic: Option<Heuristic>,
    /// Whether responses with `Set-Cookie` are stored, including that field (RFC 9111 §7.3).
    ///
    /// Default: `false`.
    pub store_set_cookie: bool,
    /// The target list of this cache (RFC 9213 §2.2). Default: empty.
    ///
    /// If a response has a valid field of this list, the cache ignores `Cache-Control` and
    /// `Expires`.
    pub targeted_fields: Vec<HeaderName>,
    /// Whether `max-age` and `Expires` are only for caches downstream.
    ///
    /// `s-maxage` and the targeted fields still count. Default: `false`.
    pub max_age_downstream: bool,
}

/// The credentials of a request that the cache key does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // Each rule has to decide about each.
pub struct Credentials {
    /// The request has an `Authorization` field.
    pub authorization: bool,
    /// The request has a cookie that the policy does not declare.
    pub cookie: bool,
    /// The request has a field that the application calls a credential, such as an API key.
    pub field: bool,
}

/// The properties of a response that may be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Storable {
    /// The freshness lifetime and the windows after it.
    pub lifetime: Lifetime,
    /// The restrictions that the response places on its use. `own_etag` is not set here.
    pub flags: ResponseFlags,
    /// The age of the response on arrival.
    pub initial_age: Duration,
    /// Whether the response itself states its freshness lifetime.
    ///
    /// A cache must not extend an explicit lifetime.
    pub explicit: bool,
}

/// Decides whether a response to a `GET` may be stored, and for how long it can be used.
///
/// `request_time` is the time at which the handler was called. `response_time` is the time at which
/// the head of its response arrived.
///
/// # Errors
///
/// Returns the first reason not to store the response.
#[allow(clippy::too_many_arguments)] // The rule has that many inputs.
pub fn storable(
    rules: &StoreRules,
    credentials: Credentials,
    request: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
    handler_override: &LifetimeOverride,
    request_time: WallTime,
    response_time: WallTime,
) -> Result<Storable, NotStored> {
    let directives = ResponseDirectives::of(headers, &rules.targeted_fields);
    let directives =
        if rules.max_age_downstream { directives.without_downstream_lifetime() } else { directives };
    if rules.honor_request && RequestDirectives::parse(request).no_store {
        return Err(NotStored::Request); // §5.2.1.5
    }
    let status = of_the_whole(rules, status, headers);
    let default = default_lifetime(rules, status, headers)?;
    permitted(rules, &directives, status, headers)?;
    shareable_with(rules, credentials, &directives)?;

    let explicit = freshness::is_stated(&directives, headers, handler_override);
    let default = match unstated(rules, request, &directives, status) {
        _ if explicit || handler_override.fresh.is_some() => default,
        unstated => unstated.lifetime(default, headers, response_time).ok_or(NotStored::NoLifetime)?,
    };
    let lifetime = freshness::lifetime(&directives, headers, default, handler_override, response_time);
    let judged = Storable {
        lifetime,
        flags: ResponseFlags {
            shareable: shareable(&directives),
            must_revalidate: freshness::never_stale(&directives),
            no_cache: directives.no_cache == Qualified::Whole,
            own_etag: false,
            by_handler: SetByHandler::of(handler_override),
        },
        initial_age: age::initial_age(headers, request_time, response_time),
        explicit,
    };
    if judged.is_useful() || has_validator(headers) { Ok(judged) } else { Err(NotStored::NoLifetime) }
}

/// Returns the lifetime that these rules give a stored response, apart from what its handler set.
///
/// It is zero if the rules do not store it.
pub(crate) fn lifetime_by_rules(
    rules: &StoreRules,
    status: StatusCode,
    headers: &HeaderMap,
    response_time: WallTime,
) -> Lifetime {
    let (directives, none) =
        (ResponseDirectives::of(headers, &rules.targeted_fields), LifetimeOverride::default());
    let Ok(default) = default_lifetime(rules, status, headers) else { return Lifetime::default() };
    let default = match unstated(rules, &HeaderMap::new(), &directives, status) {
        _ if freshness::is_stated(&directives, headers, &none) => Some(default),
        unstated => unstated.lifetime(default, headers, response_time),
    };
    freshness::lifetime(&directives, headers, default.unwrap_or_default(), &none, response_time)
}

impl Storable {
    /// Whether the response can be used at least once without validation.
    fn is_useful(&self) -> bool {
        !self.flags.no_cache && self.lifetime.total() > self.initial_age
    }
}

/// Returns the status that applies to the whole representation: 200 for a part that may be stored.
///
/// RFC 9111 §3.3: "a 206 (Partial Content) response MAY be stored as if it were an incomplete 200
/// (OK) response", but not by a cache that does not "understand the range units used". A response
/// with several parts is not stored either, because the ranges are inside its body.
fn of_the_whole(rules: &StoreRules, status: StatusCode, headers: &HeaderMap) -> StatusCode {
    let is_part = rules.store_partial && status == StatusCode::PARTIAL_CONTENT;
    if is_part && ContentRange::of(headers).is_some() { StatusCode::OK } else { status }
}

fn default_lifetime(
    rules: &StoreRules,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Lifetime, NotStored> {
    // RFC 9110 §14.4: in responses other than 206 and 416, `Content-Range` "has no meaning". A
    // handler that sends this field anyway means that the response is a part. A policy for the
    // responses of another application (`require_explicit`) does not assume this.
    let is_called_a_part =
        !rules.store_partial && !rules.require_explicit && headers.contains_key(CONTENT_RANGE);
    // §3 and §3.3: a cache that stores a 206 must understand its range. The policy must allow parts
    // as well.
    if status == StatusCode::PARTIAL_CONTENT || is_called_a_part {
        return Err(NotStored::Partial);
    }
    let fresh = rules.statuses.lifetime_of(status, rules.lifetime.fresh).ok_or(NotStored::Status)?;
    Ok(Lifetime { fresh, ..rules.lifetime })
}

/// The treatment of a response that does not state its lifetime.
enum Unstated {
    Default,
    Guessed(Heuristic),
    Forbidden,
}

impl Unstated {
    /// Returns the lifetime of such a response. `None` if it may not be stored.
    fn lifetime(self, default: Lifetime, headers: &HeaderMap, response_time: WallTime) -> Option<Lifetime> {
        match self {
            Self::Guessed(heuristic) => {
                Some(Lifetime { fresh: heuristic.lifetime(headers, response_time), ..default })
            }
            Self::Default => Some(default),
            Self::Forbidden => None,
        }
    }
}

/// Decides how to treat a response that does not state its lifetime.
///
/// RFC 9111 §3: "A cache MUST NOT store a response to a request unless: […] the response contains
/// at least one of the following:" "a public response directive", "an Expires header field", "a
/// max-age response directive", "if the cache is shared: an s-maxage response directive", "a status
/// code that is defined as heuristically cacheable".
///
/// A response to a request with a cookie gets no heuristic lifetime, unless the response is
/// `public`. Without `public`, no field says that all users get the same response.
fn unstated(
    rules: &StoreRules,
    request: &HeaderMap,
    directives: &ResponseDirectives,
    status: StatusCode,
) -> Unstated {
    let is_allowed = heuristic::is_allowed(directives, status);
    match rules.heuristic {
        _ if rules.require_explicit && !is_allowed => Unstated::Forbidden,
        Some(heuristic) if is_allowed && (directives.public || !request.contains_key(COOKIE)) => {
            Unstated::Guessed(heuristic)
        }
        _ => Unstated::Default,
    }
}

/// Returns an error if the response itself forbids storing.
fn permitted(
    rules: &StoreRules,
    directives: &ResponseDirectives,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<(), NotStored> {
    // §5.2.2.3: "the cache SHOULD ignore the no-store directive if it understands and implements
    // the status code's caching requirements". §3: a response with `must-understand` is only stored
    // if its status code is understood.
    let understood = status::is_understood(status);
    if directives.must_understand && !understood {
        return Err(NotStored::Status);
    }
    if directives.no_store && !directives.must_understand {
        return Err(NotStored::NoStore);
    }
    // §5.2.2.7: `private` means that "a shared cache MUST NOT store the response", but "a private
    // cache MAY store the response". With a qualified `private`, "a shared cache MUST NOT store the
    // listed header fields". It may store the rest.
    if directives.private == Qualified::Whole && !rules.store_private {
        return Err(NotStored::Private);
    }
    // §7.3 leaves it to the cache whether to store `Set-Cookie`.
    let sets_cookie =
        headers.contains_key(SET_COOKIE) && !directives.unstorable().any(|name| *name == SET_COOKIE);
    if sets_cookie && !rules.store_set_cookie {
        return Err(NotStored::SetCookie);
    }
    // §4.1: "A stored response with a Vary header field value containing a member "*" always fails
    // to match."
    if Vary::parse(headers) == Vary::Any {
        return Err(NotStored::VaryStar);
    }
    Ok(())
}

/// Returns an error if a response to a request with credentials must not be shared.
///
/// RFC 9111 §3.5: "A shared cache MUST NOT use a cached response to a request with an Authorization
/// header field […] to satisfy any subsequent request unless the response contains a Cache-Control
/// field with a response directive […] that allows it to be stored by a shared cache".
///
/// Cookies are credentials too, and so are the fields that the application names. But
/// `must-revalidate` does not permit sharing a response to a request with these, because §5.2.2.2
/// is only about `Authorization`.
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
    if credentials.field && !rules.share_authorized && !meant_for_all {
        return Err(NotStored::Credentials);
    }
    Ok(())
}

fn shareable(directives: &ResponseDirectives) -> bool {
    directives.public || directives.s_maxage.is_some() || directives.must_revalidate
}
