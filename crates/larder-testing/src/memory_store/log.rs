//! The invalidation log of the store.

use std::time::Duration;

use larder_core::invalidation::last_appends::LastAppends;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::Event;
use larder_core::store::{InvalidationLog, StoreError};
use larder_core::time::WallTime;
use tokio::time::{Instant, timeout};

use crate::memory_store::MemoryStore;

/// The entries of the current incarnation.
pub(super) struct Log {
    entries: Vec<(LogId, Vec<Event>)>,
    /// The number of incarnations before this one.
    restarts: u64,
    /// The start of the clock that the ids are taken from.
    began: Instant,
    /// The start of this incarnation.
    restarted: Instant,
}

impl Log {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { entries: Vec::new(), restarts: 0, began: now, restarted: now }
    }

    /// Begins a new incarnation.
    pub(super) fn restart(&mut self) {
        self.restarts += 1;
        self.restarted = Instant::now();
        self.entries.clear();
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        Incarnation::from_bytes((u128::from(self.restarts) + 1).to_be_bytes())
    }

    /// Returns the id of the last entry.
    fn last(&self) -> LogId {
        self.entries.last().map_or(LogId::ZERO, |(id, _)| *id)
    }

    /// Returns the milliseconds on the clock of the log, which begins at 1.
    fn millis(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    /// Returns the number of entries.
    pub(super) fn length(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Returns the age of the first entry that a reader of this position has not read.
    ///
    /// `None` if it follows another incarnation.
    pub(super) fn lag(&self, incarnation: Incarnation, position: LogId) -> Option<Duration> {
        let unread = self.entries.iter().map(|(id, _)| id).find(|id| **id > position);
        let age = unread.map_or(0, |id| self.millis().saturating_sub(id.millis));
        (incarnation == self.incarnation()).then_some(Duration::from_millis(age))
    }

    fn append(&mut self, events: &[Event]) -> LogId {
        let id = LogId::new(self.millis(), self.entries.len() as u64);
        self.entries.push((id, events.to_vec()));
        id
    }

    /// Returns whether this incarnation began after these appends to other incarnations.
    fn began_after(&self, appends: LastAppends) -> bool {
        let age = self.restarted.elapsed();
        appends.outside(self.incarnation()).is_none_or(|appended| age < appended)
    }

    /// Returns the id that the caller has read up to in this incarnation.
    fn read_up_to(&self, cursor: Cursor) -> LogId {
        if cursor.incarnation == self.incarnation() { cursor.after } else { LogId::ZERO }
    }
}

impl InvalidationLog for MemoryStore {
    async fn wait_for_news(&self, cursor: Cursor, at_most: Duration) -> Result<(), StoreError> {
        // Listen before reading the log, so that no entry in between is missed.
        let news = self.news.notified();
        let has_news = {
            let log = &self.working()?.log;
            cursor.incarnation != log.incarnation() || cursor.after < log.last()
        };
        if !has_news {
            let _ = timeout(at_most, news).await;
        }
        self.working().map(drop)
    }

    async fn poll(&self, cursor: Cursor) -> Result<LogPage, StoreError> {
        let log = &mut self.working()?.log;
        if cursor.broken && cursor.incarnation == log.incarnation() {
            log.restart();
        }
        let after = log.read_up_to(cursor);
        Ok(LogPage {
            incarnation: log.incarnation(),
            floor: LogId::ZERO,
            last: log.last(),
            now: WallTime::from_unix_millis(log.millis()),
            entries: log.entries.iter().filter(|(id, _)| *id > after).cloned().collect(),
            more: false,
            fenced: log.began_after(cursor.appends),
            is_busy: false,
        })
    }

    async fn append(&self, events: &[Event]) -> Result<(Incarnation, LogId), StoreError> {
        let appended = {
            let log = &mut self.working()?.log;
            let id = log.append(events);
            (log.incarnation(), id)
        };
        self.news.notify_waiters();
        Ok(appended)
    }
}
