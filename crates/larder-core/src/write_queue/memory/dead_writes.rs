//! The quarantine of one partition.

use std::collections::{BTreeMap, HashMap};

use super::write_size::{len, size};
use crate::write_queue::dead_letter::{DeadLetter, DeadLetterPage};
use crate::write_queue::push::WritePayload;

/// The maximum length of the text of an error in bytes.
const MAX_ERROR: usize = 1024;

/// The writes in the quarantine of one partition, by key and sequence number.
#[derive(Debug, Default)]
pub(super) struct DeadWrites {
    /// No key is without a write.
    keys: HashMap<String, BTreeMap<u64, DeadWrite>>,
    /// The keys by the sequence number of their oldest write.
    order: BTreeMap<u64, String>,
    count: u64,
    bytes: u64,
}

/// A write in the quarantine.
#[derive(Debug)]
pub(super) struct DeadWrite {
    pub(super) payload: WritePayload,
    error: String,
}

impl DeadWrite {
    /// Creates a dead write. The text of the error may be shortened.
    pub(super) fn new(payload: WritePayload, error: &str) -> Self {
        let mut end = error.len().min(MAX_ERROR);
        while !error.is_char_boundary(end) {
            end -= 1;
        }
        Self { payload, error: error[..end].to_owned() }
    }
}

impl DeadWrites {
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.keys.contains_key(key)
    }

    /// Returns the sequence number of the oldest write of a key.
    pub(super) fn first_sequence(&self, key: &str) -> Option<u64> {
        self.keys.get(key)?.first_key_value().map(|(sequence, _)| *sequence)
    }

    /// Returns the oldest write of a key.
    pub(super) fn first(&self, key: &str) -> Option<&DeadWrite> {
        self.keys.get(key)?.first_key_value().map(|(_, write)| write)
    }

    /// Adds a write, under its sequence number.
    pub(super) fn add(&mut self, key: &str, sequence: u64, write: DeadWrite) {
        let before = self.first_sequence(key);
        self.count += 1;
        self.bytes += size(key, &write.payload);
        self.keys.entry(key.to_owned()).or_default().insert(sequence, write);
        self.reorder(key, before);
    }

    /// Removes one write.
    pub(super) fn remove(&mut self, key: &str, sequence: u64) -> Option<DeadWrite> {
        let before = self.first_sequence(key);
        let of_key = self.keys.get_mut(key)?;
        let write = of_key.remove(&sequence)?;
        if of_key.is_empty() {
            self.keys.remove(key);
        }
        self.count -= 1;
        self.bytes -= size(key, &write.payload);
        self.reorder(key, before);
        Some(write)
    }

    /// Removes all writes of a key.
    pub(super) fn remove_key(&mut self, key: &str) {
        while let Some(sequence) = self.first_sequence(key) {
            self.remove(key, sequence);
        }
    }

    /// Notes the oldest write of a key after a change. Before it, `before` was the oldest.
    fn reorder(&mut self, key: &str, before: Option<u64>) {
        let first = self.first_sequence(key);
        if first != before {
            if let Some(before) = before {
                self.order.remove(&before);
            }
            if let Some(first) = first {
                self.order.insert(first, key.to_owned());
            }
        }
    }

    /// Returns up to `count` keys whose oldest write comes after `after`.
    pub(super) fn page(&self, after: Option<u64>, count: u32) -> DeadLetterPage {
        let count = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
        let mut keys = self.order.range(after.map_or(0, |after| after + 1)..).map(|(_, key)| key);
        let letters: Vec<_> = keys.by_ref().take(count).filter_map(|key| self.letter(key)).collect();
        let next = keys.next().and(letters.last()).map(|letter| letter.sequence);
        DeadLetterPage { letters, next }
    }

    fn letter(&self, key: &str) -> Option<DeadLetter> {
        let of_key = self.keys.get(key)?;
        let (sequence, first) = of_key.first_key_value()?;
        Some(DeadLetter {
            key: key.to_owned(),
            sequence: *sequence,
            payload: first.payload.clone(),
            error: first.error.clone(),
            waiting: len(of_key.len()) - 1,
        })
    }
}
