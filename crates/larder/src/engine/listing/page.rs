//! The pages of a listing.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The number of entries of a page, unless the caller sets another one.
const DEFAULT_LIMIT: usize = 100;
/// The maximum number of entries of a page.
const MAX_LIMIT: usize = 1_000;

/// The page of a listing to return: how many entries, and after which one.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use larder::Cache;
/// use larder::inspect::{ListPage, StoredFilter};
///
/// let cache = Cache::default();
/// let mut page = ListPage::default().limit(500);
/// loop {
///     let listing = cache.stored_responses(&StoredFilter::default(), page).await;
///     for response in listing.entries {
///         println!("{} {}", response.status, response.key);
///     }
///     let Some(next) = listing.next else { break };
///     page = page.after(next);
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPage {
    limit: usize,
    after: Option<ListCursor>,
}

impl ListPage {
    /// Sets the maximum number of entries. Default: 100. Minimum: 1. Maximum: 1,000.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit.clamp(1, MAX_LIMIT);
        self
    }

    /// Begins after the last entry of another page.
    #[must_use]
    pub const fn after(mut self, cursor: ListCursor) -> Self {
        self.after = Some(cursor);
        self
    }
}

impl Default for ListPage {
    fn default() -> Self {
        Self { limit: DEFAULT_LIMIT, after: None }
    }
}

/// A place in a listing, after which the next page begins.
///
/// As a text it has 32 hexadecimal digits, and shows nothing of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ListCursor(u128);

impl fmt::Display for ListCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for ListCursor {
    type Err = ParseCursorError;

    /// Parses the text of a cursor.
    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(ParseCursorError(()));
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ParseCursorError(()))
    }
}

/// The error for a text that is not a [`ListCursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseCursorError(());

impl fmt::Display for ParseCursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a cursor of a listing")
    }
}

impl std::error::Error for ParseCursorError {}

/// A page of a listing.
///
/// The order of the entries has no meaning, but it is the same on each page. An entry that is
/// stored all the time is on exactly one page. One that comes or goes between two pages may be
/// missing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listing<T> {
    /// The entries of this page.
    pub entries: Vec<T>,
    /// The place after which the next page begins. `None` if this is the last page.
    pub next: Option<ListCursor>,
    /// How many entries the filter shows, on all pages together.
    pub matched: u64,
}

/// The entries of a page that is being put together.
///
/// It keeps no more of them than the page has.
pub(crate) struct PageBuilder<T> {
    page: ListPage,
    entries: BTreeMap<u128, T>,
    matched: u64,
    /// Whether the page has no room for an entry.
    has_more: bool,
}

impl<T> PageBuilder<T> {
    pub(crate) const fn new(page: ListPage) -> Self {
        Self { page, entries: BTreeMap::new(), matched: 0, has_more: false }
    }

    /// Adds an entry at this place, if it belongs on the page.
    pub(crate) fn add(&mut self, place: u128, entry: T) {
        self.matched += 1;
        if self.page.after.is_some_and(|ListCursor(last)| place <= last) {
            return;
        }
        self.entries.insert(place, entry);
        if self.entries.len() > self.page.limit {
            self.entries.pop_last();
            self.has_more = true;
        }
    }

    /// Returns the page, and turns each entry into its description.
    pub(crate) fn finish<U>(self, describe: impl FnMut(T) -> U) -> Listing<U> {
        let last = self.entries.last_key_value().map(|(place, _)| ListCursor(*place));
        Listing {
            entries: self.entries.into_values().map(describe).collect(),
            next: last.filter(|_| self.has_more),
            matched: self.matched,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(places: &[u128], page: ListPage) -> Listing<u128> {
        let mut builder = PageBuilder::new(page);
        for place in places {
            builder.add(*place, *place);
        }
        builder.finish(|place| place)
    }

    #[test]
    fn the_pages_together_have_each_entry_once() {
        let places: Vec<u128> = (0..25_u128).map(|n| (n * 7) % 25).chain([u128::MAX]).collect();
        for limit in [1, 2, 5, 13, 26, 27] {
            let (mut all, mut page, mut pages) = (Vec::new(), ListPage::default().limit(limit), 0);
            loop {
                let listing = list(&places, page);
                assert_eq!(listing.matched, 26);
                assert!(listing.entries.len() <= limit);
                all.extend(listing.entries);
                pages += 1;
                let Some(next) = listing.next else { break };
                page = page.after(next.to_string().parse().unwrap());
            }
            assert_eq!(pages, 26_usize.div_ceil(limit));
            assert_eq!(all, (0..25).chain([u128::MAX]).collect::<Vec<_>>());
        }
    }

    #[test]
    fn entries_that_come_and_go_do_not_move_the_others() {
        let first = list(&[1, 3, 5, 7], ListPage::default().limit(2));
        assert_eq!(first.entries, [1, 3]);
        let second = list(&[2, 4, 7], ListPage::default().limit(2).after(first.next.unwrap()));
        assert_eq!((second.entries, second.next), (vec![4, 7], None));
    }

    #[test]
    fn a_page_has_at_least_one_entry_and_at_most_a_thousand() {
        let places: Vec<u128> = (0..2_000).collect();
        for (limit, expected) in [(0, 1), (1, 1), (1_000, 1_000), (usize::MAX, 1_000)] {
            assert_eq!(list(&places, ListPage::default().limit(limit)).entries.len(), expected);
        }
        assert_eq!(list(&places, ListPage::default()).entries.len(), DEFAULT_LIMIT);
    }

    #[test]
    fn a_cursor_has_one_spelling() {
        let cursor = ListCursor(0xabc);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        let upper = cursor.to_string().to_uppercase();
        for text in ["", "abc", &upper, &cursor.to_string()[1..], "+0000000000000000000000000000abc"] {
            assert_eq!(text.parse::<ListCursor>(), Err(ParseCursorError(())), "{text}");
        }
    }
}
