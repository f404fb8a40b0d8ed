//! Requests with unsafe methods, and the invalidations that follow from them.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use larder_core::invalidation::selector::{Selector, UriName};
use larder_core::invalidation::table::Forgotten;
use larder_core::outcome::{BypassReason, Outcome};
use tracing::Span;

use crate::engine::coalesce::clients::Clients;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidate::repeat::invalidate_twice_detached;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::http::body::CacheBody;
use crate::http::layer_state::LayerState;
use crate::http::nesting::OuterRun;
use crate::http::policy::invalidation_rules::InvalidationRules;
use crate::http::policy::read_your_writes::RequestToken;
use crate::http::request::axum_route::PathParams;
use crate::http::request::target_uri::TargetUri;
use crate::http::response::invalidation_part::claim_invalidation;
use crate::http::response::served::Served;
use crate::http::serve;
use crate::http::serve::record::{BypassTimer, emit};
use crate::http::service::before_lookup::set_token;
use crate::http::service::detached_write::{await_handler, run_write};
use crate::http::service::related_uris::WriteOrigin;

/// The outcome that is recorded for a request with an unsafe method.
pub(crate) const OUTCOME: Outcome = Outcome::Bypass(BypassReason::Method);

/// The selectors that a successful request with an unsafe method invalidates.
pub(crate) struct WriteTargets {
    /// The URI of the request, the text of its key if that is not the URI, and tags of the policy.
    own: Vec<Selector>,
    /// The base for other URIs and groups in the response.
    origin: Option<WriteOrigin>,
}

/// Returns the targets of a request with an unsafe method.
///
/// RFC 9111 §4.4: "A cache MUST invalidate the target URI … when it receives a non-error status
/// code in response to an unsafe request method".
pub(crate) fn write_targets(layer: &LayerState, parts: &mut Parts) -> WriteTargets {
    let params = PathParams::of(parts);
    let tags = layer.policy.written_tags(parts, &params).into_iter().map(Selector::Tag);
    let Ok(target) = TargetUri::from_request(parts).and_then(TargetUri::require_valid_host) else {
        // The host of the request cannot be determined, so the URI is invalidated for every host.
        let uri = crate::http::request::axum_route::whole_uri(parts);
        let name = UriName::from_parts(None, uri.path(), uri.query());
        return WriteTargets {
            own: std::iter::once(Selector::Uri(name)).chain(tags).collect(),
            origin: None,
        };
    };
    let origin = WriteOrigin::from_target(&target, layer.policy.group_origin(&target));
    let target = layer.policy.target(target);
    let uri = Selector::Uri(target.uri_name(target.query));
    // The text names the responses to all queries. If there is none, every response that is stored
    // for a URI has the URI as a name already.
    let key = layer.policy.key_text(parts, &params).ok().flatten().map(Selector::Key);
    let own = std::iter::once(uri).chain(key).chain(tags).collect();
    WriteTargets { own, origin: Some(origin) }
}

impl WriteTargets {
    /// Returns the selectors to invalidate, now that the response is known.
    fn resolve(self, rules: &InvalidationRules, status: StatusCode, response: &HeaderMap) -> Vec<Selector> {
        let mut all: Vec<_> =
            self.origin.iter().flat_map(|origin| origin.invalidated_groups(rules, response)).collect();
        // RFC 9111 §4.4: "A "non-error response" is one with a 2xx (Successful) or 3xx
        // (Redirection) status code."
        if status.is_success() || status.is_redirection() {
            all.extend(self.own);
            all.extend(self.origin.iter().flat_map(|origin| origin.location_uris(rules, response)));
        } else if rules.failed_writes && (status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT) {
            // The handler may have failed after the commit, or an inner layer may have stopped
            // waiting for it after the commit.
            all.extend(self.own);
        }
        all
    }

    const fn nothing() -> Self {
        Self { own: Vec::new(), origin: None }
    }
}

