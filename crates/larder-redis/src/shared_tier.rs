//! The shared tier: stored responses under keys that expire.

use std::time::Duration;

use bytes::Bytes;
use fred::interfaces::KeysInterface;
use fred::types::Value;
use larder_core::store::{ReclaimReport, ReclaimRequest, ScanCursor, SharedTier, StoreError};
use tokio::time::timeout;

use crate::connection::CLOSE_LIMIT;
use crate::reclaim;
use crate::store::RedisStore;

/// The maximum expiry time: 100 years. Redis rejects expiry times that overflow its clock.
const MAX_EXPIRY: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

impl SharedTier for RedisStore {
    async fn get(&self, key: &str) -> Result<Option<Bytes>, StoreError> {
        let inner = &*self.inner;
        let leave = inner.health.admit(key)?;
        let result = inner.batcher.get(&inner.batch_target, inner.keys.response(key)).await;
        inner.settle(key, leave, result)
    }

    async fn set(&self, key: &str, value: Bytes, expiry: Duration) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let leave = inner.health.admit(key)?;
        let name = inner.keys.response(key);
        let arguments = [Value::Bytes(value), Value::Integer(millis(expiry))];
        let set = &inner.scripts.set;
        let result = set.run(&inner.data, inner.command_timeout, &[&name], &arguments).await;
        inner.settle(key, leave, result.map(drop))
    }

    async fn remove(&self, key: &str) -> Result<(), StoreError> {
        let inner = &*self.inner;
        let leave = inner.health.admit(key)?;
        let client = inner.data.within(inner.command_timeout);
        let result = client.unlink(inner.keys.response(key)).await;
        inner.settle(key, leave, result.map(|_removed: u64| ()))
    }

    async fn reclaim(
        &self,
        what: &ReclaimRequest,
        from: Option<ScanCursor>,
    ) -> Result<ReclaimReport, StoreError> {
        reclaim::step(&self.inner, what, from).await
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

/// Converts an expiry time to milliseconds, at least 1 because Redis rejects zero.
pub(crate) fn millis(expiry: Duration) -> i64 {
    i64::try_from(expiry.min(MAX_EXPIRY).as_millis()).map_or(i64::MAX, |millis| millis.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expiry_is_one_that_redis_takes() {
        assert_eq!(millis(Duration::ZERO), 1);
        assert_eq!(millis(Duration::from_micros(1_500)), 1);
        assert_eq!(millis(Duration::from_secs(10)), 10_000);
        assert_eq!(millis(Duration::MAX), millis(MAX_EXPIRY));
    }
}
