//! A miss: a request that memory alone could not answer, on its way to a response.
//!
//! [`Miss`] is a state machine. Each [`Step`] has a method that returns the next one.
//!
//! ```text
//!              ┌──────── retry / redirect / found ─────────────────────────┐
//!              ▼                                                           │
//!  Evaluate ──┬─ fresh, stale-while-revalidate, hit-for-miss ──► Done      │
//!             ├─ range, not looked up yet ──► LookUpRange ──► Evaluate     │
//!             ├─ range, looked up ─────────► Done(Fill)                    │
//!             └─ nothing usable ──► Join ─┬─ leader ──► Lead ─┬─ granted ──► Done(Fill)
//!                                         │                   ├─ found / redirect ──┘
//!                                         │                   └─ filled elsewhere ──┐
//!                                         └─ follower ─► Follow ──► Settle ◄────────┘
//!                                                         │          └─► Done or Evaluate
//!                                                         └─ too late ──► Done(Rerun)
//! ```

mod bypass;
mod evaluate;
mod finish;
mod follow;
pub(crate) mod foresee;
mod lead;
mod only_stored;
mod settle;
mod step;
mod store_only;

use std::sync::Arc;

use larder_core::outcome::Outcome;
use tokio::time::Instant;

pub(crate) use bypass::{bypass, fill_ignoring_stored};
pub(crate) use store_only::answer_from_store;

use self::step::{Ending, RangeBase, Step};
use crate::engine::coalesce::wait_limits::follower_wait;
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::http::encode::await_form::CodedOnly;
use crate::http::erased_service::{ErasedRequest, ErasedResult, ErasedService};
use crate::http::fill::FillPlan;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::credentials_reason;
use crate::http::lookup::equivalent::lookup_memory_for;
use crate::http::lookup::only_if_cached::is_only_if_cached;
use crate::http::lookup::request_context::RequestContext;
use crate::http::ready_service::ReadyService;

/// Maximum number of retries after a flight that was of no use to the request.
///
/// Each retry may cost one run of a handler that fails. Without a limit, the last of many requests
/// would wait for all of them in turn.
const MAX_RETRIES: usize = 2;

/// A request that the memory tier alone could not answer.
pub(super) struct Miss {
    layer: Arc<LayerState>,
    service: ReadyService<ErasedService>,
    request: ErasedRequest,
    context: RequestContext,
    /// The number of flights that this request waited for and could not use.
    retries: usize,
    /// The stored part for a request for ranges. `None` until the shared tier was looked up.
    range_base: Option<RangeBase>,
    /// The end of the time that this request may wait for other requests.
    deadline: Instant,
}

/// Answers a request that memory has no fresh response for.
pub(crate) async fn handle_miss(
    layer: Arc<LayerState>,
    service: ErasedService,
    request: ErasedRequest,
    mut context: RequestContext,
    lookup: Lookup,
) -> ErasedResult {
    spawn_follower(&layer.engine);
    if is_only_if_cached(&layer, &context.headers) {
        return Ok(only_stored::answer_only_if_cached(&layer, &mut context, lookup).await);
    }
    let bypass = credentials_reason(context.traits.credentials).map(Outcome::Bypass);
    let coded_only = CodedOnly::of(&layer, &context);
    let mut miss = Miss::new(layer, ReadyService::new(service), request, context, 0);
    let ending = match bypass {
        Some(outcome) => Ending::Fill(FillPlan::alone(None, outcome)),
        None => miss.run(lookup).await,
    };
    let answer = miss.finish(ending).await;
    match coded_only {
        None => answer,
        Some(request) => Box::pin(async move { Ok(request.code(answer?).await) }).await,
    }
}

impl Miss {
    pub(super) fn new(
        layer: Arc<LayerState>,
        service: ReadyService<ErasedService>,
        request: ErasedRequest,
        context: RequestContext,
        retries: usize,
    ) -> Self {
        let deadline = Instant::now() + follower_wait(layer.policy.fill_limits.head);
        Self { layer, service, request, context, retries, range_base: None, deadline }
    }

    /// Runs the steps, from what is known about the response to the ending.
    async fn run(&mut self, lookup: Lookup) -> Ending {
        let mut step = Step::Evaluate(lookup);
        loop {
            step = match step {
                Step::Evaluate(lookup) => self.evaluate(lookup),
                Step::LookUpRange(reason) => self.look_up_range(reason).await,
                Step::Join(fallback) => self.join(fallback),
                Step::Lead(leader, fallback) => self.lead(leader, fallback).await,
                Step::Follow(seat) => self.follow(seat).await,
                Step::Settle(wait) => self.settle(wait),
                Step::Done(ending) => return ending,
            };
        }
    }

    /// Answers a request once more, for the rest of a body that broke off.
    ///
    /// This counts as a retry.
    pub(super) async fn resume(mut self, outcome: Outcome) -> ErasedResult {
        let ending = if self.retries == MAX_RETRIES {
            Ending::Fill(FillPlan::alone(None, outcome))
        } else {
            self.retries += 1;
            let lookup = look_in_memory(&self.layer, &self.context);
            self.run(lookup).await
        };
        self.finish(ending).await
    }
}

/// Looks the response up in memory, as of now.
fn look_in_memory(layer: &LayerState, context: &RequestContext) -> Lookup {
    lookup_memory_for(layer, context.lookup_key(), layer.engine.clock.boot())
}
