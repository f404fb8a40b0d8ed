//! The flights that wait for other flights, so that none waits for itself.
//!
//! A load may ask for another value, and so wait for the flight of that one. If the load of that
//! flight asks for the value of the first one, both would wait until their time is up.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use crate::engine::coalesce::client_count::ClientCount;
use crate::engine::sync::{Mutex, MutexGuard};

/// The flights whose fills wait for other flights at this moment.
#[derive(Default)]
pub(crate) struct FlightWaits {
    waits: Mutex<Waits>,
}

/// Each flight, with those that its fill waits for. A fill may wait for several at once.
type Waits = HashMap<FlightId, Vec<FlightId>>;

/// The identity of a flight, as long as the flight lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct FlightId(usize);

impl FlightId {
    /// Returns the identity of the flight with these clients.
    pub(crate) fn of(clients: &Arc<ClientCount>) -> Self {
        Self(Arc::as_ptr(clients).addr())
    }
}

/// A wait for a flight. It ends when this is dropped.
pub(crate) struct FlightWait<'a> {
    waits: &'a FlightWaits,
    fills: Vec<FlightId>,
    flight: FlightId,
}

impl FlightWaits {
    /// Notes that these fills wait for a flight.
    ///
    /// Returns `None` if the flight waits for one of them, directly or through others.
    pub(crate) fn try_wait(&self, fills: Vec<FlightId>, flight: FlightId) -> Option<FlightWait<'_>> {
        let mut waits = self.lock();
        if reaches(&waits, flight, &fills) {
            return None;
        }
        for fill in &fills {
            waits.entry(*fill).or_default().push(flight);
        }
        Some(FlightWait { waits: self, fills, flight })
    }

    fn lock(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the flight is one of the fills, or waits for one of them.
fn reaches(waits: &Waits, flight: FlightId, fills: &[FlightId]) -> bool {
    let (mut open, mut seen) = (vec![flight], Vec::new());
    while let Some(next) = open.pop() {
        if fills.contains(&next) {
            return true;
        }
        if !seen.contains(&next) {
            seen.push(next);
            open.extend(waits.get(&next).into_iter().flatten());
        }
    }
    false
}

impl Drop for FlightWait<'_> {
    fn drop(&mut self) {
        let mut waits = self.waits.lock();
        for fill in &self.fills {
            let Some(flights) = waits.get_mut(fill) else { continue };
            if let Some(at) = flights.iter().position(|flight| *flight == self.flight) {
                flights.swap_remove(at);
            }
            if flights.is_empty() {
                waits.remove(fill);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [FlightId; 4] = [FlightId(0), FlightId(1), FlightId(2), FlightId(3)];

    #[test]
    fn a_flight_waits_for_no_other_one_that_waits_for_it() {
        let waits = FlightWaits::default();
        let [a, b, c, d] = IDS;
        assert!(waits.try_wait(vec![a], a).is_none());
        let a_for_b = waits.try_wait(vec![a], b).unwrap();
        assert!(waits.try_wait(vec![b], a).is_none());
        let b_for_c = waits.try_wait(vec![b], c).unwrap();
        assert!(waits.try_wait(vec![c], a).is_none(), "through another one");
        assert!(waits.try_wait(vec![d, c], a).is_none(), "for the outer of two fills");
        let c_for_d = waits.try_wait(vec![c], d).unwrap();
        drop(b_for_c);
        assert!(waits.try_wait(vec![c], a).is_some());
        drop((a_for_b, c_for_d));
        assert!(waits.lock().is_empty());
    }

    #[test]
    fn a_fill_may_wait_for_several_flights_and_for_one_of_them_twice() {
        let waits = FlightWaits::default();
        let [a, b, c, _] = IDS;
        let first = waits.try_wait(vec![a], b).unwrap();
        let second = waits.try_wait(vec![a], b).unwrap();
        let third = waits.try_wait(vec![a], c).unwrap();
        drop(first);
        assert!(waits.try_wait(vec![b], a).is_none(), "one of the two still waits");
        drop((second, third));
        assert!(waits.lock().is_empty());
    }
}
