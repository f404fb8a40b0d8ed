//! The options of a cache.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use larder_core::invalidation::tail::Limits;
use larder_core::lease::Leases;
use larder_core::store::InvalidationLog;
use larder_core::time::Clock;

use crate::cache::cache_name::ReportingOptions;
use crate::engine::background::BackgroundLimits;
use crate::engine::clock::SystemClock;
use crate::engine::queue::Queue;
use crate::engine::shared::StoreLimits;
use crate::engine::store::Store;

/// The options of a [`Cache`](crate::Cache).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use larder::Cache;
///
/// let cache = Cache::builder()
///     .max_memory_bytes(128 * 1024 * 1024)
///     .close_timeout(Duration::from_secs(10))
///     .build();
/// ```
pub struct CacheBuilder {
    pub(super) max_memory_bytes: u64,
    pub(super) max_staleness: Duration,
    pub(super) store: Option<Arc<dyn Store>>,
    pub(super) queue: Option<Arc<dyn Queue>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) limits: Limits,
    pub(super) background: BackgroundLimits,
    pub(super) close_timeout: Duration,
    pub(super) store_limits: StoreLimits,
    pub(super) credentials: Vec<HeaderName>,
    pub(super) is_disabled: bool,
    pub(super) reporting: ReportingOptions,
    pub(super) counts_top_keys: bool,
    pub(super) served_extension: bool,
    pub(super) instance_host: Option<Box<str>>,
}

/// 64 MiB: half the memory of a small container, which usually has 128 MiB.
const DEFAULT_MEMORY: u64 = 64 * 1024 * 1024;
const DEFAULT_MAX_STALENESS: Duration = Duration::from_secs(2);
/// More refreshes than the number of database connections that most handlers have.
///
/// If a handler has fewer connections, refreshes wait for each other in its connection pool.
const DEFAULT_REFRESHES: usize = 64;
const DEFAULT_ABANDONED: usize = 64;
const DEFAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            max_memory_bytes: DEFAULT_MEMORY,
            max_staleness: DEFAULT_MAX_STALENESS,
            store: None,
            queue: None,
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
            background: BackgroundLimits {
                refreshes: DEFAULT_REFRESHES,
                abandoned_fills: DEFAULT_ABANDONED,
                abandoned_writes: DEFAULT_ABANDONED,
            },
            close_timeout: DEFAULT_CLOSE_TIMEOUT,
            store_limits: StoreLimits::default(),
            credentials: Vec::new(),
            is_disabled: false,
            reporting: ReportingOptions::default(),
            counts_top_keys: false,
            served_extension: false,
            instance_host: None,
        }
    }
}

impl CacheBuilder {
    /// Sets the store through which instances share stored responses, invalidations and fills.
    ///
    /// If several instances miss the same response at the same time, one of them runs the handler.
    /// Default: none. The cache then uses only the memory of this process.
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
    /// let cache = Cache::builder().shared_store(store).build();
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn shared_store(mut self, store: impl Leases + InvalidationLog) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the approximate number of bytes that responses may take in the memory of this process.
    ///
    /// With 0, responses are stored only in the shared store. Default: 64 MiB.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_memory_bytes(256 * 1024 * 1024).build();
    /// ```
    #[must_use]
    pub fn max_memory_bytes(mut self, bytes: u64) -> Self {
        self.max_memory_bytes = bytes;
        self
    }

    /// Sets how many responses may be refreshed in the background at the same time.
    ///
    /// This limits the load that the cache itself puts on the handlers. Without a limit, the load
    /// would peak when many responses are about to expire, or when many responses that may be
    /// served stale are invalidated.
    ///
    /// A refresh beyond the limit is skipped and [counted](crate::Stats::refreshes_skipped). The
    /// request is still answered, and the next request for the key tries the refresh again.
    /// A refresh that waits for another instance does not count. As many of them may wait, and
    /// further ones are left to that instance. Default: 64. Minimum: 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_concurrent_refreshes(16).build();
    /// ```
    #[must_use]
    pub fn max_concurrent_refreshes(mut self, limit: usize) -> Self {
        self.background.refreshes = limit;
        self
    }

