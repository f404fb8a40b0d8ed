//! The ids of the newest writes, which recognize a write that is pushed again.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use crate::time::BootTime;
use crate::write_queue::push::WriteId;

/// The number of ids that are remembered.
const MAX_IDS: usize = 10_000;
/// How long they are remembered.
const ID_TTL: Duration = Duration::from_secs(600);

/// The ids of the newest writes of a partition, with their sequence numbers.
#[derive(Debug, Default)]
pub(super) struct RecentIds {
    sequences: HashMap<WriteId, u64>,
    /// In the order of pushes.
    pushes: VecDeque<Push>,
}

#[derive(Debug)]
struct Push {
    id: WriteId,
    at: BootTime,
}

impl RecentIds {
    pub(super) fn get(&self, id: WriteId) -> Option<u64> {
        self.sequences.get(&id).copied()
    }

    /// Adds an id, and forgets those that are too old or too many.
    pub(super) fn add(&mut self, id: WriteId, sequence: u64, now: BootTime) {
        self.sequences.insert(id, sequence);
        self.pushes.push_back(Push { id, at: now });
        self.forget_older(now);
    }

    /// Forgets the ids that are too old or too many.
    pub(super) fn forget_older(&mut self, now: BootTime) {
        while let Some(oldest) = self.pushes.front() {
            if self.pushes.len() <= MAX_IDS && now.saturating_since(oldest.at) < ID_TTL {
                return;
            }
            self.sequences.remove(&oldest.id);
            self.pushes.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> WriteId {
        WriteId::from_bytes((number as u128).to_be_bytes())
    }

    #[test]
    fn the_newest_ids_are_remembered_for_ten_minutes() {
        let mut ids = RecentIds::default();
        let second = BootTime::ZERO.saturating_add(Duration::from_secs(1));
        ids.add(id(0), 7, BootTime::ZERO);
        ids.add(id(1), 8, second);
        ids.forget_older(BootTime::ZERO.saturating_add(ID_TTL));
        assert_eq!((ids.get(id(0)), ids.get(id(1))), (None, Some(8)));
        ids.forget_older(second.saturating_add(ID_TTL));
        assert_eq!((ids.get(id(1)), ids.pushes.len()), (None, 0));
    }

    #[test]
    fn their_number_is_bounded() {
        let mut ids = RecentIds::default();
        for number in 0..=MAX_IDS {
            ids.add(id(number), 1, BootTime::ZERO);
        }
        assert_eq!((ids.get(id(0)), ids.get(id(1))), (None, Some(1)));
        assert_eq!((ids.sequences.len(), ids.pushes.len()), (MAX_IDS, MAX_IDS));
    }
}
