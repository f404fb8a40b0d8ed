//! Committing a loaded value: it is stored in memory, then followers get it, then it is shared.

use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::lifetime::Lifetime;
use larder_core::outcome::NotStored;

use crate::engine::fill_scope::UsedValue;
use crate::engine::lag_limit::{ReadTimes, limit_for_replicas};
use crate::engine::lease::Lease;
use crate::engine::lease::fill_result::FillResult;
use crate::engine::lease::shared_write::SharedWrite;
use crate::values::cached_value::CachedValue;
use crate::values::encoded_value::{EncodedValue, share_value};
use crate::values::loading::load_run::{LoadRun, LoadTimes, LoadedValue};
use crate::values::new_value::NewValue;
use crate::values::value_event::{ValueLeader, ValueOutcome};
use crate::values::value_key::ValueKey;

impl<K: ValueKey, V: Send + Sync + 'static> LoadRun<K, V> {
    /// Stores a loaded value or absence, and ends the flight with it.
    pub(super) fn commit(mut self, value: Option<V>, times: LoadTimes) -> LoadedValue<V> {
        let collection = Arc::clone(&self.collection);
        let names = collection.names(&self.text, &self.key, value.as_ref());
        let (used, lifetime) = self.limits(&names, value.is_some(), times);
        let is_stored = lifetime.is_some() && !self.is_late;
        let encoded =
            if is_stored { collection.encode(&self.text, value.as_ref()) } else { EncodedValue::NotNeeded };
        let new = NewValue {
            text: self.text.clone(),
            names,
            value: value.map(Arc::new),
            position: used.position,
            filled_at: used.filled_at,
            loaded_at: times.ended,
            lifetime: lifetime.unwrap_or_default(),
            cost: times.cost,
        };
        let now = collection.engine.clock.boot();
        let cached = collection.to_cached(new, &encoded, now);
        let loaded = LoadedValue { cached: Arc::clone(&cached), outcome: self.outcome };
        if self.is_late {
            return loaded;
        }
        collection.errors.remove(&self.key);
        if !is_stored {
            collection.counters.store_decision(Err(NotStored::NoLifetime));
            self.finish_unshared(cached);
            return loaded;
        }
        // Read first. If the log was read by now, the verdict refuses a position from before that.
        let has_position = collection.engine.log.has_caught_up();
        let is_valid = collection.insert(&self.key, &cached, now);
        let sharing = self.take_sharing(&cached, encoded, is_valid && has_position);
        if is_valid {
            collection.record_kept(&self.key, &cached, sharing.is_some());
        } else {
            collection.counters.store_decision(Err(NotStored::Invalidated));
        }
        // Without the memory tier, no request finds the value before it is in the shared tier.
        // Until then the flight stays open for further followers.
        let open_leader = self.finish(cached);
        if let Some((form, lease)) = sharing {
            let written = share_value(Arc::clone(&collection.engine), form, lease);
            // The flight stays open until then if it has a leader.
            collection.engine.background.spawn(async move {
                written.await;
                drop(open_leader);
            });
        }
        loaded
    }

    /// Returns what the values that the load has used allow for the result.
    pub(super) fn lowered(&self, times: LoadTimes) -> UsedValue {
        let own = UsedValue { position: times.position, filled_at: Some(times.filled_at), fresh_until: None };
        let Some(used) = self.scope.lowered() else { return own };
        UsedValue {
            position: own.position.combined(used.position).unwrap_or(Position::REFUSED),
            filled_at: own.filled_at.min(used.filled_at),
            fresh_until: used.fresh_until,
        }
    }

    /// Returns the limits of the result, and its lifetime. There is none if it is not stored.
    fn limits(&self, names: &Names, is_present: bool, times: LoadTimes) -> (UsedValue, Option<Lifetime>) {
        let (options, engine) = (&self.collection.options, &self.collection.engine);
        let used = self.lowered(times);
        let lifetime = options.lifetime_of(is_present).map(|lifetime| {
            let lifetime = options.varied(lifetime);
            let now = engine.clock.boot();
            let read = ReadTimes { began: times.filled_at, received: now, initial_age: Duration::ZERO };
            let lifetime = limit_for_replicas(&engine.log, options.replica_lag, names, read, lifetime);
            let most = used.fresh_until.map(|until| until.saturating_since(now));
            Lifetime { fresh: most.map_or(lifetime.fresh, |most| lifetime.fresh.min(most)), ..lifetime }
        });
        (used, lifetime.filter(|lifetime| !lifetime.total().is_zero()))
    }

    /// Ends the flight and the lease with a value that is not stored.
    fn finish_unshared(&mut self, cached: Arc<CachedValue<V>>) {
        if let Some(leader) = self.leader.take() {
            leader.finish(ValueOutcome::Loaded(cached));
        }
        self.leave_unshared();
    }

    /// Lets the instances that wait for this load run their own.
    fn leave_unshared(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.finish_with(FillResult::NotShared.into_bytes());
        }
    }

    /// Ends the flight. Returns its leader if it stays open.
    fn finish(&mut self, cached: Arc<CachedValue<V>>) -> Option<ValueLeader<V>> {
        let leader = self.leader.take()?;
        if self.collection.has_memory() {
            leader.finish(ValueOutcome::Loaded(cached));
            return None;
        }
        leader.announce(ValueOutcome::Loaded(cached));
        Some(leader)
    }

    /// Returns what is written to the shared tier. `None` if the value is not shared.
    fn take_sharing(
        &mut self,
        cached: &Arc<CachedValue<V>>,
        encoded: EncodedValue,
        is_useful: bool,
    ) -> Option<(SharedWrite, Option<Lease>)> {
        if !is_useful {
            return None;
        }
        match self.collection.shared_form(cached, encoded) {
            Ok(form) => Some((form?, self.lease.take())),
            Err(reason) => {
                self.collection.counters.not_shared(reason);
                self.leave_unshared();
                None
            }
        }
    }
}
