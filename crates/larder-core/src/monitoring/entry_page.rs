//! The entries that an operator finds in the shared tier: addresses of entries, and leases.

use bytes::Bytes;

use crate::lease_holder::Holder;
use crate::scan_cursor::ScanCursor;

/// Some addresses of entries in the shared tier.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // A store returns all of it.
pub struct EntryPage {
    /// The addresses: see [`crate::stored::address`]. An address may be on several pages.
    pub addresses: Vec<String>,
    /// The start of the next page. `None` if this is the last one.
    pub next: Option<ScanCursor>,
}

/// An entry in the shared tier.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A store returns all of it.
pub struct StoredEntry {
    /// The value, as [`get`](crate::store::SharedTier::get) returns it.
    pub value: Bytes,
    /// The size in the store, without what the store adds to each entry. It is smaller than the
    /// value if the store compresses it.
    pub size: u64,
}

/// The state of a lease, as an operator sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeaseState {
    /// An instance holds the lease, and fills.
    Held(Holder),
    /// Responses at this address cannot be stored, so requests do not wait for each other.
    Uncacheable,
    /// The handler has failed, and is not asked again for a moment.
    RetryLater,
}
