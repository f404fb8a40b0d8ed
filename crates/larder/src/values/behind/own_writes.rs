//! The writes of this instance that may not be flushed yet.
//!
//! They answer reads while the queue cannot be asked. A copy is the last write of its key as far as
//! this instance knows, and the log decides whether it still is: each copy has a position, like a
//! cached value. A later event of the key refuses it, because another write may have caused that
//! event. Staleness (rule 10) does not apply to a copy.
//!
//! Not every event comes from a later write. It may come from the flush of an earlier one. So each
//! answer of the queue renews the position of the copy, or removes it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use larder_core::invalidation::position::Position;

/// About the size of a copy in bytes, without its key and its payload.
const OVERHEAD: usize = 200;

/// The copies of one collection, bounded by their size.
pub(super) struct OwnWrites {
    copies: Mutex<Copies>,
    max_bytes: u64,
}

#[derive(Default)]
struct Copies {
    by_key: HashMap<Arc<str>, OwnWrite>,
    /// The keys of the copies, by age.
    by_age: BTreeMap<u64, Arc<str>>,
    next_age: u64,
    bytes: u64,
    /// The keys that are being written now.
    writing: HashMap<Arc<str>, Writers>,
}

/// A write that was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OwnWrite {
    pub(super) sequence: u64,
    pub(super) payload: Bytes,
    /// The position in the log from which on an event refuses the copy.
    ///
    /// It is [`Position::REFUSED`] if another write may be the last one. Then the copy is only of
    /// use after the queue was asked.
    pub(super) position: Position,
    age: u64,
}

/// The writes of one key that run at the same time.
#[derive(Default)]
struct Writers {
    running: usize,
    /// Whether there was more than one since the first of them began.
    has_overlap: bool,
}

impl OwnWrites {
    pub(super) fn new(max_bytes: u64) -> Self {
        Self { copies: Mutex::default(), max_bytes }
    }

