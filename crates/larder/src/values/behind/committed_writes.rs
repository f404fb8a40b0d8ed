//! Writes that the database has, and that stay in the queue until its replicas have them.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use larder_core::write_queue::WriteRef;
use tokio::time::Instant;

/// The maximum number of these writes in a partition. Further ones are flushed later.
const MAX_COMMITTED: usize = 10_000;
/// How often a pass begins at the beginning of the queue, whatever was committed.
///
/// A store that has lost its last changes may have writes again that were completed.
const FULL_PASS_INTERVAL: Duration = Duration::from_secs(10);

/// The writes of a partition that the sink has committed.
///
/// The reader finds them in the queue with each pass, and must not flush them again.
#[derive(Default)]
pub(super) struct CommittedWrites {
    /// In the order of their commits.
    writes: VecDeque<CommittedWrite>,
    places: HashSet<u64>,
    /// Every write up to this place was committed by this reader.
    all_until: Option<u64>,
    next_full_pass: Option<Instant>,
}

/// A write that is removed from the queue later.
pub(super) struct CommittedWrite {
    pub(super) place: u64,
    pub(super) sequence: u64,
    /// The encoded key.
    pub(super) text: String,
    /// The moment from which all replicas have the write.
    pub(super) due: Instant,
}

impl CommittedWrites {
    /// Adds a write. The moments must not decrease.
    pub(super) fn add(&mut self, write: CommittedWrite) {
        if self.places.insert(write.place) {
            self.writes.push_back(write);
        }
    }

    pub(super) fn contains(&self, place: u64) -> bool {
        self.places.contains(&place)
    }

    /// Returns how many writes may be added.
    pub(super) fn room(&self) -> usize {
        MAX_COMMITTED.saturating_sub(self.writes.len())
    }

    /// Returns when the next write is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.writes.front().map(|write| write.due)
    }

    /// Makes all writes due.
    pub(super) fn complete_now(&mut self, now: Instant) {
        for write in &mut self.writes {
            write.due = write.due.min(now);
        }
    }

    /// Returns the first writes that are due, at most `count`.
    pub(super) fn due(&self, now: Instant, count: usize) -> Vec<WriteRef<'_>> {
        let due = self.writes.iter().take(count).take_while(|write| write.due <= now);
        due.map(|write| WriteRef { place: write.place, sequence: write.sequence, key: &write.text }).collect()
    }

    /// Removes the first writes, which are no longer in the queue.
    pub(super) fn remove_first(&mut self, count: usize) -> impl Iterator<Item = CommittedWrite> {
        let count = count.min(self.writes.len());
        self.writes.drain(..count).inspect(|write| {
            self.places.remove(&write.place);
        })
    }

    /// Returns the place after which a pass begins. All writes before are committed.
    pub(super) fn start(&mut self, now: Instant) -> Option<u64> {
        if self.next_full_pass.is_none_or(|next| next <= now) {
            self.next_full_pass = Some(now + FULL_PASS_INTERVAL);
            self.all_until = None;
        }
        self.all_until
    }

    /// Notes a page that was read at `start`, and that is dealt with: the places of its writes.
    ///
    /// So the next pass does not read writes again that only wait.
    pub(super) fn note_page(&mut self, start: Option<u64>, page: &[u64]) {
        if start != self.all_until {
            return;
        }
        let committed = page.iter().take_while(|place| self.places.contains(place));
        self.all_until = committed.last().copied().or(self.all_until);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG: Duration = Duration::from_secs(5);

    fn write(place: u64, due: Instant) -> CommittedWrite {
        CommittedWrite { place, sequence: place + 100, text: format!("key {place}"), due }
    }

    fn places(due: &[WriteRef<'_>]) -> Vec<u64> {
        due.iter().map(|write| write.place).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn writes_are_due_in_the_order_of_their_commits() {
        let (mut writes, now) = (CommittedWrites::default(), Instant::now());
        writes.add(write(7, now + LAG));
        writes.add(write(3, now + LAG));
        writes.add(write(9, now + 2 * LAG));
        writes.add(write(7, now + 3 * LAG));
        assert!(writes.contains(3) && !writes.contains(4));
        assert_eq!(writes.next(), Some(now + LAG));
        assert!(writes.due(now, 10).is_empty());
        assert_eq!(places(&writes.due(now + LAG, 10)), [7, 3]);
        assert_eq!(places(&writes.due(now + LAG, 1)), [7]);
        assert_eq!(writes.due(now + LAG, 1)[0], WriteRef { place: 7, sequence: 107, key: "key 7" });
        assert_eq!(writes.remove_first(2).map(|write| write.place).collect::<Vec<_>>(), [7, 3]);
        assert!(!writes.contains(7) && !writes.contains(3) && writes.contains(9));
        assert_eq!(writes.next(), Some(now + 2 * LAG));
        assert_eq!(writes.remove_first(5).count(), 1);
        assert_eq!(writes.next(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pass_begins_after_the_writes_that_only_wait() {
        let (mut writes, now) = (CommittedWrites::default(), Instant::now());
        let due = now + LAG;
        assert_eq!(writes.start(now), None);
        for place in [1, 2, 4] {
            writes.add(write(place, due));
        }
        writes.note_page(None, &[1, 2, 3, 4]);
        assert_eq!(writes.start(now), Some(2), "3 has failed");
        writes.note_page(Some(9), &[4]);
        assert_eq!(writes.start(now), Some(2), "a later page");
        writes.add(write(3, due));
        assert_eq!(writes.remove_first(2).count(), 2);
        writes.note_page(Some(2), &[3, 4]);
        assert_eq!(writes.start(now), Some(4));
        writes.note_page(Some(4), &[]);
        assert_eq!(writes.start(now), Some(4));
        let later = now + FULL_PASS_INTERVAL;
        assert_eq!(writes.start(later), None, "the store may have an older state");
    }

    #[tokio::test(start_paused = true)]
    async fn their_number_is_bounded() {
        let (mut writes, due) = (CommittedWrites::default(), Instant::now() + LAG);
        (0..9_999).for_each(|place| writes.add(write(place, due)));
        assert_eq!(writes.room(), 1);
        (9_999..10_005).for_each(|place| writes.add(write(place, due)));
        assert_eq!(writes.room(), 0);
    }
}
