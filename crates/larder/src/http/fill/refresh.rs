//! Refresh: making a response anew in the background, while what is stored is served.

use std::sync::Arc;

use http::Request;
use larder_core::http::cache_control::RequestDirectives;
use larder_core::http::reuse::Reuse;
use larder_core::time::Boot;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::engine::background::Permit;
use crate::http::body::service_bounds::CacheableService;
use crate::http::fill::claim_fill::{Claim, claim_refresh};
use crate::http::fill::{Fill, FillPlan};
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::{RequestTraits, credentials_reason};
use crate::http::lookup::equivalent::lookup_memory_for;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::lookup::reuse::{evaluate_reuse_for, is_immutable};
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::ready_service::ReadyService;
use crate::http::request::SplitRequest;

/// Whether this hit is the one to refresh the response before it goes stale (XFetch).
#[inline]
pub(crate) fn is_due(layer: &LayerState, cached: &CachedResponse, now: Boot) -> bool {
    let early = layer.policy.early_refresh;
    // From (0, 1]: the logarithm of zero is none.
    early.is_near(cached.nanos_left(now), cached.cost)
        // Nobody has asked for the whole.
        && cached.meta.part.is_none()
        && early.is_due(cached.fresh_for(now), cached.meta.cost, || 1.0 - fastrand::f64())
        // RFC 8246 §2.
        && !is_immutable(layer, cached)
}

/// Refreshes a response that was served fresh, with the request that it was served to.
#[cold]
pub(crate) fn spawn_early_refresh<S, Q>(
    layer: &Arc<LayerState>,
    service: S,
    request: SplitRequest<Q>,
    traits: RequestTraits,
    key: &str,
    stale: StaleResponse,
) where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    // The response to a request with credentials is not for others. And a hit, unlike all else, needs
    // no runtime.
    if credentials_reason(traits.credentials).is_some() || Handle::try_current().is_err() {
        return;
    }
    let SplitRequest { mut parts, body } = request;
    // Its key was written before, so there is nothing to report where it has no names.
    if let Ok(context) = RequestContext::new(layer, traits, key, &mut parts) {
        let request = Request::from_parts(parts, body);
        spawn_refresh(layer, context, ReadyService::new(service), request, stale);
    }
}

/// Has this request refresh a response in the background, unless another one does or that would be of no use.
pub(crate) fn spawn_refresh<S, Q>(
    layer: &Arc<LayerState>,
    mut context: RequestContext,
    service: ReadyService<S>,
    request: Request<Q>,
    stale: StaleResponse,
) where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let engine = &layer.engine;
    if !request_allows_storing(layer, &context) {
        return;
    }
    let Some(leader) = lead_refresh(layer, &context, &stale) else { return };
    let Some(permit) = engine.background.try_refresh_permit() else {
        return engine.report.refresh_skipped();
    };
    engine.report.refresh_started();
    context.purpose = Purpose::Refresh;
    let fill = FillPlan::refresh(leader, stale).into_fill(Arc::clone(layer), context);
    run_in_background(fill, service, request, permit);
}

/// A handler is not run for a response that would then not be stored because of the request: RFC 9111 §3 for `HEAD`,
/// §5.2.1.5 for `no-store`. Nor is it for one that wants nothing but what is stored (§5.2.1.7): the handler would be asked with
/// that very directive.
fn request_allows_storing(layer: &LayerState, context: &RequestContext) -> bool {
    let forbids = || {
        let asked = RequestDirectives::parse(&context.headers);
        asked.no_store || asked.only_if_cached
    };
    !(context.traits.head || layer.policy.store.follow_request && forbids())
}

/// The flight of a refresh: one for each key.
fn lead_refresh(layer: &LayerState, context: &RequestContext, stale: &StaleResponse) -> Option<Lead> {
    let engine = &layer.engine;
    let leader =
        layer.http.flights.try_lead(context.flight_key(layer), engine.clock.boot(), engine.log.position())?;
    // Looked at once more, now that nobody else refreshes it. What was invalidated before the flight's position is no base
    // for a validation (rule 3 of the log), and what another request has refreshed since is fresh.
    let now = engine.clock.boot();
    let refused =
        matches!(evaluate_reuse_for(layer, context.lookup_key(), &stale.cached, now), Reuse::Refused(_));
    let refreshed = match lookup_memory_for(layer, context.lookup_key(), now) {
        Lookup::Fresh(found, _) => !Arc::ptr_eq(&found, &stale.cached),
        _ => false,
    };
    (!refused && !refreshed).then_some(leader)
}

/// Runs a fill that no client waits for, unless another instance does.
pub(crate) fn run_in_background<S, Q>(
    fill: Fill,
    service: ReadyService<S>,
    request: Request<Q>,
    permit: Permit,
) where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    let span = fill.span();
    let engine = Arc::clone(&fill.layer.engine);
    let refresh = async move {
        let _permit = permit;
        fill.run_refresh(service, request).await;
    };
    engine.background.spawn(refresh.instrument(span));
}

impl Fill {
    async fn run_refresh<S, Q>(mut self, mut service: ReadyService<S>, request: Request<Q>)
    where
        S: CacheableService<Q>,
        Q: Send + 'static,
    {
        let Some(leader) = &self.leader else { return };
        let ended = match claim_refresh(&self.layer, &self.context, leader, self.stale.take(), &mut service)
            .await
        {
            Claim::Granted(lease, stale) => {
                (self.lease, self.stale) = (lease, stale);
                let (sender, _) = oneshot::channel();
                return self.run(service, request, sender).await;
            }
            Claim::AlreadyStored(Lookup::Fresh(cached, tier)) => FlightOutcome::AlreadyStored(cached, tier),
            Claim::AlreadyStored(_) | Claim::Redirected => return,
            Claim::FilledElsewhere(ended) => ended,
        };
        if let Some(leader) = self.leader {
            leader.finish(ended);
        }
    }
}
