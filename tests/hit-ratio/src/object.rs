//! The objects of a trace.

/// A response that a trace requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Object {
    /// Its cache key.
    pub key: u64,
    /// Its size in memory.
    pub bytes: u64,
}
