//! Serve: responses out of stored ones, and what the cache adds to those of the handler.

mod multipart;
mod part;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT_RANGES, AGE, CACHE_STATUS, CONTENT_LENGTH, DATE, ETAG, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Response, StatusCode, response};
use http_body::Body;
use larder_core::http::{range, validators};
use larder_core::outcome::{Outcome, StaleReason, Tier};
use larder_core::time::Boot;

use self::part::Source;
use crate::body::CacheBody;
use crate::fill::Ask;
use crate::memory::held::Held;
use crate::report::headers::{self, Forwarded, X_CACHE};
use crate::service::nesting::OuterRun;
use crate::service::plan::Look;
use crate::service::route::Route;

/// A response with its whole body. It is put together where it is handed out: a `Response` is large, and dear to move.
pub(crate) struct Whole {
    status: StatusCode,
    fields: HeaderMap,
    body: Bytes,
}

impl Whole {
    #[inline]
    pub(crate) fn into_response<B: Body>(self) -> Response<CacheBody<B>> {
        let mut response = Response::new(CacheBody::whole(self.body));
        *response.status_mut() = self.status;
        let empty = std::mem::replace(response.headers_mut(), self.fields);
        // It owns nothing that would have to be looked for.
        std::mem::forget(empty);
        response
    }
}

/// A fresh response, on the shortest way there is: the one copy made here is that of the table of fields.
#[inline]
pub(crate) fn fresh(
    route: &Route,
    look: Look,
    key: &str,
    parts: &Parts,
    held: &Held,
    tier: Tier,
    now: Boot,
) -> Whole {
    let outcome = Outcome::Hit(tier);
    route.hit_at_once(parts, key, tier, held.cost);
    if look.head || look.conditional || look.range || route.policy.show_key {
        return fresh_in_part(route, look, key, parts, held, (outcome, now));
    }
    let render = || {
        let mut fields = held.headers.clone();
        complete(&mut fields, held, outcome, now);
        fields
    };
    let fields = match tier {
        Tier::Memory => held.rendered(now, render),
        Tier::Shared => render(),
    };
    Whole { status: held.status, fields, body: held.body.clone() }
}

/// One of which the client may want no more than the head or a part, or the word that it has it already.
#[cold]
fn fresh_in_part(
    route: &Route,
    look: Look,
    key: &str,
    parts: &Parts,
    held: &Held,
    (outcome, now): (Outcome, Boot),
) -> Whole {
    let wants = Wants { head: look.head, conditional: look.conditional, range: look.range };
    let mut whole = chosen(held, &parts.headers, wants);
    complete(&mut whole.fields, held, outcome, now);
    if route.policy.show_key {
        headers::key(&mut whole.fields, key);
    }
    whole
}

/// A fresh response from the shared tier that nobody else holds: its table of fields is not copied either.
pub(crate) fn unshared(
    route: &Route,
    look: Look,
    key: &str,
    parts: &Parts,
    mut held: Arc<Held>,
    now: Boot,
) -> Whole {
    let Some(own) = Arc::get_mut(&mut held).filter(|_| !look.head && !look.conditional && !look.range) else {
        return fresh(route, look, key, parts, &held, Tier::Shared, now);
    };
    let (mut fields, body) = (std::mem::take(&mut own.headers), std::mem::take(&mut own.body));
    route.hit_at_once(parts, key, Tier::Shared, held.cost);
    complete(&mut fields, &held, Outcome::Hit(Tier::Shared), now);
    if route.policy.show_key {
        headers::key(&mut fields, key);
    }
    Whole { status: held.status, fields, body }
}

/// The handler's response to a request that went past the cache. A layer further in has said all there is to say.
pub(crate) fn past<B: Body<Data = Bytes>>(
    response: Response<B>,
    outcome: Outcome,
    run: &OuterRun,
) -> Response<CacheBody<B>> {
    let mut response = response.map(CacheBody::inner);
    if run.is_nested() {
        return response;
    }
    let forwarded = Forwarded { status: Some(response.status()), ..Forwarded::default() };
    headers::forwarded(response.headers_mut(), outcome, forwarded);
    response
}

