//! Rules 4 to 9: what one poll proves.

use std::time::Duration;

use larder_core::invalidation::append_status::AppendStatus;
use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::Event;
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::Limits;

use crate::world::{Instance, MAX_STALENESS, Redis, at, hard};

/// With two reads, the log could be lost or trimmed after its head was read, and before `XREAD`.
///
/// `XREAD` would then return nothing, and B would confirm. A poll is one answer: if it has no
/// entries, it brings the reason with it.
#[test]
fn rule_4_a_look_without_entries_refuses_what_was_trimmed_or_lost_before_it() {
    let trimmed = |redis: &mut Redis| redis.trim(0);
    let lost = |redis: &mut Redis| redis.fail_over(1);
    for happens in [trimmed as fn(&mut Redis), lost] {
        let mut redis = Redis::new();
        let mut b = Instance::joined(&mut redis, at(0));
        let v0 = b.begin_fill("x", at(0));
        redis.append(&[hard("x")], at(1));
        happens(&mut redis);
        let look = redis.look(b.tail.cursor(at(0)), usize::MAX);
        assert!(look.entries.is_empty());
        assert!(b.tail.apply_page(&look, at(2)).caught_up);
        assert_eq!(b.check(&v0, at(3)), Verdict::Refused);
    }
}

/// B stays on the old primary, which answers for ever.
///
/// Its polls fail, because they write, and nothing else confirms.
#[test]
fn rule_5_without_looks_what_is_stored_is_served_no_longer_than_the_bound() {
    let mut redis = Redis::new();
    let b = Instance::joined(&mut redis, at(0));
    let v0 = b.begin_fill("x", at(1_000));
    assert!(b.serves(&v0, at(3_000)));
    assert!(!b.serves(&v0, at(3_001)));
    assert!(!b.tail.may_trust_store(at(2_001), MAX_STALENESS));
}

/// A failover loses the event while B is merely slow.
///
/// B's position was never ahead, and no comparison of ids on B can see it.
#[test]
fn rule_6_a_new_incarnation_refuses_what_is_older_though_no_id_went_back() {
    let mut redis = Redis::new();
    let mut b = Instance::joined(&mut redis, at(0));
    let v0 = b.begin_fill("x", at(0));
    redis.append(&[hard("x")], at(1));
    redis.fail_over(1);
    assert!(redis.last >= b.tail.position().watermark.log);
    let taken = b.look(&mut redis, at(2));
    assert!(taken.new_incarnation && taken.caught_up);
    assert_eq!(b.check(&v0, at(3)), Verdict::Refused);
    assert!(b.serves(&b.begin_fill("x", at(3)), at(3)));
}

/// Ids are reused after a failover, so `XREAD` would skip events.
#[test]
fn rule_6_a_new_incarnation_is_read_from_its_start_as_its_ids_are_reused() {
    let mut redis = Redis::new();
    let mut b = Instance::joined(&mut redis, at(0));
    redis.append(&[hard("other")], at(1));
    redis.append(&[hard("other")], at(1));
    b.look(&mut redis, at(2));
    redis.fail_over(2);
    let c = Instance::joined(&mut redis, at(3));
    let v0 = c.begin_fill("x", at(3));
    let reused = redis.append(&[hard("x")], at(4)).id;
    assert!(reused < b.tail.position().watermark.log);
    b.look(&mut redis, at(5));
    assert_eq!(b.check(&v0, at(6)), Verdict::Refused);
    assert_eq!(b.tail.cursor(at(0)).after, reused);
}

/// Without `min-replicas-to-write` there are two logs at a time.
///
/// An event in the log of the primary that was cut off was applied there. The other log, whose
/// incarnation had begun before, never receives the event.
#[test]
fn rule_6_events_of_an_incarnation_that_was_left_invalidate_everything_in_the_next() {
    let (mut cut_off, mut promoted) = (Redis::new(), Redis::new());
    let mut a = Instance::joined(&mut cut_off, at(0));
    promoted.begin_incarnation();
    let mut b = Instance::joined(&mut promoted, at(0));
    let v0 = b.begin_fill("x", at(0));
    let appended = cut_off.append(&[hard("x")], at(1));
    a.tail.note_appended(&appended);
    a.look(&mut cut_off, at(2));
    assert_eq!(a.tail.append_status(&appended), AppendStatus::Applied);

    let asked = a.tail.position();
    a.look(&mut promoted, at(3));
    assert_eq!(a.check(&Instance::promote(&v0, asked), at(3)), Verdict::Refused);
    assert!(!a.tail.may_trust_store(at(3), MAX_STALENESS));
    a.flush(&mut promoted, at(4));
    b.look(&mut promoted, at(5));
    assert_eq!(b.check(&v0, at(5)), Verdict::Refused);
    // A process that has appended nothing has nothing to append to the next incarnation.
    b.look(&mut cut_off, at(6));
    assert!(b.tail.next_batch().is_none());
}

