//! Histories of queued writes that must pass, and such that must fail.

use std::time::Duration;

use super::*;
use crate::history::{Acceptance, Change, EmptyOutbox, Life, LifeId, QueuedResult, QueuedWrite};
use crate::item::{Family, Item};

const ITEM: Item = Item { family: Family::WriteBehind, id: 0 };
const OTHER: Item = Item { family: Family::WriteBehind, id: 1 };
const A: LifeId = LifeId(0);
const B: LifeId = LifeId(1);

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

/// A history with two instances, a bound of one second, and these writes on A.
fn history(queued: Vec<QueuedWrite>) -> History {
    let life = |instance| Life { instance, killed: None };
    History {
        max_staleness: Duration::from_secs(1),
        lives: vec![life(0), life(1)],
        queued,
        ..History::default()
    }
}

fn write(sent: u64, returned: u64, acceptance: Acceptance) -> QueuedWrite {
    let done = Some(QueuedResult { acceptance, returned: at(returned) });
    QueuedWrite { life: A, item: ITEM, sent: at(sent), done }
}

fn acknowledged(sent: u64, returned: u64) -> QueuedWrite {
    write(sent, returned, Acceptance::Acknowledged)
}

fn change(number: u64, sequence: u64, millis: u64) -> Change {
    Change { item: ITEM, number, sequence, at: at(millis), life: B }
}

fn read(life: LifeId, sent: u64, number: u64) -> Read {
    let observed = Observed::Version { version: number, run: None };
    Read {
        life,
        item: ITEM,
        sent: at(sent),
        done: at(sent + 5),
        observed,
        outcome: "QUEUED found".to_owned(),
    }
}

fn broken(history: &History) -> Vec<Promise> {
    check(history).into_iter().map(|violation| violation.promise).collect()
}

/// Returns the promises that the database breaks, after it was drained.
fn in_the_end(queued: Vec<QueuedWrite>, changes: Vec<Change>) -> Vec<Promise> {
    broken(&History { changes, drained: Some(at(9_000)), ..history(queued) })
}

/// Returns the promises that a read breaks.
fn read_breaks(history: &History, read: Read) -> Vec<Promise> {
    broken(&History { reads: vec![read], ..history.clone() })
}

#[test]
fn an_acknowledged_write_is_in_the_database_in_the_end() {
    let one = || vec![acknowledged(100, 200)];
    assert_eq!(in_the_end(one(), vec![change(1, 10, 500)]), []);
    assert_eq!(in_the_end(one(), vec![]), [Promise::Acknowledged]);
    assert_eq!(broken(&history(one())), [], "it may still be in the queue");
}

#[test]
fn a_later_or_concurrent_write_may_replace_it() {
    let later = || vec![acknowledged(100, 200), acknowledged(300, 400)];
    assert_eq!(in_the_end(later(), vec![change(2, 11, 500)]), []);
    assert_eq!(in_the_end(later(), vec![change(1, 10, 500)]), [Promise::Acknowledged]);
    let concurrent = || vec![acknowledged(100, 300), acknowledged(200, 400)];
    assert_eq!(in_the_end(concurrent(), vec![change(1, 10, 500)]), []);
    assert_eq!(in_the_end(concurrent(), vec![change(2, 11, 500)]), []);
    let other = QueuedWrite { item: OTHER, ..acknowledged(300, 400) };
    let of_other = Change { item: OTHER, ..change(2, 11, 500) };
    let queued = vec![acknowledged(100, 200), other];
    assert_eq!(in_the_end(queued, vec![of_other]), [Promise::Acknowledged], "another item does not");
}

#[test]
fn nothing_replaces_an_operation() {
    let item = Item { family: Family::Operations, id: 0 };
    let operation = |sent| QueuedWrite { item, ..acknowledged(sent, sent + 100) };
    let applied = |number, sequence| Change { item, ..change(number, sequence, 900) };
    let two = || vec![operation(100), operation(150)];
    assert_eq!(in_the_end(two(), vec![applied(1, 10), applied(2, 11)]), []);
    assert_eq!(in_the_end(two(), vec![applied(2, 11)]), [Promise::Acknowledged]);
    assert_eq!(in_the_end(two(), vec![applied(2, 11), applied(1, 10)]), [Promise::InOrder]);
    let history = history(two());
    assert_eq!(read_breaks(&history, Read { item, ..read(A, 5_000, 0) }), [], "it may still be queued");
}

#[test]
fn a_write_that_was_not_acknowledged_may_be_missing() {
    for acceptance in [Acceptance::Unknown, Acceptance::Dropped, Acceptance::Full, Acceptance::NotQueued] {
        assert_eq!(in_the_end(vec![write(100, 200, acceptance)], vec![]), [], "{acceptance:?}");
    }
    let unanswered = QueuedWrite { done: None, ..acknowledged(100, 200) };
    assert_eq!(in_the_end(vec![unanswered], vec![]), []);
}

#[test]
fn a_refused_write_never_takes_effect_and_others_may() {
    let takes_effect = |acceptance| in_the_end(vec![write(100, 200, acceptance)], vec![change(1, 10, 500)]);
    for refused in [Acceptance::Full, Acceptance::NotQueued, Acceptance::NotDurable] {
        assert_eq!(takes_effect(refused), [Promise::Refused], "{refused:?}");
        let history = history(vec![write(100, 200, refused)]);
        assert_eq!(read_breaks(&history, read(B, 300, 1)), [Promise::Refused], "{refused:?}");
    }
    assert_eq!(takes_effect(Acceptance::Unknown), []);
    assert_eq!(takes_effect(Acceptance::Dropped), []);
}

