use std::time::Duration;

use super::*;
use crate::history::{Claimed, EmptyOutbox, Life, LifeId, Run, TwoPrimaries, Write, WriteResult};
use crate::item::{Family, Item, Way};

const ITEM: Item = Item { family: Family::Tag, id: 0 };
const PATIENT: Item = Item { family: Family::Patient, id: 0 };
const A: LifeId = LifeId(0);
const B: LifeId = LifeId(1);

fn at(millis: u64) -> Moment {
    Moment::from_nanos(millis * 1_000_000)
}

/// Returns a history with two instances, a bound of one second, and version 2 of everything
/// committed at 100 ms.
fn history() -> History {
    let life = |instance| Life { instance, killed: None };
    History {
        max_staleness: Duration::from_secs(1),
        lives: vec![life(0), life(1)],
        commits: Item::all().map(|_| vec![at(100)]).collect(),
        ..History::default()
    }
}

/// Returns a write of version 2 on A that returned at 200 ms.
fn write(item: Item, way: Way, claimed: Claimed) -> Write {
    let done = WriteResult { version: 2, claimed, returned: at(200), stored: None };
    Write { life: A, item, way, sent: at(90), done: Some(done) }
}

fn read_of(item: Item, life: LifeId, sent: u64, observed: Observed) -> Read {
    Read { life, item, sent: at(sent), done: at(sent + 5), observed, outcome: "HIT memory".to_owned() }
}

fn version(life: LifeId, sent: u64, version: u64) -> Read {
    read_of(ITEM, life, sent, Observed::Version { version, run: None })
}

/// Returns the promises that this one read breaks.
fn broken(mut history: History, read: Read) -> Vec<Promise> {
    history.reads = vec![read];
    check(&history).into_iter().map(|violation| violation.promise).collect()
}

fn applied() -> History {
    History { writes: vec![write(ITEM, Way::Tag, Claimed::Applied)], ..history() }
}

#[test]
fn an_instance_that_invalidated_never_shows_it_again() {
    assert_eq!(broken(applied(), version(A, 201, 1)), [Promise::OwnInstance]);
    assert_eq!(broken(applied(), version(A, 201, 2)), []);
    assert_eq!(broken(applied(), version(A, 200, 1)), [], "it may have been looked up just before");
    assert_eq!(broken(applied(), version(B, 201, 1)), [], "others have a while");
}

#[test]
fn after_the_bound_nobody_shows_it() {
    assert_eq!(broken(applied(), version(B, 1201, 1)), [Promise::EveryInstance]);
    assert_eq!(broken(applied(), version(B, 1200, 1)), []);
    assert_eq!(broken(applied(), version(B, 1201, 2)), []);
    assert_eq!(broken(applied(), version(A, 1201, 1)), [Promise::OwnInstance, Promise::EveryInstance]);
}

#[test]
fn another_life_of_the_same_instance_has_promised_nothing_before_the_bound() {
    let mut history = applied();
    history.lives[1].instance = 0;
    assert_eq!(broken(history.clone(), version(B, 300, 1)), []);
    assert_eq!(broken(history, version(B, 1300, 1)), [Promise::EveryInstance]);
}

/// Returns a probe that found A's outbox empty, by a request that took two milliseconds.
fn empty_outbox(sent: u64) -> EmptyOutbox {
    EmptyOutbox { life: A, sent: at(sent), done: at(sent + 2) }
}

#[test]
fn a_deferred_invalidation_binds_others_once_the_outbox_was_empty() {
    for claimed in [Claimed::Deferred, Claimed::Nothing] {
        let deferred = |empty_outboxes| History {
            writes: vec![write(ITEM, Way::Tag, claimed)],
            empty_outboxes,
            ..history()
        };
        assert_eq!(broken(deferred(vec![]), version(A, 201, 1)), [Promise::OwnInstance]);
        assert_eq!(broken(deferred(vec![]), version(B, 9000, 1)), [], "it may be lost with its process");
        let seen =
            || deferred(vec![empty_outbox(150), empty_outbox(200), empty_outbox(698), empty_outbox(800)]);
        assert_eq!(broken(seen(), version(B, 1700, 1)), []);
        assert_eq!(broken(seen(), version(B, 1701, 1)), [Promise::EveryInstance]);
        let of_another = EmptyOutbox { life: B, ..empty_outbox(698) };
        assert_eq!(broken(deferred(vec![of_another]), version(B, 9000, 1)), []);
    }
}

#[test]
fn a_write_that_never_returned_promises_nothing() {
    let mut history = applied();
    history.writes[0].done = None;
    assert_eq!(broken(history, version(A, 9000, 1)), []);
}

#[test]
fn a_soft_invalidation_binds_where_no_window_lets_it_be_shown() {
    let soft = |item| History { writes: vec![write(item, Way::SoftTag, Claimed::Applied)], ..history() };
    let stale = Observed::Version { version: 1, run: None };
    assert_eq!(broken(soft(ITEM), version(A, 201, 1)), [Promise::OwnInstance]);
    assert_eq!(broken(soft(PATIENT), read_of(PATIENT, A, 9000, stale.clone())), []);
    let hard = History { writes: vec![write(PATIENT, Way::Tag, Claimed::Applied)], ..history() };
    assert_eq!(broken(hard, read_of(PATIENT, A, 201, stale)), [Promise::OwnInstance], "hard never");
}