/// Many instances lose their connection to one server. A log that knows that it began after their
/// last appends, or that has *all* from one of them, does not need *all* from each.
#[test]
fn rule_6_an_incarnation_that_refused_everything_since_then_gets_no_further_all() {
    let (mut old, mut new) = (Redis::new(), Redis::new());
    let mut a = Instance::joined(&mut old, at(0));
    let appended = old.append(&[hard("x")], at(1));
    a.tail.note_appended(&appended);
    a.look(&mut old, at(2));
    new.begin_incarnation();
    let cursor = a.tail.cursor(at(5));
    assert_eq!(cursor.appends.outside(new.incarnation), Some(Duration::from_millis(4)));
    assert_eq!(cursor.appends.outside(old.incarnation), None);
    let look = LogPage { fenced: true, ..new.look(cursor, 1) };
    a.tail.apply_page(&look, at(5));
    assert_eq!(a.tail.next_batch(), None);
}

/// The answer does not know of an append that was answered after the poll was sent.
#[test]
fn rule_6_an_append_during_the_poll_is_not_behind_the_fence() {
    let (mut old, mut new) = (Redis::new(), Redis::new());
    let mut a = Instance::joined(&mut old, at(0));
    new.begin_incarnation();
    let look = LogPage { fenced: true, ..new.look(a.tail.cursor(at(1)), 1) };
    let appended = old.append(&[hard("x")], at(2));
    a.tail.note_appended(&appended);
    a.tail.apply_page(&look, at(1));
    assert_eq!(a.tail.next_batch().unwrap().events(), [Event::EVERYTHING]);
}

/// A process may append before its first poll, or be the first to meet a new incarnation.
#[test]
fn rule_6_an_append_to_the_same_incarnation_needs_no_all() {
    let mut redis = Redis::new();
    let mut a = Instance::with(Limits::default());
    let appended = redis.append(&[hard("x")], at(1));
    a.tail.note_appended(&appended);
    a.look(&mut redis, at(2));
    assert_eq!(a.tail.next_batch(), None);
}

/// Polls reach one primary and then the other: `v0` is of an incarnation without invalidations.
#[test]
fn rule_6_an_incarnation_that_is_taken_up_again_does_not_bring_back_what_it_knew() {
    let mut cut_off = Redis::new();
    let mut a = Instance::joined(&mut cut_off, at(0));
    let v0 = a.begin_fill("x", at(0));
    let mut promoted = Redis::new();
    promoted.begin_incarnation();
    a.tail.defer(&[hard("x")], at(1));
    a.flush(&mut promoted, at(2));
    a.look(&mut promoted, at(3));
    assert_eq!(a.check(&v0, at(3)), Verdict::Refused);
    a.look(&mut cut_off, at(4));
    assert_eq!(a.check(&v0, at(4)), Verdict::Refused);
}

/// If a server refuses `INFO` in scripts, the end of the log is compared with our position instead.
#[test]
fn rule_6_a_log_that_ends_before_our_position_is_not_believed_until_it_is_a_new_one() {
    let mut redis = Redis::new();
    let mut b = Instance::joined(&mut redis, at(0));
    redis.append(&[hard("other")], at(1));
    b.look(&mut redis, at(2));
    let v0 = b.begin_fill("x", at(2));
    redis.lose(1);

    let taken = b.look(&mut redis, at(3));
    assert!(taken.poll_again && !taken.caught_up);
    assert_eq!(b.tail.confirmed_at(), Some(at(2)));
    assert!(b.tail.cursor(at(0)).broken);

    // If a store ignores this, B stays unconfirmed, even after the ids have caught up.
    redis.append(&[hard("x")], at(3));
    redis.append(&[hard("other")], at(3));
    let mut heedless = b.tail.cursor(at(0));
    heedless.broken = false;
    let look = redis.look(heedless, usize::MAX);
    let taken = b.tail.apply_page(&look, at(4));
    assert!(!taken.caught_up && !taken.poll_again);

    assert!(b.look(&mut redis, at(5)).new_incarnation);
    assert!(!b.tail.cursor(at(0)).broken);
    assert_eq!(b.check(&v0, at(6)), Verdict::Refused);
    assert_eq!(b.tail.confirmed_at(), Some(at(5)));
}