    /// Notes that a write of this key begins. Dropping the guard notes its end.
    pub(super) fn begin(&self, key: impl Into<Arc<str>>) -> OwnWriting<'_> {
        let key = key.into();
        let mut copies = self.lock();
        let writers = copies.writing.entry(Arc::clone(&key)).or_default();
        writers.running += 1;
        writers.has_overlap |= writers.running > 1;
        OwnWriting { all: self, key, has_ended: false }
    }

    /// Returns the copy of a write.
    pub(super) fn find(&self, key: &str) -> Option<OwnWrite> {
        self.lock().by_key.get(key).cloned()
    }

    /// Returns the sequence number of the copy. Call this before the queue is asked.
    pub(super) fn sequence(&self, key: &str) -> Option<u64> {
        self.lock().by_key.get(key).map(|copy| copy.sequence)
    }

    /// Notes the answer of the queue: the sequence number of the pending write of this key.
    ///
    /// `known` is the sequence number of the copy from before the question, and `asked_at` is the
    /// position in the log at that moment. A write that was pushed after the answer has a later
    /// event. A copy that was made in between stays as it is.
    pub(super) fn note_answer(
        &self,
        key: &str,
        known: Option<u64>,
        pending: Option<u64>,
        asked_at: Position,
    ) {
        let Some(known) = known else { return };
        let mut copies = self.lock();
        match copies.by_key.get_mut(key) {
            Some(copy) if copy.sequence != known => {}
            Some(copy) if pending == Some(known) => copy.position = asked_at,
            _ => copies.remove(key),
        }
    }

    /// Drops the copy of a write that is flushed and removed from the queue.
    pub(super) fn remove_flushed(&self, key: &str, sequence: u64) {
        let mut copies = self.lock();
        if copies.by_key.get(key).is_some_and(|copy| copy.sequence <= sequence) {
            copies.remove(key);
        }
    }

    /// Drops the oldest copies if the log refuses them, at most two.
    ///
    /// Most writes are flushed by other instances, which this one only sees as events. Two for each
    /// write are enough to keep up. While there is room, an answer of the queue may still renew
    /// them.
    fn sweep(&self, is_refused: impl Fn(&str, &Position) -> bool) {
        let mut copies = self.lock();
        for _ in 0..2 {
            if copies.bytes <= self.max_bytes / 2 {
                return;
            }
            let Some((_, key)) = copies.by_age.first_key_value() else { return };
            let key = key.clone();
            let is_useless = copies.by_key.get(&key).is_none_or(|copy| is_refused(&key, &copy.position));
            if !is_useless {
                return;
            }
            copies.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Copies> {
        // A change under this lock cannot be left half done.
        self.copies.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write of this instance that runs.
pub(super) struct OwnWriting<'a> {
    all: &'a OwnWrites,
    key: Arc<str>,
    has_ended: bool,
}

impl OwnWriting<'_> {
    /// Keeps a copy of the write, which was acknowledged with this sequence number.
    ///
    /// `position` is that of the value, if no other instance has written the key meanwhile. The log
    /// cannot tell whether another write of this instance has. `is_refused` checks a position
    /// against the log.
    pub(super) fn acknowledge(
        mut self,
        sequence: u64,
        payload: Bytes,
        position: Option<Position>,
        is_refused: impl Fn(&str, &Position) -> bool,
    ) {
        self.all.sweep(is_refused);
        let mut copies = self.all.lock();
        self.has_ended = true;
        let has_overlap = copies.end_write(&self.key);
        match copies.by_key.get(&self.key) {
            Some(copy) if copy.sequence > sequence => return,
            Some(_) => copies.remove(&self.key),
            None => {}
        }
        let position = position.filter(|_| !has_overlap).unwrap_or(Position::REFUSED);
        let age = copies.next_age;
        copies.next_age += 1;
        copies.add(&self.key, OwnWrite { sequence, payload, position, age });
        while copies.bytes > self.all.max_bytes {
            let Some((_, oldest)) = copies.by_age.first_key_value() else { return };
            let oldest = oldest.clone();
            copies.remove(&oldest);
        }
    }
}

impl Drop for OwnWriting<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            self.all.lock().end_write(&self.key);
        }
    }
}

impl Copies {
    /// Notes that a write of this key has ended. Returns whether it overlapped with another one.
    fn end_write(&mut self, key: &Arc<str>) -> bool {
        let Some((key, mut writers)) = self.writing.remove_entry(key) else { return true };
        let has_overlap = writers.has_overlap;
        writers.running -= 1;
        if writers.running > 0 {
            self.writing.insert(key, writers);
        }
        has_overlap
    }

    fn add(&mut self, key: &Arc<str>, copy: OwnWrite) {
        self.bytes += size(key, &copy.payload);
        self.by_age.insert(copy.age, Arc::clone(key));
        self.by_key.insert(Arc::clone(key), copy);
    }

    fn remove(&mut self, key: &str) {
        if let Some(copy) = self.by_key.remove(key) {
            self.bytes -= size(key, &copy.payload);
            self.by_age.remove(&copy.age);
        }
    }
}

