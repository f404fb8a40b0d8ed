//! The entries that one pass over a table has found.

use std::collections::BTreeMap;

use larder_core::time::BootTime;

use crate::engine::listing::filter::StoredFilter;

/// The maximum number of entries that a pass remembers.
const MAX_ENTRIES: usize = 100_000;
/// The maximum size of their keys in bytes.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The approximate size of an entry besides its key: its place, and its share of the tree.
const ENTRY_BYTES: u64 = 48;

/// The entries that a listing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    /// The name of the table. It is empty if there is only one.
    pub(super) table: Box<str>,
    pub(super) filter: StoredFilter,
}

/// The places of the first entries behind a place, and their keys. The entries are not kept alive.
pub(super) struct Pass<K> {
    pub(super) subject: Subject,
    pub(super) began: BootTime,
    /// The place behind which the pass begins.
    after: Option<u128>,
    keys: BTreeMap<u128, K>,
    /// The approximate size of the keys in bytes.
    bytes: u64,
    /// How many entries of the table are shown, wherever they are.
    pub(super) matched: u64,
    /// The first place that was left out. Entries from there on need another pass.
    end: Option<u128>,
}

impl<K> Pass<K> {
    pub(super) const fn new(subject: Subject, after: Option<u128>, began: BootTime) -> Self {
        Self { subject, began, after, keys: BTreeMap::new(), bytes: 0, matched: 0, end: None }
    }

    /// Adds an entry that is shown. Without room, the entry at the last place is left out.
    pub(super) fn add(&mut self, place: u128, key: K, weigh: impl Fn(&K) -> u64) {
        self.matched += 1;
        if !self.has_room_at(place) {
            return;
        }
        self.bytes += ENTRY_BYTES + weigh(&key);
        let replaced = self.keys.insert(place, key);
        self.bytes -= replaced.map_or(0, |key| ENTRY_BYTES + weigh(&key));
        while self.keys.len() > MAX_ENTRIES || self.bytes > MAX_BYTES {
            let Some((place, key)) = self.keys.pop_last() else { return };
            self.bytes -= ENTRY_BYTES + weigh(&key);
            self.end = Some(place);
        }
    }

    /// Whether an entry at this place belongs to the pass.
    ///
    /// One behind an entry that was left out does not, even if it would fit.
    fn has_room_at(&self, place: u128) -> bool {
        self.after.is_none_or(|after| after < place) && self.end.is_none_or(|end| place < end)
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the pass knows which entry comes first behind this place.
    pub(super) fn covers(&self, after: u128) -> bool {
        let begins_before = self.after.is_none_or(|begin| begin <= after);
        begins_before
            && (self.end.is_none() || self.keys.last_key_value().is_some_and(|(last, _)| after < *last))
    }

    /// Whether both passes are for the same pages.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.subject == other.subject && self.after == other.after
    }

    /// Returns the entries behind a place, in order.
    pub(super) fn behind(&self, after: Option<u128>) -> impl Iterator<Item = (u128, &K)> {
        use std::ops::Bound::{Excluded, Unbounded};
        let begin = after.map_or(Unbounded, Excluded);
        self.keys.range((begin, Unbounded)).map(|(place, key)| (*place, key))
    }

    /// Whether the table has an entry behind this place, as far as the pass knows.
    pub(super) fn has_behind(&self, place: u128) -> bool {
        self.has_more() || self.behind(Some(place)).next().is_some()
    }

    /// Whether there are entries that only another pass finds.
    pub(super) const fn has_more(&self) -> bool {
        self.end.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(after: Option<u128>, places: impl Iterator<Item = u128>, weight: u64) -> Pass<u128> {
        let subject = Subject { table: "".into(), filter: StoredFilter::default() };
        let mut pass = Pass::new(subject, after, BootTime::default());
        places.for_each(|place| pass.add(place, place, |_| weight));
        pass
    }

    #[test]
    fn a_pass_has_the_first_entries_behind_its_begin() {
        let pass = pass(Some(10), (0..200_000).rev(), 8);
        assert_eq!((pass.matched, pass.has_more()), (200_000, true));
        let places: Vec<_> = pass.behind(None).map(|(place, _)| place).collect();
        assert_eq!(places, (11..100_011).collect::<Vec<_>>());
        assert!(!pass.covers(9) && pass.covers(10) && pass.covers(100_009) && !pass.covers(100_010));
        assert!(pass.has_behind(100_010));
    }

    #[test]
    fn the_keys_of_a_pass_have_a_bounded_size() {
        let pass = pass(None, 0..10_000, 8 * 1024);
        assert!(pass.bytes() <= MAX_BYTES && pass.bytes() > MAX_BYTES - 16 * 1024, "{}", pass.bytes());
        assert_eq!(pass.behind(None).count() as u64, pass.bytes() / (8 * 1024 + ENTRY_BYTES));
    }

    /// An entry without room is larger than a later one, which would fit.
    #[test]
    fn a_pass_has_no_gap() {
        let subject = Subject { table: "".into(), filter: StoredFilter::default() };
        let mut pass = Pass::new(subject, None, BootTime::default());
        for (place, weight) in [(1, MAX_BYTES / 2), (3, MAX_BYTES), (5, 1), (2, 1), (4, 1)] {
            pass.add(place, weight, |weight| *weight);
        }
        assert_eq!(pass.behind(None).map(|(place, _)| place).collect::<Vec<_>>(), [1, 2]);
        assert!(pass.covers(1) && !pass.covers(2));
    }

    /// An entry that moves in its table may be visited twice.
    #[test]
    fn an_entry_is_remembered_once() {
        let pass = pass(None, [3, 1, 3].into_iter(), 100);
        assert_eq!(pass.behind(None).map(|(place, _)| place).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(pass.bytes(), 2 * (100 + ENTRY_BYTES));
        assert!(pass.covers(0) && pass.covers(7) && pass.has_behind(1) && !pass.has_behind(3));
    }
}
