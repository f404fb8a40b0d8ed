//! The pages of the sources.

use std::collections::HashMap;

use crate::arguments::RequestUrl;

/// The most bytes of the pages that are counted.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// The bytes of a page beside its text.
const OVERHEAD: usize = 64;

/// The pages of the sources, each once.
#[derive(Debug)]
pub(crate) struct Collected {
    pages: HashMap<RequestUrl, Count>,
    order: u64,
    bytes: usize,
    max_bytes: usize,
    /// If set, only so many of the most requested pages count.
    top: Option<usize>,
    /// The most pages.
    limit: usize,
    /// Lines that name no page.
    skipped: u64,
    /// Pages over the limit.
    left_out: u64,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    requests: u64,
    /// When it was first seen.
    order: u64,
}

impl Collected {
    pub(crate) fn new(top: Option<usize>, limit: usize) -> Self {
        let pages = HashMap::new();
        Self { pages, order: 0, bytes: 0, max_bytes: MAX_BYTES, top, limit, skipped: 0, left_out: 0 }
    }

    /// Adds a page, or counts it once more.
    pub(crate) fn add(&mut self, page: RequestUrl) {
        self.order += 1;
        if let Some(count) = self.pages.get_mut(&page) {
            count.requests += 1;
            return;
        }
        let bytes = size(&page);
        let is_full = self.top.is_none() && self.pages.len() >= self.limit;
        if is_full || self.bytes + bytes > self.max_bytes && !self.forget_rare() {
            self.left_out += 1;
            return;
        }
        self.bytes += bytes;
        self.pages.insert(page, Count { requests: 1, order: self.order });
    }

    pub(crate) fn len(&self) -> usize {
        self.pages.len()
    }

    /// Counts a line that names no page.
    pub(crate) fn skip(&mut self) {
        self.skipped += 1;
    }

    /// Makes room: forgets the pages up to the median number of requests (lossy counting). Returns
    /// `false` if pages are not counted.
    fn forget_rare(&mut self) -> bool {
        if self.top.is_none() {
            return false;
        }
        let mut counts: Vec<_> = self.pages.values().map(|count| count.requests).collect();
        let middle = counts.len() / 2;
        let median = if counts.is_empty() { 0 } else { *counts.select_nth_unstable(middle).1 };
        self.pages.retain(|_, count| count.requests > median);
        self.bytes = self.pages.keys().map(size).sum();
        true
    }

    /// Returns the pages: the most requested first if they are counted, else in their order.
    pub(crate) fn into_pages(self) -> Vec<RequestUrl> {
        let mut pages: Vec<_> = self.pages.into_iter().collect();
        pages.sort_by_key(|(_, count)| match self.top {
            Some(_) => (u64::MAX - count.requests, count.order),
            None => (0, count.order),
        });
        let most = self.top.unwrap_or(self.limit).min(self.limit);
        pages.into_iter().take(most).map(|(page, _)| page).collect()
    }

    /// Returns what the user should know of the pages that are not there.
    pub(crate) fn notes(&self) -> Vec<String> {
        let skipped = (self.skipped, "entries name no page to request");
        let left_out = (self.left_out, "pages are over the limit (--limit)");
        let known = [skipped, left_out].into_iter().filter(|(number, _)| *number > 0);
        known.map(|(number, what)| format!("{number} {what}")).collect()
    }
}

fn size(page: &RequestUrl) -> usize {
    page.target.len() + page.host.as_ref().map_or(0, String::len) + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(target: &str) -> RequestUrl {
        RequestUrl::parse(target).unwrap()
    }

    fn targets(collected: Collected) -> Vec<String> {
        collected.into_pages().into_iter().map(|page| page.target).collect()
    }

    #[test]
    fn pages_keep_their_order_unless_they_are_counted() {
        let (mut all, mut top) = (Collected::new(None, 3), Collected::new(Some(2), 10));
        for target in ["/a", "/b", "/c", "/b", "/d", "/c", "/c"] {
            all.add(page(target));
            top.add(page(target));
        }
        assert_eq!(all.notes(), ["1 pages are over the limit (--limit)"]);
        assert_eq!(targets(all), ["/a", "/b", "/c"]);
        assert_eq!(targets(top), ["/c", "/b"]);
    }

    #[test]
    fn the_most_requested_pages_stay_when_there_are_too_many() {
        let mut top = Collected { max_bytes: 20_000, ..Collected::new(Some(2), 10) };
        for number in 0..100 {
            top.add(page("/hot"));
            if number % 2 == 0 {
                top.add(page("/warm"));
            }
        }
        for number in 0..10_000 {
            top.add(page(&format!("/rare/{number}")));
            assert!(top.bytes <= 20_000);
        }
        assert_eq!(targets(top), ["/hot", "/warm"]);
    }
}
