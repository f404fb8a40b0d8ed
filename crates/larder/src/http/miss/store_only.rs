//! Answering from the shared tier where nothing is kept in memory.

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use larder_core::outcome::{BypassReason, Outcome};
use tracing::Instrument as _;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::body::service_bounds::{BoxResponseFuture, CacheableService, ServiceResult};
use crate::http::fill::refresh::{is_due, spawn_early_refresh};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::from_store::{KeyAndAddress, lookup_store_only};
use crate::http::lookup::only_if_cached::forbids_bypass;
use crate::http::lookup::request_context::RequestContext;
use crate::http::miss::answer;
use crate::http::nesting::OuterRun;
use crate::http::serve;
use crate::http::serve::record::record_bypass;

/// Asks the shared tier before anything is made ready for a fill. Nothing that others could find in memory would come of
/// it, so that no flight is begun for the question.
///
/// Each hit there allocates this future, which therefore holds no more than it has to: an `async fn` would have its
/// arguments twice.
#[allow(clippy::manual_async_fn)]
pub(crate) fn answer_directly<S, Q>(
    layer: Arc<LayerState>,
    inner: S,
    (parts, body): (Parts, Q),
    traits: RequestTraits,
    named: KeyAndAddress,
) -> impl Future<Output = ServiceResult<S::Body, S::Error>> + Send + 'static
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    async move {
        spawn_follower(&layer.engine);
        let lookup = lookup_store_only(&layer, &named, &parts.headers).await;
        let key = named.key();
        match lookup {
            Lookup::Fresh(cached, tier) => {
                let now = cached.received_at();
                if !is_due(&layer, &cached, now) {
                    return Ok(serve::hit_owned(&layer, traits, key, &parts, cached, now).into_response());
                }
                let response = serve::hit(&layer, traits, key, &parts, &cached, tier, now).into_response();
                spawn_early_refresh(&layer, inner, (parts, body), traits, key, (cached, tier));
                Ok(response)
            }
            lookup => fill(layer, inner, (parts, body), traits, key, lookup).await,
        }
    }
}

/// Boxed, as a hit would otherwise carry the whole of a fill's state about.
fn fill<S, Q>(
    layer: Arc<LayerState>,
    mut inner: S,
    (mut parts, body): (Parts, Q),
    traits: RequestTraits,
    key: &str,
    lookup: Lookup,
) -> BoxResponseFuture<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    match RequestContext::new(&layer, traits, key, &mut parts) {
        Ok(context) => {
            let span = context.span.clone();
            let answer = answer(layer, inner, Request::from_parts(parts, body), context, lookup);
            Box::pin(answer.instrument(span))
        }
        Err(reason) => Box::pin(async move { past(&layer, &mut inner, parts, body, reason).await }),
    }
}

/// Passes on a request that turns out not to be for the cache.
pub(crate) async fn past<S, Q>(
    layer: &Arc<LayerState>,
    inner: &mut S,
    mut parts: Parts,
    body: Q,
    reason: BypassReason,
) -> ServiceResult<S::Body, S::Error>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let outcome = Outcome::Bypass(reason);
    record_bypass(&layer, &parts, "", outcome);
    if forbids_bypass(&layer, reason, &parts.headers) {
        return Ok(serve::gateway_timeout(outcome).into_response());
    }
    let run = OuterRun::begin(&layer.nesting, &mut parts);
    let response = inner.call(Request::from_parts(parts, body)).await?;
    Ok(serve::bypassed(response, outcome, &run))
}
