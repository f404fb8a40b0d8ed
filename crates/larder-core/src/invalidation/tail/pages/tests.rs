//! Tests of the pages that come with pushes, and overtake polls or are overtaken by them.

use super::*;
use crate::invalidation::names::Names;
use crate::invalidation::position::{Incarnation, LogId, Position, Watermark};
use crate::invalidation::selector::{Event, Mode, Selector};
use crate::invalidation::table::Verdict;
use crate::invalidation::tail::Limits;
use crate::time::WallTime;

const LIMITS: Limits = Limits { rows: 1_000, globs: 8, outbox: 4 };

/// A log. Each entry names its own key.
struct Log {
    incarnation: u8,
    last: u64,
}

/// A poll, or a push with a page, that is under way.
struct Exchange {
    cursor: Cursor,
    sent: BootTime,
    page: Option<LogPage>,
}

impl Log {
    fn new() -> Self {
        Self { incarnation: 1, last: 1 }
    }

    fn incarnation(&self) -> Incarnation {
        Incarnation::from_bytes([self.incarnation; 16])
    }

    fn lose(&mut self) {
        (self.incarnation, self.last) = (self.incarnation + 1, 1);
    }

    /// Returns the answer to a poll, with at most this many entries.
    fn page(&self, cursor: &Cursor, most: usize) -> LogPage {
        let after = if cursor.incarnation == self.incarnation() { cursor.after.millis } else { 0 };
        let entries: Vec<_> = (after + 1..=self.last).map(|number| (id(number), events(number))).collect();
        LogPage {
            incarnation: self.incarnation(),
            floor: LogId::ZERO,
            last: id(self.last),
            now: WallTime::default(),
            more: entries.len() > most,
            entries: entries.into_iter().take(most).collect(),
            fenced: true,
            is_busy: false,
        }
    }

    fn exchange(&self, tail: &Tail, at: u64) -> Exchange {
        let sent = BootTime::from_nanos(at);
        let cursor = tail.cursor(sent);
        Exchange { cursor, sent, page: Some(self.page(&cursor, 99)) }
    }
}

fn id(number: u64) -> LogId {
    LogId::new(number, 0)
}

/// The first entry of an incarnation has no event.
fn events(number: u64) -> Vec<Event> {
    let event = || Event { mode: Mode::Hard, selector: Selector::Key(key(number).into()) };
    if number == 1 { vec![] } else { vec![event()] }
}

fn key(number: u64) -> String {
    format!("k{number}")
}

fn push(tail: &mut Tail, answer: &Exchange) -> bool {
    tail.apply_pushed_page(&answer.cursor, answer.page.as_ref().unwrap(), answer.sent)
}

fn poll(tail: &mut Tail, answer: &Exchange) -> PageApplied {
    tail.apply_page_from(&answer.cursor, answer.page.as_ref().unwrap(), answer.sent)
}

/// Returns a tail that has read this log.
fn reader(log: &Log) -> Tail {
    let mut tail = Tail::following(Incarnation::from_bytes([99; 16]), LIMITS);
    let first = log.exchange(&tail, 1);
    poll(&mut tail, &first);
    tail
}

fn reached(tail: &Tail) -> (Incarnation, LogId) {
    (tail.position().incarnation, tail.position().watermark.log)
}

#[test]
fn a_page_that_comes_with_a_push_is_applied_like_the_answer_to_a_poll() {
    let mut log = Log::new();
    let mut tail = reader(&log);
    let began = tail.position();
    log.last = 3;
    let answer = log.exchange(&tail, 7);
    assert!(push(&mut tail, &answer));
    assert_eq!(reached(&tail), (log.incarnation(), id(3)));
    assert_eq!(tail.confirmed_at(), Some(BootTime::from_nanos(7)));
    for number in [2, 3] {
        let names = Names::of_value(&key(number), &[]);
        assert_eq!(tail.check(&began, &names, BootTime::ZERO), Verdict::Refused);
    }
}

#[test]
fn a_page_of_another_incarnation_is_left_to_the_polls() {
    let mut log = Log::new();
    let mut tail = reader(&log);
    let old = Log { incarnation: 1, last: 5 };
    let (before, late) = (reached(&tail), old.exchange(&tail, 2));
    log.lose();
    let lost = log.exchange(&tail, 3);
    assert!(!push(&mut tail, &lost));
    assert_eq!(reached(&tail), before);
    assert!(poll(&mut tail, &lost).new_incarnation);
    assert!(!push(&mut tail, &late), "it would go back to the lost log");
    assert_eq!(reached(&tail), (log.incarnation(), id(1)));
}

