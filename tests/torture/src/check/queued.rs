//! The promises for queued writes.
//!
//! The checker cannot see the queue. It knows the interval of each write, the database's changes
//! with their sequence numbers, and what the reads showed. A write is *certainly before* another
//! one if it had returned before the other was sent, or if the database has both and says so. The
//! order of other writes is free.

use std::collections::HashMap;

use super::{Promise, Violation, describe, obligations};
use crate::clock::Moment;
use crate::history::{Acceptance, Change, Claimed, History, LifeId, QueuedWrite, Read, Write, WriteResult};
use crate::item::{Item, Way};

/// An acknowledged write.
#[derive(Debug, Clone, Copy)]
struct Acknowledged {
    number: u64,
    life: LifeId,
    /// From when on its own instance shows nothing that is certainly before it.
    returned: Moment,
    /// The same for every instance, if there is such a moment.
    due_everywhere: Option<Moment>,
}

/// The queued writes of a history, and what became of them.
pub(super) struct Queued<'a> {
    history: &'a History,
    sequences: HashMap<u64, u64>,
    acknowledged: HashMap<Item, Vec<Acknowledged>>,
    changes: HashMap<Item, Vec<&'a Change>>,
}

impl<'a> Queued<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        let mut acknowledged: HashMap<_, Vec<_>> = HashMap::new();
        for (number, write) in (1..).zip(&history.queued) {
            let Some(done) = write.done.filter(|done| done.acceptance == Acceptance::Acknowledged) else {
                continue;
            };
            let (life, returned) = (write.life, done.returned);
            let due_everywhere = due_everywhere(history, write, returned);
            let write_of = acknowledged.entry(write.item).or_default();
            write_of.push(Acknowledged { number, life, returned, due_everywhere });
        }
        let mut changes: HashMap<_, Vec<_>> = HashMap::new();
        for change in &history.changes {
            changes.entry(change.item).or_default().push(change);
        }
        let sequences = history.changes.iter().map(|change| (change.number, change.sequence)).collect();
        Self { history, sequences, acknowledged, changes }
    }

    /// Returns what is wrong with the changes of the database.
    pub(super) fn of_database(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for changes in self.changes.values() {
            violations.extend(self.of_changes(changes));
        }
        if self.history.drained.is_some() {
            violations.extend(self.lost());
        }
        violations.sort_by_key(|violation| violation.write);
        violations
    }

    fn of_changes(&self, changes: &[&Change]) -> Vec<Violation> {
        let mut violations = Vec::new();
        let mut seen: HashMap<u64, Moment> = HashMap::new();
        let mut newest: Option<&Change> = None;
        let mut last_sent: Option<(Moment, u64)> = None;
        for change in changes {
            let mut broken = |promise, why: String| {
                let words = describe::change(self.history, change, &why);
                violations.push(Violation { promise, read: None, write: Some(change.number), words });
            };
            let Some(write) = self.history.queued_write(change.number) else {
                broken(Promise::RightAnswer, "there is no such write".to_owned());
                continue;
            };
            if write.item != change.item || write.sent > change.at {
                broken(Promise::RightAnswer, "there was no such write yet".to_owned());
            }
            if let Some(done) = write.done.filter(|done| done.acceptance.is_refused()) {
                broken(Promise::Refused, format!("it was refused: {}", done.acceptance.as_str()));
            }
            if let Some(first) = seen.insert(change.number, change.at) {
                let first = describe::at(self.history, first);
                broken(Promise::Once, format!("it had taken effect already, at {first}"));
            }
            if let Some(newest) = newest.filter(|newest| newest.sequence >= change.sequence) {
                let (number, sequence) = (newest.number, newest.sequence);
                broken(
                    Promise::InOrder,
                    format!("it replaced write {number} with sequence number {sequence}"),
                );
            }
            if let Some((sent, other)) =
                last_sent.filter(|(sent, _)| write.ended().is_some_and(|end| end < *sent))
            {
                let sent = describe::at(self.history, sent);
                broken(
                    Promise::InOrder,
                    format!("it had returned before write {other} was sent at {sent}, but took effect later"),
                );
            }
            if newest.is_none_or(|newest| newest.sequence < change.sequence) {
                newest = Some(change);
            }
            if last_sent.is_none_or(|(sent, _)| sent < write.sent) {
                last_sent = Some((write.sent, change.number));
            }
        }
        violations
    }

    /// Returns the acknowledged writes that the database does not have after the queue was drained,
    /// although nothing can have replaced them. Nothing replaces an operation.
    fn lost(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (item, writes) in &self.acknowledged {
            let last = self.last_change(*item);
            let is_lost = |write: &&Acknowledged| match item.family.replaces_queued() {
                true => self.is_before(last, write.number),
                false => !self.sequences.contains_key(&write.number),
            };
            for write in writes.iter().filter(is_lost) {
                let words = describe::lost(self.history, write.number, last);
                let write = Some(write.number);
                violations.push(Violation { promise: Promise::Acknowledged, read: None, write, words });
            }
        }
        violations
    }

    /// Returns what is wrong with a read that showed this write.
    pub(super) fn of_read(&self, number: usize, read: &Read, shown: u64) -> Option<Violation> {
        let plain = |promise, why: &str| {
            let words = describe::plain(self.history, number, why);
            Some(Violation { promise, read: Some(number), write: Some(shown), words })
        };
        if shown > 0 {
            match self.history.queued_write(shown) {
                Some(write) if write.item == read.item && write.sent <= read.done => {
                    if write.done.is_some_and(|done| done.acceptance.is_refused()) {
                        return plain(
                            Promise::Refused,
                            &format!("it showed write {shown}, which was refused"),
                        );
                    }
                }
                _ => {
                    let why = format!("it showed write {shown}, which there was not yet");
                    return plain(Promise::RightAnswer, &why);
                }
            }
        }
        let drained = self.history.drained.map(|drained| drained.plus(self.history.max_staleness));
        let last = self.last_change(read.item);
        if drained.is_some_and(|drained| read.sent > drained) && shown != last {
            let why = format!("it showed write {shown}, but the database has {last} at the end");
            return plain(Promise::EveryInstance, &why);
        }
        // An operation is shown when it is flushed, and not before.
        read.item.family.replaces_queued().then(|| self.behind(number, read, shown)).flatten()
    }

    /// Returns the violation of a read that showed something from before an acknowledged write.
    fn behind(&self, number: usize, read: &Read, shown: u64) -> Option<Violation> {
        let writes = self.acknowledged.get(&read.item)?;
        let newer = writes.iter().filter(|write| self.is_before(shown, write.number));
        let broken = newer.filter_map(|write| {
            let is_own = write.life == read.life && write.returned < read.sent;
            let is_due = write.due_everywhere.is_some_and(|due| due < read.sent);
            match (is_own, is_due) {
                (true, _) => Some((write, Promise::OwnInstance)),
                (false, true) => Some((write, Promise::EveryInstance)),
                (false, false) => None,
            }
        });
        let (write, promise) = broken.min_by_key(|(write, promise)| (*promise, write.number))?;
        let words = describe::behind(self.history, number, shown, write.number);
        Some(Violation { promise, read: Some(number), write: Some(write.number), words })
    }

    /// Returns the write that the database has last, or 0.
    fn last_change(&self, item: Item) -> u64 {
        self.changes.get(&item).and_then(|changes| changes.last()).map_or(0, |change| change.number)
    }

    /// Whether a write is certainly before another one.
    fn is_before(&self, one: u64, other: u64) -> bool {
        let Some(later) = self.history.queued_write(other) else { return false };
        let Some(earlier) = self.history.queued_write(one) else { return one == 0 };
        if earlier.ended().is_some_and(|end| end < later.sent) {
            return true;
        }
        match (self.sequences.get(&one), self.sequences.get(&other)) {
            (Some(one), Some(other)) => one < other,
            _ => false,
        }
    }
}

/// Returns from when on every instance must show the write or a later one.
///
/// `write` does not tell whether its event is in the log, so it is treated like a deferred one.
fn due_everywhere(history: &History, write: &QueuedWrite, returned: Moment) -> Option<Moment> {
    let done = WriteResult { version: 0, claimed: Claimed::Nothing, returned, stored: None };
    let QueuedWrite { life, item, sent, .. } = *write;
    let event = Write { life, item, way: Way::Queued, sent, done: Some(done.clone()) };
    obligations::due_everywhere(history, &event, &done)
}
