//! Refreshing a stored response in the background, while it is still served.

use std::sync::Arc;

use http::Request;
use larder_core::http::cache_control::RequestDirectives;
use larder_core::http::reuse::Reuse;
use larder_core::time::BootTime;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tracing::Instrument as _;

use crate::engine::background::Permit;
use crate::engine::failure_table::Retry;
use crate::http::body::erased_body::ErasedRequestBody;
use crate::http::erased_service::{ErasedRequest, ErasedService};
use crate::http::fill::claim_fill::{Claim, Unusable, claim_refresh};
use crate::http::fill::{Fill, FillPlan};
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::{RequestTraits, credentials_reason};
use crate::http::lookup::equivalent::lookup_memory_for;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::lookup::reuse::{evaluate_reuse_for, is_immutable};
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::refresh_mark::RefreshMark;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::ready_service::ReadyService;
use crate::http::request::SplitRequest;

/// Whether this hit should refresh the response before it goes stale (XFetch).
#[inline]
pub(crate) fn is_due(layer: &LayerState, cached: &CachedResponse, now: BootTime) -> bool {
    let early = layer.policy.early_refresh;
    early.is_near(cached.nanos_left(now), cached.meta.cost_nanos)
        // No request was for the whole representation.
        && cached.meta.part().is_none()
        // The random number is from (0, 1], as zero has no logarithm.
        && early.is_due(cached.fresh_for(now), cached.meta.cost(), || 1.0 - fastrand::f64())
        // RFC 8246 §2.
        && !is_immutable(layer, cached)
}

/// Refreshes a response that was served fresh, with the request that it was served to.
#[cold]
pub(crate) fn spawn_early_refresh(
    layer: &Arc<LayerState>,
    service: ErasedService,
    request: SplitRequest<ErasedRequestBody>,
    traits: RequestTraits,
    key: &str,
    stale: StaleResponse,
) {
    // The response to a request with credentials is not for others. A hit needs no runtime, but a
    // refresh does.
    if credentials_reason(traits.credentials).is_some() || Handle::try_current().is_err() {
        return;
    }
    let SplitRequest { mut parts, body } = request;
    // The key was written for the hit already. If the request has no names, there is nothing to
    // report.
    if let Ok(context) = RequestContext::new(layer, traits, key, &mut parts) {
        let request = Request::from_parts(parts, body);
        spawn_refresh(layer, context, ReadyService::new(service), request, stale);
    }
}

/// Refreshes a response in the background, with this request.
///
/// Does nothing if another request refreshes it, or if the result would be of no use.
pub(crate) fn spawn_refresh(
    layer: &Arc<LayerState>,
    mut context: RequestContext,
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
    stale: StaleResponse,
) {
    let engine = &layer.engine;
    // A handler that has just failed is not asked by every request that gets the stale response.
    if !request_allows_storing(layer, &context) || layer.may_retry(&stale.cached) == Retry::NotDue {
        return;
    }
    let Some(leader) = lead_refresh(layer, &context, &stale) else { return };
    let Some(permit) = engine.background.try_refresh_permit() else {
        return engine.report.refresh_skipped();
    };
    engine.report.refresh_started();
    let mark = RefreshMark::new(&stale.cached);
    context.purpose = Purpose::Refresh;
    let fill = FillPlan::refresh(leader, stale).into_fill(Arc::clone(layer), context);
    run_in_background(fill, service, request, permit, mark);
}

/// Whether a request that gets this stale response would begin a refresh, if none runs already.
pub(crate) fn would_refresh(layer: &LayerState, context: &RequestContext, stale: &StaleResponse) -> bool {
    request_allows_storing(layer, context) && layer.would_retry(&stale.cached) != Retry::NotDue
}

/// Whether the response to this request may be stored, as far as the request decides that.
///
/// RFC 9111 forbids it for `HEAD` (§3) and for `no-store` (§5.2.1.5). With `only-if-cached`
/// (§5.2.1.7), the handler does not run either, as it would get that very directive.
fn request_allows_storing(layer: &LayerState, context: &RequestContext) -> bool {
    let forbids = || {
        let directives = RequestDirectives::parse(&context.headers);
        directives.no_store || directives.only_if_cached
    };
    !(context.traits.head || layer.policy.store.honor_request && forbids())
}

/// Begins the flight of a refresh, at most one for each key.
///
/// Returns `None` if there is a flight already, or if the response must not or need not be
/// refreshed.
fn lead_refresh(layer: &LayerState, context: &RequestContext, stale: &StaleResponse) -> Option<Lead> {
    let engine = &layer.engine;
    let leader =
        layer.http.flights.try_lead(context.flight_key(layer), engine.clock.boot(), engine.log.position())?;
    // Checked again, now that no other request refreshes the key. A response that was invalidated
    // before the flight's position is no base for a validation (rule 3 of the log). Another request
    // may have refreshed it in the meantime.
    let now = engine.clock.boot();
    let refused =
        matches!(evaluate_reuse_for(layer, context.lookup_key(), &stale.cached, now), Reuse::Refused(_));
    let refreshed = match lookup_memory_for(layer, context.lookup_key(), now) {
        Lookup::Fresh(found, _) => !Arc::ptr_eq(&found, &stale.cached),
        _ => false,
    };
    (!refused && !refreshed).then_some(leader)
}

/// Runs a fill that no client waits for, unless another instance runs it.
fn run_in_background(
    fill: Fill,
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
    permit: Permit,
    mark: RefreshMark,
) {
    let span = fill.span();
    let engine = Arc::clone(&fill.layer.engine);
    // Boxed at once: it is large, and each of the futures around it would be a copy of it.
    let run = Box::pin(fill.run_refresh(service, request, permit));
    let refresh = async move {
        let _mark = mark;
        run.await;
    };
    engine.background.spawn(refresh.instrument(span));
}

impl Fill {
    /// Claims the refresh, and runs the handler if the claim is granted.
    ///
    /// While it waits for another instance, it holds the permit of a waiting refresh instead. The
    /// wait takes as long as that instance's handler, and this instance's handlers could run
    /// meanwhile. If too many refreshes wait, this one ends: the other instance refreshes the
    /// response for all.
    async fn run_refresh(
        mut self,
        service: ReadyService<ErasedService>,
        request: ErasedRequest,
        mut permit: Permit,
    ) {
        let Some(leader) = &self.leader else { return };
        let engine = Arc::clone(&self.layer.engine);
        let mut is_waiting = false;
        let may_wait = || {
            let waiting = engine.background.try_waiting_refresh();
            is_waiting = waiting.is_some();
            match waiting {
                Some(waiting) => permit = waiting,
                None => engine.report.refresh_skipped(),
            }
            is_waiting
        };
        let claim = claim_refresh(&self.layer, &self.context, leader, self.stale.take(), may_wait).await;
        let outcome = match claim {
            Claim::Granted(lease, Unusable { stale, .. }) => {
                if is_waiting {
                    let Some(refresh) = engine.background.try_refresh_permit() else {
                        return engine.report.refresh_skipped();
                    };
                    permit = refresh;
                }
                let _permit = permit;
                (self.lease, self.stale) = (lease, stale);
                let (sender, _) = oneshot::channel();
                return self.run(service, request, sender).await;
            }
            Claim::AlreadyStored(Lookup::Fresh(cached, tier)) => FlightOutcome::AlreadyStored(cached, tier),
            Claim::AlreadyStored(_) | Claim::Redirected => return,
            Claim::FilledElsewhere(outcome) => outcome,
        };
        if let Some(leader) = self.leader {
            leader.finish(outcome);
        }
    }
}