#[test]
fn a_write_takes_effect_once() {
    let changes = vec![change(1, 10, 500), change(1, 11, 600)];
    assert_eq!(in_the_end(vec![acknowledged(100, 200)], changes), [Promise::Once]);
    let changes = vec![change(1, 10, 500), change(1, 10, 600)];
    assert_eq!(in_the_end(vec![acknowledged(100, 200)], changes), [Promise::Once, Promise::InOrder]);
}

#[test]
fn changes_are_in_the_order_of_their_numbers() {
    let concurrent = || vec![acknowledged(100, 300), acknowledged(200, 400)];
    assert_eq!(in_the_end(concurrent(), vec![change(1, 10, 500), change(2, 11, 600)]), []);
    assert_eq!(
        in_the_end(concurrent(), vec![change(2, 10, 500), change(1, 11, 600)]),
        [],
        "their order is free"
    );
    let back = vec![change(2, 11, 500), change(1, 10, 600)];
    assert_eq!(broken(&History { changes: back, ..history(concurrent()) }), [Promise::InOrder]);
}

#[test]
fn a_write_that_had_ended_does_not_come_after_a_later_one() {
    for ended in [Acceptance::Acknowledged, Acceptance::Unknown] {
        let queued = vec![write(100, 200, ended), acknowledged(300, 400)];
        let late = vec![change(2, 10, 500), change(1, 11, 600)];
        let history = History { changes: late, ..history(queued) };
        assert_eq!(broken(&history), [Promise::InOrder], "{ended:?}");
    }
    let queued = vec![write(100, 200, Acceptance::Dropped), acknowledged(300, 400)];
    let late = vec![change(2, 10, 500), change(1, 11, 600)];
    assert_eq!(broken(&History { changes: late, ..history(queued) }), [], "nobody knows when it ended");
}

#[test]
fn the_database_has_only_writes_that_there_were() {
    let one = || vec![acknowledged(100, 200)];
    assert_eq!(in_the_end(one(), vec![change(1, 10, 500), change(2, 11, 600)]), [Promise::RightAnswer]);
    assert_eq!(in_the_end(one(), vec![change(1, 10, 50)]), [Promise::RightAnswer], "before it was sent");
}

#[test]
fn an_instance_never_shows_anything_before_its_own_write() {
    let one = history(vec![acknowledged(100, 200)]);
    assert_eq!(read_breaks(&one, read(A, 201, 0)), [Promise::OwnInstance]);
    assert_eq!(read_breaks(&one, read(A, 201, 1)), []);
    assert_eq!(read_breaks(&one, read(A, 199, 0)), [], "not acknowledged yet");
    assert_eq!(read_breaks(&one, read(B, 201, 0)), [], "others have a while");
    let two = history(vec![acknowledged(100, 200), acknowledged(300, 400)]);
    assert_eq!(read_breaks(&two, read(A, 401, 1)), [Promise::OwnInstance]);
    let concurrent = history(vec![acknowledged(100, 300), acknowledged(200, 400)]);
    assert_eq!(read_breaks(&concurrent, read(A, 401, 1)), []);
    let ordered = History { changes: vec![change(1, 10, 500), change(2, 11, 600)], ..concurrent };
    assert_eq!(read_breaks(&ordered, read(A, 401, 1)), [Promise::OwnInstance], "the database knows");
}

#[test]
fn every_instance_shows_the_write_when_its_event_is_in_the_log_for_the_bound() {
    let one = history(vec![acknowledged(100, 200)]);
    let empty = EmptyOutbox { life: A, sent: at(210), done: at(220) };
    let flushed = History { empty_outboxes: vec![empty], ..one.clone() };
    assert_eq!(read_breaks(&one, read(B, 5_000, 0)), [], "its event may be deferred");
    assert_eq!(read_breaks(&flushed, read(B, 1_219, 0)), []);
    assert_eq!(read_breaks(&flushed, read(B, 1_221, 0)), [Promise::EveryInstance]);
    assert_eq!(read_breaks(&flushed, read(B, 1_221, 1)), []);
}

#[test]
fn in_the_end_every_instance_shows_what_the_database_has() {
    let queued = vec![acknowledged(100, 300), acknowledged(200, 400)];
    let drained = History { changes: vec![change(1, 10, 500)], drained: Some(at(1_000)), ..history(queued) };
    assert_eq!(read_breaks(&drained, read(B, 1_999, 2)), []);
    assert_eq!(read_breaks(&drained, read(B, 2_001, 2)), [Promise::EveryInstance]);
    assert_eq!(read_breaks(&drained, read(B, 2_001, 1)), []);
}

#[test]
fn a_read_shows_only_writes_that_there_were() {
    let one = history(vec![QueuedWrite { item: OTHER, ..acknowledged(100, 200) }]);
    assert_eq!(read_breaks(&one, read(B, 300, 1)), [Promise::RightAnswer], "of another item");
    let one = history(vec![acknowledged(100, 200)]);
    assert_eq!(read_breaks(&one, read(B, 300, 2)), [Promise::RightAnswer]);
    assert_eq!(read_breaks(&one, read(B, 50, 1)), [Promise::RightAnswer], "before it was sent");
    let refused = Read { observed: Observed::QueueUnavailable, ..read(B, 300, 0) };
    assert_eq!(read_breaks(&one, refused), []);
}

#[test]
fn a_violation_is_described_in_words() {
    let mut history = history(vec![acknowledged(100, 200)]);
    history.reads = vec![read(A, 250, 0)];
    assert_eq!(
        check(&history)[0].words,
        "Read 0 of write-behind/0 on instance 0 (life 0), sent at 0.2500 s, showed no write (QUEUED found). It is \
         certainly before write 1 (instance 0 (life 0), sent at 0.1000 s, acknowledged at 0.2000 s)."
    );
}
