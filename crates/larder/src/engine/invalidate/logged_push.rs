//! Invalidations that are appended together with a queued write, in one step.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder_core::invalidation::append_status::{AppendStatus, Appended};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::tail::Tail;
use larder_core::time::BootTime;
use larder_core::write_queue::{LogFollower, LoggedEvent, PollStart, PushedPage};

use crate::engine::invalidate::append::{AppendResult, append_logged_key};
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::invalidate::log_pages::PageAnswer;
use crate::engine::queue::Queue;
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;

/// Returns the follower of the log for pushes to this queue.
///
/// Returns `None` if the queue and the log are not in one store.
pub(crate) fn follower_for(engine: &Arc<Engine>, queue: &dyn Queue) -> Option<Arc<dyn LogFollower>> {
    let log = engine.store.as_ref()?.store_id()?;
    (queue.store_id()? == log).then(|| Arc::clone(engine) as Arc<dyn LogFollower>)
}

/// Whether a push may append an event to the log now. If so, the log is followed from now on.
pub(crate) fn may_log_pushes(engine: &Arc<Engine>) -> bool {
    if engine.is_disabled || engine.background.is_closed() {
        return false;
    }
    spawn_follower(engine);
    true
}

/// Waits until this instance has applied the event of a write that was pushed.
///
/// Usually, it has done so with the answer to the push. If the event was lost with its log, it is
/// appended again.
pub(crate) async fn apply_logged_key(
    engine: &Arc<Engine>,
    key: &Arc<str>,
    event: LoggedEvent,
) -> AppendResult {
    engine.report.invalidated(1);
    let LoggedEvent { appended, has_rival } = event;
    if engine.log.read(|tail| tail.append_status(&appended)) == AppendStatus::Applied {
        return AppendResult::applied((!has_rival).then_some(appended));
    }
    append_logged_key(engine, key, event).await
}

impl Engine {
    /// Whether a push that polls the log was sent less than this time ago.
    pub(super) fn pushed_lately(&self, within: Duration) -> bool {
        let last = BootTime::from_nanos(self.last_push.load(Ordering::Relaxed));
        last != BootTime::ZERO && self.clock.boot().saturating_since(last) < within
    }
}

impl LogFollower for Engine {
    fn begin_poll(&self) -> PollStart {
        let sent = self.clock.boot();
        self.last_push.store(sent.as_nanos(), Ordering::Relaxed);
        PollStart { cursor: self.log.read(|tail| tail.cursor(sent)), sent }
    }

    fn appended(&self, incarnation: Incarnation, id: LogId, page: Option<PushedPage>) -> Appended {
        self.feed.begin_append(&[]).appended(id);
        let note = |tail: &mut Tail| {
            // In one step: see `append_batch`.
            let appended = Appended { incarnation, id, answered: self.clock.boot() };
            tail.note_appended(&appended);
            appended
        };
        let Some(PushedPage { start: PollStart { cursor, sent }, page }) = page else {
            return self.log.note(note);
        };
        self.report.store_ok(StoreOp::Append, sent, &*self.clock);
        self.update_log(|tail| {
            let appended = note(tail);
            let took = appended.answered.saturating_since(sent);
            PageAnswer { cursor, sent, took, page }.apply_pushed(self, tail);
            appended
        })
    }
}
