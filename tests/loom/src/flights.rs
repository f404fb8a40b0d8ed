//! The coalescer: leaders that end, fail or vanish, and their followers.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http_body::SizeHint;
use larder_core::log::position::{Incarnation, Mark, Position};
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::bodies::{self, Broken, head};
use crate::fill::arriving::{Next, Reader, Writer};

/// The operations of a coalescer that the scenarios use. `larder`'s own source implements it, and
/// so does each copy with a mistake.
pub trait Coalescer: Default + Send + Sync + 'static {
    /// The leader of a flight.
    type Lead: Send + 'static;
    /// A flight to wait for.
    type Flight: Send + Sync + 'static;

    /// Joins the current flight if `may_join` is true.
    fn join(&self, may_join: bool) -> Result<Self::Lead, Self::Flight>;
    /// Begins a flight unless one is active.
    fn lead(&self) -> Option<Self::Lead>;
    /// Ends a flight.
    fn end(lead: Self::Lead);
    /// Waits for the end of a flight. Returns whether it had an outcome.
    fn ended(flight: &Self::Flight) -> impl Future<Output = bool>;
    #[doc(hidden)]
    fn publish(lead: &Self::Lead) -> Published;
    #[doc(hidden)]
    fn heard(flight: &Self::Flight) -> impl Future<Output = Option<Option<Following>>>;
}

/// The writing side of an arriving body.
pub struct Published(Writer);

/// The reading side.
pub struct Following(Reader);

