//! Invalidate: what a request that may have changed something does to what is stored.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use larder_core::key::buf::KeyBuf;
use larder_core::log::selector::{Selector, UriName};
use larder_core::log::table::Forgotten;
use larder_core::outcome::{BypassReason, Outcome};

use crate::engine::coalesce::clients::Clients;
use crate::engine::detach::run_detached;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidate::repeat::invalidate_twice_detached;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::http::body::CacheBody;
use crate::http::layer_state::LayerState;
use crate::http::nesting::OuterRun;
use crate::http::policy::invalidation_rules::InvalidationRules;
use crate::http::policy::key::KeySource;
use crate::http::policy::read_your_writes::RequestToken;
use crate::http::request::axum_route::PathParams;
use crate::http::request::target_uri::TargetUri;
use crate::http::serve;
use crate::http::service::before_lookup::set_token;
use crate::http::service::related_uris::WriteOrigin;

/// How a request with an unsafe method counts.
pub(crate) const OUTCOME: Outcome = Outcome::Bypass(BypassReason::Method);

/// What a successful request with an unsafe method invalidates.
pub(crate) struct WriteTargets {
    /// Its URI, and what a `GET` of it is stored under where that is something else.
    own: Vec<Selector>,
    /// What its response may name others by.
    origin: Option<WriteOrigin>,
}

/// What a successful request with an unsafe method invalidates.
///
/// RFC 9111 §4.4: "A cache MUST invalidate the target URI … when it receives a non-error status code in response to an
/// unsafe request method".
pub(crate) fn write_targets(layer: &LayerState, parts: &mut Parts) -> WriteTargets {
    let params = layer.policy.key_params(parts);
    let Ok(target) = TargetUri::from_request(parts).and_then(TargetUri::require_valid_host) else {
        // Which host it was for cannot be told: for every one.
        let uri = crate::http::request::axum_route::whole_uri(parts);
        let name = UriName::from_parts(None, uri.path(), uri.query());
        return WriteTargets { own: vec![Selector::Uri(name)], origin: None };
    };
    let uri = Selector::Uri(target.uri_name(target.query));
    let key = custom_key(layer, parts, &params, &target);
    let own = std::iter::once(uri).chain(key).collect();
    WriteTargets { own, origin: Some(WriteOrigin::from_target(&target)) }
}

/// The key of a `GET`, where it is not the URI, which everything that is stored for the URI has as a name already.
fn custom_key(
    layer: &LayerState,
    parts: &Parts,
    params: &PathParams,
    target: &TargetUri<'_>,
) -> Option<Selector> {
    if matches!(layer.policy.key, KeySource::Uri) {
        return None;
    }
    let mut key = KeyBuf::new();
    layer.policy.write_key(&mut key, parts, params, target).ok()?;
    key.as_str().map(|key| Selector::Key(key.into()))
}

impl WriteTargets {
    /// All of it, now that the response is known.
    fn resolve(self, effects: &InvalidationRules, status: StatusCode, response: &HeaderMap) -> Vec<Selector> {
        let mut all: Vec<_> =
            self.origin.iter().flat_map(|origin| origin.invalidated_groups(effects, response)).collect();
        // RFC 9111 §4.4: "A "non-error response" is one with a 2xx (Successful) or 3xx (Redirection) status code."
        if status.is_success() || status.is_redirection() {
            all.extend(self.own);
            all.extend(self.origin.iter().flat_map(|origin| origin.location_uris(effects, response)));
        } else if effects.failed_writes && (status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT)
        {
            // It may have failed, or a layer further in may have given up on it, after the commit.
            all.extend(self.own);
        }
        all
    }

    const fn nothing() -> Self {
        Self { own: Vec::new(), origin: None }
    }
}

/// A request with an unsafe method that was passed on.
pub(crate) struct Write {
    pub(crate) written: WriteTargets,
    pub(crate) brought: Option<RequestToken>,
    pub(crate) run: OuterRun,
    /// Whether a layer around this one has to see what the handler invalidates, too: it may be of another cache.
    pub(crate) is_nested: bool,
}

