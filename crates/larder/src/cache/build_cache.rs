//! From options to a cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use larder_core::invalidation::position::Incarnation;
use larder_core::invalidation::tail::Tail;
use tokio::sync::Notify;

use crate::cache::Cache;
use crate::cache::builder::CacheBuilder;
use crate::engine::background::Background;
use crate::engine::coalesce::flight_waits::FlightWaits;
use crate::engine::coalesce::reads::SharedReads;
use crate::engine::coalesce::reruns::Reruns;
use crate::engine::config_error::{ConfigError, ConfigErrorKind};
use crate::engine::instance_info::InstanceInfo;
#[cfg(feature = "metrics")]
use crate::engine::instance_info::VERSION;
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::invalidation_log::feed::FeedHub;
use crate::engine::invalidation_log::recent_writes::RecentWrites;
use crate::engine::invalidation_log::reclaim_queue::ReclaimState;
use crate::engine::invalidation_log::repeat_queue::RepeatQueue;
use crate::engine::invalidation_log::uri_aliases::UriAliases;
use crate::engine::invalidation_log::view::LogView;
use crate::engine::local_queue::LocalQueue;
use crate::engine::report::Report;
use crate::engine::shared::Engine;
use crate::engine::store_calendar::StoreCalendar;
use crate::engine::switches::switch_table::SwitchTable;
use crate::http::http_state::HttpState;
use crate::http::memory::variation_table::VariationTable;

/// Four polls of the log must fit into this time, and each is a round trip to the store.
const MIN_STALENESS: Duration = Duration::from_millis(100);

impl CacheBuilder {
    /// Builds the cache.
    ///
    /// A cache with a shared store follows the invalidation log. If this method is called on a
    /// Tokio runtime, the cache starts to do so at once. Otherwise, it starts with the first
    /// request.
    ///
    /// # Panics
    ///
    /// Panics if an option is invalid. The message names that option. If the options come from
    /// outside the code, such as a configuration file, use [`try_build`](Self::try_build).
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Cache;
    ///
    /// let cache = Cache::builder().max_memory_bytes(256 * 1024 * 1024).build();
    /// ```
    #[must_use]
    #[allow(clippy::panic)] // The panic is documented above, and no request runs this.
    pub fn build(self) -> Cache {
        match self.try_build() {
            Ok(cache) => cache,
            Err(error) => panic!("invalid cache options: {error}"),
        }
    }

    /// Builds the cache, like [`build`](Self::build).
    ///
    /// # Errors
    ///
    /// Returns an error if an option is invalid: if [`max_staleness`](Self::max_staleness) is less
    /// than 100 ms, if [`max_concurrent_refreshes`](Self::max_concurrent_refreshes) is 0, or if the
    /// [`cache_status_name`](Self::cache_status_name) is invalid.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Cache, ConfigErrorKind};
    ///
    /// let error = Cache::builder().max_staleness(Duration::ZERO).try_build().unwrap_err();
    /// assert_eq!(error.kind(), ConfigErrorKind::Staleness);
    /// ```
    pub fn try_build(self) -> Result<Cache, ConfigError> {
        if self.max_staleness < MIN_STALENESS {
            let what = format!("{:?}", self.max_staleness);
            return Err(ConfigError::new(ConfigErrorKind::Staleness, what));
        }
        if self.background.refreshes == 0 {
            return Err(ConfigError::new(ConfigErrorKind::Limit, "refreshes 0"));
        }
        #[cfg(feature = "metrics")]
        crate::engine::report::describe_metrics(VERSION);
        let incarnation = Incarnation::from_bytes(fastrand::u128(..).to_be_bytes());
        let tail = match self.store {
            Some(_) => Tail::following(incarnation, self.limits),
            None => self.local_tail(incarnation),
        };
        let variations = Arc::new(VariationTable::default());
        let reporting = self.reporting.build()?;
        let (memory, clock, variation_table) =
            (self.max_memory_bytes, Arc::clone(&self.clock), Arc::clone(&variations));
        let http = HttpState {
            credentials: self.credentials,
            ..HttpState::new(memory, clock, variation_table, reporting, self.served_extension)
        };
        let engine = Engine {
            local_queue: Arc::new(LocalQueue::new(Arc::clone(&self.clock))),
            instance: InstanceInfo::new(self.instance_host, self.clock.wall()),
            clock: self.clock,
            log: LogView::new(tail, self.max_staleness),
            reads: SharedReads::new(self.store.as_ref().and_then(|store| store.time_limit())),
            store: self.store,
            queue: self.queue,
            is_disabled: self.is_disabled,
            switches: SwitchTable::default(),
            reruns: Reruns::default(),
            flight_waits: FlightWaits::default(),
            repeat_queue: RepeatQueue::default(),
            uri_aliases: UriAliases::new(variations),
            recent_writes: RecentWrites::default(),
            group_commits: Arc::default(),
            key_commits: Arc::default(),
            background: Background::new(self.background),
            store_limits: self.store_limits,
            close_timeout: self.close_timeout,
            report: Report::new(self.counts_top_keys),
            reclaim: ReclaimState::default(),
            store_calendar: StoreCalendar::default(),
            feed: FeedHub::default(),
            outbox_filled: Notify::new(),
            news_wanted: Notify::new(),
            has_values: AtomicBool::default(),
            follower_runs: Arc::default(),
            last_push: AtomicU64::new(0),
        };
        let engine = Arc::new(engine);
        spawn_follower(&engine);
        Ok(Cache::of(engine, Arc::new(http)))
    }

    /// Returns the log of a cache without a shared store, which begins now.
    fn local_tail(&self, incarnation: Incarnation) -> Tail {
        let mut tail = Tail::local(incarnation, self.limits);
        tail.note_start(self.clock.boot());
        tail
    }
}
