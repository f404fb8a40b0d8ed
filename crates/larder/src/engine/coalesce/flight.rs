//! Flights: requests that wait for one fill together.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use larder_core::log::position::Position;
use larder_core::time::Boot;

use crate::engine::coalesce::client_count::ClientCount;
use crate::engine::sync::{Mutex, MutexGuard, watch};

/// A piece of news about a flight, for its followers.
pub(crate) trait FlightEvent: Clone {
    /// Whether nothing follows it.
    fn is_final(&self) -> bool;

    /// Whether its flight failed after it was announced, so that followers have to wait for the end.
    fn is_aborted(&self) -> bool;
}

/// The flights of a cache: at most one for each key and variant.
pub(crate) struct FlightGroup<E> {
    flights: Arc<Mutex<Table<E>>>,
}

type Table<E> = HashMap<FlightKey, Arc<Flight<E>>>;

/// An encoded cache key, and the digest of a variant where the fields that responses vary on are known.
pub(crate) type FlightKey = (Box<str>, u128);

/// A fill that others may wait for.
pub(crate) struct Flight<E> {
    /// When it began.
    pub(crate) began: Boot,
    /// The position of the log at that moment.
    pub(crate) position: Position,
    /// The clients that wait for it.
    pub(crate) clients: Arc<ClientCount>,
    events: watch::Receiver<Option<E>>,
}

/// The role of a request in a flight.
pub(crate) enum Role<E> {
    /// It runs the handler.
    Leader(Leader<E>),
    /// It waits for the leader.
    Follower(Arc<Flight<E>>),
}

impl<E> Default for FlightGroup<E> {
    fn default() -> Self {
        Self { flights: Arc::default() }
    }
}

impl<E: FlightEvent> FlightGroup<E> {
    /// Joins the flight for this key, or begins one, if there is none that `may_join` allows to join.
    pub(crate) fn join(
        &self,
        key: FlightKey,
        now: Boot,
        position: Position,
        may_join: impl Fn(&Flight<E>) -> bool,
    ) -> Role<E> {
        let mut flights = lock(&self.flights);
        match flights.get(&key) {
            Some(flight) if may_join(flight) => Role::Follower(Arc::clone(flight)),
            _ => Role::Leader(self.insert(&mut flights, key, now, position)),
        }
    }

    /// Begins a flight. `None` if there is one for this key: for a caller that would not wait.
    pub(crate) fn try_lead(&self, key: FlightKey, now: Boot, position: Position) -> Option<Leader<E>> {
        let mut flights = lock(&self.flights);
        (!flights.contains_key(&key)).then(|| self.insert(&mut flights, key, now, position))
    }

    fn insert(&self, flights: &mut Table<E>, key: FlightKey, began: Boot, position: Position) -> Leader<E> {
        let (sender, events) = watch::channel(None);
        let flight = Arc::new(Flight { began, position, clients: ClientCount::new(), events });
        flights.insert(key.clone(), Arc::clone(&flight));
        Leader { flights: Arc::clone(&self.flights), key, flight, events: sender }
    }
}

impl<E: FlightEvent> Flight<E> {
    /// Waits for its final event. `None` if there is none, because its leader failed, panicked or was dropped.
    pub(crate) async fn finished(&self) -> Option<E> {
        self.wait_for(|event| event.as_ref().is_some_and(E::is_final)).await
    }

    /// Waits for its next event. `None` as for [`finished`](Self::finished).
    pub(crate) async fn next_event(&self) -> Option<E> {
        match self.wait_for(Option::is_some).await? {
            event if event.is_aborted() => self.finished().await,
            event => Some(event),
        }
    }

    async fn wait_for(&self, is_it: impl FnMut(&Option<E>) -> bool) -> Option<E> {
        let mut events = self.events.clone();
        let event = events.wait_for(is_it).await.ok()?;
        event.clone()
    }

    /// Returns its latest event.
    pub(crate) fn latest(&self) -> Option<E> {
        self.events.borrow().clone()
    }
}

/// Marks the request that runs the handler for a flight.
///
/// If it is dropped before [`finish`](Self::finish), the flight is abandoned and its followers elect a new leader.
pub(crate) struct Leader<E> {
    flights: Arc<Mutex<Table<E>>>,
    key: FlightKey,
    flight: Arc<Flight<E>>,
    events: watch::Sender<Option<E>>,
}

impl<E> Leader<E> {
    /// Returns the flight that it leads.
    pub(crate) const fn flight(&self) -> &Arc<Flight<E>> {
        &self.flight
    }

    /// Ends the flight. A request that comes later finds what was stored, or begins a new flight.
    pub(crate) fn finish(self, event: impl Into<E>) {
        self.remove();
        self.announce(event);
    }

    /// Sends an event to the followers, and to requests that join before the leader is dropped.
    pub(crate) fn announce(&self, event: impl Into<E>) {
        self.events.send_replace(Some(event.into()));
    }

    fn remove(&self) {
        let mut flights = lock(&self.flights);
        // A flight that could no longer be joined has been replaced.
        if flights.get(&self.key).is_some_and(|known| Arc::ptr_eq(known, &self.flight)) {
            flights.remove(&self.key);
        }
    }
}

impl<E> Drop for Leader<E> {
    fn drop(&mut self) {
        self.remove();
    }
}

fn lock<E>(flights: &Mutex<Table<E>>) -> MutexGuard<'_, Table<E>> {
    flights.lock().unwrap_or_else(PoisonError::into_inner)
}
