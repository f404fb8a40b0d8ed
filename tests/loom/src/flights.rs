//! The coalescer: leaders that finish, panic or are dropped, and their followers.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http_body::SizeHint;
use larder_core::invalidation::position::{Incarnation, Position, Watermark};
use loom::future::block_on;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use crate::bodies::sound::{ReadEvent, SharedBody, SharedBodyReader, SharedBodyWriter};
use crate::bodies::{self, Broken, head};

/// The operations of a coalescer that the scenarios use.
///
/// Both `larder`'s own coalescer and each version with a mistake implement it.
pub trait Coalescer: Default + Send + Sync + 'static {
    /// The leader of a flight.
    type Lead: Send + 'static;
    /// A flight that a follower waits for.
    type Flight: Send + Sync + 'static;

    /// Joins the current flight if there is one and `may_join` is `true`, or begins a flight.
    fn join(&self, may_join: bool) -> Result<Self::Lead, Self::Flight>;
    /// Begins a flight, or returns `None` if there already is one.
    fn lead(&self) -> Option<Self::Lead>;
    /// Ends a flight with an outcome.
    fn end(lead: Self::Lead);
    /// Waits for the end of the flight, and returns whether it has an outcome.
    fn ended(flight: &Self::Flight) -> impl Future<Output = bool>;
    #[doc(hidden)]
    fn publish(lead: &Self::Lead) -> Published;
    #[doc(hidden)]
    fn heard(flight: &Self::Flight) -> impl Future<Output = Option<Option<Following>>>;
}

/// The events of these flights.
#[derive(Clone)]
pub(crate) enum Event {
    HeadReady(Arc<SharedBody>),
    Done,
}

/// The writing side of a body that is arriving.
pub struct Published(SharedBodyWriter);

/// The reading side of a body that is arriving.
pub struct Following(SharedBodyReader);

