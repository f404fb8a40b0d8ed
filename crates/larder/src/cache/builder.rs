//! The options of a cache.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use larder_core::lease::Leases;
use larder_core::log::position::Incarnation;
use larder_core::log::tail::{Limits, Tail};
use larder_core::store::Log;
use larder_core::time::Clock;
use tokio::sync::Notify;

use crate::cache::Cache;
use crate::engine::background::{Background, BackgroundLimits};
use crate::engine::clock::SystemClock;
use crate::engine::coalesce::reruns::Reruns;
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::invalidation_log::recent_writes::RecentWrites;
use crate::engine::invalidation_log::reclaim_queue::ReclaimState;
use crate::engine::invalidation_log::repeat_queue::RepeatQueue;
use crate::engine::invalidation_log::uri_aliases::UriAliases;
use crate::engine::invalidation_log::view::LogView;
use crate::engine::report::Report;
use crate::engine::shared::Engine;
use crate::engine::store::Store;
use crate::http::flight_event::Flights;
use crate::http::http_state::HttpState;
use crate::http::memory::ResponseMemory;
use crate::http::memory::variation_table::VariationTable;
use crate::http::policy::error::{ConfigError, ConfigErrorKind};

/// Options for a [`Cache`].
pub struct CacheBuilder {
    max_memory_bytes: u64,
    max_staleness: Duration,
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
    limits: Limits,
    background: BackgroundLimits,
    close_timeout: Duration,
}

/// Half of what a small container has, at the usual 128 MiB.
const DEFAULT_MEMORY: u64 = 64 * 1024 * 1024;
const DEFAULT_MAX_STALENESS: Duration = Duration::from_secs(2);
/// More than most handlers' connections to a database, so that they wait for each other there at the latest.
const DEFAULT_REFRESHES: usize = 64;
const DEFAULT_ABANDONED: usize = 64;
const DEFAULT_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Four looks have to fit in, each an exchange with the store.
const MIN_STALENESS: Duration = Duration::from_millis(100);

impl Default for CacheBuilder {
    fn default() -> Self {
        Self {
            max_memory_bytes: DEFAULT_MEMORY,
            max_staleness: DEFAULT_MAX_STALENESS,
            store: None,
            clock: Arc::new(SystemClock),
            limits: Limits::default(),
            background: BackgroundLimits {
                refreshes: DEFAULT_REFRESHES,
                abandoned_fills: DEFAULT_ABANDONED,
                abandoned_writes: DEFAULT_ABANDONED,
            },
            close_timeout: DEFAULT_CLOSE_TIMEOUT,
        }
    }
}

impl CacheBuilder {
    /// Shares stored responses and invalidations with other instances through this store, and fills: of all instances that
    /// miss the same response at once, one runs the handler.
    #[must_use]
    pub fn shared_store(mut self, store: impl Leases + Log) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Keeps at most about this many bytes of responses in this process's memory; 64 MiB by default. With 0, responses
    /// are kept in the shared store alone.
    #[must_use]
    pub fn max_memory_bytes(mut self, bytes: u64) -> Self {
        self.max_memory_bytes = bytes;
        self
    }

    /// For at most this long may another instance serve what was invalidated; 2 seconds by default, and at least 100
    /// milliseconds. An instance that cannot confirm within that time that it has read the whole
    /// invalidation log stops serving what it filled longer ago. Without a shared store it means nothing.
    #[must_use]
    pub fn max_staleness(mut self, limit: Duration) -> Self {
        self.max_staleness = limit;
        self
    }

    /// At most this many responses are refreshed in the background at once; 64 by default, and at least one. It bounds
    /// what the cache asks of the handlers by itself: after an invalidation of much that may be served stale, or with many
    /// responses near their end.
    ///
    /// Beyond it a refresh is left out and [counted](crate::Stats): the request is answered all the same, and the next one
    /// for the key tries again.
    #[must_use]
    pub fn max_concurrent_refreshes(mut self, at_once: usize) -> Self {
        self.background.refreshes = at_once;
        self
    }

    /// Limits how many fills go on after all of their clients have left. Default: 64. With 0, a fill ends with its last
    /// client.
    ///
    /// Such a fill is of use to later clients, but clients that connect and leave must not keep more handlers busy than
    /// they would without a cache. Beyond the limit the handler is cancelled, as it is without a cache. No fill goes on for
    /// longer than [`Policy::fill_timeout`](crate::Policy::fill_timeout) without a response.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_abandoned_fills(16).build();
    /// ```
    #[must_use]
    pub fn max_abandoned_fills(mut self, at_once: usize) -> Self {
        self.background.abandoned_fills = at_once;
        self
    }

