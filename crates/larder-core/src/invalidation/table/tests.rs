//! Tests of what the table remembers and forgets.
//!
//! The rules as a whole are played in `tests/log_traces`.

use std::time::Duration;

use super::*;
use crate::invalidation::selector::{Prefix, Tag, UriName};

const SETTLED: u64 = u64::MAX;

fn id(millis: u64) -> LogId {
    LogId::new(millis, 0)
}

fn mark(log: u64, local: u64) -> Watermark {
    Watermark { log: id(log), local }
}

fn at(seconds: u64) -> BootTime {
    BootTime::ZERO.saturating_add(Duration::from_secs(seconds))
}

fn event(mode: Mode, selector: impl Into<Selector>) -> Event {
    let selector = selector.into();
    Event { mode, selector }
}

fn hard(tag: &str) -> Event {
    event(Mode::Hard, Tag::new(tag))
}

fn soft(tag: &str) -> Event {
    event(Mode::Soft, Tag::new(tag))
}

fn glob(pattern: &str) -> Event {
    event(Mode::Hard, Glob::new(pattern).unwrap())
}

fn tagged(tag: &str) -> Names {
    let uri = UriName::new("/products/42?a=1").unwrap();
    Names::new("/products/42", &["key".into()], &[uri], &[Tag::new(tag)])
}

fn stale_for(seconds: u64) -> Verdict {
    Verdict::Soft(Duration::from_secs(seconds))
}

#[test]
fn every_selector_refuses_what_it_names_up_to_its_own_position_and_nothing_else() {
    let named = [
        event(Mode::Hard, Tag::new("t")),
        event(Mode::Hard, Selector::Key("key".into())),
        event(Mode::Hard, UriName::new("/products/42?a=1").unwrap()),
        event(Mode::Hard, Prefix::new("/products").unwrap()),
        glob("/prod*2"),
        Event::EVERYTHING,
    ];
    let unnamed = [
        event(Mode::Hard, Tag::new("key")),
        event(Mode::Hard, Selector::Key("t".into())),
        event(Mode::Hard, UriName::new("/products/42").unwrap()),
        event(Mode::Hard, Prefix::new("/product").unwrap()),
        glob("/prod*3"),
    ];
    let verdicts = |event: &Event| {
        let mut table = InvalidationTable::new(8, 8);
        table.apply(event, EventPosition::Log(id(5)), at(0), SETTLED);
        [4, 5].map(|log| table.check(mark(log, 0), &tagged("t"), at(0)))
    };
    for event in &named {
        assert_eq!(verdicts(event), [Verdict::Refused, Verdict::Valid], "{event:?}");
    }
    for event in &unnamed {
        assert_eq!(verdicts(event), [Verdict::Valid, Verdict::Valid], "{event:?}");
    }
}

/// A value below HTTP lies at no path. So not even a glob that matches every path names it.
#[test]
fn a_value_is_refused_for_its_key_its_tags_and_all() {
    let value = Names::of_value("key", &[Tag::new("t")]);
    let verdict = |event: &Event| {
        let mut table = InvalidationTable::new(8, 8);
        table.apply(event, EventPosition::Log(id(5)), at(0), SETTLED);
        table.check(mark(4, 0), &value, at(0))
    };
    for event in [event(Mode::Hard, Selector::Key("key".into())), hard("t"), Event::EVERYTHING] {
        assert_eq!(verdict(&event), Verdict::Refused, "{event:?}");
    }
    let others = [
        hard("key"),
        event(Mode::Hard, Selector::Key("t".into())),
        event(Mode::Hard, Prefix::new("/").unwrap()),
        glob("/*"),
    ];
    for event in others {
        assert_eq!(verdict(&event), Verdict::Valid, "{event:?}");
    }
}

#[test]
fn a_soft_invalidation_makes_stale_since_it_was_applied() {
    let mut table = InvalidationTable::new(8, 8);
    table.apply(&soft("t"), EventPosition::Log(id(5)), at(10), SETTLED);
    assert_eq!(table.check(mark(4, 0), &tagged("t"), at(10)), stale_for(0));
    assert_eq!(table.check(mark(4, 0), &tagged("t"), at(13)), stale_for(3));
    assert_eq!(table.check(mark(5, 0), &tagged("t"), at(13)), Verdict::Valid);
}

/// Each further event would make the response younger, and its windows would never end.
#[test]
fn a_further_soft_invalidation_does_not_restart_the_window() {
    let mut table = InvalidationTable::new(8, 8);
    for (log, seconds) in [(5, 10), (7, 20), (9, 30)] {
        table.apply(&soft("t"), EventPosition::Log(id(log)), at(seconds), SETTLED);
    }
    for (log, since) in [(4, 10), (5, 20), (6, 20), (7, 30), (8, 30)] {
        assert_eq!(table.check(mark(log, 0), &tagged("t"), at(40)), stale_for(40 - since), "{log}");
    }
    assert_eq!(table.check(mark(9, 0), &tagged("t"), at(40)), Verdict::Valid);
    // The same holds while the log cannot be reached.
    for (number, seconds) in [(1, 50), (2, 60)] {
        table.apply(&soft("t"), EventPosition::Local(number), at(seconds), 0);
    }
    assert_eq!(table.check(mark(9, 0), &tagged("t"), at(70)), stale_for(20));
    assert_eq!(table.check(mark(9, 1), &tagged("t"), at(70)), stale_for(10));
    // A hard one between them changes nothing for the responses that it does not refuse.
    table.apply(&hard("t"), EventPosition::Log(id(8)), at(80), 0);
    assert_eq!(table.check(mark(8, 2), &tagged("t"), at(80)), stale_for(50));
}