macro_rules! coalescers {
    ($($(#[$doc:meta])* $name:ident $coalescer:ident),+ $(,)?) => { $(
        // Not all of the source is explored, and mistakes are written briefly.
        #[allow(dead_code, unused_mut, clippy::all)]
        mod $name {
            include!(concat!(env!("OUT_DIR"), "/flight_", stringify!($name), ".rs"));

            use super::Event;

            impl FlightEvent for Event {
                fn is_final(&self) -> bool {
                    matches!(self, Self::Done)
                }

                fn is_aborted(&self) -> bool {
                    matches!(self, Self::HeadReady(arriving) if arriving.is_aborted())
                }
            }

            $(#[$doc])*
            #[derive(Default)]
            pub struct $coalescer(FlightGroup<Event>);

            /// See [`Coalescer::Lead`](super::Coalescer::Lead).
            pub struct Leading(Leader<Event>);

            /// See [`Coalescer::Flight`](super::Coalescer::Flight).
            pub struct Waiting(Arc<Flight<Event>>);

            impl super::Coalescer for $coalescer {
                type Lead = Leading;
                type Flight = Waiting;

                fn join(&self, may_join: bool) -> Result<Leading, Waiting> {
                    match self.0.join(super::key(), BootTime::ZERO, super::position(), |_| may_join) {
                        Role::Leader(lead) => Ok(Leading(lead)),
                        Role::Follower(flight) => Err(Waiting(flight)),
                    }
                }

                fn lead(&self) -> Option<Leading> {
                    self.0.try_lead(super::key(), BootTime::ZERO, super::position()).map(Leading)
                }

                fn end(lead: Leading) {
                    lead.0.finish(Event::Done);
                }

                async fn ended(flight: &Waiting) -> bool {
                    flight.0.finished().await.is_some()
                }

                fn publish(lead: &Leading) -> super::Published {
                    let writer = super::SharedBodyWriter::new(super::head(), super::SizeHint::new(), &[]);
                    lead.0.announce(Event::HeadReady(Arc::clone(writer.body())));
                    super::Published(writer)
                }

                async fn heard(flight: &Waiting) -> Option<Option<super::Following>> {
                    Some(match flight.0.next_event().await? {
                        Event::HeadReady(arriving) => Some(super::Following(super::SharedBodyReader::new(arriving))),
                        Event::Done => None,
                    })
                }
            }
        }
        pub use self::$name::$coalescer;
    )+ };
}

coalescers! {
    /// The unchanged source.
    sound Sound,
    /// A leader that is dropped does not remove its flight.
    a_dropped_lead_stays ADroppedLeadStays,
    /// A leader that ends removes the current flight, even if it is not its own.
    leaves_whatever_is_there LeavesWhateverIsThere,
    /// Two requests may both find no flight before one of them begins a flight.
    looks_and_begins_in_two_steps LooksAndBeginsInTwoSteps,
    /// The same mistake for requests that would not wait.
    leads_in_two_steps LeadsInTwoSteps,
    /// A flight ends, but does not send its outcome.
    tells_nobody TellsNobody,
    /// A follower that waits for the next event misses the final one.
    hears_a_head_only HearsAHeadOnly,
}

fn key() -> (Box<str>, u128) {
    ("key".into(), 0)
}

pub(crate) const fn position() -> Position {
    Position { incarnation: Incarnation::from_bytes([7; 16]), watermark: Watermark::ZERO }
}

/// The way in which a leader ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // The scenarios run for each variant.
pub enum Exit {
    /// It finishes with an outcome.
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

/// Drops the value while unwinding, but without printing a panic message for each order.
pub(crate) fn unwind<T>(dropped: T) {
    let _ = catch_unwind(AssertUnwindSafe(move || {
        let _dropped = dropped;
        resume_unwind(Box::new("a handler"));
    }));
}

/// Asserts that no flight is left that a later request would wait for.
fn nothing_is_under_way<C: Coalescer>(flights: &C) {
    assert!(flights.join(true).is_ok(), "a flight is under way that nobody leads");
}

/// Lets several requests join at once.
///
/// One request leads, and the first leader ends as `first` says. The other requests wait, and a
/// request that gets no outcome retries. No request waits forever. If the leader finishes with an
/// outcome, none of its followers leads afterwards.
pub fn requests_at_once<C: Coalescer>(requests: usize, first: Exit) {
    let flights = Arc::new(C::default());
    let leads = Arc::new(AtomicUsize::new(0));
    let told = Arc::new(AtomicUsize::new(0));
    let request = {
        let (flights, leads, told) = (Arc::clone(&flights), Arc::clone(&leads), Arc::clone(&told));
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
                        told.fetch_add(1, Ordering::Relaxed);
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
    assert_eq!(leads.load(Ordering::Relaxed) + told.load(Ordering::Relaxed), requests);
    nothing_is_under_way(&*flights);
}

/// Runs several requests with the steps of the layer. The handler runs once for all of them.
///
/// The steps are: look up in memory, join, look up again before the handler runs, and store before
/// the flight ends.
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
                Err(flight) => assert!(block_on(C::ended(&flight)), "it ended, and nobody was told"),
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

/// Lets a follower give up while the leader ends as `exit` says.
///
/// With `another`, a second follower waits until the end.
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
    if let Ok(Some(told)) = stays.join() {
        assert_eq!(told, exit == Exit::Ends, "what the other one was told");
    }
    nothing_is_under_way(&*flights);
}

/// Replaces a flight that may no longer be joined, while its leader ends as `exit` says.
///
/// The end of the old flight does not affect the new one.
pub fn a_replaced_flight_goes<C: Coalescer>(exit: Exit) {
    let flights = Arc::new(C::default());
    let Ok(old) = flights.join(true) else { return };
    let goes = thread::spawn(move || leave::<C>(old, exit));
    let new = flights.join(false).ok();
    let _ = goes.join();
    assert!(flights.join(true).is_err(), "the new flight is gone");
    drop(new);
    nothing_is_under_way(&*flights);
}

/// Runs a request that would wait and one that would not. The two never lead at the same time.
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
    nothing_is_under_way(&*flights);
}

/// Lets a follower read the body of a flight while the body arrives.
///
/// The leader ends as `exit` says before the body ends. The follower does not wait forever.
pub fn a_body_arrives<C: Coalescer>(exit: Exit) {
    let flights = Arc::new(C::default());
    let Ok(lead) = flights.join(true) else { return };
    let Err(flight) = flights.join(true) else { return };
    let leader = thread::spawn(move || {
        let Published(body) = C::publish(&lead);
        body.push(Bytes::from_static(b"a"));
        // As in a fill, the flight is removed before the body ends, so a retry does not find it.
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
                    ReadEvent::Data(data) => Ok(Some(data)),
                    ReadEvent::End => Ok(None),
                    ReadEvent::Aborted => Err(Broken),
                })
            });
            assert_eq!(is_whole, exit == Exit::Ends, "how the body ends");
            assert!(!is_whole || read == b"a", "what was read");
        }
        Some(None) => assert_eq!(exit, Exit::Ends, "it came to no end"),
        None => assert_ne!(exit, Exit::Ends, "it came to an end"),
    }
    let _ = leader.join();
    nothing_is_under_way(&*flights);
}
