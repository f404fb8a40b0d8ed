//! Invalidating over the shared store alone.

use std::time::Duration;

use larder_core::invalidation::outbox::batches;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Event, KeyScope, Mode};
use larder_core::store::{ReclaimRequest, StoreError, StoreErrorKind};
use tokio::time::{Instant, sleep};

use crate::cache::fleet::Fleet;
use crate::engine::invalidate::append::bounded_events;
use crate::engine::invalidate::reclaim::BETWEEN_SCANS;
use crate::engine::invalidation_log::invalidation::Invalidation;

/// An invalidation that is in the log.
///
/// Returned by [`Fleet::invalidate`]. Each instance applies it within its
/// [`max_staleness`](crate::CacheBuilder::max_staleness).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AppendedInvalidation {
    /// The incarnation of the log.
    pub incarnation: Incarnation,
    /// The id of its last entry.
    pub log_id: LogId,
    /// How many selectors the log has for it.
    pub selectors: usize,
    /// The requests to remove entries from the store.
    reclaimable: Vec<ReclaimRequest>,
}

/// The entries that were removed from the store after an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct FleetReclaim {
    /// The number of responses and values that were removed.
    pub removed: u64,
    /// Whether everything was removed that can be found by its key.
    ///
    /// The rest is refused like everything that was invalidated, and expires.
    pub is_complete: bool,
}

/// Invalidating.
impl Fleet {
    /// Appends an invalidation to the log.
    ///
    /// The instances apply it when they read it, usually within a millisecond, and in any case
    /// within their `max_staleness`. An instance that starts later refuses what it names as well.
    /// If no application runs, that is enough.
    ///
    /// There is no outbox: what fails here is not repeated by any task. Repeat the call. An append
    /// that timed out may have happened, and its duplicate costs only misses.
    ///
    /// # Errors
    ///
    /// Returns an error if the log could not be written, or if the invalidation names nothing. A
    /// part of a large invalidation may be in the log then.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::fleet::Fleet;
    /// use larder::store::StoreError;
    /// use larder::{Invalidation, Tag};
    ///
    /// async fn purge(fleet: &Fleet, product: u64) -> Result<(), StoreError> {
    ///     let invalidation = Invalidation::tag(format!("product:{product}")).soft();
    ///     let appended = fleet.invalidate(invalidation).await?;
    ///     println!("in the log at {}", appended.log_id);
    ///     Ok(())
    /// }
    /// ```
    pub async fn invalidate(
        &self,
        what: impl Into<Invalidation> + Send,
    ) -> Result<AppendedInvalidation, StoreError> {
        let events = bounded_events(what.into().events());
        let mut appended: Option<AppendedInvalidation> = None;
        for batch in batches(&events) {
            let (incarnation, log_id) = self.store.append(batch).await?;
            let mut reclaimable = appended.map(|appended| appended.reclaimable).unwrap_or_default();
            reclaimable.extend(requests(batch, incarnation, log_id));
            appended =
                Some(AppendedInvalidation { incarnation, log_id, selectors: events.len(), reclaimable });
        }
        appended.ok_or_else(|| StoreError::new(StoreErrorKind::Refused, "the invalidation names nothing"))
    }

    /// Removes from the store what an invalidation has refused, as far as keys show it.
    ///
    /// This only frees memory. It does what an instance does in the background after
    /// [`Cache::invalidate`](crate::Cache::invalidate): at most 20 scans of 500 keys in a second,
    /// for up to `limit`. Nothing is removed that was filled after the invalidation.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached.
    pub async fn reclaim(
        &self,
        appended: &AppendedInvalidation,
        limit: Duration,
    ) -> Result<FleetReclaim, StoreError> {
        let deadline = Instant::now() + limit;
        let mut done = FleetReclaim { removed: 0, is_complete: true };
        for request in &appended.reclaimable {
            let mut from = None;
            loop {
                let step = self.store.reclaim(request, from).await?;
                done.removed += step.responses;
                let Some(next) = step.next else { break };
                if Instant::now() + BETWEEN_SCANS >= deadline {
                    return Ok(FleetReclaim { is_complete: false, ..done });
                }
                from = Some(next);
                if step.scans > 0 {
                    sleep(BETWEEN_SCANS).await;
                }
            }
        }
        Ok(done)
    }
}

/// Returns the requests to free the memory of what these events refuse.
fn requests(events: &[Event], incarnation: Incarnation, before: LogId) -> Vec<ReclaimRequest> {
    let hard = events.iter().filter(|event| event.mode == Mode::Hard);
    hard.flat_map(|event| event.selector.for_reclaim())
        .filter(|selector| selector.key_scope() != KeyScope::Unknown)
        .map(|selector| ReclaimRequest { selector, incarnation, before })
        .collect()
}
