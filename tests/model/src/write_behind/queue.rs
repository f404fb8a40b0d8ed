//! The queue: one key of one partition, as the scripts in Redis change it.

/// A partition with one key. A value replaces the older one, so there is at most one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Queue {
    /// The pending value.
    pub value: Option<QueuedValue>,
    /// The highest number in use.
    pub last: u8,
    /// The versions whose write ids are remembered, one bit for each.
    pub ids: u8,
}

/// A value in the queue or in the quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct QueuedValue {
    /// Where it is.
    pub place: Place,
    /// The number that the sink compares.
    pub sequence: u8,
    /// The value: the number of the push that was the first to bring it.
    pub version: u8,
}

/// Where a pending value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Place {
    /// In the queue.
    Queued(u8),
    /// In the quarantine.
    Dead,
}

impl Queue {
    /// Pushes a value. It replaces the older one, in the queue or in the quarantine.
    pub(super) fn push(&mut self, sequence: u8, version: u8) {
        self.last = self.last.max(sequence);
        self.ids |= 1 << version;
        self.value = Some(QueuedValue { place: Place::Queued(sequence), sequence, version });
    }

    /// Returns the value that a reader finds.
    pub(super) fn readable(&self) -> Option<QueuedValue> {
        self.value.filter(|value| value.place != Place::Dead)
    }

    /// Removes this write, if it is still there.
    pub(super) fn complete(&mut self, write: QueuedValue) {
        self.value.take_if(|value| *value == write);
    }

    /// Moves this write to the quarantine, if it is still there.
    pub(super) fn quarantine(&mut self, write: QueuedValue) {
        if let Some(value) = self.value.as_mut().filter(|value| **value == write) {
            value.place = Place::Dead;
        }
    }

    /// Moves a dead letter to the end of the queue. It keeps its sequence number.
    pub(super) fn retry(&mut self, time: u8) -> Option<()> {
        let place = self.last.max(time) + 1;
        let value = self.value.as_mut().filter(|value| value.place == Place::Dead)?;
        value.place = Place::Queued(place);
        self.last = place;
        Some(())
    }

    /// Drops a dead letter. Returns its version.
    pub(super) fn discard(&mut self) -> Option<u8> {
        self.value.take_if(|value| value.place == Place::Dead).map(|value| value.version)
    }
}
