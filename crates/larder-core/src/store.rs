//! The traits that a shared tier and an invalidation log implement.
//!
//! A store does not need to know anything about HTTP or routing.
//!
//! Every method is one bounded exchange with the store: it ends within the store's own time limit,
//! or it fails. No method retries. The caller keeps the data that must not be lost, and retries.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::invalidation::log_page::{Cursor, LogPage};
use crate::invalidation::position::{Incarnation, LogId};
use crate::invalidation::selector::{Event, Selector};
use crate::join::try_join_all;
use crate::monitoring::{Monitoring, NoMonitoring};
pub use crate::scan_cursor::ScanCursor;
pub use crate::store_error::{StoreError, StoreErrorKind};
pub use crate::switch_record::SwitchRecord;
use crate::write_queue::StoreId;

/// The maximum number of keys of one [`SharedTier::get_many`].
pub const MAX_KEYS: usize = 4_096;

/// The tier of stored responses that instances share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot store responses for several instances",
    label = "not a shared store",
    note = "`larder::redis::RedisStore` is one, with the feature `redis`"
)]
pub trait SharedTier: Send + Sync + 'static {
    /// Returns the value under `key`, if there is one.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Returns the values under these keys, in their order.
    ///
    /// This is one exchange: a store that can reads them all in one round trip. If any of them
    /// cannot be read, the call fails. The default implementation calls [`get`](Self::get) for all
    /// keys at the same moment.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`Refused`](StoreErrorKind::Refused) for more than [`MAX_KEYS`]
    /// keys, or the error of the store.
    fn get_many(&self, keys: &[&str]) -> impl Future<Output = Result<Vec<Option<Bytes>>, StoreError>> + Send {
        let gets = if keys.len() > MAX_KEYS {
            Err(too_many_keys(keys.len()))
        } else {
            Ok(keys.iter().map(|key| self.get(key)).collect::<Vec<_>>())
        };
        async { try_join_all(gets?).await }
    }

    /// Stores `value` under `key` for `expiry`, unless a newer value is there.
    ///
    /// An existing value is newer if it has the same incarnation and a higher position (rule 16 of
    /// the log). Each value contains its own position: see [`crate::stored::wire`].
    fn set(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the value under `key`.
    ///
    /// This only frees memory. The log decides whether a response is still valid.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Returns how long one exchange may take, if the store limits it.
    ///
    /// All exchanges of one request together get this time. The default implementation returns
    /// `None`: the exchanges of a request are then limited only by the store itself.
    fn time_limit(&self) -> Option<Duration> {
        None
    }

    /// Whether this store transfers a large value for a `get` of `key` at this moment.
    ///
    /// The time limit of [`time_limit`](Self::time_limit) does not apply to such a transfer: its time
    /// depends on the size of the value, and the store limits it. A [`get_many`](Self::get_many)
    /// that transfers large values, or many, is such a transfer for its first key. The default
    /// implementation returns `false`, for a store whose values all arrive within the limit.
    fn is_transferring(&self, key: &str) -> bool {
        let _ = key;
        false
    }

    /// Returns the view that operators have of this store, and of the instances that share it.
    ///
    /// The default implementation returns [`NoMonitoring`], which knows nothing.
    fn monitoring(&self) -> impl Monitoring {
        NoMonitoring
    }

    /// Ends the store's background work, such as its connections, and waits until it has ended.
    ///
    /// Every later call fails at once.
    ///
    /// The default implementation does nothing.
    fn close(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Performs one short step to free the memory of invalidated responses.
    ///
    /// `from` is `None` in the first step. In every later step, it is the
    /// [`next`](ReclaimReport::next) of the previous report. A response that was filled after the
    /// invalidation is kept, even if the selector names it. Some responses cannot be found by their
    /// key (see [`Selector::key_scope`]). They stay until they expire.
    ///
    /// The default implementation does nothing. It suits a store that frees memory only on expiry.
    fn reclaim(
        &self,
        what: &ReclaimRequest,
        from: Option<ScanCursor>,
    ) -> impl Future<Output = Result<ReclaimReport, StoreError>> + Send {
        let _ = (what, from);
        async { Ok(ReclaimReport::default()) }
    }
}

/// Returns the error of a [`get_many`](SharedTier::get_many) with this number of keys.
///
/// For a store that implements the method itself.
#[must_use]
pub fn too_many_keys(keys: usize) -> StoreError {
    StoreError::new(StoreErrorKind::Refused, format!("{keys} keys at once, the limit is {MAX_KEYS}"))
}

/// A request to free the memory of the responses that an invalidation refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct ReclaimRequest {
    /// The selector of the invalidation, which is a hard one.
    pub selector: Selector,
    /// The incarnation of the log that has the event.
    ///
    /// Responses of other incarnations are refused too.
    pub incarnation: Incarnation,
    /// The id of the event. Responses with a lower position are refused.
    pub before: LogId,
}

/// The report of one [`reclaim`](SharedTier::reclaim) step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct ReclaimReport {
    /// The number of responses that were removed.
    pub responses: u64,
    /// The number of scans that the step took.
    pub scans: u64,
    /// The start of the next step. `None` if no step is left.
    pub next: Option<ScanCursor>,
}

