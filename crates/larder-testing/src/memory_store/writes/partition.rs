//! One partition of a write queue.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use larder_core::lease::LeaseId;
use larder_core::write_queue::{
    Completed, DeadLetter, DeadLetterPage, KeyState, PendingValue, PushWrite, Pushed, QuarantineReply,
    QueueStats, QueuedWrite, ReadReply, ReadRequest, RetryProgress, WaitReply, WriteBatch, WriteId,
    WritePayload, WriteRef,
};
use tokio::time::Instant;

/// The number of dead letters that one retry moves.
const MAX_MOVED: usize = 250;

/// The writes of one partition, in order.
#[derive(Default)]
pub(super) struct Partition {
    /// The highest sequence number or place in use.
    last: u64,
    /// By place.
    queue: BTreeMap<u64, QueuedWrite>,
    /// By key and sequence number. No key is without a dead letter.
    dead: BTreeMap<String, BTreeMap<u64, Dead>>,
    ids: HashMap<WriteId, u64>,
    reader: Option<Reader>,
}

struct Dead {
    payload: WritePayload,
    error: String,
}

struct Reader {
    id: LeaseId,
    expires: Instant,
}

impl Partition {
    pub(super) fn push(&mut self, write: PushWrite<'_>) -> Pushed {
        if let Some(sequence) = self.ids.get(&write.id) {
            return Pushed::Duplicate(*sequence);
        }
        if self.is_full(&write) {
            return Pushed::Full;
        }
        let PushWrite { key, payload, id, .. } = write;
        let sequence = self.next();
        self.ids.insert(id, sequence);
        let is_operation = matches!(payload, WritePayload::Operation(_));
        if !is_operation {
            self.queue.retain(|_, other| other.key != key);
            self.dead.remove(key);
        }
        match self.dead.get_mut(key) {
            Some(dead) => {
                dead.insert(sequence, Dead { payload, error: String::new() });
            }
            None => self.add(QueuedWrite { place: sequence, sequence, key: key.to_owned(), payload }),
        }
        Pushed::Queued(sequence)
    }

