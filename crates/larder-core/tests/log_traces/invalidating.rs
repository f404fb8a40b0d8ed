//! Rules 14 and 15: invalidating.

use larder_core::invalidation::append_status::AppendStatus;
use larder_core::invalidation::selector::Event;
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::Limits;

use crate::world::{Instance, MAX_STALENESS, Redis, at, hard, incarnation, soft, tagged};

/// Without this rule, fills that begin right after the append have a position before the event.
#[test]
fn rule_14_an_event_is_passed_when_our_tail_has_read_it_not_when_it_is_appended() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    redis.append(&[hard("other")], at(1));
    let appended = redis.append(&[hard("x")], at(1));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Pending);
    let look = redis.look(a.tail.cursor(at(0)), 1);
    a.tail.apply_page(&look, at(2));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Pending);
    a.look(&mut redis, at(3));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Applied);
    let v1 = a.begin_fill("x", at(4));
    assert!(v1.position.watermark.log >= appended.id);
    assert!(a.serves(&v1, at(5)));
    assert_eq!(a.check(&v0, at(5)), Verdict::Refused);
}

#[test]
fn rule_14_an_event_that_was_trimmed_before_we_read_it_is_passed_with_the_floor() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    let appended = redis.append(&[hard("x")], at(1));
    redis.append(&[hard("other")], at(1));
    redis.trim(1);
    let mut look = redis.look(a.tail.cursor(at(0)), usize::MAX);
    look.entries.clear();
    look.more = true;
    a.tail.apply_page(&look, at(2));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Applied);
    assert_eq!(a.check(&v0, at(3)), Verdict::Refused);
}

/// Without this rule, a failover loses the event, and `invalidate` waits for ever.
#[test]
fn rule_14_an_event_that_was_lost_is_appended_again_to_the_incarnation_that_follows() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    let appended = redis.append(&[hard("x")], at(1));
    redis.fail_over(1);
    a.look(&mut redis, at(2));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::AppendAgain);
    assert_eq!(a.check(&v0, at(3)), Verdict::Refused);
}

/// A primary that was cut off accepts the append, though the promoted one has begun its log.
///
/// A response that others filled there in between knows nothing of the event. Every instance would
/// serve it for the rest of its lifetime.
#[test]
fn rule_14_what_a_deposed_primary_took_is_not_passed_by_an_incarnation_that_was_begun_before() {
    let (mut deposed, mut promoted) = (Redis::new(), Redis::new());
    let mut a = Instance::joined(&mut deposed, at(0));
    promoted.begin_incarnation();
    let b = Instance::joined(&mut promoted, at(1));
    let v0 = b.begin_fill("x", at(2));
    let appended = deposed.append(&[hard("x")], at(3));
    a.look(&mut promoted, at(4));
    assert_eq!(a.check(&v0, at(4)), Verdict::Valid);
    assert_eq!(a.tail.append_status(&appended), AppendStatus::AppendAgain);
}

/// The same case, but `invalidate` has returned before we learn of the promotion.
#[test]
fn rule_14_events_of_one_incarnation_are_appended_to_the_next() {
    let (mut deposed, mut promoted) = (Redis::new(), Redis::new());
    let mut a = Instance::joined(&mut deposed, at(0));
    promoted.begin_incarnation();
    let mut b = Instance::joined(&mut promoted, at(1));
    let v0 = b.begin_fill("x", at(2));
    let appended = deposed.append(&[hard("x")], at(3));
    a.tail.note_appended(&appended);
    a.look(&mut deposed, at(4));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Applied);
    a.tail.defer(&[soft("y")], at(6));
    let batch = a.tail.next_batch().unwrap();
    let appended = deposed.append(batch.events(), at(7));
    a.tail.batch_appended(&batch, appended);
    a.look(&mut deposed, at(8));
    assert!(a.tail.may_trust_store(at(8), MAX_STALENESS));

    let asked = a.tail.position();
    a.look(&mut promoted, at(9));
    assert_eq!(a.check(&Instance::promote(&v0, asked), at(9)), Verdict::Refused);
    assert!(!a.tail.may_trust_store(at(9), MAX_STALENESS), "P1: what others filled there is not asked for");
    assert_eq!(a.tail.next_batch().unwrap().events(), [Event::EVERYTHING]);
    a.flush(&mut promoted, at(10));
    b.look(&mut promoted, at(11));
    assert_eq!(b.check(&v0, at(11)), Verdict::Refused);
}

/// The append may be the first to meet a new incarnation.
///
/// Our tail still follows the old one, which says nothing.
#[test]
fn rule_14_an_append_to_an_incarnation_that_we_have_yet_to_see_is_not_passed() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    let before = redis.look(a.tail.cursor(at(0)), usize::MAX);
    redis.fail_over(0);
    let appended = redis.append(&[hard("x")], at(2));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Pending);
    // A poll from before the append shows another incarnation too, the old one.
    a.tail.apply_page(&before, at(1));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Pending);
    assert!(a.serves(&v0, at(3)));
    a.look(&mut redis, at(4));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Applied);
    assert_eq!(a.check(&v0, at(5)), Verdict::Refused);
}

