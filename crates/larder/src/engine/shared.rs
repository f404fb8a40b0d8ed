//! The parts of a cache that know nothing of HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::tail::Tail;
use larder_core::key::query::QueryRules;
use larder_core::outcome::BypassReason;
use larder_core::time::Clock;
use tokio::sync::Notify;

use crate::engine::background::Background;
use crate::engine::coalesce::flight_waits::FlightWaits;
use crate::engine::coalesce::reads::SharedReads;
use crate::engine::coalesce::reruns::Reruns;
use crate::engine::instance_info::InstanceInfo;
use crate::engine::invalidation_log::feed::FeedHub;
use crate::engine::invalidation_log::group_commit::GroupCommits;
use crate::engine::invalidation_log::key_commits::KeyCommits;
use crate::engine::invalidation_log::recent_writes::RecentWrites;
use crate::engine::invalidation_log::reclaim_queue::ReclaimState;
use crate::engine::invalidation_log::repeat_queue::RepeatQueue;
use crate::engine::invalidation_log::uri_aliases::UriAliases;
use crate::engine::invalidation_log::view::LogView;
use crate::engine::local_queue::LocalQueue;
use crate::engine::queue::Queue;
use crate::engine::report::Report;
use crate::engine::store::Store;
use crate::engine::store_calendar::StoreCalendar;
use crate::engine::store_time::StoreTime;
use crate::engine::switches::switch_table::SwitchTable;

/// The parts of a cache, shared by its handles, its layers and its background tasks.
pub(crate) struct Engine {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) instance: InstanceInfo,
    pub(crate) log: LogView,
    pub(crate) store: Option<Arc<dyn Store>>,
    /// The queue of write-behind collections.
    pub(crate) queue: Option<Arc<dyn Queue>>,
    /// The queue of in-process collections.
    pub(crate) local_queue: Arc<LocalQueue>,
    pub(crate) reads: SharedReads<Option<Bytes>>,
    /// Whether the cache stores nothing, so that there is nothing to invalidate.
    pub(crate) is_disabled: bool,
    /// The bypasses that an operator has set.
    pub(crate) switches: SwitchTable,
    pub(crate) reruns: Reruns,
    pub(crate) flight_waits: FlightWaits,
    pub(crate) repeat_queue: RepeatQueue,
    pub(crate) uri_aliases: UriAliases,
    pub(crate) recent_writes: RecentWrites,
    pub(crate) group_commits: Arc<GroupCommits>,
    pub(crate) key_commits: Arc<KeyCommits>,
    pub(crate) background: Background,
    pub(crate) store_limits: StoreLimits,
    /// The maximum time that closing takes.
    pub(crate) close_timeout: Duration,
    pub(crate) report: Report,
    pub(crate) store_calendar: StoreCalendar,
    pub(crate) reclaim: ReclaimState,
    /// The feeds of invalidations, for operators.
    pub(crate) feed: FeedHub,
    /// Wakes the task that follows the log after an event was put into the outbox.
    pub(crate) outbox_filled: Notify,
    /// Ends a pause of the task that follows the log, because a caller waits for the news.
    pub(crate) news_wanted: Notify,
    /// Whether there is a collection of values, which handlers may use.
    pub(crate) has_values: AtomicBool,
    /// Whether that task runs. It ends with the runtime on which it was started.
    pub(crate) follower_runs: Arc<AtomicBool>,
    /// When the last push was sent that also polls the log, in nanoseconds of the boot clock.
    pub(crate) last_push: AtomicU64,
}

/// The limits for what goes to the shared store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StoreLimits {
    /// How long an invalidation waits for each of its steps.
    pub(crate) invalidation_timeout: Duration,
    /// Maximum size of a body that is shared.
    pub(crate) max_body_bytes: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { invalidation_timeout: Duration::from_millis(100), max_body_bytes: 8 * 1024 * 1024 }
    }
}

impl Engine {
    /// Returns the shared store, if there is one and the cache is not closed.
    pub(crate) fn open_store(&self) -> Option<&Arc<dyn Store>> {
        self.store.as_ref().filter(|_| !self.background.is_closed())
    }

    /// Notes that there is a collection of values.
    pub(crate) fn note_values(&self) {
        self.has_values.store(true, Ordering::Relaxed);
    }

    /// Whether there is a collection of values, which handlers may use.
    pub(crate) fn has_values(&self) -> bool {
        self.has_values.load(Ordering::Relaxed)
    }

    /// Returns the reason why all collections of values bypass the cache, if they do.
    #[inline]
    pub(crate) fn value_bypass(&self) -> Option<BypassReason> {
        if self.is_disabled {
            return Some(BypassReason::Disabled);
        }
        self.switches.covers_values(|| self.clock.boot()).then_some(BypassReason::SwitchedOff)
    }

    /// Returns the time that a new request may spend on the shared store.
    pub(crate) fn store_time(&self) -> StoreTime {
        StoreTime::new(self.store.as_ref().and_then(|store| store.time_limit()))
    }

    /// Returns the local number for responses of the shared tier, if it may be trusted (rule 12).
    ///
    /// Returns `None` if the shared tier may not be trusted. The check and the local number of rule
    /// 1 are read together, before the store is asked. An invalidation that is deferred while the
    /// answer is on its way has a higher local number, and so it refuses the answer.
    pub(crate) fn trusted_local_position(&self) -> Option<u64> {
        self.log.read(|tail| {
            let trusted = tail.may_trust_store(self.clock.boot(), self.log.max_staleness());
            trusted.then(|| tail.position().watermark.local)
        })
    }

    /// Whether a lease may be claimed at this moment without a lookup in the shared tier before.
    ///
    /// If not, a lookup finds out why, without an exchange.
    pub(crate) fn may_claim_first(&self) -> bool {
        self.open_store().is_some_and(|store| store.may_claim_first())
            && self.trusted_local_position().is_some()
    }

    /// Registers the rules of a policy for the URIs in its keys: which parts of the query they
    /// contain, and whether they ignore the host.
    ///
    /// From now on, each URI that is read from the log also names its keyed form. URIs that were
    /// read before did not, so everything older is refused. Both are decided under the lock of the
    /// view, so that no page is applied in between.
    pub(crate) fn register_uri_rules(&self, query: &QueryRules, ignores_host: bool) {
        let now = self.clock.boot();
        self.update_log(|tail| {
            // Both are registered, so this is no shortcut.
            if self.uri_aliases.keyed_by.register(query)
                | (ignores_host && self.uri_aliases.keyed_by.ignore_hosts())
            {
                tail.refuse_older(now);
            }
        });
    }

    /// Changes this instance's view of the log, and counts the names that were forgotten for it.
    pub(crate) fn update_log<R>(&self, change: impl FnOnce(&mut Tail) -> R) -> R {
        let (result, forgotten) = self.log.update(|tail| {
            let before = tail.forgotten();
            let result = change(tail);
            (result, tail.forgotten() - before)
        });
        self.report.names_forgotten(forgotten);
        result
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("shared", &self.store.is_some()).finish_non_exhaustive()
    }
}
