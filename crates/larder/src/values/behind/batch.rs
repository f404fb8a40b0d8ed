//! Writes that were read from the queue, as the sink gets them.

use std::collections::{HashMap, HashSet};

use larder_core::write_queue::{QueuedWrite, WriteRef};

/// Writes for the sink, and the name of each in the queue.
pub(super) struct Batch<W> {
    writes: Vec<W>,
    names: Vec<WriteName>,
}

/// The name of a write in the queue.
pub(super) struct WriteName {
    pub(super) place: u64,
    pub(super) sequence: u64,
    pub(super) text: String,
}

/// Some consecutive writes of a [`Batch`].
pub(super) struct BatchPart<'a, W> {
    pub(super) writes: &'a [W],
    pub(super) names: &'a [WriteName],
}

impl<W> Batch<W> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { writes: Vec::with_capacity(capacity), names: Vec::with_capacity(capacity) }
    }

    /// Adds a write, which was decoded from `queued`.
    pub(super) fn push(&mut self, write: W, queued: QueuedWrite) {
        let QueuedWrite { place, sequence, key: text, .. } = queued;
        self.writes.push(write);
        self.names.push(WriteName { place, sequence, text });
    }

    pub(super) fn all(&self) -> BatchPart<'_, W> {
        BatchPart { writes: &self.writes, names: &self.names }
    }

    /// Returns the indexes of the writes of each key, in their order.
    pub(super) fn by_key(&self) -> Vec<Vec<usize>> {
        let mut keys: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, name) in self.names.iter().enumerate() {
            keys.entry(&name.text).or_default().push(index);
        }
        keys.into_values().collect()
    }

    /// Returns the write with this index. It is empty if there is none.
    pub(super) fn one(&self, index: usize) -> BatchPart<'_, W> {
        let (writes, names) = (self.writes.get(index..=index), self.names.get(index..=index));
        BatchPart { writes: writes.unwrap_or_default(), names: names.unwrap_or_default() }
    }
}

impl<'a, W> BatchPart<'a, W> {
    /// Returns the first write of each key.
    pub(super) fn one_of_each_key(self) -> impl Iterator<Item = (&'a W, &'a WriteName)> {
        let mut seen = HashSet::with_capacity(self.names.len());
        let named = self.writes.iter().zip(self.names);
        named.filter(move |(_, name)| seen.insert(name.text.as_str()))
    }

    /// Returns the number of writes.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.writes.len()).unwrap_or(u64::MAX)
    }
}

impl<W> Clone for BatchPart<'_, W> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<W> Copy for BatchPart<'_, W> {}

impl WriteName {
    pub(super) fn to_ref(&self) -> WriteRef<'_> {
        WriteRef { place: self.place, sequence: self.sequence, key: &self.text }
    }
}
