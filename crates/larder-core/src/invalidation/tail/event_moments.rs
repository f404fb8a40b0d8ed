//! The moments of events, by the clock of the log, and what a lagging replica may have missed.

use std::time::Duration;

use super::Tail;
use crate::invalidation::event_time::EventTime;
use crate::invalidation::log_page::LogPage;
use crate::invalidation::names::Names;
use crate::invalidation::position::LogId;
use crate::time::BootTime;

/// The resolution of the moments in the log.
const LOG_RESOLUTION: Duration = Duration::from_millis(1);
/// The maximum time for which an event may count as earlier than it was, because a poll took long.
const MAX_POLL_TIME: Duration = Duration::from_secs(5);

impl Tail {
    /// Returns until when a response may be older than an invalidation of its names, if its fill
    /// began at `began` and read from a replica that lags by up to `lag`.
    ///
    /// This is `lag` after the earliest invalidation, hard or soft, that was less than `lag` before
    /// `began`. A later one does not replace it: the fill may have missed both. Returns `None` if
    /// there was none, and a moment up to `began` if there may have been one that is forgotten.
    #[must_use]
    pub fn lagging_until(&self, names: &Names, began: BootTime, lag: Duration) -> Option<BootTime> {
        // The moment of an event is at most this much too early.
        let error = self.poll_time.saturating_add(LOG_RESOLUTION);
        let earliest = EventTime::before(began, lag.saturating_add(error));
        self.table.earliest_after(names, earliest).map(|at| at.plus(lag))
    }

    /// Notes that this process knows no invalidation from before `now`, because it has just begun.
    ///
    /// This is for a process that is itself the log. Any other one learns from the log when that
    /// began.
    pub fn note_start(&mut self, now: BootTime) {
        self.table.note_forgotten(now.into());
    }

    /// Notes how long a poll took that brings entries, before they are
    /// [applied](Self::apply_page).
    pub fn note_poll_time(&mut self, took: Duration) {
        self.poll_time = self.poll_time.max(took.min(MAX_POLL_TIME));
    }

    /// Returns the moment of an entry, by the log's own clock.
    ///
    /// The answer was given after `sent`, so the moment may be too early by the time that the
    /// answer took. The clock of the log may step, and the ids do not follow it back. But an entry
    /// that the poll before did not show is not older than that poll.
    pub(super) fn time_of(&self, id: LogId, look: &LogPage, sent: BootTime) -> EventTime {
        let millis = look.now.unix_millis().max(look.last.millis);
        let age = Duration::from_millis(millis.saturating_sub(id.millis));
        let at = EventTime::before(sent, age);
        let polled = if self.replayed { self.confirmed_at } else { None };
        polled.map_or(at, |polled| at.max(polled.into()))
    }
}
