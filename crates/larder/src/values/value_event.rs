//! The events of a flight that loads a value.

use std::sync::Arc;

use larder_core::outcome::{StaleReason, Tier};

use crate::engine::coalesce::flight::{self, FlightEvent, FlightGroup, Leader, Role};
use crate::values::cached_value::{CachedValue, StaleValue};
use crate::values::load_error::SharedError;

pub(super) type ValueFlights<V> = FlightGroup<ValueOutcome<V>>;
pub(super) type ValueFlight<V> = flight::Flight<ValueOutcome<V>>;
pub(super) type ValueLeader<V> = Leader<ValueOutcome<V>>;
pub(super) type ValueRole<V> = Role<ValueOutcome<V>>;

/// How a flight ended.
pub(super) enum ValueOutcome<V> {
    /// The load returned this value or absence, on this instance or on another one.
    Loaded(Arc<CachedValue<V>>),
    /// The value was found in a tier.
    AlreadyStored(Arc<CachedValue<V>>, Tier),
    /// The load failed.
    Failed(SharedError),
    /// The load failed or was slow, and this value is served instead.
    ServedStale(StaleValue<V>, StaleReason),
    /// Another instance loaded a value that it did not share. Each follower loads at once.
    NotShared,
    /// The load of another instance failed. Few followers load at the same time.
    FailureNotShared,
}

impl<V> Clone for ValueOutcome<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Loaded(cached) => Self::Loaded(Arc::clone(cached)),
            Self::AlreadyStored(cached, tier) => Self::AlreadyStored(Arc::clone(cached), *tier),
            Self::Failed(error) => Self::Failed(Arc::clone(error)),
            Self::ServedStale(stale, reason) => Self::ServedStale(stale.clone(), *reason),
            Self::NotShared => Self::NotShared,
            Self::FailureNotShared => Self::FailureNotShared,
        }
    }
}

/// A flight of values has one event, its end.
impl<V> FlightEvent for ValueOutcome<V> {
    fn is_final(&self) -> bool {
        true
    }

    fn is_aborted(&self) -> bool {
        false
    }
}