/// The event was trimmed before B read it.
#[test]
fn rule_7_the_floor_of_the_log_raises_ours() {
    let mut redis = Redis::new();
    let mut b = Instance::joined(&mut redis, at(0));
    let v0 = b.begin_fill("x", at(0));
    let trimmed = redis.append(&[hard("x")], at(1)).id;
    redis.append(&[hard("other")], at(1));
    redis.trim(1);
    b.look(&mut redis, at(2));
    assert_eq!(redis.floor, trimmed);
    assert_eq!(b.check(&v0, at(3)), Verdict::Refused);
    assert!(b.serves(&b.begin_fill("x", at(3)), at(3)));
}

/// A row is dropped, and then a SET comes that is an hour late.
#[test]
fn rule_7_a_dropped_row_raises_the_floor() {
    let mut redis = Redis::new();
    let mut b = Instance::with(Limits { rows: 8, globs: 1, outbox: 1 });
    b.look(&mut redis, at(0));
    let hour_late = b.begin_fill("x", at(0));
    let unnamed = b.begin_fill("y", at(0));
    redis.append(&[hard("x")], at(1));
    b.look(&mut redis, at(2));
    let later = b.begin_fill("y", at(2));
    for other in 0..8 {
        redis.append(&[hard(&format!("other:{other}"))], at(3));
    }
    b.look(&mut redis, at(4));
    let promoted = Instance::promote(&hour_late, b.tail.position());
    assert_eq!(b.check(&promoted, at(5)), Verdict::Refused);
    // The row was dropped: a response without its name is refused as well, and one from after it is
    // not.
    assert_eq!(b.check(&unnamed, at(5)), Verdict::Refused);
    assert_eq!(b.check(&later, at(5)), Verdict::Valid);
}

/// A new instance need not read what it could not remember, if that counts as missing.
#[test]
fn rule_7_a_look_that_begins_at_a_mark_says_that_what_lies_before_it_is_missing() {
    let mut redis = Redis::new();
    let mut a = Instance::joined(&mut redis, at(0));
    let v0 = a.begin_fill("x", at(0));
    redis.append(&[hard("x")], at(1));
    let unnamed = a.begin_fill("y", at(1));
    let mark = redis.append(&[hard("other")], at(1)).id;
    a.look(&mut redis, at(2));
    let (later, outdated) = (a.begin_fill("y", at(2)), a.begin_fill("z", at(2)));
    redis.append(&[hard("z")], at(3));

    let mut b = Instance::with(Limits::default());
    b.look_from(&mut redis, mark, at(4));
    let verdict = |stored| b.check(&Instance::promote(stored, b.tail.position()), at(5));
    assert_eq!([&v0, &unnamed, &outdated].map(verdict), [Verdict::Refused; 3]);
    assert_eq!(verdict(&later), Verdict::Valid);
    assert_eq!(b.tail.confirmed_at(), Some(at(4)));
    assert!(b.serves(&b.begin_fill("x", at(5)), at(5)));
}

#[test]
fn a_poll_states_its_capacity() {
    let remembers = |limits| Instance::with(limits).tail.cursor(at(0)).capacity;
    assert_eq!(remembers(Limits::default()), 65_536);
    assert_eq!(remembers(Limits { rows: 5, globs: 1, outbox: 1 }), 5);
    assert_eq!(remembers(Limits { rows: 0, globs: 1, outbox: 3 }), 6, "all that is pending, and as many");
}