fn complete(fields: &mut HeaderMap, held: &Held, outcome: Outcome, now: Boot) {
    headers::served(fields, outcome, held.age(now), held.meta.lifetime.fresh, held.others.as_ref());
}

/// A stored response for a request that had to wait for something.
pub(crate) fn asked<B: Body>(
    route: &Route,
    ask: &Ask,
    held: &Arc<Held>,
    outcome: Outcome,
) -> Response<CacheBody<B>> {
    let cache = &route.cache;
    cache.report.saved(held.meta.cost);
    let mut whole = plain(route, ask, held, outcome);
    complete(&mut whole.fields, held, outcome, cache.clock.boot());
    whole.into_response()
}

/// A stored response in place of that of a handler that failed.
pub(crate) fn stands_in<B: Body>(
    route: &Route,
    ask: &Ask,
    held: &Arc<Held>,
    tier: Tier,
    failed: Forwarded,
) -> Response<CacheBody<B>> {
    let outcome = Outcome::Stale(tier, StaleReason::IfError);
    let mut whole = plain(route, ask, held, outcome);
    let age = held.age(route.cache.clock.boot());
    let fresh = held.meta.lifetime.fresh;
    headers::stood_in(&mut whole.fields, outcome, age, fresh, held.others.as_ref(), failed);
    whole.into_response()
}

/// What another request's fill brought.
pub(crate) fn collapsed<B: Body>(
    route: &Route,
    ask: &Ask,
    held: &Arc<Held>,
    outcome: Outcome,
    forwarded: Forwarded,
) -> Response<CacheBody<B>> {
    let mut whole = plain(route, ask, held, outcome);
    restore_others(&mut whole.fields, held);
    let age = held.age(route.cache.clock.boot());
    whole.fields.insert(AGE, headers::whole_seconds(age));
    headers::forwarded(&mut whole.fields, outcome, forwarded);
    whole.into_response()
}

/// The answer to a request that wants nothing but what is stored, where nothing is.
///
/// RFC 9211 §2: "An intermediary SHOULD NOT append a Cache-Status member to responses that it generates locally".
pub(crate) fn nothing_stored(outcome: Outcome) -> Whole {
    let mut fields = HeaderMap::new();
    fields.insert(X_CACHE, HeaderValue::from_static(outcome.x_cache()));
    Whole { status: StatusCode::GATEWAY_TIMEOUT, fields, body: Bytes::new() }
}

/// What the handler made, whole: the stored response may know more of it, its entity tag.
///
/// RFC 9112 §6.2: "A sender MUST NOT send a Content-Length header field in any message that contains a Transfer-Encoding header
/// field." The server knows the length of this body, and states it.
pub(crate) fn made<B: Body<Data = Bytes>>(mut parts: response::Parts, held: &Held) -> Response<CacheBody<B>> {
    parts.headers.remove(TRANSFER_ENCODING);
    for name in [ETAG, DATE] {
        if let Some(value) = held.headers.get(&name).filter(|_| !parts.headers.contains_key(&name)) {
            parts.headers.insert(name, value.clone());
        }
    }
    Response::from_parts(parts, CacheBody::whole(held.body.clone()))
}

/// What the handler made for this request.
pub(crate) fn forwarded<B: Body<Data = Bytes>>(
    route: &Route,
    ask: &Ask,
    mut response: Response<CacheBody<B>>,
    outcome: Outcome,
    forwarded: Forwarded,
) -> Response<CacheBody<B>> {
    route.answered(ask, outcome);
    // The handler was asked without the client's conditions.
    if response.status() == StatusCode::OK
        && ask.conditional
        && validators::not_modified(&ask.headers, response.headers())
    {
        let mut fields = validators::not_modified_fields(response.headers());
        fields.extend(response.headers().get(CACHE_STATUS).map(|status| (CACHE_STATUS, status.clone())));
        response = response.map(|_| CacheBody::default());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.headers_mut() = fields;
    } else if let Some(part) = part_of(&response, ask) {
        // It was asked without them, or ignored them. A body that is still to come is not cut: the client has to be ready
        // for all of it.
        (*response.status_mut(), *response.headers_mut()) = (part.status, part.fields);
        *response.body_mut() = CacheBody::whole(part.body);
    }
    headers::forwarded(response.headers_mut(), outcome, forwarded);
    if route.policy.show_key {
        headers::key(response.headers_mut(), &ask.key);
    }
    response
}

