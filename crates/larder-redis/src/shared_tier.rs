//! The shared tier: stored responses under keys that expire.

use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::KeysInterface;
use fred::types::Value;
use larder_core::monitoring::Monitoring;
use larder_core::store::{ReclaimReport, ReclaimRequest, ScanCursor, SharedTier, StoreError, StoreErrorKind};
use tokio::time::timeout;

use crate::compression::is_compressed;
use crate::connection::CLOSE_LIMIT;
use crate::expiry::millis;
use crate::large_value::Reference;
use crate::patience::{backstop, wait_within};
use crate::reclaim;
use crate::store::RedisStore;

impl SharedTier for RedisStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let value = self.get_inline(key).await?;
        // Boxed, because the future of each lookup would otherwise be eleven kilobytes long.
        match value {
            Some(value) if is_compressed(&value) => Box::pin(self.decompress(value)).await.map(Some),
            Some(value) => match Reference::decode(&value) {
                Some(reference) => Box::pin(self.read_large(key, &reference)).await,
                None => Ok(Some(value)),
            },
            None => Ok(None),
        }
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Bytes>>, StoreError> {
        self.read_many(keys).await
    }

    async fn set(&self, key: &str, value: Bytes, expiry: Duration) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let value = self.set_aside(key, value, expiry).await?;
        let arguments = [Value::Bytes(value), Value::Integer(millis(expiry))];
        self.run(&inner.scripts.set, &[&inner.keys.response(key)], &arguments).await.map(drop)
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let permit = inner.health.admit(key)?;
        let client = inner.data.within(backstop(inner.command_timeout));
        let names = vec![inner.keys.response(key), inner.keys.body(key)];
        let waited = wait_within(inner.command_timeout, client.unlink(names)).await;
        inner.settle(key, permit, waited).map(|_removed: u64| ())
    }

    async fn reclaim(
        &self,
        what: &ReclaimRequest,
        from: Option<ScanCursor>,
    ) -> Result<ReclaimReport, StoreError> {
        reclaim::step(&self.inner, what, from).await
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(self.inner.command_timeout)
    }

    fn is_transferring(&self, key: &str) -> bool {
        self.inner.large.is_reading(&self.inner.keys.body(key))
    }

    fn monitoring(&self) -> impl Monitoring {
        self.clone()
    }

    /// Ends the connections of this store and of all its clones.
    async fn close(&self) {
        for link in self.inner.links() {
            // All begin to end at once. The code below waits for each of them.
            link.close();
        }
        let all_closed = async {
            for link in self.inner.links() {
                link.closed().await;
            }
        };
        // Connections whose tasks do not run are left behind.
        let _ = timeout(CLOSE_LIMIT, all_closed).await;
    }
}

impl RedisStore {
    /// Returns the value under a key, which may be a reference or compressed.
    async fn get_inline(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let inner = &*self.inner;
        let permit = inner.health.admit(key)?;
        // Pinned here, as this future would otherwise hold it twice.
        let get = pin!(inner.batcher.get(&inner.batch_target, inner.keys.response(key)));
        let waited = wait_within(inner.command_timeout, get).await;
        inner.settle(key, permit, waited)
    }

    /// Returns the value under a key, which may be compressed.
    pub(crate) async fn get_as_stored(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let value = self.get_inline(key).await?;
        match value.as_deref().and_then(Reference::decode) {
            Some(reference) => self.follow_reference(key, &reference).await,
            None => Ok(value),
        }
    }

    /// Returns the large value that a reference leads to, decompressed.
    async fn read_large(&self, key: &str, reference: &Reference) -> Result<Option<Bytes>, StoreError> {
        // Until it is decompressed, so that the time of that does not count either.
        let _read = self.inner.large.begin_read(self.inner.keys.body(key));
        match self.follow_reference(key, reference).await? {
            Some(value) => self.decompress(value).await.map(Some),
            None => Ok(None),
        }
    }

    /// Returns the value that was stored in this form.
    pub(crate) async fn decompress(&self, stored: Bytes) -> Result<Bytes, StoreError> {
        if !is_compressed(&stored) {
            return Ok(stored);
        }
        self.inner.compression.decompress(self.inner.home.runtime(), stored).await
    }

    /// Returns the large value that a reference leads to, as it is stored.
    ///
    /// Removes the reference if it leads nowhere: Redis evicted the value, or another instance has
    /// replaced it and not yet its reference. That costs a miss.
    pub(crate) async fn follow_reference(
        &self,
        key: &str,
        reference: &Reference,
    ) -> Result<Option<Bytes>, StoreError> {
        let value = self.inner.large.get(self.inner.keys.body(key), reference).await?;
        if value.is_none() {
            self.remove(key).await?;
        }
        Ok(value)
    }

    /// Compresses a value. Stores a large one beside its key, and returns what to store under the
    /// key itself.
    pub(crate) async fn set_aside(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
    ) -> Result<Bytes, StoreError> {
        let inner = &*self.inner;
        let value = inner.compression.compress(inner.home.runtime(), value).await;
        let Some(reference) = Reference::encode_for(&value) else { return Ok(value) };
        if !inner.health.is_closed() {
            return Err(StoreError::new(StoreErrorKind::CircuitOpen, ""));
        }
        inner.large.set(inner.keys.body(key), value, expiry).await?;
        Ok(reference)
    }
}
