//! One partition of the queue, as the scripts in Redis change it.

use super::{KEYS, OperationModel, OperationReading};

/// The number of entries that a sweep or a move takes in one call of a retry.
const PAGE: usize = 1;

/// A partition of a collection of operations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct OperationQueue {
    /// The Stream: the entries in order of their places.
    pub entries: Vec<Entry>,
    /// The state of each key.
    pub keys: [KeyQueue; KEYS],
    /// The highest number in use.
    pub last: u8,
    /// The operations whose write ids are remembered, one bit for each.
    pub ids: u8,
}

/// An operation in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(clippy::exhaustive_structs)]
pub struct Entry {
    /// Where it is.
    pub place: u8,
    /// The number that the sink compares.
    pub sequence: u8,
    /// Its key.
    pub key: usize,
    /// The operation: the number of its push.
    pub operation: u8,
}

/// The quarantine of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct KeyQueue {
    /// The dead letters and those held behind them, in order of their sequence numbers.
    pub dead: Vec<Entry>,
    /// Set while the key is in quarantine.
    pub mark: Option<Mark>,
}

/// The mark of a key in quarantine, from which on its operations are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Mark {
    /// Operations from this sequence number on are held.
    pub from: u8,
    /// Up to this place, they may still be in the queue.
    pub place: u8,
    /// Up to this place, none is left there.
    pub swept: u8,
}

impl OperationQueue {
    /// `queue_push.lua`: pushes an operation.
    pub(super) fn push(&mut self, time: u8, key: usize, operation: u8, model: &OperationModel) {
        let next = self.last + 1;
        let is_counter = model.is_wrong(OperationReading::SequenceIsACounter);
        let sequence = if is_counter { next } else { next.max(time) };
        self.last = sequence;
        self.ids |= 1 << operation;
        let entry = Entry { place: sequence, sequence, key, operation };
        let is_held = self.key(key).is_some_and(|key| key.mark.is_some());
        match self.keys.get_mut(key) {
            Some(of) if is_held && !model.is_wrong(OperationReading::PushIsNotHeld) => of.add_dead(entry),
            _ => self.entries.push(entry),
        }
    }

    fn key(&self, key: usize) -> Option<&KeyQueue> {
        self.keys.get(key)
    }

    /// `queue_read.lua`: returns the entries, and holds those of keys in quarantine.
    pub(super) fn read(&mut self, model: &OperationModel) -> Vec<Entry> {
        if !model.is_wrong(OperationReading::LaterOnesAreNotHeld) {
            let keys = &self.keys;
            let mark = |entry: &Entry| keys.get(entry.key).and_then(|key| key.mark);
            let is_held = |entry: &Entry| mark(entry).is_some_and(|mark| entry.sequence >= mark.from);
            let held: Vec<_> = self.entries.iter().copied().filter(is_held).collect();
            held.into_iter().for_each(|entry| self.hold(entry));
        }
        self.entries.clone()
    }

    /// Moves an entry to the quarantine.
    fn hold(&mut self, entry: Entry) {
        self.entries.retain(|other| *other != entry);
        if let Some(key) = self.keys.get_mut(entry.key) {
            key.add_dead(entry);
        }
    }

    /// `queue_complete.lua`: removes an operation that was flushed.
    pub(super) fn complete(&mut self, done: Entry, model: &OperationModel) {
        let is_wrong = model.is_wrong(OperationReading::CompletesTheKey);
        self.entries.retain(|entry| *entry != done && !(is_wrong && entry.key == done.key));
    }

    /// `queue_quarantine.lua`: moves an operation to the quarantine, if it is still there.
    pub(super) fn quarantine(&mut self, entry: Entry, model: &OperationModel) {
        if !self.entries.contains(&entry) {
            return;
        }
        self.hold(entry);
        let last = self.last;
        let Some(key) = self.keys.get_mut(entry.key) else { return };
        let swept = match key.mark {
            Some(mark) if model.is_wrong(OperationReading::SweptStays) => mark.swept,
            _ => 0,
        };
        key.renew_mark(last, swept);
    }

    /// `queue_retry.lua`: one call.
    pub(super) fn retry(&mut self, key: usize, time: u8, model: &OperationModel) -> Option<()> {
        let mark = self.keys.get(key)?.mark?;
        if mark.swept < mark.place && !model.is_wrong(OperationReading::RetryDoesNotSweep) {
            let swept = self.sweep(key, mark);
            self.keys.get_mut(key)?.renew_mark(mark.place, swept);
            if swept < mark.place && !model.is_wrong(OperationReading::RetrySweepsOnePage) {
                return Some(());
            }
        }
        let mark = self.keys.get(key)?.mark?;
        let place = self.last.max(time) + 1;
        let of = self.keys.get_mut(key)?;
        let first = if model.is_wrong(OperationReading::RetryInReverse) { of.dead.len() - 1 } else { 0 };
        if first < of.dead.len() {
            let mut entry = of.dead.remove(first);
            entry.place = place;
            if model.is_wrong(OperationReading::RetryGetsANewNumber) {
                entry.sequence = place;
            }
            self.entries.push(entry);
            self.last = place;
        }
        let of = self.keys.get_mut(key)?;
        of.renew_mark(mark.place, mark.swept);
        if model.is_wrong(OperationReading::RetryEndsTheQuarantine) {
            of.mark = None;
        }
        Some(())
    }

    /// Moves operations that are held and still in the queue to the quarantine. Returns up to which
    /// place none is left.
    fn sweep(&mut self, key: usize, mark: Mark) -> u8 {
        let is_open = |entry: &&Entry| entry.place > mark.swept && entry.place <= mark.place;
        let page: Vec<_> = self.entries.iter().filter(is_open).take(PAGE).copied().collect();
        for entry in page.iter().filter(|entry| entry.key == key && entry.sequence >= mark.from) {
            self.hold(*entry);
        }
        if page.len() < PAGE { mark.place } else { page.last().map_or(mark.place, |entry| entry.place) }
    }

    /// `queue_discard.lua`: drops the oldest dead letter of a key. Returns it.
    pub(super) fn discard(&mut self, key: usize, model: &OperationModel) -> Option<Entry> {
        let of = self.keys.get_mut(key)?;
        let mark = of.mark?;
        (!of.dead.is_empty()).then_some(())?;
        let dropped = of.dead.remove(0);
        of.renew_mark(mark.place, mark.swept);
        if model.is_wrong(OperationReading::DiscardEndsTheQuarantine) {
            of.mark = None;
        }
        Some(dropped)
    }
}

impl KeyQueue {
    fn add_dead(&mut self, entry: Entry) {
        // A dead letter has no place.
        self.dead.push(Entry { place: 0, ..entry });
        self.dead.sort_by_key(|entry| entry.sequence);
    }

    /// Holds operations from the first dead letter on, or ends the quarantine.
    fn renew_mark(&mut self, place: u8, swept: u8) {
        self.mark = self.dead.first().map(|first| Mark { from: first.sequence, place, swept });
    }
}
