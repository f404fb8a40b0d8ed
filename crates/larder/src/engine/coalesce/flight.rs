//! Flights: requests that wait for one fill together.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use larder_core::log::position::Position;
use larder_core::outcome::Tier;
use larder_core::time::Boot;

use crate::engine::coalesce::audience::Audience;
use crate::engine::sync::Mutex;
use crate::engine::sync::MutexGuard;
use crate::engine::sync::watch;
use crate::http::body::shared_body::Arriving;
use crate::http::memory::cached_response::Held;
use crate::http::memory::stale_response::Stale;

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
    /// The same, of another instance's handler. It may have failed before a follower joined: the lease ends a moment
    /// after the fill, and the leader was still waiting for it.
    FailedElsewhere(Arc<Held>),
    /// A stale response, because the handler failed (RFC 5861 §4).
    Stale(Stale),
    /// What the handler made is not for others: everybody for themselves, at once.
    Alone,
    /// A layer further in handles the request.
    Nested,
}

/// What those who wait for a flight hear of it.
#[derive(Clone)]
pub(crate) enum Heard {
    /// The head of a response that is to be stored, and whose body is on its way.
    Arriving(Arc<Arriving>),
    /// The end.
    Ended(Ended),
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
    /// The clients that wait for it.
    pub(crate) audience: Arc<Audience>,
    heard: watch::Receiver<Option<Heard>>,
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
        let (tells, heard) = watch::channel(None);
        let flight = Arc::new(Flight { began, position, audience: Audience::new(), heard });
        under_way.insert(key.clone(), Arc::clone(&flight));
        Lead { under_way: Arc::clone(&self.under_way), key, flight, tells }
    }
}

impl Flight {
    /// Waits for its end; `None` if it came to none, because its leader failed, panicked or was dropped.
    pub(crate) async fn ended(&self) -> Option<Ended> {
        match self.hear(|heard| matches!(heard, Some(Heard::Ended(_)))).await? {
            Heard::Ended(ended) => Some(ended),
            Heard::Arriving(_) => None,
        }
    }

    /// Waits for its end, or for the head of a response whose body can be read while it arrives; `None` as there.
    pub(crate) async fn heard(&self) -> Option<Heard> {
        match self.hear(Option::is_some).await? {
            // Its leader failed since.
            Heard::Arriving(arriving) if arriving.is_broken() => self.ended().await.map(Heard::Ended),
            heard => Some(heard),
        }
    }

    async fn hear(&self, is_it: impl FnMut(&Option<Heard>) -> bool) -> Option<Heard> {
        let mut heard = self.heard.clone();
        let heard = heard.wait_for(is_it).await.ok()?;
        heard.clone()
    }

    /// What is arriving, if that is how far it is.
    pub(crate) fn arriving(&self) -> Option<Arc<Arriving>> {
        match &*self.heard.borrow() {
            Some(Heard::Arriving(arriving)) => Some(Arc::clone(arriving)),
            _ => None,
        }
    }
}

/// The lead of a flight. Dropping it without an end hands the flight over: those who wait begin a new one.
pub(crate) struct Lead {
    under_way: Arc<Mutex<HashMap<FlightKey, Arc<Flight>>>>,
    key: FlightKey,
    flight: Arc<Flight>,
    tells: watch::Sender<Option<Heard>>,
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
        self.tells.send_replace(Some(Heard::Ended(end)));
    }

    /// Tells of a response that is arriving, to those who wait and to those who join until there is more to tell.
    pub(crate) fn publish(&self, arriving: Arc<Arriving>) {
        self.tells.send_replace(Some(Heard::Arriving(arriving)));
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
