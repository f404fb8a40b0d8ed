//! Deciding whether a request may use the outcome of a flight that it waited for.

use std::iter::once;
use std::sync::Arc;

use larder_core::http::reuse::{Reuse, reuse};
use larder_core::http::vary;
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::Tail;
use larder_core::outcome::{MissReason, Outcome};

use crate::http::fill::FillPlan;
use crate::http::flight_event::FlightOutcome;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::query_scope::QueryScope;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::miss::step::{Collapsed, Ending, Seat, Step, Wait};
use crate::http::miss::{MAX_RETRIES, Miss, look_in_memory};

/// The decision about a flight's outcome.
enum Settled {
    /// Serve it.
    Serve(Arc<CachedResponse>, Outcome),
    /// Run the handler for this request alone.
    FillAlone,
    /// Run the handler for this request alone, once few others do so.
    Rerun,
    /// Leave the request to a layer further in.
    ForwardNested,
    /// Start over.
    Retry,
    /// Start over under another key, as the response answers other queries.
    RetryElsewhere,
}

/// A response that a flight ended with.
struct Candidate<'a> {
    response: &'a Arc<CachedResponse>,
    outcome: Outcome,
    source: Source,
}

/// Where a candidate comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It is stored.
    Stored,
    /// The handler failed during the flight.
    Failure,
    /// It was stored, and is served because the handler failed.
    StaleOnError,
}

impl Miss {
    /// Decides whether this request may use the outcome of the flight that it waited for.
    pub(super) fn settle(&mut self, wait: Wait) -> Step {
        let reason = wait.seat.reason;
        match settled(&self.layer, &self.context, &wait.seat, wait.outcome.as_ref()) {
            Settled::Serve(response, outcome) => {
                Step::Done(Ending::ServeCollapsed(Collapsed { response, outcome, reason, body: wait.body }))
            }
            Settled::FillAlone => self.fill_alone(reason),
            Settled::Rerun => Step::Done(Ending::Rerun(reason)),
            Settled::ForwardNested => Step::Done(Ending::ForwardNested),
            Settled::Retry | Settled::RetryElsewhere if self.retries == MAX_RETRIES => {
                Step::Done(Ending::Rerun(reason))
            }
            Settled::Retry => {
                self.context.follow_redirect(&self.layer);
                self.retry()
            }
            Settled::RetryElsewhere => {
                self.context.leave_scope(&self.layer);
                self.retry()
            }
        }
    }

    /// Runs the handler for this request alone. A response that is never fresh may be validated.
    fn fill_alone(&self, reason: MissReason) -> Step {
        let stale = match look_in_memory(&self.layer, &self.context) {
            Lookup::Stale(stale) if !stale.while_revalidate => Some(stale),
            _ => None,
        };
        Step::Done(Ending::Fill(FillPlan::alone(stale, Outcome::Miss(reason))))
    }

    fn retry(&mut self) -> Step {
        self.retries += 1;
        Step::Evaluate(look_in_memory(&self.layer, &self.context))
    }
}

/// Decides about the outcome of a flight.
fn settled(
    layer: &LayerState,
    context: &RequestContext,
    seat: &Seat,
    outcome: Option<&FlightOutcome>,
) -> Settled {
    let miss = Outcome::Miss(MissReason::NeverStored);
    let candidate = |response, outcome, source| Candidate { response, outcome, source };
    let candidate = match outcome {
        None => return Settled::Retry,
        Some(FlightOutcome::NotShared) => return Settled::FillAlone,
        Some(FlightOutcome::FailureNotShared) => return Settled::Rerun,
        Some(FlightOutcome::Nested) => return Settled::ForwardNested,
        Some(FlightOutcome::HandlerFailedElsewhere(response))
            if response.meta.response_time < seat.joined_at.wall =>
        {
            return Settled::Retry;
        }
        Some(FlightOutcome::HandlerFailed(response) | FlightOutcome::HandlerFailedElsewhere(response)) => {
            candidate(response, miss, Source::Failure)
        }
        Some(FlightOutcome::Stored(response)) => candidate(response, miss, Source::Stored),
        Some(FlightOutcome::AlreadyStored(response, tier)) => {
            candidate(response, Outcome::Hit(*tier), Source::Stored)
        }
        Some(FlightOutcome::ServedStale(stale, reason)) => {
            let outcome = Outcome::Stale(stale.tier, *reason);
            candidate(&stale.cached, outcome, Source::StaleOnError)
        }
    };
    settled_with(layer, context, seat, &candidate)
}

/// Decides about a response that a flight ended with.
fn settled_with(
    layer: &LayerState,
    context: &RequestContext,
    seat: &Seat,
    candidate: &Candidate<'_>,
) -> Settled {
    let response = candidate.response;
    let scope = context.scope.as_deref();
    if scope.is_some_and(|scope| !scope.is_answered_by(&response.meta.key, &response.fields.to_table())) {
        return Settled::RetryElsewhere;
    }
    if !is_allowed_by_log(layer, context, seat, candidate)
        || !vary::matches(response.meta.selecting(), &context.headers)
    {
        return Settled::Retry;
    }
    let now = layer.engine.clock.boot();
    let is_of_use = || {
        let reuse = reuse(&response.candidate(Verdict::Valid, true, now), None);
        matches!(reuse, Reuse::Fresh { .. } | Reuse::Stale { while_revalidate: true, .. })
    };
    if candidate.source == Source::Stored && !is_of_use() {
        return Settled::FillAlone;
    }
    Settled::Serve(Arc::clone(response), candidate.outcome)
}

/// Whether the log allows this request to use the response.
///
/// Rule 13: "If its position at joining differs from the flight's, it takes the outcome only if,
/// when the flight ends, the whole of rule 3 holds for the flight's position". Otherwise the
/// request begins again. A response that the handler did not make in this flight is always checked
/// against rule 3.
///
/// For a body that is still arriving, the check is not made at the flight's end. It is made when
/// the head is there and the request has joined, whichever is later. That is as strict for this
/// request. The names, some of which the handler gives, come with the head and do not change. An
/// event from before the request joined is in the table by then, as it was when the request read
/// its position. Rows only grow, or are forgotten and raise the floor. Events between this moment
/// and the flight's end came after the request. (The check "when the flight ends" is one against
/// the rows that are there, not against the events between two positions, and so is this.)
fn is_allowed_by_log(
    layer: &LayerState,
    context: &RequestContext,
    seat: &Seat,
    candidate: &Candidate<'_>,
) -> bool {
    let (log, response, now) = (&layer.engine.log, candidate.response, layer.engine.clock.boot());
    let is_failure = candidate.source == Source::Failure;
    // A validated response is no younger than it was (rule 10), for this request too. A failure is
    // of this moment.
    if !is_failure && !log.is_usable(response.filled_at, seat.joined_at.boot) {
        return false;
    }
    let verdict = || {
        let names = once(&response.meta.names).chain(context.scope.as_deref().map(QueryScope::request_names));
        let check = |tail: &Tail| {
            names.map(|names| tail.check(&response.meta.position, names, now)).reduce(Verdict::and)
        };
        log.read(check).unwrap_or(Verdict::Refused)
    };
    // A response that was found or validated may be older than the flight. A poll that confirms it
    // may have come with the event that refuses it.
    let is_filled = is_failure || response.filled_at == Some(seat.flight.began);
    match (seat.joined_at.position == seat.flight.position, is_filled) {
        (true, true) => true,
        (true, false) => verdict() != Verdict::Refused,
        (false, _) => verdict() == Verdict::Valid,
    }
}
