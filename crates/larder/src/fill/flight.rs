//! Flights: requests that wait for one fill together.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use larder_core::log::position::Position;
use larder_core::outcome::Tier;
use larder_core::time::Boot;

use crate::memory::Stale;
use crate::memory::held::Held;
use crate::sync::{Mutex, MutexGuard, watch};

/// What a flight ended with, for those who waited.
#[derive(Clone)]
pub(crate) enum Ended {
    /// A response that was stored.
    Stored(Arc<Held>),
    /// A response that was found in this tier, so that the handler did not run.
    Found(Arc<Held>, Tier),
    /// A response of a handler that failed. It is not stored, but whoever waited for it has asked at the same time, and
    /// asking the handler again for each of them would only make its trouble worse.
    Failed(Arc<Held>),
    /// A stale response, because the handler failed (RFC 5861 §4).
    Stale(Stale),
    /// What the handler made is not for others: everybody for themselves, at once.
    Alone,
}

/// The flights of a cache: at most one for each key and variant.
#[derive(Default)]
pub(crate) struct Flights {
    under_way: Arc<Mutex<HashMap<FlightKey, Arc<Flight>>>>,
}

/// An encoded cache key, and the digest of a variant where the fields that responses vary on are known.
pub(crate) type FlightKey = (Box<str>, u128);

/// A fill that others may wait for.
pub(crate) struct Flight {
    /// When it began, and how much of the log was known then.
    pub(crate) began: Boot,
    pub(crate) position: Position,
    ended: watch::Receiver<Option<Ended>>,
}

/// What a request is in a flight.
pub(crate) enum Joined {
    /// The one that everybody waits for.
    Lead(Lead),
    /// One that waits.
    Wait(Arc<Flight>),
}

impl Flights {
    /// Joins the flight for this key, or begins one, if there is none that `may_join` allows to join.
    pub(crate) fn join(
        &self,
        key: FlightKey,
        now: Boot,
        position: Position,
        may_join: impl Fn(&Flight) -> bool,
    ) -> Joined {
        let mut under_way = lock(&self.under_way);
        match under_way.get(&key) {
            Some(flight) if may_join(flight) => Joined::Wait(Arc::clone(flight)),
            _ => Joined::Lead(self.begin(&mut under_way, key, now, position)),
        }
    }

    /// Begins a flight, unless one is under way: for who would not wait.
    pub(crate) fn lead(&self, key: FlightKey, now: Boot, position: Position) -> Option<Lead> {
        let mut under_way = lock(&self.under_way);
        (!under_way.contains_key(&key)).then(|| self.begin(&mut under_way, key, now, position))
    }

    fn begin(
        &self,
        under_way: &mut HashMap<FlightKey, Arc<Flight>>,
        key: FlightKey,
        began: Boot,
        position: Position,
    ) -> Lead {
        let (ends, ended) = watch::channel(None);
        let flight = Arc::new(Flight { began, position, ended });
        under_way.insert(key.clone(), Arc::clone(&flight));
        Lead { under_way: Arc::clone(&self.under_way), key, flight, ends }
    }
}

impl Flight {
    /// Waits for its end; `None` if it came to none, because its leader failed, panicked or was dropped.
    pub(crate) async fn ended(&self) -> Option<Ended> {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(Option::is_some).await.ok()?;
        end.clone()
    }
}

/// The lead of a flight. Dropping it without an end hands the flight over: those who wait begin a new one.
pub(crate) struct Lead {
    under_way: Arc<Mutex<HashMap<FlightKey, Arc<Flight>>>>,
    key: FlightKey,
    flight: Arc<Flight>,
    ends: watch::Sender<Option<Ended>>,
}

impl Lead {
    /// When the flight began, and how much of the log was known then.
    pub(crate) const fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Ends the flight. Whoever comes from now on finds what was stored, or begins a new one.
    pub(crate) fn end(self, end: Ended) {
        self.leave();
        self.tell(end);
    }

    /// Tells how the flight ends, to those who wait and to those who join until the lead is dropped.
    pub(crate) fn tell(&self, end: Ended) {
        self.ends.send_replace(Some(end));
    }

    fn leave(&self) {
        let mut under_way = lock(&self.under_way);
        // One that could not be joined any more has been replaced.
        if under_way.get(&self.key).is_some_and(|known| Arc::ptr_eq(known, &self.flight)) {
            under_way.remove(&self.key);
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.leave();
    }
}

fn lock(
    under_way: &Mutex<HashMap<FlightKey, Arc<Flight>>>,
) -> MutexGuard<'_, HashMap<FlightKey, Arc<Flight>>> {
    under_way.lock().unwrap_or_else(PoisonError::into_inner)
}
