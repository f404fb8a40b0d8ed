//! Answering a miss.

use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Response};
use http_body::Body;
use larder_core::http::field_lines::FieldLines as _;
use larder_core::outcome::{BypassReason, MissReason, Outcome, StaleReason, Tier};
use tokio::time::Instant;
use tower_service::Service as _;

use crate::engine::coalesce::reruns::RerunPermit;
use crate::engine::coalesce::wait_limits::rerun_wait;
use crate::http::body::CacheBody;
use crate::http::body::erased_body::ErasedBody;
use crate::http::cache_status::ForwardInfo;
use crate::http::erased_service::ErasedResult;
use crate::http::fill::FillPlan;
use crate::http::fill::refresh::{is_due, spawn_refresh};
use crate::http::fill::run::run_fill;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::equivalent::lookup_shared;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::memory::stored_fields::StoredFields;
use crate::http::miss::step::{Collapsed, CollapsedBody, Ending};
use crate::http::miss::{Miss, look_in_memory};
use crate::http::response::invalidation_part::apply_invalidation;
use crate::http::serve;
use crate::http::serve::record::record;

impl Miss {
    /// Turns an ending into the response.
    ///
    /// All endings that run the handler do so in one place. Each further place would add a copy of
    /// the future of a fill to that of every miss.
    pub(super) async fn finish(self, ending: Ending) -> ErasedResult {
        let mut permit = None;
        let plan = match ending {
            Ending::Serve(cached, tier) => return Ok(self.serve_and_refresh_early(cached, tier)),
            Ending::ServeStaleAndRefresh(stale) => return Ok(self.serve_stale_and_refresh(stale)),
            Ending::ServeStale(stale, reason) => return Ok(self.serve_stale(&stale, reason)),
            Ending::ServeCollapsed(collapsed) => return Ok(self.serve_collapsed(collapsed)),
            Ending::ForwardNested => return self.forward_nested().await,
            Ending::Fill(plan) => plan,
            Ending::Rerun(reason) => {
                permit = Some(wait_for_rerun(&self.layer, &self.context, self.deadline).await);
                if let Some(collapsed) = filled_meanwhile(&self.layer, &self.context, reason).await {
                    return Ok(from_flight(&self.layer, &self.context, &collapsed));
                }
                FillPlan::alone(None, Outcome::Miss(reason))
            }
        };
        let result = run_fill(plan.into_fill(self.layer, self.context), self.service, self.request).await;
        drop(permit);
        result
    }

    fn serve_and_refresh_early(
        self,
        cached: Arc<CachedResponse>,
        tier: Tier,
    ) -> Response<CacheBody<ErasedBody>> {
        let response = serve::from_cache(&self.layer, &self.context, &cached, Outcome::Hit(tier));
        if is_due(&self.layer, &cached, self.layer.engine.clock.boot()) {
            self.refresh(StaleResponse::for_early_refresh(cached, tier));
        }
        response
    }

    fn serve_stale_and_refresh(self, stale: StaleResponse) -> Response<CacheBody<ErasedBody>> {
        let outcome = Outcome::Stale(stale.tier, StaleReason::WhileRevalidate);
        let response = serve::from_cache(&self.layer, &self.context, &stale.cached, outcome);
        self.refresh(stale);
        response
    }

    fn serve_stale(&self, stale: &StaleResponse, reason: StaleReason) -> Response<CacheBody<ErasedBody>> {
        let outcome = Outcome::Stale(stale.tier, reason);
        serve::from_cache(&self.layer, &self.context, &stale.cached, outcome)
    }

    fn refresh(self, stale: StaleResponse) {
        spawn_refresh(&self.layer, self.context, self.service, self.request, stale);
    }

    fn serve_collapsed(self, collapsed: Collapsed) -> Response<CacheBody<ErasedBody>> {
        let response = from_flight(&self.layer, &self.context, &collapsed);
        match collapsed.body {
            CollapsedBody::Followed(body) if self.service.get_ref().can_break_off() => {
                response.map(|_: CacheBody<ErasedBody>| self.into_body(body, Outcome::Miss(collapsed.reason)))
            }
            CollapsedBody::Unread(length) => {
                with_length_of_body(response, &collapsed.response.fields, length)
            }
            _ => response,
        }
    }

    /// Passes the request on to a layer further in, which handles it.
    async fn forward_nested(self) -> ErasedResult {
        record(&self.layer, &self.context, Outcome::Bypass(BypassReason::Nested));
        let response = self.service.ready().await?.call(self.request).await?;
        let response = apply_invalidation(&self.layer.engine, response).await;
        Ok(response.map(CacheBody::inner))
    }
}

/// Waits for one of the few permits of this key to run the handler.
///
/// The request has waited for others until `deadline`, and got nothing that it could use.
async fn wait_for_rerun(layer: &LayerState, context: &RequestContext, deadline: Instant) -> RerunPermit {
    let limits = &layer.policy.fill_limits;
    let deadline = deadline + rerun_wait(limits.head);
    layer.engine.reruns.wait_for_permit(context.flight_key(layer), limits.max_reruns, deadline).await
}

/// Returns the response that another request has stored meanwhile, if it is fresh.
async fn filled_meanwhile(
    layer: &LayerState,
    context: &RequestContext,
    reason: MissReason,
) -> Option<Collapsed> {
    let lookup = match look_in_memory(layer, context) {
        Lookup::Miss(reason, _) if !layer.http.memory.is_enabled() && !context.is_provisional => {
            lookup_shared(layer, context.lookup_key(), reason).await
        }
        lookup => lookup,
    };
    let Lookup::Fresh(response, tier) = lookup else { return None };
    Some(Collapsed { response, outcome: Outcome::Hit(tier), reason, body: CollapsedBody::Complete })
}

/// Serves the outcome of another request's fill.
fn from_flight<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    collapsed: &Collapsed,
) -> Response<CacheBody<B>> {
    let Collapsed { response, outcome, reason, .. } = collapsed;
    if !matches!(outcome, Outcome::Hit(_)) && context.purpose != Purpose::ResumeBody {
        layer.with_route(|| context.matched_path.as_deref(), |route| route.collapsed());
    }
    match outcome {
        Outcome::Hit(_) => serve::from_cache(layer, context, response, *outcome),
        Outcome::Stale(..) => {
            serve::stale_on_error(layer, context, response, *outcome, ForwardInfo::failed(None, true))
        }
        Outcome::Miss(_) | Outcome::Bypass(_) => {
            let forwarded = ForwardInfo { collapsed: true, ..ForwardInfo::default() };
            serve::collapsed(layer, context, response, Outcome::Miss(*reason), forwarded)
        }
    }
}

/// Corrects the length in a response to `HEAD` whose body has yet to arrive for other requests.
///
/// RFC 9110 §8.6: a server "MUST NOT send Content-Length in such a response unless its field value
/// equals the decimal number of octets that would have been sent" in the response to `GET`.
fn with_length_of_body<B: Body>(
    mut response: Response<CacheBody<B>>,
    stored: &StoredFields,
    length: Option<u64>,
) -> Response<CacheBody<B>> {
    let fields = response.headers_mut();
    if fields.contains_key(CONTENT_LENGTH) && stored.line(&CONTENT_LENGTH).is_none() {
        match length {
            Some(length) => fields.insert(CONTENT_LENGTH, HeaderValue::from(length)),
            None => fields.remove(CONTENT_LENGTH),
        };
    }
    response
}
