//! Pages of a table in memory.
//!
//! The first page visits the whole table, and so remembers the places of the entries that follow.
//! Later pages find their entries by that.

use std::ops::ControlFlow;
use std::sync::Arc;

use larder_core::time::BootTime;

use crate::engine::listing::filter::StoredFilter;
use crate::engine::listing::page::{ListCursor, ListPage, Listing};
use crate::engine::listing::pass::{Pass, Subject};
use crate::engine::listing::passes::Passes;
use crate::engine::listing::scan::{scan, scan_until};

/// A table in memory that is listed.
pub(crate) trait ListedTable {
    /// Finds an entry as long as the table has it.
    type Key: Send + Sync;
    type Entry: Send;

    /// Returns the name of the table. It is empty if there is only one.
    fn name(&self) -> &str;

    /// Visits all entries. This is no use of them.
    fn entries(&self) -> impl Iterator<Item = (Self::Key, Self::Entry)> + Send;

    /// Returns the entry with this key. This is no use of it.
    fn find(&self, key: &Self::Key) -> Option<Self::Entry>;

    /// Returns the place of an entry in a listing.
    fn place(entry: &Self::Entry) -> u128;

    /// Whether the filter shows the entry.
    fn is_shown(filter: &StoredFilter, entry: &Self::Entry) -> bool;

    /// Returns the approximate size of a key in bytes.
    fn weigh(key: &Self::Key) -> u64;
}

/// Returns a page of the entries that the filter shows.
pub(crate) async fn list<T: ListedTable>(
    table: &T,
    passes: &Passes<T::Key>,
    filter: &StoredFilter,
    page: ListPage,
    now: BootTime,
) -> Listing<T::Entry> {
    let subject = Subject { table: table.name().into(), filter: filter.clone() };
    let after = page.after.map(|ListCursor(place)| place);
    if let Some(pass) = after.and_then(|after| passes.find(&subject, after, now)) {
        let listing = page_of(table, &pass, page).await;
        if listing.next.is_none() {
            passes.forget(&pass);
        }
        // The pass may end before the page is full.
        if listing.entries.len() == page.limit || !pass.has_more() {
            return listing;
        }
    }
    let pass = Arc::new(new_pass(table, Pass::new(subject, after, now)).await);
    let listing = page_of(table, &pass, page).await;
    if listing.next.is_some() {
        passes.keep(&pass, now);
    }
    listing
}

/// Visits all entries of the table.
async fn new_pass<T: ListedTable>(table: &T, mut pass: Pass<T::Key>) -> Pass<T::Key> {
    scan(table.entries(), |(key, entry)| {
        if T::is_shown(&pass.subject.filter, &entry) {
            pass.add(T::place(&entry), key, T::weigh);
        }
    })
    .await;
    pass
}