    /// Sets how many fills may go on after all of their clients have left.
    ///
    /// The response of such a fill is useful to later clients. But clients that connect and leave
    /// must not keep more handlers busy than they could without a cache. Beyond the limit, the
    /// handler is therefore cancelled, as it is without a cache. With 0, every fill ends when its
    /// last client leaves.
    ///
    /// A fill that has no response after [`Policy::fill_timeout`](crate::Policy::fill_timeout) does
    /// not go on without a client. Default: 64.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_abandoned_fills(16).build();
    /// ```
    #[must_use]
    pub fn max_abandoned_fills(mut self, limit: usize) -> Self {
        self.background.abandoned_fills = limit;
        self
    }

    /// Sets how many requests with unsafe methods may run to their end after their client has left.
    ///
    /// Beyond the limit, the handler is cancelled, as it is without a cache. It may already have
    /// committed its write, so the URI of the request is invalidated at once. Work that the handler
    /// moved to another thread may commit later, so the URI is invalidated a second time after
    /// [`Policy::fill_timeout`](crate::Policy::fill_timeout). The cache does not notice a commit
    /// after that. A handler that may commit so late must invalidate the URI itself. Default: 64.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_abandoned_writes(256).build();
    /// ```
    #[must_use]
    pub fn max_abandoned_writes(mut self, limit: usize) -> Self {
        self.background.abandoned_writes = limit;
        self
    }

    /// Sets the approximate number of invalidated names that the cache remembers.
    ///
    /// This is the number of tags and keys. In addition, the cache remembers half as many URIs, a
    /// quarter as many paths, and an eighth as many directories and path prefixes each. A name
    /// takes 100 to 200 bytes. Default: 65,536. Minimum: 2,048.
    ///
    /// If there are more names, the cache forgets the oldest. For each forgotten name, it refuses
    /// more responses than the invalidation named:
    ///
    /// - for a URI, the responses of its path with any query
    /// - for a path, the responses in its directory
    /// - for a directory, the responses under the path above it
    /// - for a tag, a key or a prefix, all responses that were filled before the invalidation
    ///
    /// If more tags, keys or prefixes than this are invalidated during the lifetime of a response,
    /// choose a larger number. It takes more memory and saves runs of handlers. Each kind of name
    /// has its own share, so a flood of made-up URIs never makes the cache forget a tag.
    /// [`Stats`](crate::Stats) counts the names that were forgotten.
    ///
    /// The number also limits how much of the invalidation log an instance reads when it starts. It
    /// reads this many of the newest invalidations and a few thousand more, however long the log
    /// is. If the same few names are invalidated again and again, a larger number takes no more
    /// memory. An instance that starts then reads more of the log, and refuses fewer responses.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().invalidation_capacity(500_000).build();
    /// ```
    #[must_use]
    pub fn invalidation_capacity(mut self, names: usize) -> Self {
        self.limits.rows = names;
        self
    }

    /// Sets the clock that the cache reads, for tests.
    ///
    /// Default: the clocks of the operating system.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Cache;
    /// use larder_testing::ManualClock;
    ///
    /// let clock = ManualClock::new();
    /// let cache = Cache::builder().clock(clock.clone()).build();
    /// clock.advance(Duration::from_secs(60));
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the options of a cache that stores nothing.
    pub(super) fn disabled() -> Self {
        Self { is_disabled: true, max_memory_bytes: 0, ..Self::default() }
    }
}

impl std::fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("max_memory_bytes", &self.max_memory_bytes)
            .field("max_staleness", &self.max_staleness)
            .field("invalidation_capacity", &self.limits.rows)
            .field("background", &self.background)
            .field("close_timeout", &self.close_timeout)
            .field("shared_store", &self.store.is_some())
            .field("store_limits", &self.store_limits)
            .finish_non_exhaustive()
    }
}
