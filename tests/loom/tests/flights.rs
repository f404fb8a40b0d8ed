//! Explores the coalescer, with its leaders and followers.

use larder_loom::flights::{self, Coalescer, Exit};
use larder_loom::{explore, must_be_found};

const EXITS: [Exit; 3] = [Exit::Ends, Exit::Dropped, Exit::Panics];

fn report(name: &str, orders: usize) {
    println!("{name}: {orders} orders");
    assert!(orders > 1, "{name}: nothing was explored");
}

fn two_requests<C: Coalescer>(exit: Exit) -> usize {
    explore(None, move || flights::requests_at_once::<C>(2, exit))
}

fn replaced<C: Coalescer>(exit: Exit) -> usize {
    explore(None, move || flights::a_replaced_flight_goes::<C>(exit))
}

fn one_run<C: Coalescer>() -> usize {
    explore(None, || flights::one_run_for_all::<C>(2))
}

fn leading<C: Coalescer>() -> usize {
    explore(None, flights::joining_against_leading::<C>)
}

#[test]
fn requests_for_one_key_at_once() {
    for exit in EXITS {
        report(&format!("two requests, the first leader {exit:?}"), two_requests::<flights::Sound>(exit));
        let orders = explore(3, move || flights::requests_at_once::<flights::Sound>(3, exit));
        report(&format!("three requests, the first leader {exit:?}"), orders);
    }
}

#[test]
fn one_run_of_the_handler() {
    report("two requests, one run", one_run::<flights::Sound>());
    report("three requests, one run", explore(3, || flights::one_run_for_all::<flights::Sound>(3)));
}

#[test]
fn one_who_waits_gives_up() {
    for exit in EXITS {
        for another in [false, true] {
            let orders = explore(None, move || flights::a_waiter_gives_up::<flights::Sound>(exit, another));
            report(&format!("the leader {exit:?}, another one waits: {another}"), orders);
        }
    }
}

#[test]
fn a_replaced_flight() {
    for exit in EXITS {
        report(&format!("a replaced flight {exit:?}"), replaced::<flights::Sound>(exit));
    }
}

#[test]
fn one_who_would_not_wait() {
    report("joining against leading", leading::<flights::Sound>());
}

fn arriving<C: Coalescer>(exit: Exit) -> usize {
    explore(None, move || flights::a_body_arrives::<C>(exit))
}

#[test]
fn a_body_that_arrives() {
    for exit in EXITS {
        report(&format!("its leader {exit:?}"), arriving::<flights::Sound>(exit));
    }
}

#[test]
fn a_mistake_is_found() {
    use flights::*;
    must_be_found(
        "a_mistake_is_found",
        &[
            ("dropped, and stays", "waited in vain", || two_requests::<ADroppedLeadStays>(Exit::Dropped)),
            ("panicked, and stays", "waited in vain", || two_requests::<ADroppedLeadStays>(Exit::Panics)),
            ("ends another one", "the new flight is gone", || replaced::<LeavesWhateverIsThere>(Exit::Ends)),
            ("drops another one", "the new flight is gone", || {
                replaced::<LeavesWhateverIsThere>(Exit::Dropped)
            }),
            ("two look before one begins", "two lead", leading::<LooksAndBeginsInTwoSteps>),
            ("the same for two followers", "runs of the handler", one_run::<LooksAndBeginsInTwoSteps>),
            ("the same without waiting", "two lead", leading::<LeadsInTwoSteps>),
            ("ends without an outcome", "waited in vain", || two_requests::<TellsNobody>(Exit::Ends)),
            ("hears of no end", "it came to an end", || arriving::<HearsAHeadOnly>(Exit::Ends)),
        ],
    );
}
