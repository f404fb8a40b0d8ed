//! The view that this process has of the log, shared by the task that polls it and by requests.

#[cfg(test)]
mod tests;

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{self, Tail};
use larder_core::outcome::MissReason;
use larder_core::time::BootTime;

use crate::engine::invalidation_log::stamped::Stamped;
use crate::engine::invalidation_log::wait_slots::WaitSlots;
use crate::engine::sync::{AtomicU64, Notify, RwLock, timeout_at};

/// The tail of the log, and the parts of it that a hit reads without a lock.
///
/// Rule 11: "The tail publishes rows and floor, then the generation, then its position, then
/// `confirmed_at`, then wakes `invalidate`. A hit loads `confirmed_at`, then the generation, then,
/// only if that changed, the rows."
///
/// Rows, floor and position change under one lock. The generation changes before that lock is
/// released.
pub(crate) struct LogView {
    tail: RwLock<Tail>,
    generation: AtomicU64,
    /// The moment of the last confirmation in nanoseconds of [`BootTime`], or zero for never.
    confirmed_at: AtomicU64,
    max_staleness: Duration,
    changed: Notify,
    pub(super) wait_slots: WaitSlots,
}

impl LogView {
    pub(crate) fn new(tail: Tail, max_staleness: Duration) -> Self {
        Self {
            generation: AtomicU64::new(tail.generation()),
            confirmed_at: AtomicU64::new(tail.confirmed_at().map_or(0, BootTime::as_nanos)),
            tail: RwLock::new(tail),
            max_staleness,
            changed: Notify::new(),
            wait_slots: WaitSlots::default(),
        }
    }

    pub(crate) const fn max_staleness(&self) -> Duration {
        self.max_staleness
    }

    /// Checks a stored value against the log.
    ///
    /// The second result is whether the value is confirmed (rule 10).
    #[inline]
    pub(crate) fn verdict(&self, stored: &impl Stamped, now: BootTime) -> (Verdict, bool) {
        let confirmed_at = self.confirmed_at();
        let generation = self.generation.load(Ordering::Acquire);
        let confirmed = tail::is_usable(stored.filled_at(), confirmed_at, self.max_staleness, now);
        if stored.valid_at().load(Ordering::Relaxed) == generation {
            return (Verdict::Valid, confirmed);
        }
        let verdict = self.read(|tail| tail.check(stored.position(), stored.names(), now));
        if verdict == Verdict::Valid {
            stored.valid_at().store(generation, Ordering::Relaxed);
        }
        (verdict, confirmed)
    }

    /// Returns the reason why the log refuses this stored value.
    pub(crate) fn refusal_reason(&self, stored: &impl Stamped) -> MissReason {
        match stored.position().incarnation == self.position().incarnation {
            true => MissReason::Invalidated,
            false => MissReason::LogRestarted,
        }
    }

    /// Returns whether a request may join a flight that began at `began` (rule 13).
    ///
    /// `confirmed_at` was read before the request read its position.
    pub(crate) fn may_join(&self, began: BootTime, confirmed_at: Option<BootTime>, now: BootTime) -> bool {
        tail::may_join(began, confirmed_at, self.max_staleness, now)
    }

    /// Returns whether a request of `now` may use a response that was filled then (rule 10).
    pub(crate) fn is_usable(&self, filled_at: Option<BootTime>, now: BootTime) -> bool {
        tail::is_usable(filled_at, self.confirmed_at(), self.max_staleness, now)
    }

    /// Returns whether the log was ever read to its end.
    pub(crate) fn has_caught_up(&self) -> bool {
        self.confirmed_at().is_some()
    }

    pub(crate) fn position(&self) -> Position {
        self.read(Tail::position)
    }

    pub(crate) fn read<R>(&self, read: impl FnOnce(&Tail) -> R) -> R {
        read(&self.tail.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the tail, and publishes the change in the order of rule 11.
    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut Tail) -> R) -> R {
        let (result, confirmed_at) = {
            let mut tail = self.tail.write().unwrap_or_else(PoisonError::into_inner);
            let result = change(&mut tail);
            self.generation.store(tail.generation(), Ordering::Release);
            (result, tail.confirmed_at())
        };
        // Pushes change this too, and may overtake the task that follows the log.
        let confirmed_at = confirmed_at.map_or(0, BootTime::as_nanos);
        self.confirmed_at.fetch_max(confirmed_at, Ordering::Release);
        self.changed.notify_waiters();
        result
    }

    /// Changes what the tail knows of this instance's own appends, under its lock.
    ///
    /// This publishes nothing and wakes no task: no verdict and no
    /// [`append_status`](Tail::append_status) depends on it. Many invalidations at the same moment
    /// would otherwise wake each other all the time.
    pub(crate) fn note<R>(&self, change: impl FnOnce(&mut Tail) -> R) -> R {
        change(&mut self.tail.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until `done` returns `true` for the tail, but not longer than until `deadline`.
    pub(crate) async fn wait(&self, deadline: tokio::time::Instant, done: impl Fn(&Tail) -> bool) {
        loop {
            // Listen before reading the tail, so that no change in between is missed.
            let changed = self.changed.notified();
            if self.read(&done) || timeout_at(deadline, changed).await.is_err() {
                return;
            }
        }
    }

    #[inline]
    pub(crate) fn confirmed_at(&self) -> Option<BootTime> {
        match self.confirmed_at.load(Ordering::Acquire) {
            0 => None,
            nanos => Some(BootTime::from_nanos(nanos)),
        }
    }
}

/// Returns the moment that is this far away, for [`LogView::wait`].
pub(crate) fn deadline_in(limit: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + limit
}
