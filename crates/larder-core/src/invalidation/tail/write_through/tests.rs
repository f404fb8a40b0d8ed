//! Tests of rule 18. Each misreading of the rule fails in one of them.

use super::follower::{Follower, NOW};
use super::*;
use crate::invalidation::position::{Incarnation, LogId};
use crate::invalidation::selector::{Event, Glob, Mode, Prefix, Selector, Tag, UriName};
use crate::invalidation::table::Verdict;
use crate::invalidation::tail::Limits;

const LARGE: Limits = Limits { rows: 1_000, globs: 8, outbox: 4 };
const SMALL: Limits = Limits { rows: 4, globs: 1, outbox: 2 };

fn hard(selector: impl Into<Selector>) -> Event {
    Event { mode: Mode::Hard, selector: selector.into() }
}

fn soft(selector: impl Into<Selector>) -> Event {
    Event { mode: Mode::Soft, selector: selector.into() }
}

fn key(text: &str) -> Selector {
    Selector::Key(text.into())
}

fn tag(text: &str) -> Selector {
    Tag::new(text).into()
}

fn names() -> Names {
    Names::of_value("k", &[Tag::new("t")])
}

/// Returns the events that a write of the value appends.
fn own() -> Vec<Event> {
    vec![hard(key("k")), hard(tag("t"))]
}

fn floods(number: u64) -> Vec<Vec<Event>> {
    (0..number).map(|number| vec![hard(tag(&number.to_string()))]).collect()
}

/// Plays a write: these entries, its beginning, these entries, its own, and these entries.
fn written(before: &[Vec<Event>], between: &[Vec<Event>], after: &[Vec<Event>]) -> Option<Verdict> {
    let mut follower = Follower::new(LARGE);
    follower.append_each(before);
    follower.poll();
    let began = follower.tail.position();
    follower.append_each(between);
    let appended = follower.append(&own());
    follower.append_each(after);
    follower.poll();
    let position = follower.tail.written_position(&began, &appended, &names())?;
    assert_eq!((position.incarnation, position.watermark.log), (appended.incarnation, appended.id));
    assert_eq!(position.watermark.local, began.watermark.local);
    // Stored under its beginning, it would be refused at once.
    assert_eq!(follower.check(&began, &names()), Verdict::Refused);
    Some(follower.check(&position, &names()))
}

#[test]
fn a_write_without_another_one_is_stored_and_valid() {
    assert_eq!(written(&[], &[], &[]), Some(Verdict::Valid));
}

/// The row of the key shows the last event alone, which is the write's own.
#[test]
fn another_event_that_names_the_value_prevents_it() {
    let naming = [hard(key("k")), hard(tag("t")), Event::EVERYTHING];
    for event in naming.into_iter().flat_map(|event| [soft(event.selector.clone()), event]) {
        assert_eq!(written(&[], &[vec![event.clone()]], &[]), None, "{event:?}");
        let among = [vec![hard(tag("x"))], vec![hard(key("x")), event.clone()], vec![soft(tag("y"))]];
        assert_eq!(written(&floods(9), &among, &[]), None, "{event:?}");
    }
}

#[test]
fn an_event_that_does_not_name_the_value_prevents_nothing() {
    let others = [
        hard(key("t")),
        hard(tag("k")),
        hard(UriName::new("/k").unwrap()),
        hard(Prefix::new("/").unwrap()),
        soft(Glob::new("/*").unwrap()),
    ];
    let others: Vec<_> = others.into_iter().map(|event| vec![event]).collect();
    assert_eq!(written(&others, &others, &others), Some(Verdict::Valid));
    assert_eq!(written(&[], &[vec![]], &[]), Some(Verdict::Valid));
}

/// Writes of different values may share an entry, because it says about each value only what an
/// entry of its own would say.
#[test]
fn the_keys_of_other_values_in_the_entry_prevent_nothing() {
    let all = ["k", "l", "m"];
    for (other, is_stored) in [("l", [true, false, true]), ("x", [true; 3])] {
        let mut follower = Follower::new(LARGE);
        let began = follower.tail.position();
        follower.append(&[hard(key(other)), hard(key("y"))]);
        let appended = follower.append(&all.map(|one| hard(key(one))));
        follower.poll();
        let names = all.map(|one| Names::of_value(one, &[]));
        let position = |names| follower.tail.written_position(&began, &appended, names);
        assert_eq!(names.each_ref().map(|names| position(names).is_some()), is_stored);
        let (position, [k, _, m]) = (position(&names[0]).unwrap(), names);
        follower.append(&[hard(key("k"))]);
        follower.poll();
        assert_eq!(follower.check(&position, &k), Verdict::Refused);
        assert_eq!(follower.check(&position, &m), Verdict::Valid);
    }
}

