//! A state of the model of operations.

use super::queue::{Entry, OperationQueue};
use super::{KEYS, OperationBudget, OperationModel, OperationPromise};

/// A complete state.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct OperationWorld {
    /// The remaining steps.
    pub left: OperationBudget,
    /// The queue.
    pub queue: OperationQueue,
    /// The part of it that is not lost with the store.
    pub durable: OperationQueue,
    /// The clock of the queue.
    pub clock: u8,
    /// Whether that clock has gone back.
    pub is_clock_back: bool,
    /// The rows of the database, one for each key.
    pub rows: [Row; KEYS],
    /// The workers.
    pub readers: Vec<Reader>,
    /// The number of pushes. Each one is an operation.
    pub pushes: u8,
    /// The operations whose push is repeated, or waits until it is durable.
    pub repeats: Vec<Repeat>,
    /// The key of each operation that nothing may lose.
    pub acknowledged: Vec<(u8, usize)>,
}

/// A row of the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Row {
    /// The sequence number of the newest operation.
    pub sequence: u8,
    /// The operations that took effect, in this order.
    pub applied: Vec<u8>,
}

/// A worker.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Reader {
    /// Whether it has the right to read.
    pub has_right: bool,
    /// The entries that it has read and not flushed.
    pub batch: Vec<Entry>,
    /// The entries that it has flushed and not completed.
    pub flushed: Vec<Entry>,
}

/// A push that is repeated, or waits until it is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs)]
pub struct Repeat {
    /// The operation.
    pub operation: u8,
    /// Its key.
    pub key: usize,
}

impl OperationWorld {
    pub(super) fn new(left: OperationBudget) -> Self {
        Self {
            left,
            queue: OperationQueue::default(),
            durable: OperationQueue::default(),
            clock: 0,
            is_clock_back: false,
            rows: <[Row; KEYS]>::default(),
            readers: vec![Reader::default(); 2],
            pushes: 0,
            repeats: vec![],
            acknowledged: vec![],
        }
    }

    /// Returns the promise that is broken, if one is.
    pub(super) fn broken(&self) -> Option<OperationPromise> {
        for row in &self.rows {
            for pair in row.applied.windows(2) {
                if pair.first() > pair.last() {
                    return Some(OperationPromise::InOrder);
                }
            }
            let is_repeated =
                |(at, one): (usize, &u8)| row.applied.iter().skip(at + 1).any(|other| other == one);
            if row.applied.iter().enumerate().any(is_repeated) {
                return Some(OperationPromise::Once);
            }
        }
        let is_safe = |(operation, key): &(u8, usize)| self.is_safe(*operation, *key);
        (!self.acknowledged.iter().all(is_safe)).then_some(OperationPromise::NothingIsLost)
    }

    /// Whether an operation has taken effect, or waits with a number that the sink accepts.
    fn is_safe(&self, operation: u8, key: usize) -> bool {
        let (Some(row), Some(of)) = (self.rows.get(key), self.queue.keys.get(key)) else { return false };
        let mut waiting = self.queue.entries.iter().chain(&of.dead);
        row.applied.contains(&operation)
            || waiting.any(|entry| entry.operation == operation && entry.sequence > row.sequence)
    }

    /// Returns the time of the queue's clock.
    pub(super) const fn time(&self) -> u8 {
        if self.is_clock_back { 0 } else { self.clock }
    }

    /// Loses everything of the queue that is not durable.
    pub(super) fn lose_queue(&mut self, model: &OperationModel) {
        self.queue = self.durable.clone();
        self.clock += 1;
        self.readers.iter_mut().for_each(|reader| reader.has_right = false);
        if model.waits {
            return;
        }
        // `Memory` does not promise these.
        let mut kept = std::mem::take(&mut self.acknowledged);
        kept.retain(|(operation, key)| self.is_safe(*operation, *key));
        self.acknowledged = kept;
    }

    /// Brings worlds that behave alike into one form.
    pub(super) fn make_canonical(&mut self) {
        self.readers.sort_unstable();
        self.repeats.sort_unstable();
        self.acknowledged.sort_unstable();
        // An operation that took effect stays in the database.
        let rows = &self.rows;
        self.acknowledged
            .retain(|(operation, key)| rows.get(*key).is_none_or(|row| !row.applied.contains(operation)));
        if self.left.lost_queues == 0 {
            self.durable = OperationQueue::default();
        }
        if self.left.unheard == 0 && self.repeats.is_empty() {
            (self.queue.ids, self.durable.ids) = (0, 0);
        }
    }
}
