//! What a cache consists of.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use larder_core::log::tail::Tail;
use larder_core::time::Clock;
use tokio::sync::Notify;

use crate::engine::background::Background;
use crate::engine::coalesce::flight::Flights;
use crate::engine::coalesce::reruns::Reruns;
use crate::engine::invalidate::reclaim::Reclaimer;
use crate::engine::invalidate::repeat::RepeatQueue;
use crate::engine::invalidation_log::group_commit::Groups;
use crate::engine::invalidation_log::recent_writes::RecentWrites;
use crate::engine::invalidation_log::uri_aliases::KeyedBy;
use crate::engine::invalidation_log::view::LogView;
use crate::engine::report::Report;
use crate::engine::store::Store;
use crate::http::memory::Memory;
use crate::http::memory::variation_table::Variations;

/// The parts of a cache, shared by its handles, its layers and the task that follows the log.
pub(crate) struct Inner {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) memory: Memory,
    pub(crate) log: LogView,
    pub(crate) store: Option<Arc<dyn Store>>,
    pub(crate) flights: Flights,
    pub(crate) reruns: Reruns,
    pub(crate) repeats: RepeatQueue,
    pub(crate) variations: Variations,
    pub(crate) keyed_by: KeyedBy,
    pub(crate) recent_writes: RecentWrites,
    pub(crate) groups: Arc<Groups>,
    pub(crate) background: Background,
    /// How long closing may take.
    pub(crate) close_within: Duration,
    pub(crate) report: Report,
    pub(crate) reclaimer: Reclaimer,
    /// Wakes the task that follows the log when something was put into the outbox.
    pub(crate) deferred: Notify,
    /// Whether that task was started.
    pub(crate) following: OnceLock<()>,
}

impl Inner {
    /// The shared store, while it is to be asked.
    pub(crate) fn shared(&self) -> Option<&Arc<dyn Store>> {
        self.store.as_ref().filter(|_| !self.background.is_closed())
    }

    /// Changes what is known of the log, and counts what had to be forgotten for it.
    pub(crate) fn change_log<R>(&self, change: impl FnOnce(&mut Tail) -> R) -> R {
        let (result, forgotten) = self.log.change(|tail| {
            let before = tail.forgotten();
            let result = change(tail);
            (result, tail.forgotten() - before)
        });
        self.report.forgot(forgotten);
        result
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("shared", &self.store.is_some()).finish_non_exhaustive()
    }
}
