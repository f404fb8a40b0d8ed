//! The lowest version that each read may show.

use std::collections::HashMap;

use crate::clock::Moment;
use crate::history::{Claimed, History, LifeId, TwoPrimaries, Write, WriteResult};
use crate::item::Item;

/// A promise that is due: from then on, no version below this one may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Obligation {
    pub(super) at: Moment,
    pub(super) version: u64,
    /// The number of the write that made the promise.
    pub(super) write: usize,
}

/// Promises for one item, by due time. Each has the highest version so far.
#[derive(Debug, Default)]
pub(super) struct Timeline(Vec<Obligation>);

impl Timeline {
    /// Returns the strictest promise that was due before this moment.
    pub(super) fn least_at(&self, moment: Moment) -> Option<&Obligation> {
        let passed = self.0.partition_point(|due| due.at < moment);
        self.0.get(passed.checked_sub(1)?)
    }

    fn sort(&mut self) {
        self.0.sort_by_key(|due| due.at);
        for next in 1..self.0.len() {
            let before = self.0[next - 1];
            if before.version > self.0[next].version {
                self.0[next] = Obligation { at: self.0[next].at, ..before };
            }
        }
    }
}

/// All promises of a history.
#[derive(Debug, Default)]
pub(super) struct Obligations {
    /// P1: for the life that called `invalidate`.
    pub(super) own: HashMap<(LifeId, Item), Timeline>,
    /// P2: for every instance.
    pub(super) every: HashMap<Item, Timeline>,
}

pub(super) fn obligations(history: &History) -> Obligations {
    let mut obligations = Obligations::default();
    for (number, write) in history.writes.iter().enumerate().filter(|(_, write)| write.binds()) {
        let Some(done) = &write.done else { continue };
        let due = |at| Obligation { at, version: done.version, write: number };
        obligations.own.entry((write.life, write.item)).or_default().0.push(due(done.returned));
        if let Some(at) = due_everywhere(history, write, done) {
            obligations.every.entry(write.item).or_default().0.push(due(at));
        }
    }
    obligations.own.values_mut().for_each(Timeline::sort);
    obligations.every.values_mut().for_each(Timeline::sort);
    obligations
}

/// Returns when the promise to every instance is due, or `None` if there is no such promise.
pub(super) fn due_everywhere(history: &History, write: &Write, done: &WriteResult) -> Option<Moment> {
    let reached_log_at = reached_log_at(history, write, done)?;
    Some(one_primary_from(history, reached_log_at).plus(history.max_staleness))
}

/// Returns when the invalidation is certain to be in the log that every instance follows.
///
/// A deferred invalidation counts from the moment when its instance had an empty outbox. The same
/// holds for an invalidation that a deposed primary may have accepted, because its instance appends
/// it to the other log when it reconnects. If the instance died before that, the invalidation is
/// lost (rule 15).
pub(super) fn reached_log_at(history: &History, write: &Write, done: &WriteResult) -> Option<Moment> {
    let instance = history.life(write.life)?.instance;
    let mut two_primaries = history.two_primaries.iter();
    let in_doubt =
        two_primaries.any(|two| two.from <= done.returned && write.sent <= two.heard_until(instance));
    if done.claimed == Claimed::Applied && !in_doubt {
        return Some(done.returned);
    }
    let mut empty_outboxes = history.empty_outboxes.iter().filter(|seen| seen.life == write.life);
    empty_outboxes
        .find(|seen| seen.sent > done.returned && !is_in_doubt(history, instance, seen.sent))
        .map(|seen| seen.done)
}

/// Whether the instance's knowledge at this moment may come from a deposed primary. An instance
/// trusts nothing that is older than `max_staleness`.
fn is_in_doubt(history: &History, instance: usize, moment: Moment) -> bool {
    let believed = |two: &TwoPrimaries| two.heard_until(instance).plus(history.max_staleness);
    history.two_primaries.iter().any(|two| (two.from..=believed(two)).contains(&moment))
}

/// Rule 5: the bound is `max_staleness` "plus the time that an isolated primary goes on serving".
fn one_primary_from(history: &History, reached_log_at: Moment) -> Moment {
    let during = history.two_primaries.iter().filter(|two| (two.from..=two.until).contains(&reached_log_at));
    during.map(|two| two.until).max().unwrap_or(reached_log_at)
}
