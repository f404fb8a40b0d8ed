//! The shared store as one object, whatever its type.
//!
//! The boxed futures keep `Cache` free of type parameters. A fresh hit in memory never gets here.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Event, Selector};
use larder_core::lease::{Claim, ClaimReply, LeaseId, Leases, Release};
use larder_core::monitoring::{
    EntryPage, Instance, InstanceId, InstanceRecord, LeaseState, Monitoring, NodeCircuit, StoreStats,
    StoredEntry,
};
use larder_core::store::{
    InvalidationLog, ReclaimReport, ReclaimRequest, ScanCursor, SharedTier, StoreError, StoreErrorKind,
    SwitchRecord,
};
use larder_core::write_queue::StoreId;

type CloseFuture<'a> = Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
pub(crate) type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// [`SharedTier`], [`Leases`] and [`Log`] in one object.
pub(crate) trait Store: Send + Sync + 'static {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Bytes>>;
    #[allow(dead_code)] // Typed values call it.
    fn get_many<'a>(&'a self, keys: &'a [&'a str]) -> StoreFuture<'a, Vec<Option<Bytes>>>;
    fn set<'a>(&'a self, key: &'a str, value: Bytes, expiry: Duration) -> StoreFuture<'a, ()>;
    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()>;
    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, ClaimReply>;
    fn may_claim_first(&self) -> bool;
    fn extend<'a>(&'a self, address: &'a str, token: LeaseId, life: Duration) -> StoreFuture<'a, bool>;
    fn release<'a>(&'a self, address: &'a str, token: LeaseId, left: Release) -> StoreFuture<'a, ()>;
    fn set_and_release<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expiry: Duration,
        leased: &'a str,
        token: LeaseId,
    ) -> StoreFuture<'a, ()>;
    fn reclaim<'a>(
        &'a self,
        what: &'a ReclaimRequest,
        from: Option<ScanCursor>,
    ) -> StoreFuture<'a, ReclaimReport>;
    fn wait_for_news(&self, cursor: Cursor, at_most: Duration) -> StoreFuture<'_, ()>;
    fn poll(&self, cursor: Cursor) -> StoreFuture<'_, LogPage>;
    fn append<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, (Incarnation, LogId)>;
    fn store_id(&self) -> Option<StoreId>;
    fn ready(&self) -> StoreFuture<'_, ()>;
    fn switches(&self) -> StoreFuture<'_, Option<SwitchRecord>>;
    fn replace_switches<'a>(
        &'a self,
        replaces: Option<u64>,
        record: &'a SwitchRecord,
    ) -> StoreFuture<'a, bool>;
    fn store_stats(&self) -> StoreFuture<'_, StoreStats>;
    fn announce<'a>(&'a self, record: &'a InstanceRecord) -> StoreFuture<'a, ()>;
    fn instances(&self) -> StoreFuture<'_, Vec<Instance>>;
    fn withdraw(&self, id: InstanceId) -> StoreFuture<'_, ()>;
    fn find_entries<'a>(
        &'a self,
        selector: &'a Selector,
        from: Option<ScanCursor>,
    ) -> StoreFuture<'a, EntryPage>;
    fn entry<'a>(&'a self, address: &'a str) -> StoreFuture<'a, Option<StoredEntry>>;
    fn lease<'a>(&'a self, address: &'a str) -> StoreFuture<'a, Option<LeaseState>>;
    fn circuits(&self) -> Option<Vec<NodeCircuit>>;
    fn instance_count(&self) -> Option<u64>;
    fn time_limit(&self) -> Option<Duration>;
    fn is_transferring(&self, key: &str) -> bool;
    fn close(&self) -> CloseFuture<'_>;
}

impl<T: Leases + InvalidationLog> Store for T {
    fn get<'a>(&'a self, key: &'a str) -> StoreFuture<'a, Option<Bytes>> {
        Box::pin(SharedTier::get(self, key))
    }