/// A primary that was cut off goes on showing our old incarnation, in which `v0` is valid.
#[test]
fn rule_14_a_later_look_at_the_incarnation_that_we_had_all_along_asks_to_append_again() {
    let mut cut_off = Redis::new();
    let mut a = Instance::joined(&mut cut_off, at(0));
    let v0 = a.begin_fill("x", at(0));
    let mut promoted = Redis::new();
    promoted.begin_incarnation();
    let appended = promoted.append(&[hard("x")], at(1));
    a.look(&mut cut_off, at(2));
    assert!(a.serves(&v0, at(2)));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::AppendAgain);
    a.look(&mut promoted, at(3));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Applied);
    assert_eq!(a.check(&v0, at(4)), Verdict::Refused);
}

/// The answer to an append can be later than the poll that brought the next incarnation.
///
/// Waiting would never end.
#[test]
fn rule_14_an_append_that_was_answered_after_its_incarnation_had_gone_is_appended_again() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let late = redis.append(&[hard("x")], at(3));
    redis.fail_over(1);
    a.look(&mut redis, at(2));
    assert_eq!(a.tail.append_status(&late), AppendStatus::Pending);
    a.look(&mut redis, at(4));
    assert_eq!(a.tail.append_status(&late), AppendStatus::AppendAgain);
    let again = redis.append(&[hard("x")], at(5));
    a.look(&mut redis, at(6));
    assert_eq!(a.tail.append_status(&again), AppendStatus::Applied);
}

/// If the clock cannot distinguish two moments, the poll may have been the first.
#[test]
fn rule_14_a_look_sent_at_the_moment_of_the_answer_is_not_later() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let appended = redis.append(&[hard("x")], at(1));
    redis.fail_over(1);
    a.look(&mut redis, at(1));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Pending);
}

/// The same holds for a deferred event.
///
/// It goes back into the outbox, and the shared tier stays untrusted.
#[test]
fn rule_14_a_deferred_event_whose_append_says_nothing_is_sent_again() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    a.tail.defer(&[hard("x")], at(1));
    let batch = a.tail.next_batch().unwrap();
    let late = redis.append(batch.events(), at(4));
    redis.fail_over(1);
    a.look(&mut redis, at(2));
    a.tail.batch_appended(&batch, late);
    assert!(a.tail.next_batch().is_none());
    a.look(&mut redis, at(5));
    assert_eq!(a.tail.next_batch(), Some(batch));
    assert!(!a.tail.may_trust_store(at(5), MAX_STALENESS));
    a.flush(&mut redis, at(6));
    a.look(&mut redis, at(7));
    assert!(a.tail.may_trust_store(at(7), MAX_STALENESS));
}

/// If a log ends before our position, its ids are ids of other events.
#[test]
fn rule_14_an_append_to_a_broken_log_is_not_passed_by_its_id() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    redis.append(&[hard("other")], at(1));
    redis.append(&[hard("other")], at(1));
    a.look(&mut redis, at(2));
    redis.lose(2);
    a.look(&mut redis, at(3));
    let appended = redis.append(&[hard("x")], at(4));
    assert!(appended.id < a.tail.position().watermark.log);
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Pending);
    a.look(&mut redis, at(5));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::AppendAgain);
}

#[test]
fn rule_15_an_append_that_timed_out_is_appended_again_and_the_duplicate_costs_misses_only() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    a.tail.defer(&[hard("x"), soft("y")], at(1));
    let timed_out = a.tail.next_batch().unwrap();
    redis.append(timed_out.events(), at(2));
    assert_eq!(a.tail.next_batch(), Some(timed_out));
    a.look(&mut redis, at(3));
    assert!(!a.tail.may_trust_store(at(3), MAX_STALENESS));
    let v1 = a.begin_fill("x", at(3));
    a.flush(&mut redis, at(4));
    a.look(&mut redis, at(5));
    assert!(a.tail.may_trust_store(at(5), MAX_STALENESS));
    assert_eq!(a.check(&v1, at(6)), Verdict::Refused);
    assert!(a.serves(&a.begin_fill("x", at(6)), at(6)));
}

