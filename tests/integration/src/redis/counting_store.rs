//! A store in Redis that counts its exchanges.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use larder::store::{
    Claim, ClaimReply, Cursor, Event, Incarnation, InvalidationLog, LeaseId, Leases, LogId, LogPage, Release,
    SharedTier, StoreError, StoreErrorKind,
};
use larder_redis::RedisStore;
use larder_testing::{Gate, RedisServer};

/// A store that counts its requests, and can delay the reply.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct CountingStore {
    /// The store itself.
    pub store: RedisStore,
    /// The lookups of single values.
    pub gets: Arc<AtomicUsize>,
    /// All exchanges about responses and values, except lease extensions.
    pub trips: Arc<AtomicUsize>,
    /// Entries of the log in the results of polls.
    pub entries: Arc<AtomicUsize>,
    /// A gate that each lookup has to pass.
    pub gate: Option<Gate>,
    /// Whether claims fail.
    pub fails_claims: Arc<AtomicBool>,
    /// Whether instances may claim a lease without a lookup before.
    pub may_claim_first: bool,
}

impl CountingStore {
    /// Connects to this server.
    #[must_use]
    pub fn connect(redis: &RedisServer) -> Self {
        // Long, so that a slow machine does not matter.
        let patient = RedisStore::builder(&redis.url()).command_timeout(Duration::from_secs(10));
        Self {
            store: patient.connect().unwrap(),
            gets: Arc::default(),
            trips: Arc::default(),
            entries: Arc::default(),
            gate: None,
            fails_claims: Arc::default(),
            may_claim_first: true,
        }
    }

    /// Returns the number of exchanges so far.
    #[must_use]
    pub fn trips(&self) -> usize {
        self.trips.load(Ordering::SeqCst)
    }

    fn count(&self) {
        self.trips.fetch_add(1, Ordering::SeqCst);
    }
}

impl SharedTier for CountingStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        self.gets.fetch_add(1, Ordering::SeqCst);
        self.count();
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        SharedTier::get(&self.store, key).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.count();
        SharedTier::get_many(&self.store, keys).await
    }

    async fn set(&self, key: &str, value: Bytes, expiry: Duration) -> Result<(), StoreError> {
        self.count();
        SharedTier::set(&self.store, key, value, expiry).await
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.count();
        SharedTier::remove(&self.store, key).await
    }
}

impl Leases for CountingStore {
    async fn claim(&self, claim: Claim<'_>) -> Result<ClaimReply, StoreError> {
        self.count();
        if self.fails_claims.load(Ordering::SeqCst) {
            return Err(StoreError::new(StoreErrorKind::Unreachable, "as the test wants it"));
        }
        self.store.claim(claim).await
    }

    fn may_claim_first(&self) -> bool {
        self.may_claim_first
    }

    /// Not counted, because the number depends on the duration of the fill.
    async fn extend(&self, address: &str, token: LeaseId, life: Duration) -> Result<bool, StoreError> {
        self.store.extend(address, token, life).await
    }

    async fn release(&self, address: &str, token: LeaseId, left: Release) -> Result<(), StoreError> {
        self.count();
        self.store.release(address, token, left).await
    }

    async fn set_and_release(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
        leased: &str,
        token: LeaseId,
    ) -> Result<(), StoreError> {
        self.count();
        self.store.set_and_release(key, value, expiry, leased, token).await
    }
}

impl InvalidationLog for CountingStore {
    async fn wait_for_news(&self, cursor: Cursor, at_most: Duration) -> Result<(), StoreError> {
        self.store.wait_for_news(cursor, at_most).await
    }

    async fn poll(&self, cursor: Cursor) -> Result<LogPage, StoreError> {
        let look = self.store.poll(cursor).await?;
        self.entries.fetch_add(look.entries.len(), Ordering::SeqCst);
        Ok(look)
    }

    async fn append(&self, events: &[Event]) -> Result<(Incarnation, LogId), StoreError> {
        self.store.append(events).await
    }
}
