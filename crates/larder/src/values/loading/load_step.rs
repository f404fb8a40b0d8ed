//! The steps of a request for a value that is loaded if it has to be.

use std::sync::Arc;

use larder_core::invalidation::position::Position;
use larder_core::outcome::{MissReason, Outcome, StaleReason};
use larder_core::time::BootTime;

use crate::engine::lease::Lease;
use crate::values::cached_value::{CachedValue, StaleValue};
use crate::values::load_error::Failure;
use crate::values::value_event::{ValueFlight, ValueLeader, ValueOutcome};
use crate::values::value_lookup::ValueLookup;

/// The next step of a request.
pub(super) enum LoadStep<V> {
    /// Decide what to do with what is known about the value.
    Evaluate(ValueLookup<V>),
    /// Join the flight for the key, or begin one.
    Join(LoadFallback<V>),
    /// Lead the flight: look once more, then claim the load.
    Lead(ValueLeader<V>, LoadFallback<V>),
    /// Wait for the flight of another request.
    Follow(FlightSeat<V>),
    /// Decide whether this request may use the outcome of a flight.
    Settle(FlightSeat<V>, Option<ValueOutcome<V>>),
    /// Answer the request.
    Done(LoadEnding<V>),
}

/// Why a load is needed, and what may be served if it fails.
pub(super) struct LoadFallback<V> {
    pub(super) reason: MissReason,
    pub(super) stale: Option<StaleValue<V>>,
}

impl<V> LoadFallback<V> {
    /// Returns the fallback of a load that replaces this stale value.
    pub(super) const fn with(stale: StaleValue<V>) -> Self {
        Self { reason: stale.reason, stale: Some(stale) }
    }

    /// Returns the fallback of a load without a stale value.
    pub(super) const fn without(reason: MissReason) -> Self {
        Self { reason, stale: None }
    }
}

/// A follower of a flight.
pub(super) struct FlightSeat<V> {
    pub(super) flight: Arc<ValueFlight<V>>,
    /// The moment at which the request joined the flight.
    pub(super) joined_at: BootTime,
    /// The position in the log at that moment.
    pub(super) position: Position,
    pub(super) reason: MissReason,
    pub(super) stale: Option<StaleValue<V>>,
}

/// How a request is answered.
pub(super) enum LoadEnding<V> {
    /// With a value that was found, or that another request loaded.
    Serve(Served<V>),
    /// With a stale value, which the loader refreshes in the background.
    Refresh(StaleValue<V>),
    /// With the error of another load.
    Fail(Failure, MissReason),
    /// With the result of a load.
    Load(LoadPlan<V>),
    /// With the result of a load, once few other requests load the value at the same time.
    Rerun(MissReason),
}

/// A value that answers a request without a load of its own.
pub(super) struct Served<V> {
    pub(super) cached: Arc<CachedValue<V>>,
    pub(super) outcome: Outcome,
    /// Whether another request's load brought it.
    pub(super) is_collapsed: bool,
}

impl<V> LoadEnding<V> {
    /// Returns the ending with a value that a tier has.
    pub(super) const fn found(cached: Arc<CachedValue<V>>, outcome: Outcome) -> Self {
        Self::Serve(Served { cached, outcome, is_collapsed: false })
    }

    /// Returns the ending with a stale value.
    pub(super) fn stale(stale: StaleValue<V>, reason: StaleReason) -> Self {
        let outcome = Outcome::Stale(stale.tier, reason);
        Self::found(stale.cached, outcome)
    }
}

/// Everything that a load needs to know.
pub(super) struct LoadPlan<V> {
    pub(super) leader: Option<ValueLeader<V>>,
    pub(super) lease: Option<Lease>,
    /// The value that is served if the load fails.
    pub(super) stale: Option<StaleValue<V>>,
    pub(super) outcome: Outcome,
}

impl<V> LoadPlan<V> {
    /// Returns the plan of a load that no other request waits for.
    pub(super) const fn alone(stale: Option<StaleValue<V>>, outcome: Outcome) -> Self {
        Self { leader: None, lease: None, stale, outcome }
    }
}