#[test]
fn a_page_that_leaves_a_gap_or_is_overtaken_is_not_applied() {
    let mut log = Log::new();
    let mut tail = reader(&log);
    let overtaken = log.exchange(&tail, 2);
    log.last = 4;
    let gap = Cursor { after: id(3), ..overtaken.cursor };
    let gap = Exchange { cursor: gap, sent: overtaken.sent, page: Some(log.page(&gap, 99)) };
    assert!(!push(&mut tail, &gap));
    assert_eq!(reached(&tail).1, id(1));
    let next = log.exchange(&tail, 3);
    assert!(poll(&mut tail, &next).caught_up);
    assert!(!push(&mut tail, &overtaken));
    assert_eq!(reached(&tail).1, id(4));
}

#[test]
fn a_tail_that_has_not_read_the_log_to_its_end_is_left_to_the_polls() {
    let mut log = Log::new();
    let mut tail = Tail::following(Incarnation::from_bytes([99; 16]), LIMITS);
    let first = log.exchange(&tail, 1);
    assert!(!push(&mut tail, &first));
    log.last = 3;
    let part = log.page(&first.cursor, 2);
    assert!(tail.apply_page(&part, first.sent).poll_again);
    let next = log.exchange(&tail, 2);
    assert!(!push(&mut tail, &next));
    assert!(poll(&mut tail, &next).caught_up);
}

#[test]
fn a_page_with_entries_left_confirms_nothing() {
    let mut log = Log::new();
    let mut tail = reader(&log);
    log.last = 5;
    let cursor = tail.cursor(BootTime::from_nanos(9));
    assert!(tail.apply_pushed_page(&cursor, &log.page(&cursor, 2), BootTime::from_nanos(9)));
    assert_eq!(reached(&tail).1, id(3));
    assert_eq!(tail.confirmed_at(), Some(BootTime::from_nanos(1)));
}

/// The log of such a poll ends before the position of the tail, but not before its own beginning.
#[test]
fn a_poll_that_a_push_has_overtaken_does_not_find_the_log_broken() {
    let mut log = Log::new();
    let mut tail = reader(&log);
    let overtaken = log.exchange(&tail, 2);
    log.last = 2;
    let pushed = log.exchange(&tail, 3);
    assert!(push(&mut tail, &pushed));
    let applied = poll(&mut tail, &overtaken);
    assert!(applied.caught_up && !applied.poll_again, "{applied:?}");
    assert!(!tail.cursor(BootTime::ZERO).broken);
    assert_eq!(reached(&tail).1, id(2));
    assert_eq!(tail.confirmed_at(), Some(BootTime::from_nanos(3)));
    // A log that does end before the beginning of a poll is broken.
    log.last = 1;
    let broken = log.exchange(&tail, 4);
    assert!(poll(&mut tail, &broken).poll_again);
    assert!(tail.cursor(BootTime::ZERO).broken);
    log.last = 9;
    let pushed = log.exchange(&tail, 5);
    assert!(!push(&mut tail, &pushed), "a push does not repair it");
}

/// Random appends, polls and pushes, whose answers come in any order, with lost logs.
#[test]
fn in_any_order_no_event_is_skipped_and_the_log_is_never_found_broken() {
    for seed in 0..300_u64 {
        let mut state = seed;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
            (state >> 33) % limit
        };
        let mut log = Log::new();
        let mut tail = reader(&log);
        let (mut polling, mut pushes): (Option<Exchange>, Vec<Exchange>) = (None, vec![]);
        for at in 2..200 {
            match below(10) {
                0 | 1 => log.last += 1,
                2 | 3 => {
                    let exchange = log.exchange(&tail, at);
                    polling.get_or_insert(exchange);
                }
                4 | 5 => {
                    log.last += 1;
                    pushes.push(log.exchange(&tail, at));
                }
                6 | 7 if !pushes.is_empty() => {
                    let which = usize::try_from(below(pushes.len() as u64)).unwrap();
                    push(&mut tail, &pushes.swap_remove(which));
                }
                8 => drop(polling.take().map(|answer| poll(&mut tail, &answer))),
                9 if below(5) == 0 => log.lose(),
                _ => {}
            }
            assert!(!tail.cursor(BootTime::ZERO).broken, "seed {seed} at {at}");
            let (incarnation, last) = reached(&tail);
            for number in 2..=last.millis {
                let watermark = Watermark { log: id(number - 1), local: 0 };
                let names = Names::of_value(&key(number), &[]);
                let verdict = tail.check(&Position { incarnation, watermark }, &names, BootTime::ZERO);
                assert_eq!(verdict, Verdict::Refused, "seed {seed} at {at}: entry {number}");
            }
        }
    }
}