/// Returns the size of a copy.
fn size(key: &str, payload: &Bytes) -> u64 {
    (key.len() + payload.len() + OVERHEAD) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::position;

    fn payload(value: &str) -> Bytes {
        Bytes::copy_from_slice(value.as_bytes())
    }

    fn acknowledge(writing: OwnWriting<'_>, sequence: u64, at: u64) {
        writing.acknowledge(sequence, payload("x"), Some(position(at, 0)), |_, _| false);
    }

    fn copy(writes: &OwnWrites, key: &str) -> Option<(u64, Position)> {
        writes.find(key).map(|copy| (copy.sequence, copy.position))
    }

    fn size_of_all(writes: &OwnWrites) -> (usize, u64) {
        let copies = writes.lock();
        assert_eq!(copies.by_key.len(), copies.by_age.len());
        (copies.by_key.len(), copies.bytes)
    }

    #[test]
    fn the_last_write_of_a_key_is_kept_until_it_is_flushed() {
        let writes = OwnWrites::new(10_000);
        acknowledge(writes.begin("a"), 5, 1);
        acknowledge(writes.begin("a"), 7, 2);
        acknowledge(writes.begin("a"), 6, 3);
        assert_eq!(copy(&writes, "a"), Some((7, position(2, 0))));
        writes.remove_flushed("a", 6);
        assert_eq!(writes.sequence("a"), Some(7), "a later write is not flushed");
        writes.remove_flushed("a", 7);
        assert_eq!(copy(&writes, "a"), None);
        assert_eq!(size_of_all(&writes), (0, 0));
    }

    #[test]
    fn an_answer_of_the_queue_renews_or_removes_the_copy() {
        let writes = OwnWrites::new(10_000);
        let answer = |known, pending| writes.note_answer("a", known, pending, position(9, 0));
        acknowledge(writes.begin("a"), 5, 1);
        answer(None, None);
        answer(Some(4), Some(8));
        assert_eq!(copy(&writes, "a"), Some((5, position(1, 0))), "it is newer than the question");
        answer(Some(5), Some(5));
        assert_eq!(copy(&writes, "a"), Some((5, position(9, 0))));
        answer(Some(5), Some(6));
        assert_eq!(copy(&writes, "a"), None, "another write replaced it");
        acknowledge(writes.begin("a"), 7, 1);
        answer(Some(7), None);
        assert_eq!(copy(&writes, "a"), None, "it is flushed");
    }

    #[test]
    fn writes_of_this_instance_that_overlap_need_an_answer_of_the_queue() {
        let writes = OwnWrites::new(10_000);
        let (first, second) = (writes.begin("a"), writes.begin("a"));
        acknowledge(second, 6, 1);
        assert_eq!(copy(&writes, "a"), Some((6, Position::REFUSED)));
        acknowledge(first, 7, 2);
        assert_eq!(copy(&writes, "a"), Some((7, Position::REFUSED)), "the other one has ended");
        drop(writes.begin("a"));
        acknowledge(writes.begin("a"), 8, 3);
        assert_eq!(copy(&writes, "a"), Some((8, position(3, 0))));
        assert!(writes.lock().writing.is_empty());
    }

    #[test]
    fn the_oldest_copies_make_room() {
        let writes = OwnWrites::new(3 * size("a", &payload("x")));
        for (sequence, key) in ["a", "b", "c", "a", "d"].into_iter().enumerate() {
            acknowledge(writes.begin(key), sequence as u64, 1);
        }
        let kept = ["a", "b", "c", "d"].map(|key| writes.sequence(key));
        assert_eq!(kept, [Some(3), None, Some(2), Some(4)]);
        let large = payload(&"x".repeat(10_000));
        writes.begin("a").acknowledge(9, large, None, |_, _| false);
        assert_eq!(size_of_all(&writes), (0, 0), "it is too large");
    }

    #[test]
    fn copies_that_the_log_refuses_are_dropped_when_half_of_the_room_is_used() {
        let writes = OwnWrites::new(7 * size("a", &payload("x")));
        for key in ["a", "b", "c", "d"] {
            acknowledge(writes.begin(key), 1, 1);
        }
        let is_refused = |key: &str, _: &Position| key != "d";
        writes.begin("e").acknowledge(2, payload("x"), None, is_refused);
        let kept = || ["a", "b", "c", "d", "e", "f"].map(|key| writes.sequence(key).is_some());
        assert_eq!(kept(), [false, true, true, true, true, false]);
        writes.begin("f").acknowledge(3, payload("x"), None, is_refused);
        assert_eq!(kept(), [false, false, true, true, true, true]);
    }
}
