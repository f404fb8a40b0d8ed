//! Writes that reach the database and the cache.

use std::future::Future;

use crate::values::collection::Values;
use crate::values::pending_write::PendingWrite;
use crate::values::value_key::ValueKey;
use crate::values::written::Written;

/// Writes.
impl<K: ValueKey, V: Send + Sync + 'static, L> Values<K, V, L> {
    /// Writes a value to the database, and then stores it in the cache.
    ///
    /// `write` commits the new value and returns it, or `None` after a deletion. Then the cache
    /// invalidates the old value on all instances, and stores the new one. Readers find it there,
    /// on each instance, without a load.
    ///
    /// `write` must return the value as its own transaction has left it. Not every write stores its
    /// value: if another write or invalidation of the value comes between the beginning of a write
    /// and its own invalidation, the write stores nothing. So an old value can never replace a new
    /// one, whatever the order of the commits.
    ///
    /// A process that ends between the commit and the invalidation leaves the old value in the
    /// cache until it expires. See the outbox pattern in the guarantees.
    ///
    /// # Errors
    ///
    /// Returns the error of `write`. The value is invalidated even then: the database may have
    /// committed the write before it failed.
    ///
    /// # Panics
    ///
    /// Panics if `write` panics. The value is invalidated then, too, and if this future is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use std::io;
    ///
    /// use larder::Cache;
    /// use larder::values::{Cached, Values};
    ///
    /// /// Stands for an `UPDATE … RETURNING`.
    /// async fn rename(id: u64, name: &str) -> io::Result<String> {
    ///     Ok(name.to_owned())
    /// }
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// let written = names.write_through(&7, || rename(7, "Ada")).await?;
    /// assert!(written.is_cached());
    /// let Cached::Value(name) = names.get_cached(&7) else { panic!("it is stored") };
    /// assert_eq!(*name, "Ada");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn write_through<F, Fut, T, E>(&self, key: &K, write: F) -> Result<Written<V>, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
        T: Into<Option<V>>,
    {
        let pending = self.begin_write(key);
        match write().await {
            Ok(value) => Ok(pending.finish(value).await),
            Err(error) => {
                pending.abort().await;
                Err(error)
            }
        }
    }

    /// Begins a write whose transaction is the caller's.
    ///
    /// Call this before the transaction reads or writes anything, and
    /// [`finish`](PendingWrite::finish) after its commit. If the returned value is dropped before
    /// that, the key is invalidated.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::ConfigError> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let names: Values<u64, String> = Cache::default().values("name").build()?;
    /// let write = names.begin_write(&7);
    /// // … the transaction, and its commit:
    /// let name = "Ada".to_owned();
    /// let written = write.finish(name).await;
    /// assert!(written.is_cached());
    /// # Ok(())
    /// # }
    /// ```
    pub fn begin_write(&self, key: &K) -> PendingWrite<K, V> {
        PendingWrite::new(&self.collection, key)
    }
}
