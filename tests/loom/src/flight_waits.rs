//! Loads that ask for each other's values: none waits for itself.

use std::sync::Arc;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::sync::lock;

/// The operations of the flights' waits that the scenarios use.
///
/// Both `larder`'s own waits and each version with a mistake implement it.
pub trait Waits: Default + Send + Sync + 'static {
    /// A flight.
    type Flight: Send + Sync + 'static;

    /// Creates a flight.
    fn flight() -> Self::Flight;
    /// Runs `wait` if these fills, the innermost one first, may wait for the flight.
    fn wait(&self, fills: &[&Self::Flight], flight: &Self::Flight, wait: impl FnOnce());
    /// Whether no fill waits.
    fn is_empty(&self) -> bool;
}

macro_rules! waits {
    ($($(#[$doc:meta])* $name:ident $waits:ident),+ $(,)?) => { $(
        // Not all of the source is explored, and mistakes are written briefly.
        #[allow(dead_code, unused_mut, clippy::all)]
        pub(crate) mod $name {
            include!(concat!(env!("OUT_DIR"), "/flight_waits_", stringify!($name), ".rs"));

            $(#[$doc])*
            #[derive(Default)]
            pub struct $waits(FlightWaits);

            /// See [`Waits::Flight`](super::Waits::Flight).
            pub struct Running(Arc<ClientCount>);

            impl super::Waits for $waits {
                type Flight = Running;

                fn flight() -> Running {
                    Running(ClientCount::new())
                }

                fn wait(&self, fills: &[&Running], flight: &Running, wait: impl FnOnce()) {
                    let fills = fills.iter().map(|fill| FlightId::of(&fill.0)).collect();
                    if let Some(_wait) = self.0.try_wait(fills, FlightId::of(&flight.0)) {
                        wait();
                    }
                }

                fn is_empty(&self) -> bool {
                    self.0.lock().is_empty()
                }
            }
        }
        pub use self::$name::$waits;
    )+ };
}

waits! {
    /// The unchanged source.
    sound Sound,
    /// Two loads may both find that the other one does not wait.
    looks_and_notes_in_two_steps LooksAndNotesInTwoSteps,
    /// A flight that waits through another one is not found.
    looks_at_the_next_flight_only LooksAtTheNextFlightOnly,
    /// A wait that has ended is not forgotten.
    waits_stay WaitsStay,
    /// The end of one wait ends the others of its fill.
    ends_the_other_waits EndsTheOtherWaits,
    /// Only the innermost of several fills is known to wait.
    notes_the_inner_fill_only NotesTheInnerFillOnly,
}

/// A flight, with its end.
struct Load<W: Waits> {
    flight: W::Flight,
    is_done: Mutex<bool>,
    done: Condvar,
}

impl<W: Waits> Load<W> {
    fn new() -> Arc<Self> {
        Arc::new(Self { flight: W::flight(), is_done: Mutex::new(false), done: Condvar::new() })
    }

    fn finish(&self) {
        *lock(&self.is_done) = true;
        self.done.notify_all();
    }

    /// Waits for the end.
    fn join(&self) {
        let mut is_done = lock(&self.is_done);
        while !*is_done {
            is_done = self.done.wait(is_done).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}

/// Lets each of several loads ask for the value of the next one, in a circle. All of them end.
pub fn loads_in_a_circle<W: Waits>(number: usize) {
    let waits = Arc::new(W::default());
    let loads: Vec<_> = (0..number).map(|_| Load::<W>::new()).collect();
    let run = |at: usize| {
        let (own, next) = (loads.get(at).cloned(), loads.get((at + 1) % number).cloned());
        let waits = Arc::clone(&waits);
        move || {
            let (Some(own), Some(next)) = (own, next) else { return };
            waits.wait(&[&own.flight], &next.flight, || next.join());
            own.finish();
        }
    };
    let others: Vec<_> = (1..number).map(|at| thread::spawn(run(at))).collect();
    run(0)();
    for other in others {
        let _ = other.join();
    }
    assert!(waits.is_empty(), "a wait stays");
}

/// Lets a load of many values wait for two flights. One of them ends, and the other one asks for
/// the value of the load. All of them end.
pub fn a_load_of_many<W: Waits>() {
    let waits = Arc::new(W::default());
    let (many, first, second) = (Load::<W>::new(), Load::<W>::new(), Load::<W>::new());
    let asking = thread::spawn({
        let (waits, many, second) = (Arc::clone(&waits), Arc::clone(&many), Arc::clone(&second));
        move || {
            waits.wait(&[&second.flight], &many.flight, || many.join());
            second.finish();
        }
    });
    let ending = thread::spawn({
        let first = Arc::clone(&first);
        move || first.finish()
    });
    // A load of many values waits for both in one task. The first one ends while it waits.
    waits.wait(&[&many.flight], &second.flight, || {
        waits.wait(&[&many.flight], &first.flight, || first.join());
        second.join();
    });
    many.finish();
    let _ = (asking.join(), ending.join());
    assert!(waits.is_empty(), "a wait stays");
}

/// Lets a load within a load ask for the value of a third one, which asks for that of the outer
/// one. All of them end.
pub fn a_load_within_a_load<W: Waits>() {
    let waits = Arc::new(W::default());
    let (outer, inner, third) = (Load::<W>::new(), Load::<W>::new(), Load::<W>::new());
    let asking = thread::spawn({
        let (waits, outer, third) = (Arc::clone(&waits), Arc::clone(&outer), Arc::clone(&third));
        move || {
            waits.wait(&[&third.flight], &outer.flight, || outer.join());
            third.finish();
        }
    });
    waits.wait(&[&inner.flight, &outer.flight], &third.flight, || third.join());
    inner.finish();
    outer.finish();
    let _ = asking.join();
    assert!(waits.is_empty(), "a wait stays");
}