    fn get_many<'a>(&'a self, keys: &'a [&'a str]) -> StoreFuture<'a, Vec<Option<Bytes>>> {
        Box::pin(SharedTier::get_many(self, keys))
    }

    fn set<'a>(&'a self, key: &'a str, value: Bytes, expiry: Duration) -> StoreFuture<'a, ()> {
        Box::pin(SharedTier::set(self, key, value, expiry))
    }

    fn remove<'a>(&'a self, key: &'a str) -> StoreFuture<'a, ()> {
        Box::pin(SharedTier::remove(self, key))
    }

    fn claim<'a>(&'a self, claim: Claim<'a>) -> StoreFuture<'a, ClaimReply> {
        Box::pin(Leases::claim(self, claim))
    }

    fn may_claim_first(&self) -> bool {
        Leases::may_claim_first(self)
    }

    fn extend<'a>(&'a self, address: &'a str, token: LeaseId, life: Duration) -> StoreFuture<'a, bool> {
        Box::pin(Leases::extend(self, address, token, life))
    }

    fn release<'a>(&'a self, address: &'a str, token: LeaseId, left: Release) -> StoreFuture<'a, ()> {
        Box::pin(Leases::release(self, address, token, left))
    }

    fn set_and_release<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        expiry: Duration,
        leased: &'a str,
        token: LeaseId,
    ) -> StoreFuture<'a, ()> {
        Box::pin(Leases::set_and_release(self, key, value, expiry, leased, token))
    }

    fn reclaim<'a>(
        &'a self,
        what: &'a ReclaimRequest,
        from: Option<ScanCursor>,
    ) -> StoreFuture<'a, ReclaimReport> {
        Box::pin(SharedTier::reclaim(self, what, from))
    }

    fn wait_for_news(&self, cursor: Cursor, at_most: Duration) -> StoreFuture<'_, ()> {
        Box::pin(InvalidationLog::wait_for_news(self, cursor, at_most))
    }

    fn poll(&self, cursor: Cursor) -> StoreFuture<'_, LogPage> {
        Box::pin(InvalidationLog::poll(self, cursor))
    }

    fn append<'a>(&'a self, events: &'a [Event]) -> StoreFuture<'a, (Incarnation, LogId)> {
        Box::pin(InvalidationLog::append(self, events))
    }

    fn store_id(&self) -> Option<StoreId> {
        InvalidationLog::store_id(self)
    }

    fn ready(&self) -> StoreFuture<'_, ()> {
        Box::pin(InvalidationLog::ready(self))
    }

    fn switches(&self) -> StoreFuture<'_, Option<SwitchRecord>> {
        Box::pin(InvalidationLog::switches(self))
    }

    fn replace_switches<'a>(
        &'a self,
        replaces: Option<u64>,
        record: &'a SwitchRecord,
    ) -> StoreFuture<'a, bool> {
        Box::pin(InvalidationLog::replace_switches(self, replaces, record))
    }

    fn store_stats(&self) -> StoreFuture<'_, StoreStats> {
        Box::pin(async move { SharedTier::monitoring(self).store_stats().await })
    }

    fn announce<'a>(&'a self, record: &'a InstanceRecord) -> StoreFuture<'a, ()> {
        Box::pin(async move { SharedTier::monitoring(self).announce(record).await })
    }

    fn instances(&self) -> StoreFuture<'_, Vec<Instance>> {
        Box::pin(async move { SharedTier::monitoring(self).instances().await })
    }

    fn withdraw(&self, id: InstanceId) -> StoreFuture<'_, ()> {
        Box::pin(async move { SharedTier::monitoring(self).withdraw(id).await })
    }

    fn find_entries<'a>(
        &'a self,
        selector: &'a Selector,
        from: Option<ScanCursor>,
    ) -> StoreFuture<'a, EntryPage> {
        Box::pin(async move { SharedTier::monitoring(self).find_entries(selector, from).await })
    }

    fn entry<'a>(&'a self, address: &'a str) -> StoreFuture<'a, Option<StoredEntry>> {
        Box::pin(async move {
            match SharedTier::monitoring(self).entry(address).await {
                Err(error) if error.kind() == StoreErrorKind::Unsupported => {
                    let value = SharedTier::get(self, address).await?;
                    Ok(value.map(|value| StoredEntry { size: value.len() as u64, value }))
                }
                entry => entry,
            }
        })
    }

    fn lease<'a>(&'a self, address: &'a str) -> StoreFuture<'a, Option<LeaseState>> {
        Box::pin(async move { SharedTier::monitoring(self).lease(address).await })
    }

    fn circuits(&self) -> Option<Vec<NodeCircuit>> {
        SharedTier::monitoring(self).circuits()
    }

    fn instance_count(&self) -> Option<u64> {
        SharedTier::monitoring(self).instance_count()
    }

    fn time_limit(&self) -> Option<Duration> {
        SharedTier::time_limit(self)
    }

    fn is_transferring(&self, key: &str) -> bool {
        SharedTier::is_transferring(self, key)
    }

    fn close(&self) -> CloseFuture<'_> {
        Box::pin(SharedTier::close(self))
    }
}