/// The history is short. If a response lies among events that were joined, the earlier one counts.
#[test]
fn a_full_history_counts_from_the_earlier_moment() {
    let mut table = InvalidationTable::new(8, 8);
    let moments = [10, 20, 21, 30, 40, 50, 60, 61, 70, 80];
    for (log, seconds) in (1..).zip(moments) {
        table.apply(&soft("t"), EventPosition::Log(id(log)), at(seconds), SETTLED);
    }
    for (covered, exact) in (0..).zip(moments) {
        let Verdict::Soft(since) = table.check(mark(covered, 0), &tagged("t"), at(100)) else {
            panic!("{covered} is not stale");
        };
        assert!(since >= Duration::from_secs(100 - exact), "{covered}: {since:?}");
        assert!(since <= Duration::from_secs(90), "{covered}: {since:?}");
    }
    assert_eq!(table.check(mark(0, 0), &tagged("t"), at(100)), stale_for(90));
    assert_eq!(table.check(mark(9, 0), &tagged("t"), at(100)), stale_for(20));
}

/// A deferred event comes back from the log later, which does not make the staleness younger.
///
/// If several names were invalidated, the first invalidation decides how long.
#[test]
fn the_longest_staleness_counts() {
    let mut table = InvalidationTable::new(8, 8);
    table.apply(&soft("t"), EventPosition::Local(1), at(10), 0);
    table.apply(&soft("t"), EventPosition::Log(id(5)), at(20), SETTLED);
    assert_eq!(table.check(mark(4, 0), &tagged("t"), at(30)), stale_for(20));
    assert_eq!(table.check(mark(4, 1), &tagged("t"), at(30)), stale_for(10));
    let key = event(Mode::Soft, Selector::Key("key".into()));
    table.apply(&key, EventPosition::Log(id(6)), at(25), SETTLED);
    assert_eq!(table.check(mark(4, 1), &tagged("t"), at(30)), stale_for(10));
    assert_eq!(table.check(mark(5, 1), &tagged("t"), at(30)), stale_for(5));
}

#[test]
fn hard_and_soft_of_one_name_are_distinguished_in_either_order() {
    for order in [[hard("t"), soft("t")], [soft("t"), hard("t")]] {
        let mut table = InvalidationTable::new(8, 8);
        table.apply(&order[0], EventPosition::Log(id(5)), at(0), SETTLED);
        table.apply(&order[1], EventPosition::Log(id(7)), at(0), SETTLED);
        assert_eq!(table.check(mark(4, 0), &tagged("t"), at(0)), Verdict::Refused);
        let between = match order[1].mode {
            Mode::Hard => Verdict::Refused,
            Mode::Soft => stale_for(0),
        };
        assert_eq!(table.check(mark(5, 0), &tagged("t"), at(0)), between);
        assert_eq!(table.check(mark(7, 0), &tagged("t"), at(0)), Verdict::Valid);
    }
}

#[test]
fn an_event_that_comes_again_or_out_of_order_takes_nothing_back() {
    let mut table = InvalidationTable::new(8, 8);
    for place in [
        EventPosition::Log(id(7)),
        EventPosition::Log(id(5)),
        EventPosition::Local(2),
        EventPosition::Local(1),
    ] {
        table.apply(&hard("t"), place, at(0), SETTLED);
    }
    for (mark, expected) in
        [(mark(6, 2), Verdict::Refused), (mark(7, 1), Verdict::Refused), (mark(7, 2), Verdict::Valid)]
    {
        assert_eq!(table.check(mark, &tagged("t"), at(0)), expected);
    }
}

#[test]
fn a_full_table_drops_its_oldest_eighth_at_once_and_lets_the_floor_stand_for_it() {
    let mut table = InvalidationTable::new(16, 8);
    for number in 1..=16 {
        table.apply(&hard(&number.to_string()), EventPosition::Log(id(number)), at(0), SETTLED);
    }
    // After this touch, the first row is no longer among the oldest.
    table.apply(&soft("1"), EventPosition::Log(id(17)), at(0), SETTLED);
    assert_eq!((table.rows.len(), table.floor), (16, Watermark::ZERO));
    table.apply(&hard("17"), EventPosition::Log(id(18)), at(0), SETTLED);
    assert_eq!((table.rows.len(), table.floor), (15, mark(3, 0)));
    assert_eq!(table.check(mark(2, 0), &tagged("t"), at(0)), Verdict::Refused);
    assert_eq!(table.check(mark(3, 0), &tagged("t"), at(0)), Verdict::Valid);
    assert_eq!(table.check(mark(3, 0), &tagged("4"), at(0)), Verdict::Refused);
    assert_eq!(table.check(mark(3, 0), &tagged("1"), at(0)), stale_for(0));
}

