//! Rules 10 to 13: serving.

use larder_core::invalidation::append_status::AppendStatus;
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Limits, Tail, is_usable, may_join};
use larder_core::time::BootTime;

use crate::world::{Instance, MAX_STALENESS, Redis, Stored, at, hard, incarnation, tagged};

#[test]
fn rule_10_what_is_stored_is_usable_while_it_or_the_log_is_young_enough() {
    let cases = [
        (Some(at(0)), None, true),
        (None, Some(at(0)), true),
        (Some(at(0)), Some(at(1)), true),
        (None, None, false),
    ];
    for (filled_at, confirmed_at, expected) in cases {
        let usable = |now| is_usable(filled_at, confirmed_at, MAX_STALENESS, now);
        assert_eq!(usable(at(2_000)), expected, "{filled_at:?} {confirmed_at:?}");
        assert!(!usable(at(2_002)), "{filled_at:?} {confirmed_at:?}");
    }
    // At the bound itself the response is still usable, and the later of the two moments counts.
    assert!(is_usable(Some(at(1)), Some(at(0)), MAX_STALENESS, at(2_001)));
    assert!(is_usable(Some(at(0)), Some(at(1)), MAX_STALENESS, at(2_001)));
}

/// A response that was promoted just now may have been filled long ago.
#[test]
fn rule_10_a_promoted_response_counts_from_the_last_confirmation_only() {
    let mut redis = Redis::new();
    let a = Instance::joined(&mut redis, at(0));
    let b = Instance::joined(&mut redis, at(0));
    let promoted = Instance::promote(&b.begin_fill("x", at(1_900)), a.tail.position());
    assert!(a.serves(&promoted, at(2_000)));
    assert!(!a.serves(&promoted, at(2_001)));
}

/// A response in memory, with the generation at which it was last found valid.
struct Slot {
    stored: Stored,
    generation: u64,
}

impl Slot {
    fn hit(&self, instance: &Instance, now: BootTime) -> bool {
        instance.tail.generation() == self.generation || instance.serves(&self.stored, now)
    }
}

/// Every other order that was tried served `v0`.
///
/// Here the tail publishes after a hit has read the rows and before it remembers the generation.
#[test]
fn rule_11_every_change_that_can_refuse_changes_the_generation() {
    type Change = fn(&mut Instance, &mut Redis);
    let event: Change = |b, redis| {
        redis.append(&[hard("x")], at(2));
        b.look(redis, at(3));
    };
    let event_before_the_end: Change = |b, redis| {
        redis.append(&[hard("x")], at(2));
        redis.append(&[hard("other")], at(2));
        let look = redis.look(b.tail.cursor(at(0)), 1);
        b.tail.apply_page(&look, at(3));
    };
    let floor: Change = |b, redis| {
        redis.append(&[hard("x")], at(2));
        redis.trim(0);
        b.look(redis, at(3));
    };
    let new_incarnation: Change = |b, redis| {
        redis.fail_over(0);
        b.look(redis, at(3));
    };
    let deferred: Change = |b, _| b.tail.defer(&[hard("x")], at(3));
    for change in [event, event_before_the_end, floor, new_incarnation, deferred] {
        let mut redis = Redis::new();
        let mut b = Instance::joined(&mut redis, at(0));
        let stored = b.begin_fill("x", at(1));
        let generation = b.tail.generation();
        assert_eq!(b.check(&stored, at(2)), Verdict::Valid);
        change(&mut b, &mut redis);
        let slot = Slot { stored, generation };
        assert!(!slot.hit(&b, at(4)));
    }
}

/// Without this rule, every confirmation would send every hit to the table.
#[test]
fn rule_11_a_look_that_brings_nothing_leaves_the_generation() {
    let mut redis = Redis::new();
    redis.append(&[hard("x")], at(0));
    redis.trim(0);
    let mut b = Instance::joined(&mut redis, at(0));
    let generation = b.tail.generation();
    b.look(&mut redis, at(1));
    assert_eq!(b.tail.generation(), generation);
}

