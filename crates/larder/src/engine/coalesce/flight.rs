//! Flights: groups of requests that share one fill.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock, PoisonError};

use larder_core::invalidation::position::Position;
use larder_core::time::BootTime;
use tracing::Span;

use crate::engine::coalesce::client_count::ClientCount;
use crate::engine::coalesce::own_requests::OwnRequests;
use crate::engine::sync::{Mutex, MutexGuard, watch};

/// An event of a flight, which its followers receive.
pub(crate) trait FlightEvent: Clone {
    /// Returns whether this is the last event of its flight.
    fn is_final(&self) -> bool;

    /// Returns whether the flight has failed since it announced this event.
    ///
    /// If so, followers wait for the final event.
    fn is_aborted(&self) -> bool;
}

/// The flights of a cache: at most one for each key and variant.
pub(crate) struct FlightGroup<E> {
    flights: Arc<Mutex<Table<E>>>,
}

type Table<E> = HashMap<FlightKey, Arc<Flight<E>>>;

/// An encoded cache key, and the digest of a variant.
///
/// The digest distinguishes variants if the fields that responses vary on are known.
pub(crate) type FlightKey = (Box<str>, u128);

/// A fill that other requests may wait for.
pub(crate) struct Flight<E> {
    /// The moment at which the flight began.
    pub(crate) began: BootTime,
    /// The position in the invalidation log at that moment.
    pub(crate) position: Position,
    /// The clients that wait for the flight.
    pub(crate) clients: Arc<ClientCount>,
    /// The followers that may be requests of the handler itself.
    pub(crate) own_requests: OwnRequests,
    /// The span of the fill.
    span: OnceLock<Span>,
    events: watch::Receiver<Option<E>>,
}

/// The role of a request in a flight.
pub(crate) enum Role<E> {
    /// The request runs the handler.
    Leader(Leader<E>),
    /// The request waits for the leader.
    Follower(Arc<Flight<E>>),
}

impl<E> Default for FlightGroup<E> {
    fn default() -> Self {
        Self { flights: Arc::default() }
    }
}

impl<E: FlightEvent> FlightGroup<E> {
    /// Joins the flight for this key if `may_join` allows it, and begins a new flight otherwise.
    pub(crate) fn join(
        &self,
        key: FlightKey,
        now: BootTime,
        position: Position,
        may_join: impl Fn(&Flight<E>) -> bool,
    ) -> Role<E> {
        let mut flights = lock(&self.flights);
        match flights.get(&key) {
            Some(flight) if may_join(flight) => Role::Follower(Arc::clone(flight)),
            _ => Role::Leader(self.insert(&mut flights, key, now, position)),
        }
    }

    /// Returns the flight for this key, and joins none.
    pub(crate) fn peek(&self, key: &FlightKey) -> Option<Arc<Flight<E>>> {
        lock(&self.flights).get(key).map(Arc::clone)
    }

    /// Begins a flight, for a caller that would not wait for another one.
    ///
    /// Returns `None` if there is a flight for this key.
    pub(crate) fn try_lead(&self, key: FlightKey, now: BootTime, position: Position) -> Option<Leader<E>> {
        let mut flights = lock(&self.flights);
        (!flights.contains_key(&key)).then(|| self.insert(&mut flights, key, now, position))
    }

    /// Returns whether there is a flight for this key.
    ///
    /// The key is made only if there are flights at all.
    pub(crate) fn has_flight(&self, key: impl FnOnce() -> FlightKey) -> bool {
        let flights = lock(&self.flights);
        !flights.is_empty() && flights.contains_key(&key())
    }

    fn insert(
        &self,
        flights: &mut Table<E>,
        key: FlightKey,
        began: BootTime,
        position: Position,
    ) -> Leader<E> {
        let (sender, events) = watch::channel(None);
        let flight = Arc::new(Flight {
            began,
            position,
            clients: ClientCount::new(),
            own_requests: OwnRequests::default(),
            span: OnceLock::new(),
            events,
        });
        flights.insert(key.clone(), Arc::clone(&flight));
        Leader { flights: Arc::clone(&self.flights), key, variant_key: None, flight, events: sender }
    }
}

impl<E: FlightEvent> Flight<E> {
    /// Waits for the final event of the flight.
    ///
    /// Returns `None` if there is none, because the leader failed, panicked or was dropped.
    pub(crate) async fn finished(&self) -> Option<E> {
        self.wait_for(|event| event.as_ref().is_some_and(E::is_final)).await
    }

    /// Waits for the next event of the flight. Returns `None` as [`finished`](Self::finished) does.
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

    /// Sets the span of the fill.
    pub(crate) fn set_span(&self, span: &Span) {
        // A flight has one fill.
        let _ = self.span.set(span.clone());
    }

    /// Links the span of a follower to that of the fill.
    pub(crate) fn link(&self, follower: &Span) {
        if let Some(fill) = self.span.get() {
            follower.follows_from(fill);
        }
    }

    /// Returns the latest event of the flight.
    pub(crate) fn latest(&self) -> Option<E> {
        self.events.borrow().clone()
    }
}

/// Marks the request that runs the handler for a flight.
///
/// If it is dropped before [`finish`](Self::finish), the flight is abandoned and its followers
/// elect a new leader.
pub(crate) struct Leader<E> {
    flights: Arc<Mutex<Table<E>>>,
    key: FlightKey,
    /// The key of the variant, if that became known during the flight.
    variant_key: Option<FlightKey>,
    flight: Arc<Flight<E>>,
    events: watch::Sender<Option<E>>,
}

impl<E> Leader<E> {
    /// Returns the flight of this leader.
    pub(crate) const fn flight(&self) -> &Arc<Flight<E>> {
        &self.flight
    }

    /// Lets requests with this key join the flight, too, unless there is another flight for it.
    ///
    /// Requests with the first key still join. They may have read it before the variant was known.
    pub(crate) fn add_key(&mut self, key: FlightKey) {
        let mut flights = lock(&self.flights);
        if self.variant_key.is_none() && !flights.contains_key(&key) {
            flights.insert(key.clone(), Arc::clone(&self.flight));
            self.variant_key = Some(key);
        }
    }

    /// Ends the flight with this event.
    ///
    /// A later request finds the stored response, or begins a new flight.
    pub(crate) fn finish(self, event: impl Into<E>) {
        self.remove();
        self.announce(event);
    }

    /// Sends an event to the followers, and to requests that join before the leader is dropped.
    pub(crate) fn announce(&self, event: impl Into<E>) {
        let event = event.into();
        self.events.send_if_modified(|latest| {
            *latest = Some(event);
            // Each follower that waits has a receiver, besides that of the flight. Without one, the
            // channel would lock its eight lists of waiting tasks in vain.
            self.events.receiver_count() > 1
        });
    }

    fn remove(&self) {
        let mut flights = lock(&self.flights);
        for key in std::iter::once(&self.key).chain(&self.variant_key) {
            // A flight that may no longer be joined has been replaced by another one.
            if flights.get(key).is_some_and(|known| Arc::ptr_eq(known, &self.flight)) {
                flights.remove(key);
            }
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
