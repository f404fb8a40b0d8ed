//! The result of a flush.

use std::error::Error;
use std::fmt;

/// A flush that a [`Sink`](crate::values::Sink) has committed, with the number of rows it changed.
///
/// The worker compares the number with that of the writes. The others were ignored: the database
/// had them already, or a later write of their key. That is no error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "return it from `Sink::flush`"]
pub struct Flushed {
    rows: u64,
}

impl Flushed {
    /// Creates the result of a flush that changed this number of rows.
    ///
    /// Each write that is not ignored changes one row. Deletions count as well. Most databases have
    /// this number: `rows_affected` of sqlx, for example. MySQL counts a row twice if `ON DUPLICATE
    /// KEY UPDATE` changes it.
    pub const fn rows(rows: u64) -> Self {
        Self { rows }
    }

    /// Returns how many of `writes` were ignored, and whether there were not more rows than writes.
    pub(super) fn ignored(self, writes: u64) -> (u64, bool) {
        (writes.saturating_sub(self.rows), self.rows <= writes)
    }
}

/// The error of a [`Sink`](crate::values::Sink).
///
/// Every error converts to it, as a failure that a write may be the cause of.
pub struct FlushError {
    cause: Box<dyn Error + Send + Sync>,
    is_unavailable: bool,
}

impl FlushError {
    /// Creates the error of a batch that failed. One of its writes may be the cause.
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), is_unavailable: false }
    }

    /// Creates the error of a database that cannot be used. No write is the cause.
    ///
    /// The flush is repeated for as long as it takes, and nothing goes to the quarantine.
    pub fn unavailable(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { cause: cause.into(), is_unavailable: true }
    }

    /// Whether the database cannot be used.
    #[must_use]
    pub const fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }
}

impl<E: Error + Send + Sync + 'static> From<E> for FlushError {
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

// Not an `Error` itself. Otherwise, not every error could convert to it.
impl fmt::Debug for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FlushError")
            .field("cause", &self.cause)
            .field("is_unavailable", &self.is_unavailable)
            .finish()
    }
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_without_a_row_were_ignored() {
        assert_eq!(Flushed::rows(3).ignored(3), (0, true));
        assert_eq!(Flushed::rows(1).ignored(3), (2, true));
        assert_eq!(Flushed::rows(4).ignored(3), (0, false));
    }
}
