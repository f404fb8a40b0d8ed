//! The memory limits of a tail.

/// The memory limits of a [`Tail`](super::Tail).
///
/// Names that are forgotten cost misses, never a stale response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Limits {
    /// Maximum number of invalidated tags and keys. Default: 65,536. Minimum: twice `outbox`.
    ///
    /// Each takes about 170 bytes, and up to 300 more if it is invalidated repeatedly. The same
    /// number of URIs, paths, directories and prefixes together is remembered in addition.
    pub rows: usize,
    /// Maximum number of invalidated globs. Default: 64.
    ///
    /// Every check goes through all of them.
    pub globs: usize,
    /// Maximum number of deferred invalidations. Default: 1,024. Minimum: 1.
    ///
    /// One more collapses all of them into one invalidation of everything.
    pub outbox: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows: 65_536, globs: 64, outbox: 1_024 }
    }
}
