//! The states of [`Miss`] without their effects, for explanations.
//!
//! The decisions are those of the states themselves. Only joining, leading and following a flight
//! have effects, and for these there are other steps here.

use std::ops::ControlFlow;
use std::sync::Arc;

use larder_core::outcome::{BypassReason, Outcome, StaleReason};

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::erased_service::{ErasedRequest, ErasedService};
use crate::http::explanation::answer::HandlerRun;
use crate::http::fill::refresh::would_refresh;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::credentials_reason;
use crate::http::lookup::only_if_cached::is_only_if_cached;
use crate::http::lookup::request_context::RequestContext;
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::lead::{Joining, Recheck, recheck};
use crate::http::miss::step::{Ending, Fallback, Step};
use crate::http::miss::{Miss, look_in_memory, only_stored};
use crate::http::ready_service::ReadyService;

/// The outcome that a request would have.
pub(crate) struct Foreseen {
    pub(crate) outcome: Outcome,
    /// The outcome if the handler fails, if that is another one.
    pub(crate) on_error: Option<Outcome>,
    pub(crate) handler: HandlerRun,
}

impl Foreseen {
    /// Returns the outcome of a request that the handler answers.
    pub(crate) const fn by_handler(outcome: Outcome) -> Self {
        Self { outcome, on_error: None, handler: HandlerRun::Yes }
    }

    /// Returns the outcome of a request for which the handler does not run.
    pub(crate) const fn without_handler(outcome: Outcome) -> Self {
        Self { outcome, on_error: None, handler: HandlerRun::No }
    }
}

/// Returns what [`handle_miss`](super::handle_miss) would do with a request, and does nothing.
///
/// The [purpose](crate::http::lookup::request_context::Purpose) of the context must be an
/// explanation, so that lookups leave no trace.
pub(crate) async fn foresee_miss(
    layer: Arc<LayerState>,
    service: ErasedService,
    request: ErasedRequest,
    mut context: RequestContext,
    lookup: Lookup,
) -> Foreseen {
    spawn_follower(&layer.engine);
    if is_only_if_cached(&layer, &context.headers) {
        return Foreseen::without_handler(only_stored::decide(&layer, &mut context, lookup).await.1);
    }
    match credentials_reason(context.traits.credentials) {
        Some(reason) => Foreseen::by_handler(Outcome::Bypass(reason)),
        None => Miss::new(layer, ReadyService::new(service), request, context, 0).foresee(lookup).await,
    }
}

impl Miss {
    async fn foresee(mut self, lookup: Lookup) -> Foreseen {
        let mut step = Step::Evaluate(lookup);
        loop {
            step = match step {
                Step::Evaluate(lookup) => self.evaluate(lookup),
                Step::LookUpRange(reason) => self.look_up_range(reason).await,
                Step::Join(fallback) => match self.foresee_join(fallback).await {
                    ControlFlow::Continue(step) => step,
                    ControlFlow::Break(foreseen) => return foreseen,
                },
                Step::Done(ending) => return self.foresee_ending(&ending),
                // No flight is joined, so these do not come.
                Step::Lead(_, fallback) => return Foreseen::by_handler(Outcome::Miss(fallback.reason)),
                Step::Follow(seat) => return Foreseen::by_handler(Outcome::Miss(seat.reason)),
                Step::Settle(wait) => return Foreseen::by_handler(Outcome::Miss(wait.seat.reason)),
            };
        }
    }

    /// Looks for a flight that the request would join, or else does what its leader would do.
    async fn foresee_join(&mut self, fallback: Fallback) -> ControlFlow<Foreseen, Step> {
        let joining = Joining::now(&self.layer);
        let key = self.context.flight_key(&self.layer);
        let flight = self.layer.http.flights.peek(&key);
        if flight.is_some_and(|flight| joining.may_join(&self.layer, &self.context, &flight)) {
            let has_failed = self.has_failed(&fallback);
            return match fallback.stale {
                Some(stale) if has_failed => {
                    ControlFlow::Continue(Step::Done(Ending::ServeStale(stale, StaleReason::IfError)))
                }
                stale => ControlFlow::Break(Foreseen {
                    outcome: Outcome::Miss(fallback.reason),
                    on_error: self.on_error(stale.as_ref()),
                    handler: HandlerRun::Shared,
                }),
            };
        }
        let fallback = match recheck(&self.layer, &self.context, fallback).await {
            Recheck::Found(lookup) => return ControlFlow::Continue(Step::Evaluate(lookup)),
            Recheck::StillMissing(fallback, _) => fallback,
        };
        if self.context.follow_redirect(&self.layer) {
            return ControlFlow::Continue(Step::Evaluate(look_in_memory(&self.layer, &self.context)));
        }
        ControlFlow::Break(Foreseen {
            on_error: self.on_error(fallback.stale.as_ref()),
            ..Foreseen::by_handler(Outcome::Miss(fallback.reason))
        })
    }

    fn foresee_ending(&self, ending: &Ending) -> Foreseen {
        match ending {
            Ending::Serve(_, tier) => Foreseen::without_handler(Outcome::Hit(*tier)),
            Ending::ServeStaleAndRefresh(stale) => Foreseen {
                handler: match would_refresh(&self.layer, &self.context, stale) {
                    true => HandlerRun::Background,
                    false => HandlerRun::No,
                },
                ..Foreseen::without_handler(Outcome::Stale(stale.tier, StaleReason::WhileRevalidate))
            },
            Ending::ServeStale(stale, reason) => {
                Foreseen::without_handler(Outcome::Stale(stale.tier, *reason))
            }
            Ending::ServeCollapsed(collapsed) => Foreseen::without_handler(collapsed.outcome),
            Ending::Fill(plan) => {
                Foreseen { on_error: self.on_error(plan.stale()), ..Foreseen::by_handler(plan.outcome()) }
            }
            Ending::Rerun(reason) => Foreseen::by_handler(Outcome::Miss(*reason)),
            Ending::ForwardNested => Foreseen::by_handler(Outcome::Bypass(BypassReason::Nested)),
        }
    }

    /// Returns the outcome if the handler fails and this stale response is served instead.
    fn on_error(&self, stale: Option<&StaleResponse>) -> Option<Outcome> {
        let stale = stale.filter(|stale| may_serve_on_error(&self.layer, &self.context, stale))?;
        Some(Outcome::Stale(stale.tier, StaleReason::IfError))
    }
}
