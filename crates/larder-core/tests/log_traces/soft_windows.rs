//! The moment from which a soft invalidation makes a response stale.

use std::time::Duration;

use larder_core::invalidation::position::LogId;
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::Limits;
use larder_core::time::WallTime;

use crate::world::{Instance, Redis, Stored, at, hard, soft, tagged};

const MINUTE: u64 = 60_000;

fn stale_for(millis: u64) -> Verdict {
    Verdict::Soft(Duration::from_millis(millis))
}

/// Returns a log whose server shows this calendar time, which no instance's clock shows.
fn redis_at(millis: u64) -> Redis {
    let mut redis = Redis::new();
    redis.now = WallTime::from_unix_millis(millis);
    redis
}

/// An instance that starts later reads the same events. They are as old as they were.
#[test]
fn a_start_does_not_restart_the_window() {
    let mut redis = redis_at(1_000 * MINUTE);
    let a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    redis.append(&[soft("x")], at(1));
    redis.now = WallTime::from_unix_millis(1_010 * MINUTE);
    redis.append(&[soft("x"), hard("y")], at(2));
    redis.now = WallTime::from_unix_millis(1_015 * MINUTE);
    // The machine of this instance has just been started: its clock begins after the events.
    let b = Instance::joined(&mut redis, at(3));
    assert_eq!(b.check(&v0, at(3)), stale_for(15 * MINUTE));
    assert_eq!(b.check(&v0, at(3 + MINUTE)), stale_for(16 * MINUTE));
    // The same holds for one that begins at a checkpoint before the second event.
    let mut c = Instance::with(Limits::default());
    let mark = redis.entries[0].0;
    c.look_from(&mut redis, mark, at(3));
    let since = |stored: &Stored| c.check(stored, at(3));
    assert_eq!(since(&v0), Verdict::Refused);
    let v1 = Stored { position: a.tail.position(), ..v0 };
    let mut v2 = v1;
    v2.position.watermark.log = mark;
    assert_eq!(since(&v2), stale_for(5 * MINUTE));
}

/// The window of a response begins with the first event that it does not cover.
#[test]
fn each_response_counts_from_its_own_first_event() {
    let mut redis = redis_at(1_000 * MINUTE);
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    redis.append(&[soft("x")], at(1));
    a.look(&mut redis, at(1));
    let v1 = a.begin_fill("x", at(1));
    redis.now = WallTime::from_unix_millis(1_001 * MINUTE);
    redis.append(&[soft("x")], at(MINUTE));
    a.look(&mut redis, at(MINUTE));
    assert_eq!(a.check(&v0, at(2 * MINUTE)), stale_for(2 * MINUTE - 1));
    assert_eq!(a.check(&v1, at(2 * MINUTE)), stale_for(MINUTE));
}

/// The server's clock may be set while an instance follows the log.
///
/// An event that the poll before did not show is not older than that poll. An event whose id is
/// ahead of the clock is not in the future.
#[test]
fn a_step_of_the_servers_clock_moves_no_event_before_the_poll_that_did_not_show_it() {
    let mut redis = redis_at(1_000 * MINUTE);
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    redis.append(&[soft("x")], at(1_000));
    redis.now = WallTime::from_unix_millis(2_000 * MINUTE);
    a.look(&mut redis, at(1_000));
    assert_eq!(a.check(&v0, at(1_500)), stale_for(1_500));
    let v1 = a.begin_fill("x", at(1_500));
    redis.append(&[soft("x")], at(2_000));
    redis.now = WallTime::from_unix_millis(MINUTE);
    redis.append(&[soft("x")], at(2_000));
    a.look(&mut redis, at(2_000));
    assert!(redis.last > LogId::new(2_000 * MINUTE, 0));
    assert_eq!(a.check(&v1, at(2_500)), stale_for(501));
    assert_eq!(a.tail.check(&v1.position, &tagged("z"), at(2_500)), Verdict::Valid);
}
