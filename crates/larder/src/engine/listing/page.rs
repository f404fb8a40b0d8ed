//! The pages of a listing.

use std::fmt;
use std::str::FromStr;

/// The number of entries of a page, unless the caller sets another one.
const DEFAULT_LIMIT: usize = 100;
/// The maximum number of entries of a page.
pub(super) const MAX_LIMIT: usize = 1_000;

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
    pub(super) limit: usize,
    pub(super) after: Option<ListCursor>,
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
pub struct ListCursor(pub(super) u128);

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
/// stored all the time is on exactly one page. One that comes between two pages may be missing, and
/// one that goes is missing.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Listing<T> {
    /// The entries of this page.
    pub entries: Vec<T>,
    /// The place after which the next page begins. `None` if this is the last page.
    ///
    /// The last page is empty if all of its entries are gone by now.
    pub next: Option<ListCursor>,
    /// How many entries the filter shows, on all pages together.
    ///
    /// They are counted when the table is visited, which is not for each page.
    pub matched: u64,
}

impl<T> Listing<T> {
    /// Turns each entry into its description.
    pub(crate) fn map<U>(self, describe: impl FnMut(T) -> U) -> Listing<U> {
        let Self { entries, next, matched } = self;
        Listing { entries: entries.into_iter().map(describe).collect(), next, matched }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
