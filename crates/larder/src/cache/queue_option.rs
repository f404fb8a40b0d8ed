//! The option of a cache for its write queue.

use std::sync::Arc;

use larder_core::write_queue::WriteQueue;

use crate::cache::builder::CacheBuilder;

impl CacheBuilder {
    /// Sets the queue that keeps the writes of write-behind collections, and operations.
    ///
    /// A clone of the shared store can be the queue. Another Redis is useful if its settings
    /// differ: a queue needs `appendfsync always`, which slows the writes of a cache. The cache
    /// does not close a queue that is not its shared store.
    ///
    /// Default: none. [`write_behind`](crate::values::ValuesBuilder::write_behind) and
    /// [`operations`](crate::Cache::operations) then need
    /// [`in_process`](crate::values::WriteBehindBuilder::in_process), and fail without it.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// # #[cfg(feature = "redis")]
    /// # fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::redis::RedisStore;
    ///
    /// let store = RedisStore::connect("redis://127.0.0.1:6379")?;
    /// let cache = Cache::builder().write_queue(store.clone()).shared_store(store).build();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn write_queue(mut self, queue: impl WriteQueue) -> Self {
        self.queue = Some(Arc::new(queue));
        self
    }
}
