//! A store in this process that counts what it is asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::Event;
use larder_core::lease::{Claim, ClaimReply, LeaseId, Leases, Release};
use larder_core::monitoring::Monitoring;
use larder_core::store::{InvalidationLog, SharedTier, StoreError};
use larder_testing::MemoryStore;

/// A store that counts polls, alarms and claims, and says that there are so many instances.
#[derive(Clone)]
pub(crate) struct Counting {
    pub(crate) memory: MemoryStore,
    instances: Option<u64>,
    polls: Arc<AtomicUsize>,
    alarms: Arc<AtomicUsize>,
    claims: Arc<AtomicUsize>,
}

impl Counting {
    pub(crate) fn new(instances: Option<u64>) -> Self {
        let [polls, alarms, claims] = [(); 3].map(|()| Arc::default());
        Self { memory: MemoryStore::new(), instances, polls, alarms, claims }
    }

    pub(crate) fn polls(&self) -> usize {
        self.polls.load(Ordering::SeqCst)
    }

    pub(crate) fn alarms(&self) -> usize {
        self.alarms.load(Ordering::SeqCst)
    }

    pub(crate) fn claims(&self) -> usize {
        self.claims.load(Ordering::SeqCst)
    }
}

struct Fleet(Option<u64>);

impl Monitoring for Fleet {
    fn instance_count(&self) -> Option<u64> {
        self.0
    }
}

impl SharedTier for Counting {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.memory.get(key).await
    }

    async fn set(&self, key: &str, value: Bytes, expiry: Duration) -> Result<(), StoreError> {
        self.memory.set(key, value, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.memory.remove(key).await
    }

    fn monitoring(&self) -> impl Monitoring {
        Fleet(self.instances)
    }
}

impl Leases for Counting {
    async fn claim(&self, claim: Claim<'_>) -> Result<ClaimReply, StoreError> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        self.memory.claim(claim).await
    }

    async fn extend(&self, address: &str, token: LeaseId, life: Duration) -> Result<bool, StoreError> {
        self.memory.extend(address, token, life).await
    }

    async fn release(&self, address: &str, token: LeaseId, left: Release) -> Result<(), StoreError> {
        self.memory.release(address, token, left).await
    }
}

impl InvalidationLog for Counting {
    async fn wait_for_news(&self, cursor: Cursor, at_most: Duration) -> Result<(), StoreError> {
        self.alarms.fetch_add(1, Ordering::SeqCst);
        self.memory.wait_for_news(cursor, at_most).await
    }

    async fn poll(&self, cursor: Cursor) -> Result<LogPage, StoreError> {
        self.polls.fetch_add(1, Ordering::SeqCst);
        self.memory.poll(cursor).await
    }

    async fn append(&self, events: &[Event]) -> Result<(Incarnation, LogId), StoreError> {
        self.memory.append(events).await
    }
}
