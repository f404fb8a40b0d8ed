//! Rules 1 to 3: positions.

use larder_core::log::position::LogId;
use larder_core::log::table::Verdict;

use crate::world::{Instance, Redis, at, hard, soft};

/// Positions are not compared as one pair, and the local number is not zeroed on decode.
///
/// Otherwise, `v0` that is promoted from ahead of our tail would outrank a `Deferred` row.
#[test]
fn rule_1_a_promoted_response_from_ahead_of_our_tail_does_not_outrank_a_deferred_row() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let mut b = Instance::joined(&mut redis, at(0));
    redis.append(&[hard("other")], at(1));
    b.look(&mut redis, at(2));
    let v0 = Instance::promote(&b.begin_fill("x", at(3)), a.tail.position());
    assert!(v0.position.mark.log > a.tail.position().mark.log);
    assert!(a.serves(&v0, at(4)));
    a.tail.defer(&[hard("x")], at(5));
    assert_eq!(a.check(&v0, at(6)), Verdict::Refused);
}

/// The other half of rule 1: our local number, however high, says nothing about the log.
#[test]
fn rule_1_a_high_local_number_does_not_outrank_an_event_of_the_log() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    a.tail.defer(&[hard("other"), hard("other")], at(1));
    let v0 = a.begin_fill("x", at(2));
    redis.append(&[hard("x")], at(3));
    a.look(&mut redis, at(4));
    assert_eq!(a.check(&v0, at(5)), Verdict::Refused);
}

/// A promoted response gets our local number.
///
/// Otherwise it would be refused for ever on a process that has ever deferred.
#[test]
fn rule_1_a_promoted_response_is_served_after_what_was_deferred_has_come_back() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let mut b = Instance::joined(&mut redis, at(0));
    a.tail.defer(&[hard("x")], at(1));
    a.flush(&mut redis, at(2));
    a.look(&mut redis, at(3));
    b.look(&mut redis, at(3));
    let v1 = Instance::promote(&b.begin_fill("x", at(4)), a.tail.position());
    assert!(a.serves(&v1, at(5)));
}

/// Without this rule, a fill that reads `v0` and takes long is served as new.
#[test]
fn rule_2_a_fill_that_takes_long_has_the_position_from_before_it_began() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let slow = a.begin_fill("x", at(1));
    let id = redis.append(&[hard("x")], at(2)).id;
    a.look(&mut redis, at(3));
    let quick = a.begin_fill("x", at(4));
    assert_eq!(slow.position.mark.log, LogId::ZERO);
    assert_eq!(quick.position.mark.log, id);
    assert_eq!(a.check(&slow, at(5)), Verdict::Refused);
    assert!(a.serves(&quick, at(5)));
}

/// A 304 by a one-second `Last-Modified` re-stamps the old body with a new position.
///
/// So a soft invalidation after a hard one must not make it a base for revalidation.
#[test]
fn rule_3_a_soft_invalidation_after_a_hard_one_leaves_the_response_refused() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    redis.append(&[hard("x")], at(1));
    a.look(&mut redis, at(2));
    let v1 = a.begin_fill("x", at(2));
    redis.append(&[soft("x")], at(3));
    a.look(&mut redis, at(4));
    assert_eq!(a.check(&v0, at(5)), Verdict::Refused);
    assert!(matches!(a.check(&v1, at(5)), Verdict::Soft(_)));
}

/// A response that the floor or the incarnation refuses is hard-refused, even if its row was soft.
#[test]
fn rule_3_floor_and_incarnation_refuse_hard_what_a_row_had_only_made_stale() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    redis.append(&[soft("x")], at(1));
    a.look(&mut redis, at(2));
    assert!(matches!(a.check(&v0, at(3)), Verdict::Soft(_)));

    let mut late = Instance::with(larder_core::log::tail::Limits::default());
    redis.trim(0);
    late.look(&mut redis, at(4));
    assert_eq!(late.check(&v0, at(5)), Verdict::Refused);

    redis.begin_incarnation();
    a.look(&mut redis, at(6));
    assert_eq!(a.check(&v0, at(7)), Verdict::Refused);
}
