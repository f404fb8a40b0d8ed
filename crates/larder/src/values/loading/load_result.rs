//! Deciding what the result of a load means.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use larder_core::invalidation::names::Names;
use larder_core::outcome::{Outcome, StaleReason};

use crate::engine::lease::fill_result::FillResult;
use crate::engine::report::value_counters::LoadOutcome;
use crate::values::cached_value::StaleValue;
use crate::values::collection_state::Collection;
use crate::values::error_table::RememberedError;
use crate::values::load_error::SharedError;
use crate::values::loading::claim_load::LoadPurpose;
use crate::values::loading::load_run::{LoadEnd, LoadFailed, LoadResult, LoadRun, LoadTimes, LoadedValue};
use crate::values::value_event::ValueOutcome;
use crate::values::value_key::ValueKey;

/// A number that is never a generation of the table.
const NEVER: u64 = u64::MAX;

impl<K: ValueKey, V: Send + Sync + 'static> LoadRun<K, V> {
    /// Acts on the end of a load.
    ///
    /// A panic counts as a failure. Without a stale value to serve, it goes on, and followers elect
    /// another leader.
    pub(super) fn end(mut self, end: LoadEnd<V>, times: LoadTimes) -> LoadResult<V> {
        let outcome = match &end {
            Ok(Ok(Some(_))) => LoadOutcome::Value,
            Ok(Ok(None)) => LoadOutcome::Absence,
            Ok(Err(_)) | Err(_) => LoadOutcome::Error,
        };
        self.collection.counters.loaded(outcome, times.cost);
        let failed = match end {
            Ok(Ok(value)) => return Ok(self.commit(value, times)),
            Ok(Err(error)) => Ok(error),
            Err(panic) => Err(panic),
        };
        match (self.take_usable_stale(), failed) {
            (Some(stale), _) => Ok(self.serve_stale(stale)),
            (None, Ok(error)) => Err(self.fail(error, times)),
            (None, Err(panic)) => {
                self.record_failed_refresh();
                drop(self);
                resume_unwind(panic)
            }
        }
    }

    /// Takes the stale value if it may be served instead of the failure of the load.
    fn take_usable_stale(&mut self) -> Option<StaleValue<V>> {
        let collection = &self.collection;
        self.stale.take_if(|stale| collection.may_serve_on_error(stale))
    }

    /// Serves the stale value to all that wait, here and on other instances.
    ///
    /// For a while, no load is tried again.
    fn serve_stale(self, stale: StaleValue<V>) -> LoadedValue<V> {
        let Self { collection, leader, lease, .. } = self;
        let delay = collection.record_failure(&stale, None);
        if let Some(leader) = leader {
            leader.finish(ValueOutcome::ServedStale(stale.clone(), StaleReason::IfError));
        }
        if let Some(lease) = lease {
            let result = FillResult::ServedStale.into_bytes();
            if delay.is_zero() { lease.finish_with(result) } else { lease.finish_with_failure(result, delay) }
        }
        let outcome = Outcome::Stale(stale.tier, StaleReason::IfError);
        LoadedValue { cached: stale.cached, outcome }
    }

    /// Ends the flight with an error. Instances that wait load for themselves, few at a time.
    fn fail(self, error: SharedError, times: LoadTimes) -> LoadFailed {
        self.record_failed_refresh();
        self.remember(&error, times);
        let Self { leader, lease, outcome, .. } = self;
        if let Some(leader) = leader {
            leader.finish(ValueOutcome::Failed(Arc::clone(&error)));
        }
        if let Some(lease) = lease {
            lease.finish_with(FillResult::FailureNotShared.into_bytes());
        }
        LoadFailed { error, outcome }
    }

    /// Records the failure of a load whose stale value may not be served on error.
    ///
    /// The load is then not tried by every request that still gets the stale value.
    fn record_failed_refresh(&self) {
        let is_served =
            |stale: &&StaleValue<V>| self.purpose == LoadPurpose::Refresh || stale.while_revalidate;
        if let Some(stale) = self.stale.as_ref().filter(is_served) {
            self.collection.record_failure(stale, None);
        }
    }

    /// Remembers the error, if the collection does so.
    fn remember(&self, error: &SharedError, times: LoadTimes) {
        let collection = &self.collection;
        let Some(ttl) = collection.options.error_ttl.filter(|_| !self.is_late) else { return };
        let now = collection.engine.clock.boot();
        let used = self.lowered(times);
        let remembered = RememberedError {
            error: Arc::clone(error),
            until: now.saturating_add(ttl),
            names: Names::of_value(&self.text, &[]),
            position: used.position,
            filled_at: used.filled_at.unwrap_or_default(),
            valid_at: AtomicU64::new(NEVER),
        };
        collection.errors.insert(self.key.clone(), remembered, now);
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Records that a load failed to replace this value. Returns for how long none is tried again.
    ///
    /// `retry_after` is how long another instance waits.
    pub(super) fn record_failure(&self, stale: &StaleValue<V>, retry_after: Option<Duration>) -> Duration {
        let delay = self.options.retry_after_error.max(retry_after.unwrap_or_default());
        if !delay.is_zero() {
            self.failures.record(&*stale.cached, self.engine.clock.boot(), delay);
        }
        delay
    }
}