/// Finds the entries of a page again. Those that are gone, or are not shown any more, are left out.
async fn page_of<T: ListedTable>(table: &T, pass: &Pass<T::Key>, page: ListPage) -> Listing<T::Entry> {
    let after = page.after.map(|ListCursor(place)| place);
    let (mut entries, mut last) = (Vec::new(), after);
    scan_until(pass.behind(after), |(place, key)| {
        last = Some(place);
        entries.extend(table.find(key).filter(|entry| T::is_shown(&pass.subject.filter, entry)));
        if entries.len() < page.limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .await;
    let next = last.filter(|last| pass.has_behind(*last)).map(ListCursor);
    Listing { entries, next, matched: pass.matched }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use larder_core::invalidation::names::Names;
    use larder_core::invalidation::selector::Tag;

    use super::*;
    use crate::engine::listing::page::MAX_LIMIT;
    use crate::engine::memory_tier::{MemoryTier, Weigh};

    #[derive(Clone, PartialEq, Eq, Hash)]
    struct Key(u64);

    /// An entry, and its tag.
    #[derive(Clone)]
    struct Entry(u64, &'static str);

    impl Weigh for Key {
        fn weight(&self) -> u64 {
            8
        }
    }

    impl Weigh for Entry {
        fn weight(&self) -> u64 {
            16
        }
    }

    /// A memory tier that counts the entries that are visited or looked up.
    struct Counted {
        tier: MemoryTier<Key, Entry>,
        visits: AtomicU64,
        passes: Passes<Key>,
        now: BootTime,
    }

    impl Counted {
        fn with(entries: impl Iterator<Item = u64>) -> Self {
            let (tier, visits) = (MemoryTier::new(1 << 30), AtomicU64::new(0));
            let table = Self { tier, visits, passes: Passes::default(), now: BootTime::default() };
            entries.for_each(|entry| table.insert(entry, "a"));
            table
        }

        fn insert(&self, entry: u64, tag: &'static str) {
            assert!(self.tier.insert(Key(entry), Entry(entry, tag)).is_empty());
        }

        fn remove(&self, entry: u64) {
            self.tier.remove_if(&Key(entry), |_| true);
        }

        /// Returns a page, and how many entries were visited for it.
        async fn page(&self, page: ListPage) -> (Listing<Entry>, u64) {
            self.page_with(&StoredFilter::default(), page).await
        }

        async fn page_with(&self, filter: &StoredFilter, page: ListPage) -> (Listing<Entry>, u64) {
            self.visits.store(0, Ordering::Relaxed);
            let listing = list(self, &self.passes, filter, page, self.now).await;
            (listing, self.visits.load(Ordering::Relaxed))
        }
    }

    impl ListedTable for Counted {
        type Key = Key;
        type Entry = Entry;

        fn name(&self) -> &str {
            ""
        }

        fn entries(&self) -> impl Iterator<Item = (Key, Entry)> + Send {
            self.tier.iter().inspect(|_| {
                self.visits.fetch_add(1, Ordering::Relaxed);
            })
        }

        fn find(&self, key: &Key) -> Option<Entry> {
            self.visits.fetch_add(1, Ordering::Relaxed);
            self.tier.peek(key)
        }

        fn place(entry: &Entry) -> u128 {
            // Not in the order of the numbers.
            u128::from(entry.0.wrapping_mul(0x9e37_79b9_7f4a_7c15))
        }

        fn is_shown(filter: &StoredFilter, entry: &Entry) -> bool {
            filter.shows("k|", &Names::new("/", &[], &[], &[Tag::new(entry.1)]))
        }

        fn weigh(key: &Key) -> u64 {
            key.weight()
        }
    }

    fn page(limit: usize, after: Option<ListCursor>) -> ListPage {
        let page = ListPage::default().limit(limit);
        after.map_or(page, |cursor| page.after(cursor.to_string().parse().unwrap()))
    }

    #[tokio::test]
    async fn the_pages_together_have_each_entry_once() {
        let table = Counted::with(0..26);
        for limit in [1, 2, 5, 13, 26, 27] {
            let (mut all, mut next, mut pages) = (Vec::new(), None, 0);
            loop {
                let (listing, _) = table.page(page(limit, next)).await;
                assert_eq!(listing.matched, 26);
                assert!(listing.entries.len() <= limit);
                all.extend(listing.entries.into_iter().map(|entry| entry.0));
                pages += 1;
                next = listing.next;
                if next.is_none() {
                    break;
                }
            }
            all.sort_unstable();
            assert_eq!((all, pages), ((0..26).collect(), 26_usize.div_ceil(limit)));
        }
    }

    /// Only one page in a hundred thousand entries visits the whole table.
    #[tokio::test]
    async fn a_page_costs_as_much_as_it_has_entries() {
        let table = Counted::with(0..250_000);
        let (mut next, mut seen, mut costs) = (None, 0, Vec::new());
        loop {
            let (listing, visits) = table.page(page(MAX_LIMIT, next)).await;
            seen += listing.entries.len();
            costs.push(visits);
            next = listing.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!((seen, costs.len()), (250_000, 250));
        let dear: Vec<_> = (0..250).filter(|page| costs[*page] > 1_000).collect();
        assert_eq!(dear, [0, 100, 200], "{costs:?}");
        assert!(dear.iter().all(|page| costs[*page] == 251_000));
    }

    #[tokio::test]
    async fn entries_that_come_and_go_do_no_harm() {
        let table = Counted::with(0..1_000);
        let (mut next, mut seen, mut new) = (None, Vec::new(), 1_000);
        loop {
            let (listing, _) = table.page(page(10, next)).await;
            seen.extend(listing.entries.into_iter().map(|entry| entry.0));
            // Each even entry goes in turn, others come, and one has another tag by now.
            let gone = (new - 1_000) * 2;
            [gone, gone + 2, gone + 4, gone + 6].into_iter().for_each(|entry| table.remove(entry));
            table.insert(1, "b");
            table.insert(new, "a");
            new += 4;
            next = listing.next;
            if next.is_none() {
                break;
            }
        }
        let odd: Vec<_> = seen.iter().copied().filter(|entry| entry % 2 == 1 && *entry < 1_000).collect();
        assert_eq!(odd.len(), 500);
        seen.sort_unstable();
        seen.dedup_by(|one, other| one == other);
        assert_eq!(seen.iter().filter(|entry| *entry % 2 == 1).count(), 500, "each of them once");
    }

    #[tokio::test]
    async fn a_page_shows_an_entry_as_it_is_now() {
        let table = Counted::with(0..10);
        let filter = StoredFilter::default().tag("a");
        let (first, _) = table.page_with(&filter, page(2, None)).await;
        let shown: Vec<_> = first.entries.iter().map(|entry| entry.0).collect();
        (0..10).filter(|entry| !shown.contains(entry)).skip(3).for_each(|entry| table.insert(entry, "b"));
        let (second, visits) = table.page_with(&filter, page(5, first.next)).await;
        assert_eq!((second.entries.len(), second.next, visits), (3, None, 8));
    }

    #[tokio::test]
    async fn each_filter_has_its_own_pages() {
        let table = Counted::with(0..10);
        (10..20).for_each(|entry| table.insert(entry, "b"));
        let (one, other) = (StoredFilter::default().tag("a"), StoredFilter::default().tag("b"));
        let (first, _) = table.page_with(&one, page(2, None)).await;
        let (of_other, visits) = table.page_with(&other, page(20, first.next)).await;
        assert!(visits >= 20 && of_other.entries.iter().all(|entry| entry.1 == "b"));
        let (second, visits) = table.page_with(&one, page(2, first.next)).await;
        assert_eq!((second.entries.len(), visits), (2, 2));
    }

    #[tokio::test]
    async fn a_pass_is_not_used_for_long() {
        let mut table = Counted::with(0..10);
        let (first, _) = table.page(page(2, None)).await;
        (10..12).for_each(|entry| table.insert(entry, "a"));
        table.now = table.now.saturating_add(Duration::from_secs(300));
        let (second, visits) = table.page(page(2, first.next)).await;
        assert_eq!((second.matched, visits), (12, 14));
    }

    #[tokio::test]
    async fn a_page_has_at_least_one_entry_and_at_most_a_thousand() {
        let table = Counted::with(0..2_000);
        for (limit, expected) in [(0, 1), (1, 1), (1_000, 1_000), (usize::MAX, 1_000)] {
            assert_eq!(table.page(page(limit, None)).await.0.entries.len(), expected);
        }
        assert_eq!(table.page(ListPage::default()).await.0.entries.len(), 100);
    }
}