macro_rules! coalescers {
    ($($(#[$doc:meta])* $name:ident $coalescer:ident),+ $(,)?) => { $(
        // The scenarios use only a part, and the mistakes are written tersely.
        #[allow(dead_code, unused_mut, clippy::all)]
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/flight_", stringify!($name), ".rs"));

            $(#[$doc])*
            #[derive(Default)]
            pub struct $coalescer(Flights);

            /// See [`Coalescer::Lead`](super::Coalescer::Lead).
            pub struct Leading(Lead);

            /// See [`Coalescer::Flight`](super::Coalescer::Flight).
            pub struct Waiting(Arc<Flight>);

            impl super::Coalescer for $coalescer {
                type Lead = Leading;
                type Flight = Waiting;

                fn join(&self, may_join: bool) -> Result<Leading, Waiting> {
                    match self.0.join(super::key(), Boot::ZERO, super::position(), |_| may_join) {
                        Joined::Lead(lead) => Ok(Leading(lead)),
                        Joined::Wait(flight) => Err(Waiting(flight)),
                    }
                }

                fn lead(&self) -> Option<Leading> {
                    self.0.lead(super::key(), Boot::ZERO, super::position()).map(Leading)
                }

                fn end(lead: Leading) {
                    lead.0.end(Ended::Alone);
                }

                async fn ended(flight: &Waiting) -> bool {
                    flight.0.ended().await.is_some()
                }

                fn publish(lead: &Leading) -> super::Published {
                    let writer = super::Writer::new(super::head(), super::SizeHint::new(), &[]);
                    lead.0.publish(Arc::clone(writer.arriving()));
                    super::Published(writer)
                }

                async fn heard(flight: &Waiting) -> Option<Option<super::Following>> {
                    Some(match flight.0.heard().await? {
                        Heard::Arriving(arriving) => Some(super::Following(super::Reader::new(arriving))),
                        Heard::Ended(_) => None,
                    })
                }
            }
        }
        pub use self::$name::$coalescer;
    )+ };
}

coalescers! {
    /// The original.
    sound Sound,
    /// A dropped leader leaves its flight where others find it.
    a_dropped_lead_stays ADroppedLeadStays,
    /// A flight that ends removes whatever flight is active.
    leaves_whatever_is_there LeavesWhateverIsThere,
    /// Two requests may look up before one begins.
    looks_and_begins_in_two_steps LooksAndBeginsInTwoSteps,
    /// The same for requests that do not wait.
    leads_in_two_steps LeadsInTwoSteps,
    /// A flight ends without its outcome.
    tells_nobody TellsNobody,
    /// Followers wait for a head, but not for an end.
    hears_a_head_only HearsAHeadOnly,
}

fn key() -> (Box<str>, u128) {
    ("key".into(), 0)
}

pub(crate) const fn position() -> Position {
    Position { incarnation: Incarnation::from_bytes([7; 16]), mark: Mark::ZERO }
}

/// How a leader ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // A scenario runs for each.
pub enum Exit {
    /// With an outcome.
    Ends,
    /// Its task is dropped.
    Dropped,
    /// Its handler panics.
    Panics,
}

fn leave<C: Coalescer>(lead: C::Lead, exit: Exit) {
    match exit {
        Exit::Ends => C::end(lead),
        Exit::Dropped => drop(lead),
        Exit::Panics => unwind(lead),
    }
}

/// Drops a value while unwinding, without printing a panic message for each interleaving.
pub(crate) fn unwind<T>(dropped: T) {
    let _ = catch_unwind(AssertUnwindSafe(move || {
        let _dropped = dropped;
        resume_unwind(Box::new("a handler"));
    }));
}

/// Checks that no later request would wait for a leftover flight.
fn no_flight_remains<C: Coalescer>(flights: &C) {
    assert!(flights.join(true).is_ok(), "a flight without a leader remains");
}

/// All requests join at once. One leads, and its first run ends like `first`. The others wait, and
/// try again if the flight had no outcome. No request waits forever. If the leader has an outcome,
/// no follower of that flight leads after it.
pub fn requests_at_once<C: Coalescer>(requests: usize, first: Exit) {
    let flights = Arc::new(C::default());
    let leads = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(AtomicUsize::new(0));
    let request = {
        let (flights, leads, ended) = (Arc::clone(&flights), Arc::clone(&leads), Arc::clone(&ended));
        move || {
            let mut in_vain = 0;
            loop {
                match flights.join(true) {
                    Ok(lead) => {
                        let exit =
                            if leads.fetch_add(1, Ordering::Relaxed) == 0 { first } else { Exit::Ends };
                        leave::<C>(lead, exit);
                        return;
                    }
                    Err(flight) if block_on(C::ended(&flight)) => {
                        ended.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    Err(_) => in_vain += 1,
                }
                assert!(in_vain <= usize::from(first != Exit::Ends), "waited in vain, and again");
            }
        }
    };
    let others: Vec<_> = (1..requests).map(|_| thread::spawn(request.clone())).collect();
    request();
    for other in others {
        let _ = other.join();
    }
    assert_eq!(leads.load(Ordering::Relaxed) + ended.load(Ordering::Relaxed), requests);
    no_flight_remains(&*flights);
}

/// Requests as in the layer: look into memory, join, look again before the handler runs, store
/// before the end. The handler runs once.
pub fn one_run_for_all<C: Coalescer>(requests: usize) {
    let flights = Arc::new(C::default());
    let stored = Arc::new(AtomicUsize::new(0));
    let runs = Arc::new(AtomicUsize::new(0));
    let request = {
        let (flights, stored, runs) = (Arc::clone(&flights), Arc::clone(&stored), Arc::clone(&runs));
        move || {
            let is_stored = || stored.load(Ordering::Acquire) == 1;
            if is_stored() {
                return;
            }
            match flights.join(true) {
                Ok(lead) => {
                    if !is_stored() {
                        runs.fetch_add(1, Ordering::Relaxed);
                        stored.store(1, Ordering::Release);
                    }
                    C::end(lead);
                }
                Err(flight) => assert!(block_on(C::ended(&flight)), "it ended without an outcome"),
            }
        }
    };
    let others: Vec<_> = (1..requests).map(|_| thread::spawn(request.clone())).collect();
    request();
    for other in others {
        let _ = other.join();
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1, "runs of the handler");
}

/// One follower gives up, with or without another one that waits on, while the leader ends like
/// `exit`.
pub fn a_waiter_gives_up<C: Coalescer>(exit: Exit, another: bool) {
    let flights = Arc::new(C::default());
    let Ok(lead) = flights.join(true) else { return };
    let wait = || flights.join(true).err();
    let (gives_up, stays) = (wait(), another.then(wait).flatten());
    let gives_up = thread::spawn(move || {
        let Some(flight) = gives_up else { return };
        let mut ended = Box::pin(C::ended(&flight));
        block_on(poll_fn(|cx| {
            let _ = ended.as_mut().poll(cx);
            Poll::Ready(())
        }));
    });
    let stays = thread::spawn(move || stays.map(|flight| block_on(C::ended(&flight))));
    leave::<C>(lead, exit);
    let _ = gives_up.join();
    if let Ok(Some(ended)) = stays.join() {
        assert_eq!(ended, exit == Exit::Ends, "the outcome of the other follower");
    }
    no_flight_remains(&*flights);
}

/// A flight that may no longer be joined is replaced. When it ends like `exit`, the new flight
/// stays.
pub fn a_replaced_flight_goes<C: Coalescer>(exit: Exit) {
    let flights = Arc::new(C::default());
    let Ok(old) = flights.join(true) else { return };
    let goes = thread::spawn(move || leave::<C>(old, exit));
    let new = flights.join(false).ok();
    let _ = goes.join();
    assert!(flights.join(true).is_err(), "the new flight is gone");
    drop(new);
    no_flight_remains(&*flights);
}

/// One request would wait for a flight and one would not: there are never two leaders at once.
pub fn joining_against_leading<C: Coalescer>() {
    let flights = Arc::new(C::default());
    let refresh = thread::spawn({
        let flights = Arc::clone(&flights);
        move || flights.lead()
    });
    let joined = flights.join(true);
    let refresh = refresh.join().ok().flatten();
    assert!(!(joined.is_ok() && refresh.is_some()), "two lead");
    drop((joined, refresh));
    no_flight_remains(&*flights);
}

/// The body of a flight arrives while a follower waits that may read it. The leader ends like
/// `exit` before the rest has come. The follower never waits in vain.
pub fn a_body_arrives<C: Coalescer>(exit: Exit) {
    let flights = Arc::new(C::default());
    let Ok(lead) = flights.join(true) else { return };
    let Err(flight) = flights.join(true) else { return };
    let leader = thread::spawn(move || {
        let Published(body) = C::publish(&lead);
        body.push(Bytes::from_static(b"a"));
        // As in a fill: a request that tries again no longer finds the flight.
        leave::<C>(lead, exit);
        match exit {
            Exit::Ends => body.finish(Bytes::from_static(b"a")),
            Exit::Dropped | Exit::Panics => drop(body),
        }
    });
    match block_on(C::heard(&flight)) {
        Some(Some(Following(mut reader))) => {
            let (read, is_whole) = bodies::read(|cx| {
                reader.poll(cx).map(|next| match next {
                    Next::Data(data) => Ok(Some(data)),
                    Next::End => Ok(None),
                    Next::Broken => Err(Broken),
                })
            });
            assert_eq!(is_whole, exit == Exit::Ends, "how the body ends");
            assert!(!is_whole || read == b"a", "what was read");
        }
        Some(None) => assert_eq!(exit, Exit::Ends, "it came to no end"),
        None => assert_ne!(exit, Exit::Ends, "it came to an end"),
    }
    let _ = leader.join();
    no_flight_remains(&*flights);
}