#[test]
fn rule_12_the_shared_tier_is_trusted_only_when_all_that_was_deferred_has_come_back() {
    let mut redis = Redis::new();
    let mut a = Instance::with(Limits::default());
    let trusts = |a: &Instance| a.tail.may_trust_store(at(10), MAX_STALENESS);
    assert!(!trusts(&a));
    a.look(&mut redis, at(1));
    assert!(trusts(&a));
    a.tail.defer(&[hard("x")], at(2));
    assert!(!trusts(&a));
    a.look(&mut redis, at(3));
    assert!(!trusts(&a), "the log has not been told");
    a.flush(&mut redis, at(4));
    assert!(a.tail.next_batch().is_none());
    assert!(!trusts(&a), "our tail has not passed it");
    a.look(&mut redis, at(5));
    assert!(trusts(&a));
    assert!(!a.tail.may_trust_store(at(2_006), MAX_STALENESS));
}

/// The tail is often quicker than the answer to the append.
#[test]
fn rule_12_what_our_tail_passed_before_the_append_was_answered_is_settled_with_the_answer() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    a.tail.defer(&[hard("x")], at(1));
    let batch = a.tail.next_batch().unwrap();
    let appended = redis.append(batch.events(), at(3));
    a.look(&mut redis, at(2));
    assert!(!a.tail.may_trust_store(at(3), MAX_STALENESS));
    a.tail.batch_appended(&batch, appended);
    assert!(a.tail.may_trust_store(at(3), MAX_STALENESS));
}

/// An old response in the shared tier must not pass for new.
///
/// Between the append of an event and its return to our tail, the shared tier holds `v0` at a
/// position that our rows cannot refuse. With our local number, `v0` would pass for new.
#[test]
fn rule_12_an_old_response_is_refused_once_the_shared_tier_is_trusted_again() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let mut b = Instance::joined(&mut redis, at(0));
    redis.append(&[hard("other")], at(1));
    b.look(&mut redis, at(1));
    let v0 = b.begin_fill("x", at(1));
    a.tail.defer(&[hard("x")], at(2));
    a.flush(&mut redis, at(3));
    let entries = redis.entries.len();
    let looks = (0..entries).find(|_| {
        let look = redis.look(a.tail.cursor(at(0)), 1);
        a.tail.apply_page(&look, at(4));
        a.tail.may_trust_store(at(4), MAX_STALENESS)
    });
    assert!(looks.is_some());
    let promoted = Instance::promote(&v0, a.tail.position());
    assert_eq!(a.check(&promoted, at(5)), Verdict::Refused);
}

#[test]
fn rule_13_a_request_joins_a_flight_that_began_or_was_confirmed_lately() {
    assert!(may_join(at(0), None, MAX_STALENESS, at(2_000)));
    assert!(!may_join(at(0), None, MAX_STALENESS, at(2_001)));
    assert!(may_join(at(0), Some(at(1)), MAX_STALENESS, at(2_001)));
}

/// A flight reads `v0` at 0, event 1 passes (`Applied`), and then a request joins.
///
/// Event 2 overwrites the row: 2 is not between 0 and 1.
#[test]
fn rule_13_the_flights_position_is_held_against_the_whole_table_when_it_ends() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let flight = a.begin_fill("x", at(0));
    let first = redis.append(&[hard("x")], at(1));
    a.look(&mut redis, at(2));
    assert_eq!(a.tail.append_status(&first), AppendStatus::Applied);
    let joined_at = a.tail.position();
    assert_ne!(joined_at, flight.position);
    redis.append(&[hard("x")], at(3));
    a.look(&mut redis, at(4));
    assert_eq!(a.check(&flight, at(5)), Verdict::Refused);
}

#[test]
fn a_tail_alone_is_always_confirmed_and_refuses_what_it_recorded() {
    let mut tail = Tail::local(incarnation(1), Limits::default());
    let x = tagged("x");
    let v0 = tail.position();
    assert!(is_usable(None, tail.confirmed_at(), MAX_STALENESS, at(1 << 40)));
    assert!(!tail.may_trust_store(at(0), MAX_STALENESS));
    tail.record(&[hard("other")], at(1));
    assert_eq!(tail.check(&v0, &x, at(1)), Verdict::Valid);
    let generation = tail.generation();
    tail.record(&[hard("x")], at(2));
    assert_ne!(tail.generation(), generation);
    assert_eq!(tail.check(&v0, &x, at(3)), Verdict::Refused);
    assert_eq!(tail.check(&tail.position(), &x, at(3)), Verdict::Valid);
    // There is no other log, so a deferred event is recorded.
    let v1 = tail.position();
    tail.defer(&[hard("x")], at(4));
    assert!(tail.next_batch().is_none());
    assert_eq!(tail.check(&v1, &x, at(5)), Verdict::Refused);
}