/// Waits for the response, and for what it invalidates, in a task of its own: a client that hangs up between the commit
/// and the invalidation would leave a stored response that is wrong for the rest of its lifetime.
///
/// The handler of an unsafe method therefore runs to its end even if its client has left, if few others do so. Else it is
/// cancelled. Its URI is invalidated in both cases.
pub(crate) async fn answer_write<B, E, F>(
    layer: Arc<LayerState>,
    response: F,
    write: Write,
) -> Result<Response<CacheBody<B>>, E>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
    E: Send + 'static,
    F: Future<Output = Result<Response<B>, E>> + Send + 'static,
{
    let clients = Clients::for_write();
    let _client = clients.guard();
    let engine = Arc::clone(&layer.engine);
    match run_detached(&engine.background, run_to_completion(layer, response, write, clients)).await {
        Some(answer) => answer,
        // It was cancelled because its client has left.
        None => std::future::pending().await,
    }
}

/// `None` if the handler was cancelled.
async fn run_to_completion<B, E>(
    layer: Arc<LayerState>,
    response: impl Future<Output = Result<Response<B>, E>>,
    write: Write,
    clients: Clients,
) -> Option<Result<Response<CacheBody<B>>, E>>
where
    B: Body<Data = Bytes>,
{
    let Write { written, brought, run, is_nested } = write;
    let unsettled = Unsettled::new(&layer, written);
    let answer = tokio::select! {
        biased;
        answer = response => answer,
        () = clients.wait_abandoned(&layer.engine.background) => return None,
    };
    let mut response = match answer {
        Ok(response) => response,
        Err(error) => return Some(Err(error)),
    };
    let status = response.status();
    let said = response.extensions_mut().remove::<Invalidation>();
    let written = unsettled.settle().resolve(&layer.policy.invalidation_rules, status, response.headers());
    let written = collapsed(&layer, written);
    if let Some(said) = said.clone().filter(|_| is_nested) {
        response.extensions_mut().insert(said);
    }
    // Two events, as the handler's may be soft while the URI's is not.
    let mut last = None;
    if let Some(said) = said {
        last = Some(invalidate(&layer.engine, said).await);
    }
    if let Some(written) = Invalidation::all_of(written) {
        last = Some(invalidate(&layer.engine, written).await);
    }
    let mut response = serve::bypassed(response, OUTCOME, &run);
    // Even where nothing was invalidated here: the handler may have done so itself, whatever it answers.
    set_token(&layer, response.headers_mut(), brought, last == Some(InvalidationOutcome::Applied));
    Some(Ok(response))
}

/// These selectors, or coarser ones where there were many writes of their kind just now.
fn collapsed(layer: &LayerState, written: Vec<Selector>) -> Vec<Selector> {
    let engine = &layer.engine;
    let written = engine.recent_writes.collapse(written, engine.clock.boot());
    let folded = written.iter().filter(|selector| matches!(selector, Selector::Hashed(_))).count();
    engine.report.names_forgotten(Forgotten { folded: folded as u64, floor_raises: 0 });
    written
}

/// A write of which it is not known whether it was committed. Where that is never known, as its handler failed, panicked or
/// was cancelled, its URI is invalidated when this is dropped, and once more after the policy's `fill_timeout`: work that
/// the handler has handed to a thread may commit later.
struct Unsettled<'a> {
    layer: &'a LayerState,
    written: Option<WriteTargets>,
}

impl<'a> Unsettled<'a> {
    const fn new(layer: &'a LayerState, written: WriteTargets) -> Self {
        Self { layer, written: Some(written) }
    }

    /// The handler has answered.
    fn settle(mut self) -> WriteTargets {
        self.written.take().unwrap_or_else(WriteTargets::nothing)
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        let Some(written) = self.written.take() else { return };
        let Some(own) = Invalidation::all_of(collapsed(self.layer, written.own)) else { return };
        invalidate_twice_detached(&self.layer.engine, own, self.layer.policy.fill_limits.head);
    }
}