/// `COUNT` events came, and more are waiting.
#[test]
fn rule_8_a_look_that_leaves_entries_neither_confirms_nor_ends_the_replay() {
    let mut redis = Redis::new();
    redis.append(&[hard("other")], at(0));
    redis.append(&[hard("x")], at(0));
    let mut b = Instance::with(Limits::default());
    let look = redis.look(b.tail.cursor(at(0)), 1);
    let taken = b.tail.apply_page(&look, at(1));
    assert!(taken.poll_again && !taken.caught_up);
    assert_eq!(b.tail.confirmed_at(), None);
    assert!(!b.tail.may_trust_store(at(1), MAX_STALENESS));
    // The position must not run ahead of the applied events either.
    let early = b.begin_fill("x", at(1));
    let look = redis.look(b.tail.cursor(at(0)), 1);
    let taken = b.tail.apply_page(&look, at(2));
    assert!(!taken.poll_again && taken.caught_up);
    assert_eq!(b.tail.confirmed_at(), Some(at(2)));
    assert!(b.tail.may_trust_store(at(2), MAX_STALENESS));
    assert_eq!(b.check(&early, at(3)), Verdict::Refused);
}

/// A new incarnation is replayed too.
///
/// The confirmation of the old one says nothing about the events of the new one.
#[test]
fn rule_8_the_shared_tier_is_not_trusted_while_a_new_incarnation_is_replayed() {
    let mut redis = Redis::new();
    let mut b = Instance::joined(&mut redis, at(0));
    redis.fail_over(0);
    redis.append(&[hard("other")], at(1));
    redis.append(&[hard("x")], at(1));
    let look = redis.look(b.tail.cursor(at(0)), 1);
    assert!(b.tail.apply_page(&look, at(2)).new_incarnation);
    assert_eq!(b.tail.confirmed_at(), Some(at(0)));
    assert!(!b.tail.may_trust_store(at(2), MAX_STALENESS));
    b.look(&mut redis, at(3));
    assert!(b.tail.may_trust_store(at(3), MAX_STALENESS));
}

/// Without this rule, an empty, trimmed log refuses every own fill until the next event.
#[test]
fn rule_8_at_the_end_of_the_log_our_position_is_at_least_its_last_id_and_floor() {
    let mut redis = Redis::new();
    redis.append(&[hard("other")], at(0));
    redis.trim(0);
    let b = Instance::joined(&mut redis, at(1));
    assert_eq!(b.tail.position().watermark.log, redis.last);
    assert!(b.serves(&b.begin_fill("x", at(2)), at(2)));

    // Entries that are removed one by one leave no trace but the last id.
    let mut redis = Redis::new();
    redis.append(&[hard("other")], at(0));
    redis.entries.clear();
    let b = Instance::joined(&mut redis, at(1));
    assert_eq!(b.tail.position().watermark.log, redis.last);
}

/// An entry that was applied is not applied again, whatever a store sends.
#[test]
fn entries_at_or_below_our_position_are_ignored() {
    let mut redis = Redis::new();
    let id = redis.append(&[hard("other")], at(0)).id;
    let mut b = Instance::joined(&mut redis, at(0));
    let generation = b.tail.generation();
    let v0 = b.begin_fill("x", at(1));
    let mut look = redis.look(b.tail.cursor(at(0)), usize::MAX);
    look.entries = vec![(LogId::ZERO, vec![hard("x")]), (id, vec![hard("x")])];
    b.tail.apply_page(&look, at(2));
    assert_eq!(b.tail.generation(), generation);
    assert!(b.serves(&v0, at(3)));
}

/// If polls were dated by their answers, a slow one would confirm a moment that it has not seen.
#[test]
fn rule_9_a_look_confirms_the_moment_when_it_was_sent() {
    let mut redis = Redis::new();
    let mut b = Instance::joined(&mut redis, at(0));
    let sent = at(1);
    let look = redis.look(b.tail.cursor(at(0)), usize::MAX);
    let v0 = b.begin_fill("x", at(1));
    redis.append(&[hard("x")], at(2));
    b.tail.apply_page(&look, sent);
    assert_eq!(b.tail.confirmed_at(), Some(sent));
    assert!(!b.serves(&v0, at(2_003)));
    // An older poll does not take back what a newer one confirmed.
    b.look(&mut redis, at(4));
    b.look(&mut redis, at(3));
    assert_eq!(b.tail.confirmed_at(), Some(at(4)));
}
