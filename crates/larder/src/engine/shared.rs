//! What a cache consists of.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use larder_core::log::tail::Tail;
use larder_core::time::Clock;
use tokio::sync::Notify;

use crate::engine::background::Background;
use crate::engine::coalesce::reruns::Reruns;
use crate::engine::invalidation_log::group_commit::GroupCommits;
use crate::engine::invalidation_log::recent_writes::RecentWrites;
use crate::engine::invalidation_log::reclaim_queue::ReclaimState;
use crate::engine::invalidation_log::repeat_queue::RepeatQueue;
use crate::engine::invalidation_log::uri_aliases::UriAliases;
use crate::engine::invalidation_log::view::LogView;
use crate::engine::report::Report;
use crate::engine::store::Store;

/// The parts of a cache, shared by its handles, its layers and the task that follows the log.
pub(crate) struct Engine {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) log: LogView,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) reruns: Reruns,
    pub(crate) repeat_queue: RepeatQueue,
    pub(crate) uri_aliases: UriAliases,
    pub(crate) recent_writes: RecentWrites,
    pub(crate) group_commits: Arc<GroupCommits>,
    pub(crate) background: Background,
    /// How long closing may take.
    pub(crate) close_timeout: Duration,
    pub(crate) report: Report,
    pub(crate) reclaim: ReclaimState,
    /// Wakes the task that follows the log when something was put into the outbox.
    pub(crate) outbox_filled: Notify,
    /// Whether that task was started.
    pub(crate) follower_started: OnceLock<()>,
}

impl Engine {
    /// The shared store, while it is to be asked.
    pub(crate) fn open_store(&self) -> Option<&Arc<dyn Store>> {
        self.store.as_ref().filter(|_| !self.background.is_closed())
    }

    /// Whether what the shared tier answers from now on may be trusted, and if so with which local number.
    ///
    /// Both are read together and before the store is asked: rule 12, and the local number that goes with it (rule 1). An
    /// invalidation that is deferred while the answer is on its way has a higher number, and refuses it.
    pub(crate) fn trusted_local_position(&self) -> Option<u64> {
        self.log.read(|tail| {
            let trusted = tail.trusts_shared(self.clock.boot(), self.log.max_staleness());
            trusted.then(|| tail.position().mark.local)
        })
    }

    /// Changes what is known of the log, and counts what had to be forgotten for it.
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