/// The invalidation log that instances share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no invalidation log, which a shared store needs",
    label = "not a shared store",
    note = "`larder::redis::RedisStore` is one, with the feature `redis`"
)]
pub trait InvalidationLog: Send + Sync + 'static {
    /// Waits until there may be events after `cursor`, but not much longer than `at_most`.
    ///
    /// The result is only a hint (rule 4). The wait may end early, and its end proves nothing about
    /// the log. If the log cannot be reached, the call fails at once, and the caller decides when
    /// to retry.
    fn wait_for_news(
        &self,
        cursor: Cursor,
        at_most: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Polls the log.
    ///
    /// The page shows the log at one moment, and only a primary can return it (rules 4 to 7).
    fn poll(&self, cursor: Cursor) -> impl Future<Output = Result<LogPage, StoreError>> + Send;

    /// Appends the events in order, as one step.
    ///
    /// # Errors
    ///
    /// Returns an error if the append failed. The events may have been appended anyway (rule 15).
    fn append(
        &self,
        events: &[Event],
    ) -> impl Future<Output = Result<(Incarnation, LogId), StoreError>> + Send;

    /// Returns the id of the store, if a write queue in it can append to this log.
    ///
    /// See [`WriteQueue::push_logged`](crate::write_queue::WriteQueue::push_logged). The default
    /// implementation returns `None`.
    fn store_id(&self) -> Option<StoreId> {
        None
    }

    /// Checks whether a failed append may succeed now.
    ///
    /// As far as it can, the store checks this without an append. The caller calls this method
    /// before it repeats an append. Otherwise the caller could repeatedly append events that are
    /// already in the log.
    fn ready(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }

    /// Reads the record of the switches, by which an operator bypasses the cache on all instances.
    ///
    /// Returns `None` if there is no record.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be asked. The default implementation returns an error
    /// of the kind [`Unsupported`](StoreErrorKind::Unsupported): the store has no such record.
    fn switches(&self) -> impl Future<Output = Result<Option<SwitchRecord>, StoreError>> + Send {
        async { Err(switches_unsupported()) }
    }

    /// Replaces the record of the switches. It does not expire.
    ///
    /// `replaces` is the version of the record that the new one is made from, or `None` if there
    /// was none. Returns `false` if the record has another version meanwhile. Nothing is changed
    /// then, and the caller reads the record again.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be asked. The record may have been replaced anyway. The
    /// default implementation returns an error of the kind
    /// [`Unsupported`](StoreErrorKind::Unsupported).
    fn replace_switches(
        &self,
        replaces: Option<u64>,
        record: &SwitchRecord,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        let _ = (replaces, record);
        async { Err(switches_unsupported()) }
    }
}

fn switches_unsupported() -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, "the store has no record of switches")
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Waker};

    use super::*;

    /// A store whose reads end once as many have begun, and fail for one key.
    struct Gathering(AtomicUsize);

    impl SharedTier for Gathering {
        async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
            self.0.fetch_sub(1, Ordering::Relaxed);
            poll_fn(|_| if self.0.load(Ordering::Relaxed) == 0 { Poll::Ready(()) } else { Poll::Pending })
                .await;
            match key {
                "failing" => Err(StoreError::new(StoreErrorKind::Timeout, "")),
                key => Ok((key != "missing").then(|| key.to_owned().into())),
            }
        }

        async fn set(&self, _: &str, _: Bytes, _: Duration) -> Result<(), StoreError> {
            Ok(())
        }

        async fn remove(&self, _: &str) -> Result<(), StoreError> {
            Ok(())
        }
    }

    fn get_many(keys: &[&str]) -> Poll<Result<Vec<Option<Bytes>>, StoreErrorKind>> {
        let store = Gathering(AtomicUsize::new(keys.len()));
        let mut values = pin!(store.get_many(keys));
        let mut context = Context::from_waker(Waker::noop());
        // The reads that began first end in the second poll.
        let first = values.as_mut().poll(&mut context);
        let values = if first.is_pending() { values.poll(&mut context) } else { first };
        values.map(|values| values.map_err(|error| error.kind()))
    }

    #[test]
    fn by_default_values_are_read_at_the_same_moment() {
        assert_eq!(get_many(&[]), Poll::Ready(Ok(vec![])));
        let values = vec![Some("b".into()), None, Some("a".into()), Some("b".into())];
        assert_eq!(get_many(&["b", "missing", "a", "b"]), Poll::Ready(Ok(values)));
        assert_eq!(get_many(&["a", "failing", "b"]), Poll::Ready(Err(StoreErrorKind::Timeout)));
    }

    #[test]
    fn too_many_keys_are_refused() {
        let keys = vec!["a"; MAX_KEYS + 1];
        assert!(matches!(get_many(&keys[1..]), Poll::Ready(Ok(values)) if values.len() == MAX_KEYS));
        assert_eq!(get_many(&keys), Poll::Ready(Err(StoreErrorKind::Refused)));
    }
}
