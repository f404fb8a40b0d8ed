//! The newest passes, for the pages that follow.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder_core::time::BootTime;

use crate::engine::listing::pass::{Pass, Subject};

/// The maximum number of passes that are kept: one for each listing that is being read.
const MAX_PASSES: usize = 8;
/// The maximum size of all keys in kept passes, in bytes.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// How long a pass is used. Entries that are newer are not on its pages.
const MAX_AGE: Duration = Duration::from_secs(300);

/// The newest passes over some tables, the oldest first.
pub(crate) struct Passes<K>(Mutex<VecDeque<Arc<Pass<K>>>>);

impl<K> Passes<K> {
    /// Returns the newest pass that knows which entries come behind this place.
    pub(super) fn find(&self, subject: &Subject, after: u128, now: BootTime) -> Option<Arc<Pass<K>>> {
        let mut passes = self.lock();
        passes.retain(|pass| now.saturating_since(pass.began) < MAX_AGE);
        passes.iter().rev().find(|pass| pass.subject == *subject && pass.covers(after)).cloned()
    }

    /// Keeps a pass. Without room, the oldest ones are dropped.
    pub(super) fn keep(&self, pass: &Arc<Pass<K>>, now: BootTime) {
        let mut passes = self.lock();
        passes.retain(|other| !other.is_like(pass) && now.saturating_since(other.began) < MAX_AGE);
        passes.push_back(Arc::clone(pass));
        while passes.len() > MAX_PASSES || bytes(&passes) > MAX_BYTES {
            passes.pop_front();
        }
    }

    /// Forgets a pass, because its last page was read.
    pub(super) fn forget(&self, pass: &Arc<Pass<K>>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, pass));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Pass<K>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes<K>(passes: &VecDeque<Arc<Pass<K>>>) -> u64 {
    passes.iter().map(|pass| pass.bytes()).sum()
}

impl<K> Default for Passes<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::listing::filter::StoredFilter;

    fn subject(table: usize) -> Subject {
        Subject { table: table.to_string().into(), filter: StoredFilter::default() }
    }

    /// A pass over a table with two entries, which take this many bytes each.
    fn pass(table: usize, weight: u64, began: BootTime) -> Arc<Pass<()>> {
        let mut pass = Pass::new(subject(table), None, began);
        [1, 2].into_iter().for_each(|place| pass.add(place, (), |()| weight));
        Arc::new(pass)
    }

    fn kept(passes: &Passes<()>, now: BootTime) -> Vec<usize> {
        (0..20).filter(|table| passes.find(&subject(*table), 1, now).is_some()).collect()
    }

    #[test]
    fn few_passes_are_kept_and_not_for_long() {
        let (passes, start) = (Passes::default(), BootTime::default());
        for table in 0..10 {
            passes.keep(&pass(table, 0, start), start);
        }
        assert_eq!(kept(&passes, start), (2..10).collect::<Vec<_>>());
        assert_eq!(kept(&passes, start.saturating_add(MAX_AGE - Duration::from_nanos(1))).len(), 8);
        assert!(kept(&passes, start.saturating_add(MAX_AGE)).is_empty());
        assert!(passes.lock().is_empty());
    }

    #[test]
    fn kept_passes_have_a_bounded_size() {
        let (passes, now) = (Passes::default(), BootTime::default());
        for table in 0..5 {
            passes.keep(&pass(table, 7 * 1024 * 1024, now), now);
        }
        assert_eq!(kept(&passes, now), [3, 4]);
    }

    #[test]
    fn a_newer_pass_replaces_an_older_one_with_the_same_pages() {
        let (passes, now) = (Passes::default(), BootTime::default());
        let newest = pass(1, 0, now);
        passes.keep(&pass(1, 0, now), now);
        passes.keep(&newest, now);
        assert_eq!(passes.lock().len(), 1);
        passes.forget(&pass(1, 0, now));
        assert_eq!(passes.lock().len(), 1, "another pass is not forgotten");
        passes.forget(&newest);
        assert!(passes.lock().is_empty());
    }
}
