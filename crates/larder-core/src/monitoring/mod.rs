//! The view that operators have of a shared store, and of the instances that share it.
//!
//! A store implements [`Monitoring`], and returns the implementation from
//! [`SharedTier::monitoring`](crate::store::SharedTier::monitoring). Nothing here is on the path of
//! a request.

mod circuit_state;
mod entry_page;
mod eviction_policy;
mod instance;
mod record_wire;
#[cfg(feature = "serde")]
mod serialize;
mod store_stats;

use std::future::Future;
use std::time::Duration;

pub use self::circuit_state::{CircuitState, NodeCircuit};
pub use self::entry_page::{EntryPage, LeaseState, StoredEntry};
pub use self::eviction_policy::EvictionPolicy;
pub(crate) use self::instance::SILENT_AFTER;
pub use self::instance::{Instance, InstanceId, InstanceRecord, InstanceState, ParseInstanceIdError};
pub use self::record_wire::{MAX_CIRCUITS, MAX_HOST_BYTES, MAX_RECORD_BYTES, MAX_VERSION_BYTES};
pub use self::store_stats::StoreStats;
use crate::invalidation::selector::Selector;
use crate::scan_cursor::ScanCursor;
use crate::store_error::{StoreError, StoreErrorKind};

/// How often an instance announces itself.
pub const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(5);
/// How long a store lists an instance after its last announcement.
pub const FORGET_AFTER: Duration = Duration::from_secs(60);
/// The maximum number of instances that a store lists.
///
/// If there are more, the store forgets the ones whose last announcement is the oldest.
pub const MAX_INSTANCES: usize = 256;

/// The view that operators have of a shared store.
///
/// Each method has a default implementation, for a store that does not know the answer. Every
/// method is one bounded exchange with the store, as in [`crate::store`].
pub trait Monitoring: Send + Sync {
    /// Returns the counters of the store, and its use of memory.
    ///
    /// A number that the store does not tell is `None`.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached. The default implementation returns an error
    /// of the kind [`Unsupported`](StoreErrorKind::Unsupported).
    fn store_stats(&self) -> impl Future<Output = Result<StoreStats, StoreError>> + Send {
        std::future::ready(Err(unsupported("statistics")))
    }

    /// Returns the circuits that are not closed, at most one for each server.
    ///
    /// This asks nothing. The default implementation returns `None`, for a store without circuit
    /// breakers.
    fn circuits(&self) -> Option<Vec<NodeCircuit>> {
        None
    }

    /// Announces an instance. The record replaces the previous one of the same id.
    ///
    /// The store notes the time, and how far the record is behind the end of the log. It forgets
    /// instances that were not announced for [`FORGET_AFTER`], and the oldest ones if there are
    /// more than [`MAX_INSTANCES`].
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached or refuses the record. The default
    /// implementation returns an error of the kind [`Unsupported`](StoreErrorKind::Unsupported).
    fn announce(&self, record: &InstanceRecord) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = record;
        std::future::ready(Err(unsupported("list of instances")))
    }

    /// Returns about how many instances share the store, as of the last announcement.
    ///
    /// This asks nothing. It also counts instances beyond [`MAX_INSTANCES`]. The default
    /// implementation returns `None`, for a store that does not know.
    fn instance_count(&self) -> Option<u64> {
        None
    }

    /// Returns the instances that were announced within [`FORGET_AFTER`], at most
    /// [`MAX_INSTANCES`].
    ///
    /// A record that cannot be read is left out.
    ///
    /// # Errors
    ///
    /// As for [`announce`](Self::announce).
    fn instances(&self) -> impl Future<Output = Result<Vec<Instance>, StoreError>> + Send {
        std::future::ready(Err(unsupported("list of instances")))
    }

    /// Removes an instance that is about to end.
    ///
    /// # Errors
    ///
    /// As for [`announce`](Self::announce).
    fn withdraw(&self, id: InstanceId) -> impl Future<Output = Result<(), StoreError>> + Send {
        let _ = id;
        std::future::ready(Err(unsupported("list of instances")))
    }

    /// Returns some addresses of stored entries that a selector names, whether they are valid or
    /// not.
    ///
    /// Only entries whose keys show that the selector names them are found: see
    /// [`Selector::key_scope`]. None are found for a tag. `from` is `None` for the first page, and
    /// then the [`next`](EntryPage::next) of the page before. Each page is one short step, and a
    /// page may be empty although more follow.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached. The default implementation returns an error
    /// of the kind [`Unsupported`](StoreErrorKind::Unsupported).
    fn find_entries(
        &self,
        selector: &Selector,
        from: Option<ScanCursor>,
    ) -> impl Future<Output = Result<EntryPage, StoreError>> + Send {
        let _ = (selector, from);
        std::future::ready(Err(unsupported("list of entries")))
    }

    /// Returns the entry at this address, and its size in the store.
    ///
    /// # Errors
    ///
    /// As for [`find_entries`](Self::find_entries). It need not be implemented by a store whose
    /// entries have the size of what [`get`](crate::store::SharedTier::get) returns.
    fn entry(&self, address: &str) -> impl Future<Output = Result<Option<StoredEntry>, StoreError>> + Send {
        let _ = address;
        std::future::ready(Err(unsupported("sizes of entries")))
    }

    /// Returns the state of the lease at this address. `None` if it is free.
    ///
    /// # Errors
    ///
    /// As for [`find_entries`](Self::find_entries).
    fn lease(&self, address: &str) -> impl Future<Output = Result<Option<LeaseState>, StoreError>> + Send {
        let _ = address;
        std::future::ready(Err(unsupported("list of leases")))
    }
}

/// The [`Monitoring`] of a store that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)] // It has nothing to tell.
pub struct NoMonitoring;

impl Monitoring for NoMonitoring {}

fn unsupported(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, format!("the store has no {what}"))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::join::join_all;

    #[test]
    fn a_store_without_monitoring_says_so() {
        let record = InstanceRecord::new(InstanceId::from_bytes([1; 16]));
        let none = NoMonitoring;
        let answers = async {
            let kind = |result: Result<(), StoreError>| result.unwrap_err().kind();
            let writes = join_all([none.announce(&record)]).await.into_iter().map(kind);
            let mut kinds: Vec<_> = writes.collect();
            kinds.push(kind(none.store_stats().await.map(drop)));
            kinds.push(kind(none.instances().await.map(drop)));
            kinds.push(kind(none.withdraw(record.id).await));
            kinds.push(kind(none.find_entries(&Selector::All, None).await.map(drop)));
            kinds.push(kind(none.entry("{u|/a}").await.map(drop)));
            kinds.push(kind(none.lease("{u|/a}").await.map(drop)));
            kinds
        };
        let mut context = Context::from_waker(Waker::noop());
        let expected = vec![StoreErrorKind::Unsupported; 7];
        assert_eq!(pin!(answers).poll(&mut context), Poll::Ready(expected));
        assert_eq!(none.circuits(), None);
    }
}