#[test]
fn earlier_events_prevent_nothing_however_many_they_are() {
    let earlier: Vec<_> = (0..40)
        .flat_map(|_| [vec![soft(tag("t")), hard(key("k"))], own(), vec![Event::EVERYTHING]])
        .collect();
    assert_eq!(written(&earlier, &[], &[]), Some(Verdict::Valid));
    assert_eq!(written(&earlier, &[vec![hard(tag("t"))]], &[]), None);
}

#[test]
fn a_later_event_acts_on_the_value_by_rule_3() {
    let stale = Some(Verdict::Soft(std::time::Duration::ZERO));
    for (event, expected) in [(hard(tag("t")), Some(Verdict::Refused)), (soft(tag("t")), stale)] {
        assert_eq!(written(&[own(), own()], &[], &[vec![event]]), expected);
    }
}

#[test]
fn later_events_do_not_hide_one_in_the_interval() {
    for mode in [Mode::Hard, Mode::Soft] {
        let between = [vec![Event { mode, selector: tag("t") }]];
        for later in 0..12 {
            let later: Vec<_> = (0..later).map(|_| vec![soft(tag("t"))]).collect();
            assert_eq!(written(&[own(), own()], &between, &later), None, "{}", later.len());
        }
    }
}

/// A response has a path, and is named by globs.
#[test]
fn a_glob_in_the_interval_prevents_what_it_matches() {
    for (pattern, is_stored) in [("/a*", false), ("/b*", true)] {
        let mut follower = Follower::new(LARGE);
        let began = follower.tail.position();
        follower.append(&[hard(Glob::new(pattern).unwrap())]);
        let appended = follower.append(&own());
        follower.poll();
        let names = Names::new("/a", &["k".into()], &[], &[]);
        let position = follower.tail.written_position(&began, &appended, &names);
        assert_eq!(position.is_some(), is_stored, "{pattern}");
    }
}

/// A: a write begins. B of the same process commits and is deferred. Then A stores its value.
#[test]
fn an_event_that_was_deferred_meanwhile_refuses_the_value() {
    let mut follower = Follower::new(LARGE);
    follower.tail.defer(&[hard(key("k"))], NOW);
    let began = follower.tail.position();
    let appended = follower.append(&own());
    follower.poll();
    let position = follower.tail.written_position(&began, &appended, &names()).unwrap();
    assert_eq!(follower.check(&position, &names()), Verdict::Valid, "the deferred event came before");

    follower.tail.defer(&[hard(key("k"))], NOW);
    let position = follower.tail.written_position(&began, &appended, &names()).unwrap();
    assert_eq!(position.watermark.local, 1);
    assert_eq!(follower.check(&position, &names()), Verdict::Refused);
    // Under the present local number it would be served.
    let watermark = Watermark { local: follower.tail.position().watermark.local, ..position.watermark };
    assert_eq!(follower.check(&Position { watermark, ..position }, &names()), Verdict::Valid);
}

#[test]
fn an_event_that_was_deferred_softly_meanwhile_makes_the_value_stale() {
    let mut follower = Follower::new(LARGE);
    let began = follower.tail.position();
    let appended = follower.append(&own());
    follower.poll();
    follower.tail.defer(&[soft(tag("t"))], NOW);
    let position = follower.tail.written_position(&began, &appended, &names()).unwrap();
    assert!(matches!(follower.check(&position, &names()), Verdict::Soft(_)));
}

