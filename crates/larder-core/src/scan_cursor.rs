//! The progress of a search in a store.

/// The progress of a search for stored entries. Only the store interprets this value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct ScanCursor {
    /// The index of the node that the search has reached.
    pub node: usize,
    /// The scan cursor on that node.
    pub cursor: u64,
}
