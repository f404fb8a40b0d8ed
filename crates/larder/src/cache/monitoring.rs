//! The view of operators: the instances, the shared store and the policies.

use larder_core::monitoring::{Instance, InstanceId, StoreStats};
use larder_core::store::StoreError;

use crate::cache::Cache;
use crate::engine::monitoring::own_record;
use crate::engine::report::top_keys::{KeyCounters, TopKeys};
use crate::http::policy::description::PolicyDescription;
use crate::values::collection_policy::CollectionPolicy;

impl Cache {
    /// Returns the id of this instance in [`instances`](Self::instances).
    ///
    /// It is random, and new for each cache that is built. Clones of a handle have the same id.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::default();
    /// assert_eq!(cache.instance_id(), cache.clone().instance_id());
    /// ```
    #[must_use]
    pub fn instance_id(&self) -> InstanceId {
        self.engine.instance.id
    }

    /// Returns the instances that share the store, in the order of their starts.
    ///
    /// Each instance announces itself about every five seconds, and within about a second after it
    /// was detached from the log, deferred an invalidation or opened a circuit. It is removed when
    /// its cache is [closed](Self::close). Otherwise it is listed for a minute after its last
    /// announcement. At most 256 instances are listed.
    ///
    /// Each call asks the store. Without a shared store, the list has this instance alone.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached, refuses the command or has no such list, or
    /// if the cache is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder::store::StoreError> {
    /// use larder::{Cache, InstanceState};
    ///
    /// for instance in Cache::default().instances().await? {
    ///     let record = &instance.record;
    ///     println!("{} on {}: {}", record.id, record.host, instance.state());
    ///     assert_eq!(instance.state(), InstanceState::Following);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        own_record::instances(&self.engine).await
    }

    /// Returns the counters of the shared store, and its use of memory.
    ///
    /// Each call asks the store. A number that the store does not tell is `None`.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached or has no statistics, if there is no shared
    /// store, or if the cache is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// use larder::Cache;
    /// use larder::store::StoreErrorKind;
    ///
    /// // This cache has no shared store.
    /// let error = Cache::default().store_stats().await.unwrap_err();
    /// assert_eq!(error.kind(), StoreErrorKind::Unsupported);
    /// # }
    /// ```
    pub async fn store_stats(&self) -> Result<StoreStats, StoreError> {
        own_record::store_stats(&self.engine).await
    }

    /// Returns the keys with the most requests, handler time, bytes and misses.
    ///
    /// They are those of responses in this instance since its start. The numbers are estimates: see
    /// [`TopKey`](crate::TopKey). Returns `None` unless
    /// [`count_top_keys`](crate::CacheBuilder::count_top_keys) is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().count_top_keys().build();
    /// let top = cache.top_keys().unwrap_or_default();
    /// for key in top.handler_micros.iter().take(10) {
    ///     println!("{} µs of handler time: {}", key.count, key.key);
    /// }
    /// ```
    #[must_use]
    pub fn top_keys(&self) -> Option<TopKeys> {
        self.engine.report.top_keys.as_ref().map(KeyCounters::top)
    }

    /// Returns the policies of all layers of this cache that exist, in the order of their creation.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::{Cache, Policy, ttl};
    ///
    /// let cache = Cache::default();
    /// let layer = cache.layer(Policy::ttl(ttl::FREQUENT).name("search").query_only(["q"]));
    /// for policy in cache.policies() {
    ///     println!("{policy}"); // search (frequent): ttl 300s, key URI with query only q
    /// }
    /// ```
    #[must_use]
    pub fn policies(&self) -> Vec<PolicyDescription> {
        self.http.layers.policies()
    }

    /// Returns the options of all collections of values that exist, by their names.
    ///
    /// Collections of [operations](Self::operations) are not listed, since they store nothing. Two
    /// collections with one name are both listed.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::values::Values;
    /// use larder::{Cache, ttl};
    ///
    /// # fn main() -> Result<(), larder::ConfigError> {
    /// let cache = Cache::default();
    /// let prices: Values<u64, u64> =
    ///     cache.values("price").ttl(ttl::REALTIME).negative_ttl(Duration::from_secs(5)).build()?;
    /// for collection in cache.collection_policies() {
    ///     println!("{collection}"); // price: ttl 10s, absences for 5s
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn collection_policies(&self) -> Vec<CollectionPolicy> {
        self.values.policies()
    }
}