/// Its entry lies in the interval. If the entry came later, rule 3 would refuse the value.
#[test]
fn an_event_that_was_deferred_and_then_appended_first_prevents_it() {
    for is_first in [true, false] {
        let mut follower = Follower::new(LARGE);
        let began = follower.tail.position();
        follower.tail.defer(&[hard(key("k"))], NOW);
        let batch = follower.tail.next_batch().unwrap();
        let appended = if is_first { None } else { Some(follower.append(&own())) };
        let flushed = follower.append(batch.events());
        follower.tail.batch_appended(&batch, flushed);
        let appended = appended.unwrap_or_else(|| follower.append(&own()));
        follower.poll();
        assert_eq!(follower.tail.deferred_count(), 0);
        let position = follower.tail.written_position(&began, &appended, &names());
        let verdict = position.map(|position| follower.check(&position, &names()));
        assert_eq!(verdict, if is_first { None } else { Some(Verdict::Refused) });
    }
}

#[test]
fn positions_of_two_incarnations_are_not_compared() {
    let mut follower = Follower::new(LARGE);
    let (old, old_own) = (follower.tail.position(), follower.append(&own()));
    follower.poll();
    assert!(follower.tail.written_position(&old, &old_own, &names()).is_some());
    // The other write appends to the first log. Then the log is lost, and A appends to the second.
    follower.append(&[hard(key("k"))]);
    follower.lose_log(2);
    follower.append(&[]);
    let appended = follower.append(&own());
    assert_eq!(follower.tail.written_position(&old, &appended, &names()), None, "not polled");
    follower.poll();
    let new = follower.tail.position();
    assert!(appended.id > old.watermark.log);
    for (began, appended) in [(&old, &appended), (&old, &old_own), (&new, &old_own)] {
        assert_eq!(follower.tail.written_position(began, appended, &names()), None);
    }
    let appended = follower.append(&own());
    follower.poll();
    assert!(follower.tail.written_position(&new, &appended, &names()).is_some());
}

#[test]
fn nothing_is_stored_before_our_own_tail_has_passed_the_event() {
    let mut follower = Follower::new(LARGE);
    let began = follower.tail.position();
    follower.append(&[hard(tag("x"))]);
    let appended = follower.append(&own());
    follower.append(&[hard(tag("x"))]);
    for is_stored in [false, true, true] {
        follower.poll_some(1);
        assert_eq!(follower.tail.written_position(&began, &appended, &names()).is_some(), is_stored);
    }
}

/// Only servers that hide their run id from scripts lose a log in this way.
#[test]
fn a_log_that_gives_its_ids_again_is_not_believed() {
    let mut follower = Follower::new(LARGE);
    follower.append_each(&floods(3));
    follower.poll();
    let began = follower.tail.position();
    follower.entries.truncate(2);
    follower.last = 2;
    let appended = follower.append(&own());
    assert!(appended.id < began.watermark.log);
    assert_eq!(follower.tail.written_position(&began, &appended, &names()), None);
    follower.poll();
    assert_eq!(follower.tail.written_position(&began, &appended, &names()), None);
}

#[test]
fn a_trimmed_log_prevents_it_only_beyond_the_beginning() {
    for (floor, is_stored) in [(0, true), (4, true), (5, false), (6, false)] {
        let mut follower = Follower::new(LARGE);
        follower.append_each(&floods(3));
        follower.poll();
        let began = follower.tail.position();
        assert_eq!(began.watermark.log, LogId::new(4, 0));
        follower.append_each(&floods(2));
        let appended = follower.append(&own());
        follower.floor = LogId::new(floor, 0);
        follower.entries.retain(|(id, _)| *id > LogId::new(floor, 0));
        follower.poll();
        let position = follower.tail.written_position(&began, &appended, &names());
        assert_eq!(position.is_some(), is_stored, "{floor}");
    }
}

/// The own event makes a new row for the key, which shows nothing of the dropped one.
#[test]
fn rows_that_were_dropped_meanwhile_prevent_it() {
    let dropped = || [vec![vec![hard(key("k"))]], floods(8)].concat();
    for (before, between, is_stored) in [(dropped(), vec![], true), (vec![], dropped(), false)] {
        let mut follower = Follower::new(SMALL);
        follower.append_each(&before);
        follower.poll();
        let began = follower.tail.position();
        follower.append_each(&between);
        follower.poll();
        assert!(follower.tail.forgotten().floor_raises > 0);
        let appended = follower.append(&[hard(key("k"))]);
        follower.poll();
        let position = follower.tail.written_position(&began, &appended, &names());
        assert_eq!(position.is_some(), is_stored);
    }
}

