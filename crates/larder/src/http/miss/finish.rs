//! Answering a miss.

use http::Response;
use http_body::Body;
use larder_core::outcome::{BypassReason, MissReason, Outcome, StaleReason};

use crate::http::body::CacheBody;
use crate::http::body::service_bounds::{CacheableService, ServiceResult};
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::FillPlan;
use crate::http::fill::refresh::{is_due, spawn_refresh};
use crate::http::fill::run::run_fill;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::equivalent::lookup_shared;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::Miss;
use crate::http::miss::follow::incomplete_error_for;
use crate::http::miss::step::{Collapsed, Ending};
use crate::http::serve;
use crate::http::serve::record::record;

impl<S, Q> Miss<S, Q>
where
    S: CacheableService<Q>,
    Q: Send + 'static,
{
    /// Turns an ending into the response.
    pub(super) async fn finish(self, ending: Ending) -> ServiceResult<S::Body, S::Error> {
        match ending {
            Ending::Serve(cached, tier) => {
                let outcome = Outcome::Hit(tier);
                let response = serve::from_cache(&self.layer, &self.context, &cached, outcome);
                if is_due(&self.layer, &cached, self.layer.engine.clock.boot()) {
                    self.refresh(StaleResponse::for_early_refresh(cached, tier));
                }
                Ok(response)
            }
            Ending::ServeStaleAndRefresh(stale) => {
                let outcome = Outcome::Stale(stale.tier, StaleReason::WhileRevalidate);
                let response = serve::from_cache(&self.layer, &self.context, &stale.cached, outcome);
                self.refresh(stale);
                Ok(response)
            }
            Ending::ServeCollapsed(collapsed) => Ok(self.serve_collapsed(collapsed)),
            Ending::Fill(plan) => self.fill(plan).await,
            Ending::Rerun(reason) => self.rerun(reason).await,
            Ending::ForwardNested => self.forward_nested().await,
        }
    }

    async fn fill(self, plan: FillPlan) -> ServiceResult<S::Body, S::Error> {
        run_fill(plan.into_fill(self.layer, self.context), self.service, self.request).await
    }

    fn refresh(self, stale: StaleResponse) {
        spawn_refresh(&self.layer, self.context, self.service, self.request, stale);
    }

    fn serve_collapsed(self, collapsed: Collapsed) -> Response<CacheBody<S::Body>> {
        let response = from_flight(&self.layer, &self.context, &collapsed);
        let error = incomplete_error_for::<<S::Body as Body>::Error>(&self.context);
        match collapsed.body.zip(error) {
            Some((body, error)) => response
                .map(|_: CacheBody<S::Body>| self.into_body(body, Outcome::Miss(collapsed.reason), error)),
            None => response,
        }
    }

    /// Runs the handler for a request that waited for others and got nothing that it could use.
    ///
    /// Few requests do so at once.
    async fn rerun(self, reason: MissReason) -> ServiceResult<S::Body, S::Error> {
        let (layer, context) = (&self.layer, &self.context);
        let deadline = self.deadline + layer.policy.fill_limits.rerun_wait();
        let _permit = layer.engine.reruns.wait_for_permit(context.flight_key(layer), deadline).await;
        // Another request may have filled the key meanwhile.
        let lookup = match self.look_in_memory() {
            Lookup::Miss(reason) if !layer.http.memory.is_enabled() && !context.is_provisional => {
                lookup_shared(layer, context.lookup_key(), reason).await
            }
            lookup => lookup,
        };
        if let Lookup::Fresh(response, tier) = lookup {
            let outcome = Outcome::Hit(tier);
            return Ok(from_flight(layer, context, &Collapsed { response, outcome, reason, body: None }));
        }
        self.fill(FillPlan::alone(None, Outcome::Miss(reason))).await
    }

    /// Passes the request on to a layer further in, which handles it.
    async fn forward_nested(self) -> ServiceResult<S::Body, S::Error> {
        record(&self.layer, &self.context, Outcome::Bypass(BypassReason::Nested));
        let response = self.service.ready().await?.call(self.request).await?;
        Ok(response.map(CacheBody::inner))
    }
}

/// Serves the outcome of another request's fill.
fn from_flight<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    collapsed: &Collapsed,
) -> Response<CacheBody<B>> {
    let Collapsed { response, outcome, reason, .. } = collapsed;
    if !matches!(outcome, Outcome::Hit(_)) && context.purpose != Purpose::ResumeBody {
        layer.engine.report.collapsed();
    }
    match outcome {
        Outcome::Hit(_) => serve::from_cache(layer, context, response, *outcome),
        Outcome::Stale(tier, _) => {
            serve::stale_on_error(layer, context, response, *tier, ForwardInfo::failed(None, true))
        }
        Outcome::Miss(_) | Outcome::Bypass(_) => {
            let forwarded = ForwardInfo { collapsed: true, ..ForwardInfo::default() };
            serve::collapsed(layer, context, response, Outcome::Miss(*reason), forwarded)
        }
    }
}
