//! What each read is held against: the least version that it may show.

use std::collections::HashMap;

use crate::clock::Moment;
use crate::history::{Done, History, LifeId, Said, TwoPrimaries, Write};
use crate::item::Item;

/// A promise that came due: from then on nothing less than this version may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) at: Moment,
    pub(super) version: u64,
    /// The number of the write whose promise it is.
    pub(super) write: usize,
}

/// Promises for one item, by when they came due; each with the largest version so far.
#[derive(Debug, Default)]
pub(super) struct Timeline(Vec<Due>);

impl Timeline {
    /// The most demanding promise that had come due before this moment.
    pub(super) fn least_at(&self, moment: Moment) -> Option<&Due> {
        let passed = self.0.partition_point(|due| due.at < moment);
        self.0.get(passed.checked_sub(1)?)
    }

    fn settle(&mut self) {
        self.0.sort_by_key(|due| due.at);
        for next in 1..self.0.len() {
            let before = self.0[next - 1];
            if before.version > self.0[next].version {
                self.0[next] = Due { at: self.0[next].at, ..before };
            }
        }
    }
}

/// All promises of a history.
#[derive(Debug, Default)]
pub(super) struct Dues {
    /// P1: where the invalidation was called.
    pub(super) own: HashMap<(LifeId, Item), Timeline>,
    /// P2: everywhere.
    pub(super) every: HashMap<Item, Timeline>,
}

pub(super) fn dues(history: &History) -> Dues {
    let mut dues = Dues::default();
    for (number, write) in history.writes.iter().enumerate().filter(|(_, write)| write.binds()) {
        let Some(done) = &write.done else { continue };
        let due = |at| Due { at, version: done.version, write: number };
        dues.own.entry((write.life, write.item)).or_default().0.push(due(done.returned));
        if let Some(at) = due_everywhere(history, write, done) {
            dues.every.entry(write.item).or_default().0.push(due(at));
        }
    }
    dues.own.values_mut().for_each(Timeline::settle);
    dues.every.values_mut().for_each(Timeline::settle);
    dues
}

/// When the promise to every instance comes due; `None` where there is none.
fn due_everywhere(history: &History, write: &Write, done: &Done) -> Option<Moment> {
    let told = told(history, write, done)?;
    Some(one_primary(history, told).plus(history.max_staleness))
}

/// By when the log that everybody follows had been told.
///
/// What was deferred counts from when its instance was seen to owe nothing any more. So does what a deposed primary may
/// have taken: its instance tells the other log when it comes back. Who died before that has told nobody (LOG.md, rule
/// 15).
pub(super) fn told(history: &History, write: &Write, done: &Done) -> Option<Moment> {
    let instance = history.life(write.life)?.instance;
    let mut two_primaries = history.two_primaries.iter();
    let in_doubt =
        two_primaries.any(|two| two.from <= done.returned && write.sent <= two.heard_until(instance));
    if done.said == Said::Applied && !in_doubt {
        return Some(done.returned);
    }
    let mut settled = history.settled.iter().filter(|seen| seen.life == write.life);
    settled
        .find(|seen| seen.sent > done.returned && !is_in_doubt(history, instance, seen.sent))
        .map(|seen| seen.done)
}

/// Whether what the instance believed then it may have heard from a deposed primary. Nothing that was heard longer ago
/// than `max_staleness` is believed.
fn is_in_doubt(history: &History, instance: usize, moment: Moment) -> bool {
    let believed = |two: &TwoPrimaries| two.heard_until(instance).plus(history.max_staleness);
    history.two_primaries.iter().any(|two| (two.from..=believed(two)).contains(&moment))
}

/// LOG.md, rule 5: the bound is `max_staleness` "plus the time that an isolated primary goes on serving".
fn one_primary(history: &History, told: Moment) -> Moment {
    let during = history.two_primaries.iter().filter(|two| (two.from..=two.until).contains(&told));
    during.map(|two| two.until).max().unwrap_or(told)
}