/// A request with an unsafe method that was passed on to the inner service.
pub(crate) struct Write {
    pub(crate) targets: WriteTargets,
    /// The token of the request.
    pub(crate) token: Option<RequestToken>,
    pub(crate) run: OuterRun,
    /// The span of the request. Its event comes once the handler has answered.
    pub(crate) span: Span,
    /// The extension that the response gets, if the policy asks for it.
    pub(crate) served: Option<Box<Served>>,
    pub(crate) timer: Option<BypassTimer>,
}

/// Waits for the response and for the invalidations that follow from it, in a task of their own.
///
/// Without the task, a client that disconnects between the commit and the invalidation would leave
/// a stored response that is wrong for the rest of its lifetime.
///
/// So the handler of an unsafe method runs to its end even if the client has disconnected, unless
/// too many other handlers do so. Then it is cancelled. The URI is invalidated in both cases.
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
    let engine = Arc::clone(&layer.engine);
    run_write(&engine.background, |clients| run_to_completion(layer, response, write, clients)).await
}

/// Waits for the response, then invalidates. Returns `None` if the handler was cancelled.
async fn run_to_completion<B, E>(
    layer: Arc<LayerState>,
    response: impl Future<Output = Result<Response<B>, E>>,
    write: Write,
    clients: Clients,
) -> Option<Result<Response<CacheBody<B>>, E>>
where
    B: Body<Data = Bytes>,
{
    let Write { targets, token, run, span, served, timer } = write;
    let unsettled = Unsettled::new(&layer, targets);
    let answer = await_handler(&layer.engine.background, &clients, response).await?;
    emit(&span, OUTCOME);
    if let Some(timer) = timer {
        timer.finish(&layer);
    }
    let mut response = match answer {
        Ok(response) => response,
        Err(error) => return Some(Err(error)),
    };
    let status = response.status();
    let by_handler = claim_invalidation(&layer.engine, response.extensions_mut());
    let selectors = unsettled.settle().resolve(&layer.policy.invalidation_rules, status, response.headers());
    let selectors = collapsed(&layer, selectors);
    // Two separate events: that of the handler may be soft, that of the URI is not.
    let mut last = None;
    if let Some(invalidation) = by_handler {
        last = Some(invalidate(&layer.engine, invalidation).await);
    }
    if let Some(invalidation) = Invalidation::all_of(selectors) {
        last = Some(invalidate(&layer.engine, invalidation).await);
    }
    let mut response = serve::bypassed(&layer, response, OUTCOME, &run, served);
    // The token is set even if nothing was invalidated here: the handler may have called
    // `invalidate` itself, whatever its response is.
    set_token(&layer, response.headers_mut(), token, last == Some(InvalidationOutcome::Applied));
    Some(Ok(response))
}

/// Replaces selectors by coarser ones if there were many recent writes of their kind.
fn collapsed(layer: &LayerState, selectors: Vec<Selector>) -> Vec<Selector> {
    let engine = &layer.engine;
    let selectors = engine.recent_writes.collapse(selectors, engine.clock.boot());
    let folded = selectors.iter().filter(|selector| matches!(selector, Selector::Hashed(_))).count();
    engine.report.names_forgotten(Forgotten { folded: folded as u64, floor_raises: 0 });
    selectors
}

/// A write that may or may not have been committed.
///
/// If the handler fails, panics or is cancelled, this never becomes known. Then the URI is
/// invalidated when this is dropped, and once more after the policy's `fill_timeout`, since work
/// that the handler has handed to a thread may commit later.
struct Unsettled<'a> {
    layer: &'a LayerState,
    targets: Option<WriteTargets>,
}

impl<'a> Unsettled<'a> {
    const fn new(layer: &'a LayerState, targets: WriteTargets) -> Self {
        Self { layer, targets: Some(targets) }
    }

    /// Returns the targets of a write whose handler has answered.
    fn settle(mut self) -> WriteTargets {
        self.targets.take().unwrap_or_else(WriteTargets::nothing)
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        let Some(targets) = self.targets.take() else { return };
        let Some(own) = Invalidation::all_of(collapsed(self.layer, targets.own)) else { return };
        invalidate_twice_detached(&self.layer.engine, own, self.layer.policy.fill_limits.head);
    }
}
