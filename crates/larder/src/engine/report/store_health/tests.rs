use StoreErrorKind::{CircuitOpen, Refused, Timeout, Unreachable};

use super::*;

fn at(millis: u64) -> BootTime {
    BootTime::from_nanos((100_000 + millis) * 1_000_000)
}

const CALMED: u64 = 1_000;

/// Returns the state after a first operation that succeeded.
fn met() -> State {
    let mut state = State::default();
    assert_eq!(state.worked(StoreOp::Poll, at(0)), Some(Change::Connected));
    state
}

#[test]
fn it_begins_once_and_ends_once() {
    let mut state = met();
    assert!(state.failed(StoreOp::Read, Unreachable, at(0)));
    assert!(!state.failed(StoreOp::Poll, Unreachable, at(1)));
    assert!(!state.failed(StoreOp::Write, Refused, at(2)));
    assert_eq!(state.worked(StoreOp::Read, at(2 + CALMED)), None, "writes are still refused");
    assert_eq!(state.worked(StoreOp::Write, at(2 + CALMED)), Some(Change::Recovered));
    assert_eq!(state.worked(StoreOp::Write, at(2 + CALMED)), None);
    assert!(state.failed(StoreOp::Read, CircuitOpen, at(2 + CALMED)));
}

#[test]
fn each_success_shows_that_the_store_is_reached() {
    for operation in [StoreOp::Read, StoreOp::Write, StoreOp::Poll, StoreOp::Append] {
        let mut state = met();
        assert!(state.failed(StoreOp::Read, Unreachable, at(0)));
        assert_eq!(state.worked(operation, at(CALMED)), Some(Change::Recovered), "{operation:?}");
    }
}

#[test]
fn a_refused_exchange_has_to_work_again_itself() {
    for operation in [StoreOp::Read, StoreOp::Write, StoreOp::Poll, StoreOp::Append] {
        let mut state = met();
        assert!(state.failed(operation, Refused, at(0)));
        for other in [StoreOp::Read, StoreOp::Write, StoreOp::Poll, StoreOp::Append] {
            if other != operation {
                assert_eq!(state.worked(other, at(CALMED)), None, "{operation:?} {other:?}");
            }
        }
        assert_eq!(state.worked(operation, at(CALMED)), Some(Change::Recovered), "{operation:?}");
    }
}

#[test]
fn a_success_between_two_failures_is_not_its_end() {
    let mut state = met();
    assert!(state.failed(StoreOp::Write, Refused, at(0)));
    assert_eq!(state.worked(StoreOp::Write, at(CALMED - 1)), None);
    assert!(!state.failed(StoreOp::Write, Refused, at(CALMED - 1)));
    assert_eq!(state.worked(StoreOp::Write, at(CALMED)), None);
    assert_eq!(state.worked(StoreOp::Write, at(2 * CALMED - 1)), Some(Change::Recovered));
}

#[test]
fn late_answers_are_trouble_only_in_a_row() {
    let mut state = met();
    for _ in 0..2 {
        assert!(!state.failed(StoreOp::Read, Timeout, at(0)));
        assert!(!state.failed(StoreOp::Poll, Timeout, at(0)));
        assert_eq!(state.worked(StoreOp::Read, at(0)), None);
    }
    assert!(!state.failed(StoreOp::Read, Timeout, at(0)));
    assert!(!state.failed(StoreOp::Read, Timeout, at(0)));
    assert!(state.failed(StoreOp::Read, Timeout, at(0)));
}

#[test]
fn a_store_that_was_never_reached_is_given_time_to_connect() {
    let mut state = State::default();
    assert!(!state.failed(StoreOp::Poll, Unreachable, at(0)));
    assert!(!state.failed(StoreOp::Poll, Unreachable, at(CALMED - 1)));
    assert!(state.failed(StoreOp::Poll, Unreachable, at(CALMED)));

    let mut state = State::default();
    assert!(!state.failed(StoreOp::Poll, Unreachable, at(0)));
    assert_eq!(state.worked(StoreOp::Poll, at(1)), Some(Change::Connected));
    assert_eq!(state.worked(StoreOp::Poll, at(1)), None);
    assert!(state.failed(StoreOp::Poll, Unreachable, at(2)), "it was reached");

    let mut state = State::default();
    assert!(state.failed(StoreOp::Poll, Refused, at(0)), "that is not for lack of time");
}

#[test]
fn the_state_is_that_of_the_operations() {
    let mut state = State::default();
    assert_eq!(state.store_state(), StoreState::Connecting);
    state.failed(StoreOp::Poll, Unreachable, at(0));
    assert_eq!(state.store_state(), StoreState::Connecting, "it has a second to connect");
    state.failed(StoreOp::Poll, Unreachable, at(CALMED));
    assert_eq!(state.store_state(), StoreState::Unreachable);
    state.worked(StoreOp::Poll, at(2 * CALMED));
    assert_eq!(state.store_state(), StoreState::Working);
    state.failed(StoreOp::Write, Refused, at(2 * CALMED));
    assert_eq!(state.store_state(), StoreState::Refusing);
    state.failed(StoreOp::Read, CircuitOpen, at(2 * CALMED));
    assert_eq!(state.store_state(), StoreState::Unreachable);
}