/// Adds two primaries from 150 to 900 ms. A can reach the deposed one until `a`, B until 900 ms.
fn deposed(history: History, a: u64) -> History {
    let two = TwoPrimaries { from: at(150), until: at(900), moved: vec![at(a), at(900)] };
    History { two_primaries: vec![two], ..history }
}

#[test]
fn a_deposed_primary_that_still_answered_puts_the_bound_off() {
    let mut history = deposed(applied(), 80);
    assert_eq!(broken(history.clone(), version(B, 1900, 1)), []);
    assert_eq!(broken(history.clone(), version(B, 1901, 1)), [Promise::EveryInstance]);
    assert_eq!(broken(history.clone(), version(A, 201, 1)), [Promise::OwnInstance], "but not the own one");
    history.two_primaries[0].from = at(201);
    assert_eq!(broken(history, version(B, 1201, 1)), [Promise::EveryInstance], "it was in the log before");
}

#[test]
fn an_invalidation_that_a_deposed_primary_took_binds_others_once_the_outbox_was_empty() {
    let applied = || deposed(applied(), 600);
    assert_eq!(broken(applied(), version(A, 201, 1)), [Promise::OwnInstance]);
    assert_eq!(broken(applied(), version(B, 9000, 1)), [], "it may be lost with its process");
    // Up to 1600 ms, A's knowledge may come from the deposed primary.
    let seen = |sent| History { empty_outboxes: vec![empty_outbox(300), empty_outbox(sent)], ..applied() };
    assert_eq!(broken(seen(1600), version(B, 9000, 1)), []);
    assert_eq!(broken(seen(1601), version(B, 2603, 1)), []);
    assert_eq!(broken(seen(1601), version(B, 2604, 1)), [Promise::EveryInstance]);
}

/// An older write with a later due time does not lower the required version.
#[test]
fn the_bar_only_ever_rises() {
    let mut history = history();
    history.commits[0].push(at(120));
    let mut newer = write(ITEM, Way::Tag, Claimed::Applied);
    newer.done = Some(WriteResult { version: 3, claimed: Claimed::Applied, returned: at(130), stored: None });
    history.writes = vec![write(ITEM, Way::Tag, Claimed::Applied), newer];
    history.reads = vec![version(A, 201, 2)];
    let violations = check(&history);
    assert_eq!(violations.len(), 1);
    assert_eq!(violations[0].write, Some(1));
}

#[test]
fn a_client_sees_no_error_that_no_handler_made() {
    let lost = || read_of(ITEM, A, 300, Observed::Lost("reset".to_owned()));
    assert_eq!(broken(history(), lost()), [Promise::NoError]);
    let mut killed = history();
    killed.lives[0].killed = Some(at(305));
    assert_eq!(broken(killed.clone(), lost()), []);
    killed.lives[0].killed = Some(at(306));
    assert_eq!(broken(killed, lost()), [Promise::NoError], "it was lost before");
    let nonsense = read_of(ITEM, A, 300, Observed::Nonsense("502 without a handler".to_owned()));
    assert_eq!(broken(history(), nonsense), [Promise::RightAnswer]);
}

fn run(item: Item, fails: bool) -> Run {
    Run { life: A, item, version: 1, began: at(290), delay: Duration::from_millis(5), fails }
}

#[test]
fn a_handlers_own_error_is_shown_to_those_who_asked_meanwhile() {
    let failure = |sent| read_of(ITEM, A, sent, Observed::Failure { run: 0 });
    let with = |run| History { runs: vec![run], ..history() };
    assert_eq!(broken(with(run(ITEM, true)), failure(280)), []);
    assert_eq!(broken(with(run(ITEM, false)), failure(280)), [Promise::NoError], "it did not fail");
    assert_eq!(broken(with(run(PATIENT, true)), failure(280)), [Promise::NoError], "that was another's");
    assert_eq!(broken(history(), failure(280)), [Promise::NoError], "there was no such run");
    let mut kept = with(run(ITEM, true));
    kept.reads = vec![failure(290), failure(280), failure(286)];
    let violations = check(&kept);
    assert_eq!(violations.iter().map(|violation| violation.read).collect::<Vec<_>>(), [Some(0), Some(2)]);
}

#[test]
fn a_response_shows_the_state_at_the_time_of_its_request() {
    assert_eq!(broken(history(), version(A, 50, 2)), [Promise::RightAnswer], "not yet committed");
    assert_eq!(broken(history(), version(A, 97, 2)), [], "it was while the read went on");
    assert_eq!(broken(history(), version(A, 300, 3)), [Promise::RightAnswer]);
    let of_run = |run| read_of(ITEM, A, 300, Observed::Version { version: 2, run: Some(run) });
    assert_eq!(broken(History { runs: vec![run(ITEM, false)], ..history() }, of_run(0)), []);
    assert_eq!(
        broken(History { runs: vec![run(PATIENT, false)], ..history() }, of_run(0)),
        [Promise::RightAnswer]
    );
    assert_eq!(broken(history(), of_run(0)), [Promise::RightAnswer]);
}

#[test]
fn a_violation_is_described_in_words() {
    let mut history = applied();
    history.reads = vec![version(B, 1250, 1)];
    let violations = check(&history);
    assert_eq!(
        violations[0].words,
        "Read 0 of tag/0 on instance 1 (life 1), sent at 1.2500 s, showed version 1 (HIT memory). Write 0 had committed \
         version 2; its invalidation by tag was Applied and returned at 0.2000 s on instance 0 (life 0), was in the log by 0.2000 s, and came due \
         everywhere at 1.2000 s, 50.0 ms before the read was sent."
    );
}
