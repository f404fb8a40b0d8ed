//! The handle of operators: what goes over the shared store alone.
//!
//! - `mod.rs`: [`Fleet`], the instances, the statistics and the log
//! - `fleet_invalidation.rs`: invalidating, and freeing the memory of the store
//! - `fleet_preview.rs`: what an invalidation would reach in the store
//! - `log_reader.rs`: [`LogReader`], which reads the log as it grows
//! - `fleet_bypass.rs`: the switches of all instances
//! - `fleet_advice.rs`: what the figures of the store and of the instances say
//! - `fleet_inspection.rs`: everything in the store under one key, and what the log says about it

mod fleet_advice;
mod fleet_bypass;
pub(crate) mod fleet_inspection;
pub(crate) mod fleet_invalidation;
pub(crate) mod fleet_preview;
pub(crate) mod log_reader;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::last_appends::LastAppends;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::lease::Leases;
use larder_core::monitoring::{Instance, StoreStats};
use larder_core::store::{InvalidationLog, StoreError};
use larder_core::time::{Clock, WallTime};
use tokio::time::Instant;

use crate::cache::until_answered::{NO_ADDRESS, until_answered};
use crate::engine::clock::SystemClock;
use crate::engine::store::Store;
use crate::engine::store_calendar::StoreCalendar;

/// The time of a wait that only shows whether the store answers, if the log has no entry.
const SHORT_WAIT: Duration = Duration::from_millis(1);

/// The instances that share a store, as an operator reaches them: through the store alone.
///
/// A program with this handle is no instance. It caches nothing, claims no lease, is not listed by
/// [`Cache::instances`](crate::Cache::instances), and runs no task in the background. So it works
/// while no application runs. Each method asks the store, so wait with [`ready`](Self::ready) until
/// it is connected.
///
/// # Examples
///
/// ```no_run
/// # #[cfg(feature = "redis")]
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
///
/// use larder::Tag;
/// use larder::fleet::Fleet;
/// use larder::redis::RedisStore;
///
/// let fleet = Fleet::new(RedisStore::connect("redis://127.0.0.1:6379")?);
/// fleet.ready(Duration::from_secs(5)).await?;
/// let appended = fleet.invalidate(Tag::new("product:42")).await?;
/// println!("in the log at {}", appended.log_id);
/// fleet.close().await;
/// # Ok(())
/// # }
/// # #[cfg(not(feature = "redis"))]
/// # fn main() {}
/// ```
pub struct Fleet {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Dates of the store are converted with it.
    calendar: StoreCalendar,
}

/// The end of the invalidation log at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogEnd {
    /// The incarnation of the log.
    pub incarnation: Incarnation,
    /// The id of its last entry.
    pub last: LogId,
    /// The time, by the clock of the store.
    pub now: WallTime,
}

impl Fleet {
    /// Creates the handle for the instances that share this store.
    #[must_use]
    pub fn new(store: impl Leases + InvalidationLog) -> Self {
        let calendar = StoreCalendar::default();
        Self { store: Arc::new(store), clock: Arc::new(SystemClock), calendar }
    }

    /// Waits until the store can be used: its log, and what is stored.
    ///
    /// # Errors
    ///
    /// Returns an error as soon as the store refuses a question, or if it cannot be reached within
    /// `limit`.
    pub async fn ready(&self, limit: Duration) -> Result<(), StoreError> {
        until_answered(Instant::now() + limit, async || self.ask_all().await).await
    }

    /// Asks over each kind of connection that the methods use.
    async fn ask_all(&self) -> Result<(), StoreError> {
        let LogEnd { incarnation, last, .. } = self.log_end().await?;
        // The last entry is news after the one before it, so the answer comes at once. A wait that
        // times out can take as long as a tick of Redis, which is 100 ms.
        self.store.wait_for_news(cursor(incarnation, last.before(), 0), SHORT_WAIT).await?;
        self.store.get(NO_ADDRESS).await.map(drop)
    }

    /// Returns the instances that share the store, in the order of their starts.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached, refuses the command or has no such list.
    pub async fn instances(&self) -> Result<Vec<Instance>, StoreError> {
        self.store.instances().await
    }

    /// Returns the counters of the store, and its use of memory.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached or has no statistics.
    pub async fn store_stats(&self) -> Result<StoreStats, StoreError> {
        self.store.store_stats().await
    }

    /// Returns the end of the log, without its entries.
    ///
    /// If the store has no log, this begins one, like the poll of an instance.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached, or if it accepts no writes.
    pub async fn log_end(&self) -> Result<LogEnd, StoreError> {
        // No log has this incarnation, so this begins at the last checkpoint, not far from the end.
        let LogPage { incarnation, last, now, .. } = self.poll(cursor(random(), LogId::ZERO, 0)).await?;
        Ok(LogEnd { incarnation, last, now })
    }

    /// Ends the connections of the store.
    pub async fn close(&self) {
        self.store.close().await;
    }

    /// Polls the log, and notes the time of the store.
    async fn poll(&self, cursor: Cursor) -> Result<LogPage, StoreError> {
        let asked = self.clock.wall();
        let page = self.store.poll(cursor).await?;
        self.calendar.note(page.now, asked, self.clock.wall());
        Ok(page)
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").finish_non_exhaustive()
    }
}

/// Returns an incarnation that no log has.
fn random() -> Incarnation {
    Incarnation::from_bytes(fastrand::u128(..).to_be_bytes())
}

/// Returns the cursor of a reader, which does not start and appends nothing.
const fn cursor(incarnation: Incarnation, after: LogId, capacity: usize) -> Cursor {
    let appends = LastAppends { newest: None, elsewhere: None };
    // Instances that start wait for each other. A reader is not one of them.
    Cursor { incarnation, after, broken: false, capacity, replaying: false, appends }
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::selector::Event;
    use larder_testing::MemoryStore;

    use super::*;

    /// Redis ends a wait without news only with its next tick, so a wait would take much longer.
    #[tokio::test(start_paused = true)]
    async fn a_log_with_an_entry_is_ready_without_a_wait() {
        let store = MemoryStore::new();
        InvalidationLog::append(&store, &[Event::EVERYTHING]).await.unwrap();
        let (fleet, begun) = (Fleet::new(store), Instant::now());
        fleet.ready(Duration::from_secs(60)).await.unwrap();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_log_is_ready_after_a_short_wait() {
        let (fleet, begun) = (Fleet::new(MemoryStore::new()), Instant::now());
        fleet.ready(Duration::from_secs(60)).await.unwrap();
        assert!(begun.elapsed() <= 2 * SHORT_WAIT, "{:?}", begun.elapsed());
    }
}