#[test]
fn rule_15_an_outbox_that_overflows_collapses_into_everything() {
    let mut redis = Redis::new();
    let mut a = Instance::with(Limits { outbox: 2, ..Limits::default() });
    a.look(&mut redis, at(0));
    let mut b = Instance::joined(&mut redis, at(0));
    let unnamed = a.begin_fill("unnamed", at(0));
    a.tail.defer(&[hard("x"), hard("y")], at(1));
    let too_late = a.tail.next_batch().unwrap();
    assert_eq!(too_late.events().len(), 2);
    assert!(a.serves(&unnamed, at(1)));
    a.tail.defer(&[soft("z")], at(2));
    assert_eq!(a.check(&unnamed, at(3)), Verdict::Refused);
    // The answer to the batch that was on its way does not mark the collapsed event as appended.
    let appended = redis.append(too_late.events(), at(3));
    a.tail.batch_appended(&too_late, appended);
    a.look(&mut redis, at(4));
    assert!(!a.tail.may_trust_store(at(4), MAX_STALENESS));
    a.flush(&mut redis, at(5));
    a.look(&mut redis, at(6));
    b.look(&mut redis, at(6));
    assert!(a.tail.may_trust_store(at(6), MAX_STALENESS));
    assert_eq!(b.check(&unnamed, at(7)), Verdict::Refused);
}

#[test]
fn rule_15_a_row_whose_event_is_pending_is_not_dropped() {
    let mut redis = Redis::new();
    let mut a = Instance::with(Limits { rows: 4, globs: 1, outbox: 2 });
    a.look(&mut redis, at(0));
    let unnamed = a.begin_fill("unnamed", at(0));
    a.tail.defer(&[soft("x")], at(1));
    let v0 = a.begin_fill("x", at(0));
    for other in 0..40 {
        redis.append(&[hard(&format!("other:{other}"))], at(2));
    }
    a.look(&mut redis, at(3));
    // If the row had been folded into the floor, its local number would refuse responses that were
    // filled before it, whatever their place in the log.
    let mut ahead = unnamed;
    ahead.position.watermark.log = a.tail.position().watermark.log;
    assert_eq!(a.check(&ahead, at(4)), Verdict::Valid);
    ahead.names = v0.names;
    assert!(matches!(a.check(&ahead, at(4)), Verdict::Soft(_)));
    // After the event has come back, its row is dropped like any other.
    a.flush(&mut redis, at(5));
    a.look(&mut redis, at(5));
    for other in 0..40 {
        redis.append(&[hard(&format!("other:{other}"))], at(5));
    }
    a.look(&mut redis, at(6));
    ahead.position.watermark.log = a.tail.position().watermark.log;
    assert_eq!(a.check(&ahead, at(7)), Verdict::Refused);
}

/// The event still has to be appended, whichever incarnation the log will have.
#[test]
fn rule_15_a_pending_row_outlives_the_incarnation_and_its_event_is_sent_to_the_next() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let asked = a.tail.position();
    a.tail.defer(&[hard("x")], at(1));
    redis.fail_over(0);
    let b = Instance::joined(&mut redis, at(2));
    a.look(&mut redis, at(2));
    // The request asked before the deferral. The answer is a response that another instance filled
    // in the new incarnation.
    let v0 = Instance::promote(&b.begin_fill("x", at(2)), asked);
    assert_eq!(v0.position.incarnation, incarnation(2));
    assert_eq!(a.check(&v0, at(3)), Verdict::Refused);
    let appended = a.flush(&mut redis, at(4)).unwrap();
    assert_eq!(appended.incarnation, incarnation(2));
    a.look(&mut redis, at(5));
    assert!(a.tail.may_trust_store(at(5), MAX_STALENESS));
    assert_eq!(a.check(&v0, at(6)), Verdict::Refused);
}

/// The batches of a long outbox are bounded, and each is appended once.
#[test]
fn a_long_outbox_is_sent_in_several_batches() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let events: Vec<_> = (0..300).map(|number| hard(&number.to_string())).collect();
    a.tail.defer(&events, at(1));
    let mut told = vec![];
    while let Some(batch) = a.tail.next_batch() {
        told.extend_from_slice(batch.events());
        a.flush(&mut redis, at(2));
    }
    assert_eq!(told, events);
    assert!(redis.entries.len() > 1);
    a.look(&mut redis, at(3));
    assert!(a.tail.may_trust_store(at(3), MAX_STALENESS));
    let position = a.tail.position();
    assert_eq!(a.tail.check(&position, &tagged("7"), at(4)), Verdict::Valid);
}

/// Without this room, a table full of pending rows would have nothing to drop.
#[test]
fn a_table_has_room_for_twice_the_outbox() {
    let mut redis = Redis::new();
    let mut a = Instance::with(Limits { rows: 0, globs: 1, outbox: 4 });
    let unnamed = a.begin_fill("unnamed", at(0));
    let events: Vec<_> = (0..8).map(|number| hard(&number.to_string())).collect();
    redis.append(&events, at(1));
    a.look(&mut redis, at(2));
    let mut current = unnamed;
    current.position.incarnation = a.tail.position().incarnation;
    assert_eq!(a.check(&current, at(3)), Verdict::Valid);
    redis.append(&[hard("ninth")], at(4));
    a.look(&mut redis, at(5));
    assert_eq!(a.check(&current, at(6)), Verdict::Refused);
}
