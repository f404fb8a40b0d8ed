//! Invalidate: what a request that may have changed something does to what is stored.

mod also;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use also::Origin;
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use larder_core::key::buf::KeyBuf;
use larder_core::log::selector::{Selector, UriName};
use larder_core::log::table::Forgotten;
use larder_core::outcome::{BypassReason, Outcome};

use crate::body::CacheBody;
use crate::detach::detached;
use crate::log::{Invalidated, Invalidation, invalidate};
use crate::policy::{Brought, Effects, KeySource};
use crate::route::Params;
use crate::serve;
use crate::service::route::Route;
use crate::service::target::Target;

/// How a request with an unsafe method counts.
pub(crate) const OUTCOME: Outcome = Outcome::Bypass(BypassReason::Method);

/// What a successful request with an unsafe method invalidates.
pub(crate) struct Written {
    /// Its URI, and what a `GET` of it is stored under where that is something else.
    own: Vec<Selector>,
    /// What its response may name others by.
    origin: Option<Origin>,
}

/// What a successful request with an unsafe method invalidates.
///
/// RFC 9111 §4.4: "A cache MUST invalidate the target URI … when it receives a non-error status code in response to an
/// unsafe request method".
pub(crate) fn names(route: &Route, parts: &mut Parts) -> Written {
    let params = route.policy.key_params(parts);
    let Ok(target) = Target::of(parts).and_then(Target::with_host) else {
        // Which host it was for cannot be told: for every one.
        let uri = crate::route::whole_uri(parts).path_and_query();
        let uri = uri.and_then(|uri| UriName::new(uri.as_str()).ok());
        return Written { own: uri.map(Selector::Uri).into_iter().collect(), origin: None };
    };
    // For its own host, or, if that can be none, for every one.
    let uri = target.uris(target.query).iter().rev().find_map(|uri| UriName::new(uri).ok());
    let key = custom_key(route, parts, &params, &target);
    let own = uri.map(Selector::Uri).into_iter().chain(key).collect();
    Written { own, origin: Some(Origin::of(&target, crate::route::whole_uri(parts).scheme_str())) }
}

/// The key of a `GET`, where it is not the URI, which everything that is stored for the URI has as a name already.
fn custom_key(route: &Route, parts: &Parts, params: &Params, target: &Target<'_>) -> Option<Selector> {
    if matches!(route.policy.key, KeySource::Uri) {
        return None;
    }
    let mut key = KeyBuf::new();
    route.policy.write_key(&mut key, parts, params, target).ok()?;
    key.as_str().map(|key| Selector::Key(key.into()))
}

impl Written {
    /// All of it, now that the response is known.
    fn with(self, effects: &Effects, status: StatusCode, response: &HeaderMap) -> Vec<Selector> {
        let mut all: Vec<_> =
            self.origin.iter().flat_map(|origin| origin.groups_of(effects, response)).collect();
        // RFC 9111 §4.4: "A "non-error response" is one with a 2xx (Successful) or 3xx (Redirection) status code."
        if status.is_success() || status.is_redirection() {
            all.extend(self.own);
            all.extend(self.origin.iter().flat_map(|origin| origin.named_by(effects, response)));
        }
        all
    }
}

/// Waits for the response, and for what it invalidates, in a task of its own: a client that hangs up between the commit
/// and the invalidation would leave a stored response that is wrong for the rest of its lifetime. The handler of an
/// unsafe method therefore runs to its end even if nobody waits for its response.
pub(crate) async fn answer<B, E, F>(
    route: Arc<Route>,
    response: F,
    written: Written,
    brought: Option<Brought>,
) -> Result<Response<CacheBody<B>>, E>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
    E: Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
{
    detached(&Arc::clone(&route.cache).background, to_its_end(route, response, written, brought)).await
}

async fn to_its_end<B, E>(
    route: Arc<Route>,
    response: impl Future<Output = Result<Response<B>, E>>,
    written: Written,
    brought: Option<Brought>,
) -> Result<Response<CacheBody<B>>, E>
where
    B: Body<Data = Bytes>,
{
    let mut response = response.await?;
    let status = response.status();
    let said = Invalidation::take_from(response.extensions_mut());
    let written = written.with(&route.policy.effects, status, response.headers());
    let written = route.cache.recent_writes.collapse(written, route.cache.clock.boot());
    let folded = written.iter().filter(|selector| matches!(selector, Selector::Hashed(_))).count();
    route.cache.report.forgot(Forgotten { folded: folded as u64, floor_raises: 0 });
    // Two events, as the handler's may be soft while the URI's is not.
    let mut last = None;
    if let Some(said) = said {
        last = Some(invalidate(&route.cache, said).await);
    }
    if let Some(written) = Invalidation::of_each(written) {
        last = Some(invalidate(&route.cache, written).await);
    }
    let mut response = serve::past(response, OUTCOME);
    // Even where nothing was invalidated here: the handler may have done so itself, whatever it answers.
    route.give_token(response.headers_mut(), brought, last == Some(Invalidated::Applied));
    Ok(response)
}
