//! The writes of one partition.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::QueueTime;
use super::dead_writes::{DeadWrite, DeadWrites};
use super::recent_ids::RecentIds;
use super::write_size::{len, size};
use crate::lease::LeaseId;
use crate::time::BootTime;
use crate::write_queue::dead_letter::{DeadLetterPage, QuarantineReply, RetryProgress};
use crate::write_queue::push::{PushWrite, Pushed, WriteId, WritePayload};
use crate::write_queue::reading::{
    Completed, KeyState, PendingValue, QueueStats, QueuedWrite, ReadRequest, WriteBatch, WriteRef,
};

/// The number of dead letters that one retry moves.
const MAX_MOVED: u64 = 250;

/// The writes of one partition, in order.
#[derive(Debug, Default)]
pub(super) struct Partition {
    /// The highest sequence number or place in use.
    last: u64,
    /// By place.
    queue: BTreeMap<u64, QueuedWrite>,
    /// The size of the queue.
    bytes: u64,
    /// The place of the value of each key in the queue. Operations are not here.
    values: HashMap<String, u64>,
    dead: DeadWrites,
    ids: RecentIds,
    reader: Option<Reader>,
}

#[derive(Debug)]
struct Reader {
    id: LeaseId,
    expires: BootTime,
}

impl Partition {
    pub(super) fn push(&mut self, write: PushWrite<'_>, now: QueueTime) -> Pushed {
        self.ids.forget_older(now.boot);
        if let Some(sequence) = self.ids.get(write.id) {
            return Pushed::Duplicate(sequence);
        }
        if self.is_full(&write) {
            return Pushed::Full;
        }
        let PushWrite { key, payload, id, .. } = write;
        let sequence = self.next_number(now.unix_micros);
        self.ids.add(id, sequence, now.boot);
        if !is_operation(&payload) {
            if let Some(place) = self.values.get(key) {
                self.take(*place);
            }
            self.dead.remove_key(key);
        }
        if self.dead.contains(key) {
            self.dead.add(key, sequence, DeadWrite::new(payload, ""));
        } else {
            self.add(QueuedWrite { place: sequence, sequence, key: key.to_owned(), payload });
        }
        Pushed::Queued(sequence)
    }

    fn is_full(&self, write: &PushWrite<'_>) -> bool {
        let PushWrite { key, payload, limits, .. } = write;
        let (dead, size) = (&self.dead, size(key, payload));
        if is_operation(payload) && dead.contains(key) {
            return (dead.count() + 1) * 2 > limits.entries || (dead.bytes() + size) * 2 > limits.bytes;
        }
        if !dead.contains(key) && (dead.count() >= limits.entries || dead.bytes() >= limits.bytes) {
            return true;
        }
        let replaced = if is_operation(payload) { None } else { self.queued_value(key) };
        let freed = replaced.map_or(0, |other| self::size(&other.key, &other.payload));
        replaced.is_none() && len(self.queue.len()) >= limits.entries
            || size > freed && self.bytes + size - freed > limits.bytes
    }

    /// Returns a number that is higher than all before: the time, or one more than the last.
    fn next_number(&mut self, unix_micros: u64) -> u64 {
        self.last = unix_micros.max(self.last + 1);
        self.last
    }

    fn add(&mut self, write: QueuedWrite) {
        self.bytes += size(&write.key, &write.payload);
        if !is_operation(&write.payload) {
            self.values.insert(write.key.clone(), write.place);
        }
        self.queue.insert(write.place, write);
    }

    /// Removes a write from the queue.
    fn take(&mut self, place: u64) -> Option<QueuedWrite> {
        let write = self.queue.remove(&place)?;
        self.bytes -= size(&write.key, &write.payload);
        if self.values.get(&write.key) == Some(&place) {
            self.values.remove(&write.key);
        }
        Some(write)
    }

    fn queued_value(&self, key: &str) -> Option<&QueuedWrite> {
        self.queue.get(self.values.get(key)?)
    }

    pub(super) fn key_state(&self, key: &str) -> KeyState {
        let pending = |sequence, payload: &WritePayload| PendingValue { sequence, payload: payload.clone() };
        let queued = self.queued_value(key).map(|write| pending(write.sequence, &write.payload));
        let dead = || {
            let (sequence, write) = (self.dead.first_sequence(key)?, self.dead.first(key)?);
            (!is_operation(&write.payload)).then(|| pending(sequence, &write.payload))
        };
        KeyState { value: queued.or_else(dead), is_quarantined: self.dead.contains(key) }
    }

    pub(super) fn is_read_by(&self, reader: LeaseId, now: BootTime) -> bool {
        self.reader.as_ref().is_some_and(|there| there.id == reader && there.expires > now)
    }

