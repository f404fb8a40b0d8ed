//! What becomes of a request that waited for another one's fill.

use std::iter::once;
use std::sync::Arc;

use larder_core::http::reuse::{Reuse, reuse};
use larder_core::http::vary;
use larder_core::log::position::Position;
use larder_core::log::table::Verdict;
use larder_core::log::tail::Tail;
use larder_core::outcome::{MissReason, Outcome, StaleReason};
use larder_core::time::{Boot, Wall};

use crate::http::flight_event::{Flight, FlightOutcome};
use crate::http::layer_state::LayerState;
use crate::http::lookup::query_scope::QueryScope;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;

/// When a request joined, and how much of the log was known then.
#[derive(Clone, Copy)]
pub(super) struct Joining {
    pub(super) boot: Boot,
    pub(super) wall: Wall,
    pub(super) position: Position,
}

/// What a request makes of a flight that it waited for.
pub(super) enum Taken {
    /// It is served this.
    Served(Arc<CachedResponse>, Outcome),
    /// It runs the handler for itself.
    Alone,
    /// It is passed on to a layer further in.
    Nested,
    /// It begins anew.
    Anew,
    /// It begins anew elsewhere: the response answers other queries.
    Elsewhere,
}

/// What a request that waited makes of how the flight ended.
///
/// Rule 13: "If its position at joining differs from the flight's, it takes the outcome only if, when the flight ends,
/// the whole of rule 3 holds for the flight's position; else it starts anew." What the handler did not make in this flight
/// is always held against rule 3.
///
/// Of a body that is arriving, this is asked when its head has come and the request has joined, whichever is later, and not
/// at the flight's end. That is as strict for this request: the names, of which the handler gives some, come with the head
/// and do not change; what was invalidated before the request joined is in the table by then, as it was at the joining that
/// its position was read; and rows only grow, or are forgotten and raise the floor. What comes between this moment and the
/// end came after the request. (The check "when the flight ends" is one against the rows that are there, not against what
/// lies between two positions, and so is this.)
pub(super) fn taken(
    layer: &LayerState,
    context: &RequestContext,
    flight: &Flight,
    joined: Joining,
    ended: Option<&FlightOutcome>,
) -> Taken {
    let Some(ended) = ended else { return Taken::Anew };
    let miss = Outcome::Miss(MissReason::NeverStored);
    let (cached, outcome, stored) = match ended {
        FlightOutcome::NotShared => return Taken::Alone,
        FlightOutcome::Nested => return Taken::Nested,
        FlightOutcome::Stored(cached) => (cached, miss, true),
        FlightOutcome::AlreadyStored(cached, tier) => (cached, Outcome::Hit(*tier), true),
        FlightOutcome::HandlerFailedElsewhere(cached) if cached.meta.response_time < joined.wall => {
            return Taken::Anew;
        }
        FlightOutcome::HandlerFailed(cached) | FlightOutcome::HandlerFailedElsewhere(cached) => {
            (cached, miss, false)
        }
        FlightOutcome::ServedStale(stale) => {
            (&stale.cached, Outcome::Stale(stale.tier, StaleReason::IfError), false)
        }
    };
    let scope = context.scope.as_deref();
    if scope.is_some_and(|scope| !scope.is_answered_by(&cached.meta.key, &cached.headers)) {
        return Taken::Elsewhere;
    }
    let inner = &layer.engine;
    let now = inner.clock.boot();
    let names = once(&cached.meta.names).chain(scope.map(QueryScope::request_names));
    // What was validated is no younger than it was (rule 10), for this request too. A failure is of this moment.
    let is_of_now =
        matches!(ended, FlightOutcome::HandlerFailed(_) | FlightOutcome::HandlerFailedElsewhere(_));
    if !is_of_now && !inner.log.is_usable(cached.filled_at, joined.boot) {
        return Taken::Anew;
    }
    // What was found or validated may be older than the flight; a look that confirms it may have come with what refuses it.
    let is_filled = is_of_now || cached.filled_at == Some(flight.began);
    let same = joined.position == flight.position;
    let verdict = || {
        let verdicts = |tail: &Tail| {
            names.map(|names| tail.check(&cached.meta.position, names, now)).reduce(Verdict::and)
        };
        inner.log.read(verdicts).unwrap_or(Verdict::Refused)
    };
    let is_taken = match (same, is_filled) {
        (true, true) => true,
        (true, false) => verdict() != Verdict::Refused,
        (false, _) => verdict() == Verdict::Valid,
    };
    if !is_taken {
        return Taken::Anew;
    }
    if !vary::matches(&cached.meta.selecting, &context.headers) {
        return Taken::Anew;
    }
    let is_fresh =
        || matches!(reuse(&cached.candidate(Verdict::Valid, true, now), None), Reuse::Fresh { .. });
    if stored && !is_fresh() { Taken::Alone } else { Taken::Served(Arc::clone(cached), outcome) }
}