/// A dropped row may have been soft only, or local only.
#[test]
fn the_floor_covers_every_part_of_a_row_that_was_dropped() {
    for (mode, place, floor) in [
        (Mode::Hard, EventPosition::Log(id(5)), mark(5, 0)),
        (Mode::Soft, EventPosition::Log(id(5)), mark(5, 0)),
        (Mode::Hard, EventPosition::Local(5), mark(0, 5)),
        (Mode::Soft, EventPosition::Local(5), mark(0, 5)),
    ] {
        let mut table = InvalidationTable::new(1, 8);
        table.apply(&event(mode, Tag::new("t")), place, at(0), SETTLED);
        table.apply(&hard("other"), EventPosition::Log(id(6)), at(0), SETTLED);
        assert_eq!(table.floor, floor, "{mode:?} {place:?}");
    }
}

#[test]
fn pending_rows_stay_however_full_the_table_is() {
    let mut table = InvalidationTable::new(2, 8);
    table.apply(&hard("1"), EventPosition::Local(1), at(0), 0);
    table.apply(&soft("2"), EventPosition::Local(2), at(0), 0);
    table.apply(&hard("3"), EventPosition::Local(3), at(0), 0);
    assert_eq!((table.rows.len(), table.floor), (3, Watermark::ZERO));
    table.apply(&hard("4"), EventPosition::Log(id(1)), at(0), 0);
    assert_eq!((table.rows.len(), table.floor), (3, mark(1, 0)));
    // The first two events have come back.
    table.apply(&hard("4"), EventPosition::Log(id(2)), at(0), 2);
    assert_eq!((table.rows.len(), table.floor), (3, mark(1, 1)));
}

#[test]
fn a_full_list_of_globs_drops_the_oldest_and_lets_the_floor_stand_for_it() {
    let mut table = InvalidationTable::new(8, 2);
    for (number, pattern) in (1..).zip(["/a*", "/b*", "/a*", "/c*"]) {
        table.apply(&glob(pattern), EventPosition::Log(id(number)), at(0), SETTLED);
    }
    assert_eq!((table.globs.len(), table.floor), (2, mark(2, 0)));
}

/// Every check goes through all the globs, so their number must not exceed the limit.
#[test]
fn a_glob_for_which_pending_ones_leave_no_room_counts_as_all() {
    let mut table = InvalidationTable::new(8, 1);
    table.apply(&glob("/a*"), EventPosition::Local(1), at(0), 0);
    table.apply(&glob("/b*"), EventPosition::Local(2), at(0), 0);
    assert_eq!((table.globs.len(), table.floor), (1, Watermark::ZERO));
    assert_eq!(table.check(mark(0, 1), &tagged("t"), at(0)), Verdict::Refused);
    assert_eq!(table.check(mark(0, 2), &tagged("t"), at(0)), Verdict::Valid);
}

#[test]
fn a_lost_log_is_forgotten_but_for_the_local_part_of_what_is_pending() {
    let mut table = InvalidationTable::new(8, 8);
    table.raise_floor(id(3), at(0));
    table.apply(&hard("t"), EventPosition::Local(1), at(0), 0);
    table.apply(&hard("t"), EventPosition::Log(id(5)), at(0), 0);
    table.apply(&glob("/products/*"), EventPosition::Local(2), at(0), 0);
    table.apply(&hard("gone"), EventPosition::Log(id(6)), at(0), 0);
    table.apply(&Event::EVERYTHING, EventPosition::Log(id(7)), at(0), 0);
    let before = table.version();
    table.forget_log(0);
    assert_ne!(table.version(), before);
    assert_eq!(table.rows.len(), 1);
    assert_eq!(table.check(mark(0, 2), &tagged("t"), at(0)), Verdict::Valid);
    assert_eq!(table.check(mark(0, 1), &tagged("x"), at(0)), Verdict::Refused);
    assert_eq!(table.check(mark(9, 0), &tagged("t"), at(0)), Verdict::Refused);
    table.forget_log(2);
    assert!(table.rows.is_empty() && table.globs.is_empty());
}

/// The worse verdict counts, whatever the order.
#[test]
fn of_two_verdicts_the_worse_one_is_left() {
    let soft = |seconds| Verdict::Soft(Duration::from_secs(seconds));
    let cases = [
        (Verdict::Valid, Verdict::Valid, Verdict::Valid),
        (Verdict::Valid, soft(1), soft(1)),
        (soft(2), soft(1), soft(2)),
        (Verdict::Valid, Verdict::Refused, Verdict::Refused),
        (soft(1), Verdict::Refused, Verdict::Refused),
        (Verdict::Refused, Verdict::Refused, Verdict::Refused),
    ];
    for (one, other, left) in cases {
        assert_eq!((one.and(other), other.and(one)), (left, left));
    }
}
