//! Until when a response may be older than an invalidation of its names, on a lagging replica.

use std::time::Duration;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::{Event, Mode, Selector, Tag};
use larder_core::invalidation::tail::{Limits, Tail};
use larder_core::time::{BootTime, WallTime};

use crate::world::{Instance, Redis, at, hard, incarnation, soft, tagged};

const LAG: Duration = Duration::from_secs(5);
const HOUR: u64 = 3_600_000;

/// Returns a log and an instance that has read it, with a clock that is an hour behind the log's.
fn joined() -> (Redis, Instance) {
    let mut redis = Redis::new();
    redis.append(&[], at(0));
    let mut instance = Instance::with(Limits { rows: 4, globs: 2, outbox: 2 });
    look(&mut redis, &mut instance, 10_000);
    (redis, instance)
}

fn look(redis: &mut Redis, instance: &mut Instance, now: u64) {
    redis.now = redis.now.max(WallTime::from_unix_millis(HOUR + now));
    instance.look(redis, at(now));
}

/// Appends an event at `now`, and reads it.
fn add(redis: &mut Redis, instance: &mut Instance, event: Event, now: u64) {
    redis.now = WallTime::from_unix_millis(HOUR + now);
    redis.append(&[event], at(now));
    look(redis, instance, now);
}

fn until(tail: &Tail, names: &Names, began: u64) -> Option<BootTime> {
    tail.lagging_until(names, at(began), LAG)
}

#[test]
fn the_earliest_event_within_the_lag_counts_hard_or_soft() {
    let (mut redis, mut a) = joined();
    assert_eq!(until(&a.tail, &tagged("x"), 10_000), None);
    add(&mut redis, &mut a, soft("x"), 11_000);
    add(&mut redis, &mut a, hard("x"), 13_000);
    let glob = Event { mode: Mode::Hard, selector: "g:/x*".parse::<Selector>().unwrap() };
    add(&mut redis, &mut a, glob, 18_000);
    add(&mut redis, &mut a, hard("y"), 18_500);
    for (began, end) in [(13_000, 16_000), (16_000, 16_000), (16_002, 18_000), (18_002, 23_000)] {
        assert_eq!(until(&a.tail, &tagged("x"), began), Some(at(end)), "{began}");
    }
    assert_eq!(until(&a.tail, &tagged("x"), 23_002), None);
    add(&mut redis, &mut a, Event::EVERYTHING, 30_000);
    assert_eq!(until(&a.tail, &tagged("z"), 31_000), Some(at(35_000)));
}

/// An instance that starts reads the moments from the log.
#[test]
fn a_later_start_and_another_clock_change_nothing() {
    let (mut redis, mut a) = joined();
    add(&mut redis, &mut a, hard("x"), 20_000);
    redis.now = WallTime::from_unix_millis(HOUR + 22_000);
    let mut b = Instance::with(Limits::default());
    b.look(&mut redis, at(1_000));
    assert_eq!(until(&b.tail, &tagged("x"), 1_500), Some(at(4_000)));
    assert_eq!(until(&b.tail, &tagged("x"), 4_002), None);
    // A poll that took a second may date its events a second too early.
    let mut c = Instance::with(Limits::default());
    c.tail.note_poll_time(Duration::from_secs(1));
    c.look(&mut redis, at(1_000));
    assert_eq!(until(&c.tail, &tagged("x"), 5_000), Some(at(4_000)));
    assert_eq!(until(&c.tail, &tagged("x"), 5_002), None);
}

/// If an event within the lag may have been forgotten, a response is not stored for any time.
#[test]
fn what_may_have_been_forgotten_counts() {
    let limited = |tail: &Tail, began| until(tail, &tagged("x"), began).is_some_and(|end| end <= at(began));
    // Dropped rows: the floor has risen.
    let (mut redis, mut a) = joined();
    for number in 0..8 {
        add(&mut redis, &mut a, hard(&number.to_string()), 20_000 + number);
    }
    assert!(limited(&a.tail, 25_000) && !limited(&a.tail, 25_010));
    // A trimmed log, and a start at a checkpoint.
    redis.trim(1);
    redis.now = WallTime::from_unix_millis(HOUR + 21_000);
    let mut b = Instance::with(Limits::default());
    b.look(&mut redis, at(1_000));
    assert!(limited(&b.tail, 2_000) && !limited(&b.tail, 6_000));
    let mut c = Instance::with(Limits::default());
    c.look_from(&mut redis, LogId::new(HOUR + 20_005, 0), at(1_000));
    assert!(limited(&c.tail, 2_000) && !limited(&c.tail, 6_000));
    // Another incarnation, for an instance that followed the one before it.
    redis.begin_incarnation();
    a.look(&mut redis, at(30_000));
    assert!(limited(&a.tail, 34_000) && !limited(&a.tail, 35_002));
    // The first entry of an incarnation says when it began.
    let mut redis = Redis::new();
    redis.now = WallTime::from_unix_millis(HOUR);
    redis.append(&[], at(0));
    redis.now = WallTime::from_unix_millis(HOUR + 2_000);
    let mut d = Instance::with(Limits::default());
    d.look(&mut redis, at(1_000));
    assert!(limited(&d.tail, 3_000) && !limited(&d.tail, 5_002));
}

#[test]
fn a_deferred_event_counts_from_when_it_was_deferred() {
    let (mut redis, mut a) = joined();
    a.tail.defer(&[hard("x")], at(20_000));
    assert_eq!(until(&a.tail, &tagged("x"), 21_000), Some(at(25_000)));
    redis.now = WallTime::from_unix_millis(HOUR + 23_000);
    a.flush(&mut redis, at(23_000));
    look(&mut redis, &mut a, 23_000);
    assert_eq!(until(&a.tail, &tagged("x"), 24_000), Some(at(25_000)));
    assert_eq!(until(&a.tail, &tagged("x"), 25_002), Some(at(28_000)));
}

/// A process that is its own log knows nothing of the processes before it.
#[test]
fn a_process_alone_counts_from_its_start() {
    let mut tail = Tail::local(incarnation(1), Limits::default());
    tail.note_start(at(1_000));
    let names = Names::new("/x", &[], &[], &[Tag::new("x")]);
    assert!(until(&tail, &names, 5_999).is_some());
    assert_eq!(until(&tail, &names, 6_002), None);
    tail.record(&[hard("x")], at(7_000));
    assert_eq!(until(&tail, &names, 8_000), Some(at(12_000)));
}
