//! Deciding what to do with what is known about a value.

use larder_core::outcome::{Outcome, StaleReason};

use crate::engine::failure_table::Retry;
use crate::values::cached_value::StaleValue;
use crate::values::collection_state::{Collection, note_use};
use crate::values::load_error::{Failure, LoadErrorKind, SharedError};
use crate::values::loading::Loading;
use crate::values::loading::load_step::{LoadEnding, LoadFallback, LoadStep};
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

impl<K: ValueKey, V: Send + Sync + 'static> Loading<'_, K, V> {
    /// Decides what to do with what is known about the value.
    pub(super) fn evaluate(&self, lookup: ValueLookup<V>) -> LoadStep<V> {
        let collection = self.collection;
        let fallback = match lookup {
            ValueLookup::Fresh(cached, tier) => {
                return LoadStep::Done(LoadEnding::found(cached, Outcome::Hit(tier)));
            }
            ValueLookup::Stale(stale) if !self.may_be_stale() => LoadFallback::without(stale.reason),
            ValueLookup::Stale(stale) if stale.while_revalidate => return self.revalidate(stale),
            ValueLookup::Stale(stale) if collection.should_retry_later(&stale) => {
                return LoadStep::Done(LoadEnding::stale(stale, StaleReason::IfError));
            }
            ValueLookup::Stale(stale) => LoadFallback::with(stale),
            ValueLookup::Miss(reason) => LoadFallback::without(reason),
        };
        match collection.remembered_error(self.key, self.is_own_error) {
            Some(failure) => LoadStep::Done(LoadEnding::Fail(failure, fallback.reason)),
            None => LoadStep::Join(fallback),
        }
    }

    /// Serves a stale value while it is refreshed.
    ///
    /// Without a loader, one request loads the value, and the others get the stale one at once.
    fn revalidate(&self, stale: StaleValue<V>) -> LoadStep<V> {
        let collection = self.collection;
        if collection.functions.loader.is_some() {
            return LoadStep::Done(LoadEnding::Refresh(stale));
        }
        if collection.may_retry(&stale) != Retry::NotDue {
            let engine = &collection.engine;
            let (now, position) = (engine.clock.boot(), engine.log.position());
            if let Some(leader) = collection.flights.try_lead(self.flight_key(), now, position) {
                return LoadStep::Lead(leader, LoadFallback::with(stale));
            }
        }
        LoadStep::Done(LoadEnding::stale(stale, StaleReason::WhileRevalidate))
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Returns the error of a load that failed a moment ago, if the caller can use it.
    pub(super) fn remembered_error(
        &self,
        key: &K,
        is_own_error: fn(&SharedError) -> bool,
    ) -> Option<Failure> {
        self.options.error_ttl?;
        let remembered = self.errors.find(key, &self.engine.log, self.engine.clock.boot())?;
        if !is_own_error(&remembered.error) {
            return None;
        }
        note_use(|| remembered.used());
        Some(Failure { error: remembered.error.clone(), kind: LoadErrorKind::Remembered })
    }

    /// Whether a load has failed a moment ago, so that the stale value is served at once.
    fn should_retry_later(&self, stale: &StaleValue<V>) -> bool {
        self.may_serve_on_error(stale) && self.may_retry(stale) == Retry::NotDue
    }

    /// Returns whether a request may load the value that replaces this one.
    pub(super) fn may_retry(&self, stale: &StaleValue<V>) -> Retry {
        let delay = self.options.retry_after_error;
        self.failures.try_retry(&*stale.cached, self.engine.clock.boot(), delay)
    }
}
