use larder_core::invalidation::position::{Incarnation, LogId, Watermark};

use super::*;
use crate::testing::soon;

/// The only event of these flights.
#[derive(Debug, Clone, Copy)]
struct Done;

impl FlightEvent for Done {
    fn is_final(&self) -> bool {
        true
    }

    fn is_aborted(&self) -> bool {
        false
    }
}

type Flights = FlightGroup<Done>;

fn key(name: &str) -> FlightKey {
    (name.into(), 0)
}

fn now() -> BootTime {
    BootTime::from_nanos(1_000)
}

fn position() -> Position {
    Position {
        incarnation: Incarnation::from_bytes([1; 16]),
        watermark: Watermark { log: LogId::new(5, 0), local: 2 },
    }
}

fn join(flights: &Flights, name: &str, may_join: bool) -> Role<Done> {
    flights.join(key(name), now(), position(), |_| may_join)
}

fn lead(flights: &Flights, name: &str) -> Leader<Done> {
    match join(flights, name, true) {
        Role::Leader(lead) => lead,
        Role::Follower(_) => panic!("a flight is under way"),
    }
}

fn wait(flights: &Flights, name: &str) -> Arc<Flight<Done>> {
    match join(flights, name, true) {
        Role::Leader(_) => panic!("no flight is under way"),
        Role::Follower(flight) => flight,
    }
}

fn under_way(flights: &Flights) -> usize {
    lock(&flights.flights).len()
}

#[tokio::test]
async fn all_who_wait_get_what_the_flight_ended_with() {
    let flights = Flights::default();
    let lead = lead(&flights, "a");
    assert_eq!((lead.flight().began, lead.flight().position), (now(), position()));
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let flight = wait(&flights, "a");
            assert_eq!((flight.began, flight.position), (now(), position()));
            tokio::spawn(async move { flight.finished().await })
        })
        .collect();
    tokio::task::yield_now().await;
    let late = wait(&flights, "a");
    lead.finish(Done);
    for task in waiting {
        assert!(matches!(soon(task).await.unwrap(), Some(Done)));
    }
    assert!(matches!(soon(late.finished()).await, Some(Done)), "also after the end");
    assert_eq!(under_way(&flights), 0);
}

#[tokio::test]
async fn a_leader_that_vanishes_leaves_nobody_waiting() {
    let flights = Flights::default();
    let first = lead(&flights, "a");
    let flight = wait(&flights, "a");
    let waiting = tokio::spawn(async move { flight.finished().await });
    tokio::task::yield_now().await;
    drop(first);
    assert!(soon(waiting).await.unwrap().is_none());
    let _next = lead(&flights, "a");
    assert_eq!(under_way(&flights), 1);
}

#[tokio::test]
async fn a_leader_that_panics_leaves_nobody_waiting() {
    let flights = Flights::default();
    let lead = lead(&flights, "a");
    let flight = wait(&flights, "a");
    let panicking = tokio::spawn(async move {
        let _lead = lead;
        std::panic::resume_unwind(Box::new("in the handler"));
    });
    assert!(soon(flight.finished()).await.is_none());
    assert!(panicking.await.is_err());
}

/// Rule 13: A flight that may no longer be joined is replaced. Its followers go on waiting for it.
#[tokio::test]
async fn a_flight_that_may_not_be_joined_is_replaced() {
    let flights = Flights::default();
    let old = lead(&flights, "a");
    let waits_for_old = wait(&flights, "a");
    let Role::Leader(new) = join(&flights, "a", false) else {
        panic!("joined what may not be joined");
    };
    let waits_for_new = wait(&flights, "a");
    drop(old);
    assert!(soon(waits_for_old.finished()).await.is_none());
    assert_eq!(under_way(&flights), 1, "the old one's end is not the new one's");
    new.finish(Done);
    assert!(soon(waits_for_new.finished()).await.is_some());
    assert_eq!(under_way(&flights), 0);
}

#[test]
fn a_caller_that_would_not_wait_leads_only_if_there_is_no_flight() {
    let flights = Flights::default();
    let first = flights.try_lead(key("a"), now(), position()).unwrap();
    assert!(flights.try_lead(key("a"), now(), position()).is_none());
    assert!(flights.try_lead(key("b"), now(), position()).is_some(), "of another key");
    assert!(flights.try_lead((Box::from("a"), 1), now(), position()).is_some(), "of another variant");
    first.finish(Done);
    assert!(flights.try_lead(key("a"), now(), position()).is_some());
}

#[test]
fn may_join_is_asked_of_the_flight_that_is_under_way() {
    let flights = Flights::default();
    let _lead = lead(&flights, "a");
    let asked = std::cell::Cell::new(0);
    let later = now().saturating_add(std::time::Duration::from_secs(1));
    let joined = flights.join(key("a"), later, position(), |flight| {
        asked.set(asked.get() + 1);
        flight.began == now()
    });
    assert!(matches!(joined, Role::Follower(_)));
    flights.join(key("b"), later, position(), |_| panic!("there is none to join"));
    assert_eq!(asked.get(), 1);
}

/// The case without a memory tier: the outcome is announced before any request can look it up.
#[tokio::test]
async fn a_finished_flight_serves_later_followers() {
    let flights = Flights::default();
    let lead = lead(&flights, "a");
    let early = wait(&flights, "a");
    lead.announce(Done);
    assert!(matches!(soon(early.finished()).await, Some(Done)));
    assert!(flights.try_lead(key("a"), now(), position()).is_none(), "no second flight begins");
    let late = wait(&flights, "a");
    drop(lead);
    assert!(matches!(soon(late.finished()).await, Some(Done)), "after the leader was dropped");
    assert_eq!(under_way(&flights), 0);
}

/// The variant becomes known during the flight. No request with either key begins another one.
#[tokio::test]
async fn a_flight_has_a_second_key_once_its_variant_is_known() {
    let flights = Flights::default();
    let mut first = lead(&flights, "a");
    let other = lead(&flights, "taken");
    first.add_key(key("taken"));
    assert!(!Arc::ptr_eq(&wait(&flights, "taken"), first.flight()), "of another flight");
    first.add_key(key("variant"));
    for name in ["a", "variant"] {
        assert!(Arc::ptr_eq(&wait(&flights, name), first.flight()), "{name}");
    }
    first.finish(Done);
    assert_eq!(under_way(&flights), 1);
    drop(other);
    assert_eq!(under_way(&flights), 0);
}