/// Returns the part of the handler's response that a request for ranges asked for.
fn part_of<B: Body>(response: &Response<CacheBody<B>>, ask: &Ask) -> Option<Whole> {
    if response.status() != StatusCode::OK || !ask.range {
        return None;
    }
    let body = response.body().as_whole()?;
    Source { headers: response.headers(), body, part: None }.asked_for(&ask.headers)
}

fn plain(route: &Route, ask: &Ask, held: &Held, outcome: Outcome) -> Whole {
    route.answered(ask, outcome);
    let wants = Wants { head: ask.head, conditional: ask.conditional, range: ask.range };
    let mut whole = chosen(held, &ask.headers, wants);
    if route.policy.show_key {
        headers::key(&mut whole.fields, &ask.key);
    }
    whole
}

/// What a request wants in place of the whole response.
#[derive(Clone, Copy)]
struct Wants {
    head: bool,
    conditional: bool,
    range: bool,
}

/// RFC 9110 §13.2.2, in its order: the conditions of the request first, and only where they leave it a 200, "When the method
/// is GET and both Range and If-Range are present, evaluate the If-Range precondition".
fn chosen(held: &Held, request: &HeaderMap, wants: Wants) -> Whole {
    if wants.conditional && is_not_modified(held, request) {
        return not_modified(held);
    }
    let source = Source { headers: &held.headers, body: &held.body, part: held.meta.part.as_ref() };
    let part = if wants.range && held.status == StatusCode::OK { source.asked_for(request) } else { None };
    // RFC 9111 §3.3: "A cache MUST NOT send a partial response to a client without explicitly marking it using the 206
    // (Partial Content) status code." No part is chosen for a request that it does not answer; should one be, it says so.
    part.or_else(|| source.as_it_is()).unwrap_or_else(|| stored(held, wants.head))
}

/// RFC 9110 §13.2.1: preconditions are ignored where the answer without them would not be a success.
fn is_not_modified(held: &Held, request: &HeaderMap) -> bool {
    held.status.is_success() && validators::not_modified(request, &held.headers)
}

fn not_modified(held: &Held) -> Whole {
    let mut fields = validators::not_modified_fields(&held.headers);
    fields.insert(X_CACHE, HeaderValue::from_static("HIT"));
    Whole { status: StatusCode::NOT_MODIFIED, fields, body: Bytes::new() }
}

/// The stored response itself, or its head alone.
fn stored(held: &Held, head: bool) -> Whole {
    let body = if head { Bytes::new() } else { held.body.clone() };
    let mut whole = Whole { status: held.status, fields: held.headers.clone(), body };
    // RFC 9110 §8.6: a response to HEAD says how long the one to GET would be; the server cannot tell from no body.
    // And a 204 has none to either.
    if head && held.status != StatusCode::NO_CONTENT && !held.headers.contains_key(CONTENT_LENGTH) {
        whole.fields.insert(CONTENT_LENGTH, HeaderValue::from(held.body.len()));
    }
    // A client that asks for the head may be about to ask for parts.
    if head && held.status == StatusCode::OK && !held.headers.contains_key(ACCEPT_RANGES) {
        whole.fields.insert(ACCEPT_RANGES, range::BYTES);
    }
    whole
}

/// Puts back what other caches said, in place of the room that was made for this one's word.
fn restore_others(fields: &mut HeaderMap, held: &Held) {
    fields.remove(CACHE_STATUS);
    if let Some(others) = &held.others {
        fields.insert(CACHE_STATUS, others.clone());
    }
}