    fn is_full(&self, write: &PushWrite<'_>) -> bool {
        let stats = self.stats();
        let size = size(write.key, &write.payload);
        let limits = write.limits;
        let is_operation = matches!(write.payload, WritePayload::Operation(_));
        let is_dead = self.dead.contains_key(write.key);
        if is_operation && is_dead {
            return (stats.dead + 1) * 2 > limits.entries || (stats.dead_bytes + size) * 2 > limits.bytes;
        }
        if !is_dead && (stats.dead >= limits.entries || stats.dead_bytes >= limits.bytes) {
            return true;
        }
        let replaced = self.queue.values().find(|other| !is_operation && other.key == write.key);
        let freed = replaced.map_or(0, |other| self::size(&other.key, &other.payload));
        replaced.is_none() && stats.entries >= limits.entries
            || size > freed && stats.bytes + size - freed > limits.bytes
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn add(&mut self, write: QueuedWrite) {
        self.queue.insert(write.place, write);
    }

    pub(super) fn key_state(&self, key: &str) -> KeyState {
        let dead = self.dead.get(key);
        let is_value = |payload: &WritePayload| !matches!(payload, WritePayload::Operation(_));
        let queued = self.queue.values().find(|write| write.key == key && is_value(&write.payload));
        let value = match queued {
            Some(write) => Some(PendingValue { sequence: write.sequence, payload: write.payload.clone() }),
            None => dead
                .and_then(BTreeMap::first_key_value)
                .filter(|(_, dead)| is_value(&dead.payload))
                .map(|(sequence, dead)| PendingValue { sequence: *sequence, payload: dead.payload.clone() }),
        };
        KeyState { value, is_quarantined: dead.is_some() }
    }

    pub(super) fn is_read_by(&self, reader: LeaseId) -> bool {
        self.reader.as_ref().is_some_and(|there| there.id == reader && there.expires > Instant::now())
    }

    pub(super) fn claim(&mut self, reader: LeaseId, ttl: Duration) -> bool {
        let now = Instant::now();
        if self.reader.as_ref().is_some_and(|there| there.id != reader && there.expires > now) {
            return false;
        }
        self.reader = Some(Reader { id: reader, expires: now + ttl });
        true
    }

    pub(super) fn release(&mut self, reader: LeaseId) {
        if self.is_read_by(reader) {
            self.reader = None;
        }
    }

    pub(super) fn read(&mut self, request: &ReadRequest<'_>) -> ReadReply {
        if !self.is_read_by(request.reader) {
            return ReadReply::NotReader;
        }
        let mut batch = WriteBatch { last_place: request.after, ..WriteBatch::default() };
        let mut bytes = 0;
        let from = request.after.map_or(0, |after| after + 1);
        let places: Vec<u64> = self.queue.range(from..).map(|(place, _)| *place).collect();
        for place in places {
            let Some(write) = self.queue.get(&place) else { continue };
            if self.is_held(write) {
                self.hold(place, "");
                batch.held += 1;
            } else {
                let size = size(&write.key, &write.payload);
                let count = u32::try_from(batch.writes.len()).unwrap_or(u32::MAX);
                if count > 0 && (count >= request.max_entries || bytes + size > request.max_bytes) {
                    batch.has_more = true;
                    break;
                }
                bytes += size;
                batch.writes.push(write.clone());
            }
            batch.last_place = Some(place);
        }
        ReadReply::Batch(batch)
    }

    /// Whether the operation has to wait for a dead letter of its key.
    fn is_held(&self, write: &QueuedWrite) -> bool {
        let first = self.dead.get(&write.key).and_then(BTreeMap::first_key_value);
        first.is_some_and(|(first, _)| write.sequence >= *first)
    }

    fn hold(&mut self, place: u64, error: &str) {
        if let Some(QueuedWrite { sequence, key, payload, .. }) = self.queue.remove(&place) {
            let dead = Dead { payload, error: error.to_owned() };
            self.dead.entry(key).or_default().insert(sequence, dead);
        }
    }

    pub(super) fn complete(&mut self, writes: &[WriteRef<'_>]) -> Completed {
        let mut completed = Completed::default();
        for write in writes {
            if self.is_there(*write) {
                self.queue.remove(&write.place);
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
        let mut letters: Vec<DeadLetter> = self
            .dead
            .iter()
            .filter_map(|(key, dead)| {
                let (sequence, first) = dead.first_key_value()?;
                Some(DeadLetter {
                    key: key.clone(),
                    sequence: *sequence,
                    payload: first.payload.clone(),
                    error: first.error.clone(),
                    waiting: len(dead.len()) - 1,
                })
            })
            .filter(|letter| after.is_none_or(|after| letter.sequence > after))
            .collect();
        letters.sort_by_key(|letter| letter.sequence);
        let all = letters.len();
        letters.truncate(usize::try_from(count.max(1)).unwrap_or(usize::MAX));
        let next = letters.last().map(|letter| letter.sequence).filter(|_| letters.len() < all);
        DeadLetterPage { letters, next }
    }

    pub(super) fn retry(&mut self, key: &str) -> RetryProgress {
        let behind = self.queue.values().filter(|write| write.key == key && self.is_held(write));
        for place in behind.map(|write| write.place).collect::<Vec<_>>() {
            self.hold(place, "");
        }
        let mut dead = self.dead.remove(key).unwrap_or_default();
        let mut moved = 0;
        for _ in 0..MAX_MOVED {
            let Some((sequence, Dead { payload, .. })) = dead.pop_first() else { break };
            let place = self.next();
            self.add(QueuedWrite { place, sequence, key: key.to_owned(), payload });
            moved += 1;
        }
        let is_done = dead.is_empty();
        if !is_done {
            self.dead.insert(key.to_owned(), dead);
        }
        RetryProgress { moved, is_done }
    }

    pub(super) fn discard(&mut self, key: &str, sequence: u64) -> bool {
        let Some(dead) = self.dead.get_mut(key) else { return false };
        let was_there = dead.remove(&sequence).is_some();
        if dead.is_empty() {
            self.dead.remove(key);
        }
        was_there
    }

    pub(super) fn stats(&self) -> QueueStats {
        let mut stats = QueueStats::new();
        stats.entries = len(self.queue.len());
        stats.bytes = self.queue.values().map(|write| size(&write.key, &write.payload)).sum();
        stats.dead = self.dead.values().map(|dead| len(dead.len())).sum();
        let dead = self.dead.iter().flat_map(|(key, dead)| dead.values().map(move |dead| (key, dead)));
        stats.dead_bytes = dead.map(|(key, dead)| size(key, &dead.payload)).sum();
        stats.oldest_sequence = self.queue.values().next().map(|write| write.sequence);
        stats.oldest_age = stats.oldest_sequence.map(|_| Duration::ZERO);
        stats.reader = self.reader.as_ref().filter(|there| self.is_read_by(there.id)).map(|there| there.id);
        stats
    }

    pub(super) fn wait(&self, id: WriteId) -> WaitReply {
        if self.ids.contains_key(&id) { WaitReply::Durable } else { WaitReply::Lost }
    }
}

fn size(key: &str, payload: &WritePayload) -> u64 {
    len(key.len() + payload.bytes().len())
}

fn len(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