/// The row of a response's URI is folded into that of its path. Then the path shows the event.
#[test]
fn rows_that_were_folded_meanwhile_prevent_it() {
    let uri = |text: &str| UriName::new(text).unwrap();
    let folded =
        || [vec![vec![hard(uri("/a?1"))]], (0..8).map(|n| vec![hard(uri(&format!("/b?{n}")))]).collect()];
    for (is_before, is_stored) in [(true, true), (false, false)] {
        let mut follower = Follower::new(SMALL);
        let mut began = follower.tail.position();
        follower.append_each(&folded().concat());
        follower.poll();
        assert_eq!(follower.tail.forgotten().floor_raises, 0);
        if is_before {
            began = follower.tail.position();
        }
        let appended = follower.append(&[hard(key("k"))]);
        follower.poll();
        let names = Names::new("/a", &["k".into()], &[uri("/a?1")], &[]);
        let position = follower.tail.written_position(&began, &appended, &names);
        assert_eq!(position.is_some(), is_stored);
    }
}

#[test]
fn globs_that_were_dropped_meanwhile_prevent_it() {
    for (number, is_stored) in [(1, true), (2, false)] {
        let mut follower = Follower::new(SMALL);
        let began = follower.tail.position();
        for number in 0..number {
            follower.append(&[hard(Glob::new(&format!("/{number}*")).unwrap())]);
        }
        let appended = follower.append(&own());
        follower.poll();
        let position = follower.tail.written_position(&began, &appended, &names());
        assert_eq!(position.is_some(), is_stored, "{number}");
    }
}

#[test]
fn an_instance_that_refused_everything_older_stores_no_older_write() {
    let mut follower = Follower::new(LARGE);
    let began = follower.tail.position();
    follower.tail.refuse_older(NOW);
    let appended = follower.append(&own());
    follower.poll();
    assert!(follower.tail.written_position(&began, &appended, &names()).is_some());
    follower.tail.refuse_older(NOW);
    assert_eq!(follower.tail.written_position(&began, &appended, &names()), None);
}

#[test]
fn of_several_own_entries_only_the_last_may_name_the_value() {
    let large = floods(3).concat();
    for (first, last, is_stored) in [(large.clone(), own(), true), (own(), large, false)] {
        let mut follower = Follower::new(LARGE);
        let began = follower.tail.position();
        follower.append(&first);
        let appended = follower.append(&last);
        follower.poll();
        let position = follower.tail.written_position(&began, &appended, &names());
        assert_eq!(position.is_some(), is_stored);
    }
}

#[test]
fn the_same_holds_in_a_process_that_is_its_own_log() {
    let mut tail = Tail::local(Incarnation::from_bytes([1; 16]), LARGE);
    assert_eq!(tail.record(&[], NOW), None);
    for number in 0..20 {
        tail.record(&own(), NOW);
        tail.record(&[hard(tag(&number.to_string()))], NOW);
    }
    let began = tail.position();
    let appended = tail.record(&own(), NOW).unwrap();
    assert_eq!(appended.id, began.watermark.log.after(), "one entry with several events");
    let position = tail.written_position(&began, &appended, &names()).unwrap();
    assert_eq!(tail.check(&position, &names(), NOW), Verdict::Valid);
    assert_eq!(tail.check(&began, &names(), NOW), Verdict::Refused);
    for (event, is_stored) in [
        (hard(key("k")), false),
        (hard(tag("t")), false),
        (soft(tag("t")), false),
        (Event::EVERYTHING, false),
        (hard(tag("x")), true),
    ] {
        let began = tail.position();
        tail.record(std::slice::from_ref(&event), NOW);
        let appended = tail.record(&own(), NOW).unwrap();
        let position = tail.written_position(&began, &appended, &names());
        assert_eq!(position.is_some(), is_stored, "{event:?}");
        assert_eq!(began.watermark.local, 0);
    }
    // A process that follows a log defers, and has no id to store under.
    let mut follower = Follower::new(LARGE);
    assert_eq!(follower.tail.record(&own(), NOW), None);
    assert_eq!(follower.tail.pending_count(), 2);
}