    /// Limits how many requests with unsafe methods run to their end after their client has left. Default: 64.
    ///
    /// Beyond the limit the handler is cancelled, as it is without a cache. It may have committed what it wrote, so its URI
    /// is invalidated even then: at once, and once more after [`Policy::fill_timeout`](crate::Policy::fill_timeout), as
    /// work that the handler has handed to a thread may commit later. What commits after that is not seen: such a handler
    /// invalidates by itself.
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_abandoned_writes(256).build();
    /// ```
    #[must_use]
    pub fn max_abandoned_writes(mut self, at_once: usize) -> Self {
        self.background.abandoned_writes = at_once;
        self
    }

    /// Sets about how many names that were invalidated are remembered.
    ///
    /// This many tags and keys are remembered, half as many URIs, a quarter as many paths, and an eighth as many
    /// directories and path prefixes each, at 100 to 200 bytes a name. Default: 65,536. Minimum: 2,048.
    ///
    /// Where there are more, the oldest are forgotten, and more is refused in their place. For a URI that is its path with
    /// any query, for a path its directory, for a directory the path above it. For a tag, a key or a prefix it is
    /// everything that was filled before: if more of them are invalidated within a lifetime, more memory here saves runs of
    /// handlers. Each kind makes room for itself alone, so that no flood of made-up URIs makes a tag be forgotten.
    /// [`Stats`](crate::Stats) counts what was forgotten.
    ///
    /// It also bounds how much of the invalidation log an instance reads when it starts: so many of the newest
    /// invalidations, and a few thousand more, however long the log is. Where few names are invalidated again and again, a
    /// larger number takes no more memory, and an instance that starts reads longer and refuses less.
    #[must_use]
    pub fn invalidation_capacity(mut self, about: usize) -> Self {
        self.limits.rows = about;
        self
    }

    /// [`Cache::close`] takes no longer than this; 5 seconds by default.
    #[must_use]
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.close_timeout = limit;
        self
    }

    /// Takes the time from here: for tests.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The cache. With a shared store, it begins to follow the invalidation log now if this is called on a Tokio
    /// runtime, else at the first request.
    ///
    /// # Panics
    /// If an option cannot be right, naming it. Where options are not written in the code, use
    /// [`try_build`](Self::try_build).
    #[must_use]
    #[allow(clippy::panic)] // Said in the documentation; no request gets here.
    pub fn build(self) -> Cache {
        match self.try_build() {
            Ok(engine) => engine,
            Err(error) => panic!("this cache cannot be right: {error}"),
        }
    }

    /// The cache, like [`build`](Self::build).
    ///
    /// # Errors
    /// If an option cannot be right.
    pub fn try_build(self) -> Result<Cache, ConfigError> {
        if self.max_staleness < MIN_STALENESS {
            let what = format!("{:?}", self.max_staleness);
            return Err(ConfigError::new(ConfigErrorKind::Staleness, what));
        }
        if self.background.refreshes == 0 {
            return Err(ConfigError::new(ConfigErrorKind::Limit, "refreshes 0"));
        }
        #[cfg(feature = "metrics")]
        crate::engine::report::metrics::describe();
        let incarnation = Incarnation::from_bytes(fastrand::u128(..).to_be_bytes());
        let tail = match self.store {
            Some(_) => Tail::following(incarnation, self.limits),
            None => Tail::alone(incarnation, self.limits),
        };
        let variations = Arc::new(VariationTable::default());
        let http = HttpState {
            memory: ResponseMemory::new(self.max_memory_bytes),
            flights: Flights::default(),
            variations: Arc::clone(&variations),
        };
        let engine = Engine {
            clock: self.clock,
            log: LogView::new(tail, self.max_staleness),
            store: self.store,
            reruns: Reruns::default(),
            repeat_queue: RepeatQueue::default(),
            uri_aliases: UriAliases::new(variations),
            recent_writes: RecentWrites::default(),
            group_commits: Arc::default(),
            background: Background::new(self.background),
            close_timeout: self.close_timeout,
            report: Report::default(),
            reclaim: ReclaimState::default(),
            outbox_filled: Notify::new(),
            follower_started: OnceLock::new(),
        };
        let engine = Arc::new(engine);
        spawn_follower(&engine);
        Ok(Cache::of(engine, Arc::new(http)))
    }
}

impl std::fmt::Debug for CacheBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CacheBuilder")
            .field("memory", &self.max_memory_bytes)
            .field("max_staleness", &self.max_staleness)
            .field("remembered_names", &self.limits.rows)
            .field("background", &self.background)
            .field("close_within", &self.close_timeout)
            .field("shared", &self.store.is_some())
            .finish_non_exhaustive()
    }
}
