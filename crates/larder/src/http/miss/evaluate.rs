//! Deciding what to do with what is known about a response.

use std::sync::Arc;

use larder_core::outcome::{MissReason, Outcome, StaleReason};

use crate::engine::failure_table::Retry;
use crate::http::fill::FillPlan;
use crate::http::lookup::Lookup;
use crate::http::lookup::equivalent::lookup_shared;
use crate::http::lookup::request_context::Purpose;
use crate::http::lookup::reuse::may_serve_on_error;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::miss::step::{Ending, Fallback, RangeBase, Step};
use crate::http::miss::{Miss, look_in_memory};

impl Miss {
    /// Decides what to do with what is known about the response.
    pub(super) fn evaluate(&mut self, lookup: Lookup) -> Step {
        let fallback = match lookup {
            Lookup::Fresh(response, tier) => return Step::Done(Ending::Serve(response, tier)),
            Lookup::Stale(stale) if stale.while_revalidate => {
                return Step::Done(Ending::ServeStaleAndRefresh(stale));
            }
            Lookup::Stale(stale) if self.should_retry_later(&stale) => {
                return Step::Done(Ending::ServeStale(stale, StaleReason::IfError));
            }
            Lookup::Stale(stale) if self.is_hit_for_miss(&stale) => {
                let outcome = Outcome::Miss(stale.reason);
                return Step::Done(Ending::Fill(FillPlan::alone(Some(stale), outcome)));
            }
            Lookup::HitForMiss => {
                let outcome = Outcome::Miss(MissReason::HitForMiss);
                return Step::Done(Ending::Fill(FillPlan::alone(None, outcome)));
            }
            Lookup::Stale(stale) => Fallback::with(stale),
            Lookup::Partial(_) => Fallback::without(MissReason::Partial),
            Lookup::Miss(reason, seen) => Fallback { seen, ..Fallback::without(reason) },
        };
        if !self.context.traits.range || fallback.stale.is_some() {
            return Step::Join(fallback);
        }
        // A stored part may be from before a layer further in handled this route.
        let base = if self.context.is_provisional { Some(RangeBase(None)) } else { self.range_base.take() };
        match base {
            Some(RangeBase(base)) => Step::Done(Ending::Fill(FillPlan::range(base, fallback.reason))),
            None => Step::LookUpRange(fallback.reason),
        }
    }

    /// Whether the handler has failed a moment ago, so that the stale response is served at once.
    fn should_retry_later(&self, stale: &StaleResponse) -> bool {
        may_serve_on_error(&self.layer, &self.context, stale)
            && match self.context.purpose {
                Purpose::Explain => self.layer.would_retry(&stale.cached),
                _ => self.layer.may_retry(&stale.cached),
            } == Retry::NotDue
    }

    fn is_hit_for_miss(&self, stale: &StaleResponse) -> bool {
        stale.cached.is_hit_for_miss(self.layer.engine.clock.boot())
    }

    /// Looks a request for ranges up in the shared tier.
    ///
    /// If nothing is there, the handler gets the request as it is, as a large representation could
    /// never be stored as a whole. No other request waits for the response: it may have just this
    /// part, which is of no use to others.
    pub(super) async fn look_up_range(&mut self, reason: MissReason) -> Step {
        let lookup = match reason {
            // The store failed a moment ago. Another attempt could cost one more delay.
            MissReason::StoreError => Lookup::Miss(reason, None),
            _ => lookup_shared(&self.layer, self.context.lookup_key(), reason).await,
        };
        if matches!(lookup, Lookup::Miss(..)) && self.context.follow_redirect(&self.layer) {
            return Step::Evaluate(look_in_memory(&self.layer, &self.context));
        }
        self.range_base = Some(RangeBase(match &lookup {
            Lookup::Partial(base) => Some(Arc::clone(base)),
            _ => None,
        }));
        Step::Evaluate(lookup)
    }
}