    pub(super) fn claim(&mut self, reader: LeaseId, ttl: Duration, now: BootTime) -> bool {
        if self.reader.as_ref().is_some_and(|there| there.id != reader && there.expires > now) {
            return false;
        }
        self.reader = Some(Reader { id: reader, expires: now.saturating_add(ttl) });
        true
    }

    pub(super) fn release(&mut self, reader: LeaseId) {
        if self.reader.as_ref().is_some_and(|there| there.id == reader) {
            self.reader = None;
        }
    }

    pub(super) fn read(&mut self, request: &ReadRequest<'_>) -> WriteBatch {
        let mut batch = WriteBatch { last_place: request.after, ..WriteBatch::default() };
        let (mut bytes, mut count) = (0, 0);
        let mut from = request.after.map_or(0, |after| after + 1);
        while let Some((place, write)) = self.queue.range(from..).next() {
            let (place, size) = (*place, size(&write.key, &write.payload));
            if self.is_held(write) {
                self.hold(place, "");
                batch.held += 1;
            } else if count > 0 && (count >= request.max_entries || bytes + size > request.max_bytes) {
                batch.has_more = true;
                break;
            } else {
                batch.writes.push(write.clone());
                bytes += size;
                count += 1;
            }
            batch.last_place = Some(place);
            from = place + 1;
        }
        batch
    }

    /// Whether the operation has to wait for a dead letter of its key.
    fn is_held(&self, write: &QueuedWrite) -> bool {
        self.dead.first_sequence(&write.key).is_some_and(|first| write.sequence >= first)
    }

    /// Moves a write from the queue to the quarantine.
    fn hold(&mut self, place: u64, error: &str) {
        if let Some(QueuedWrite { sequence, key, payload, .. }) = self.take(place) {
            self.dead.add(&key, sequence, DeadWrite::new(payload, error));
        }
    }

    pub(super) fn complete(&mut self, writes: &[WriteRef<'_>]) -> Completed {
        let mut completed = Completed::default();
        for write in writes {
            if self.is_there(*write) {
                self.take(write.place);
                completed.removed += 1;
            } else {
                completed.superseded += 1;
            }
        }
        completed
    }

    fn is_there(&self, write: WriteRef<'_>) -> bool {
        self.queue.get(&write.place).is_some_and(|there| there.to_ref() == write)
    }

    pub(super) fn quarantine(&mut self, write: WriteRef<'_>, error: &str) -> QuarantineReply {
        if !self.is_there(write) {
            return QuarantineReply::Gone;
        }
        self.hold(write.place, error);
        QuarantineReply::Moved
    }

    pub(super) fn dead_letters(&self, after: Option<u64>, count: u32) -> DeadLetterPage {
        self.dead.page(after, count)
    }

    /// Moves the oldest dead letters of a key back. Its later operations wait in the quarantine.
    pub(super) fn retry(&mut self, key: &str, unix_micros: u64) -> RetryProgress {
        let behind = self.queue.values().filter(|write| write.key == key && self.is_held(write));
        for place in behind.map(|write| write.place).collect::<Vec<_>>() {
            self.hold(place, "");
        }
        let mut moved = 0;
        while moved < MAX_MOVED {
            let Some(sequence) = self.dead.first_sequence(key) else { break };
            let Some(DeadWrite { payload, .. }) = self.dead.remove(key, sequence) else { break };
            let place = self.next_number(unix_micros);
            self.add(QueuedWrite { place, sequence, key: key.to_owned(), payload });
            moved += 1;
        }
        RetryProgress { moved, is_done: !self.dead.contains(key) }
    }

    pub(super) fn discard(&mut self, key: &str, sequence: u64) -> bool {
        self.dead.remove(key, sequence).is_some()
    }

    pub(super) fn stats(&self, now: QueueTime) -> QueueStats {
        let oldest = self.queue.values().next().map(|write| write.sequence);
        QueueStats {
            entries: len(self.queue.len()),
            bytes: self.bytes,
            oldest_sequence: oldest,
            oldest_age: oldest.map(|oldest| Duration::from_micros(now.unix_micros.saturating_sub(oldest))),
            dead: self.dead.count(),
            dead_bytes: self.dead.bytes(),
            reader: self.reader.as_ref().filter(|there| there.expires > now.boot).map(|there| there.id),
        }
    }

    /// Whether a write with this id is remembered, and with this sequence number if it is given.
    pub(super) fn is_known(&self, id: WriteId, sequence: Option<u64>) -> bool {
        self.ids.get(id).is_some_and(|known| sequence.is_none_or(|sequence| known == sequence))
    }

    /// Returns the number of writes in the queue and in the quarantine.
    pub(super) fn unfinished(&self) -> u64 {
        len(self.queue.len()) + self.dead.count()
    }
}

fn is_operation(payload: &WritePayload) -> bool {
    matches!(payload, WritePayload::Operation(_))
}
