//! Committing a loaded value: it is stored in memory, then followers get it, then it is shared.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::invalidation::position::Position;
use larder_core::lifetime::Lifetime;
use larder_core::lifetime::shared_expiry::expiry;
use larder_core::outcome::{NotShared, NotStored};
use larder_core::stored::address;
use larder_core::value::{StoredValue, ValueMeta, wire};

use crate::engine::fill_scope::UsedValue;
use crate::engine::lease::Lease;
use crate::engine::lease::fill_result::FillResult;
use crate::engine::report::store_health::StoreOp;
use crate::values::cached_value::{Arrival, CachedValue};
use crate::values::collection_state::Collection;
use crate::values::loading::load_run::{LoadRun, LoadTimes, LoadedValue};
use crate::values::value_event::{ValueLeader, ValueOutcome};
use crate::values::value_key::ValueKey;

/// The encoded form of a value, for the shared tier.
enum Encoded {
    /// Bytes, or none for an absence.
    Payload(Option<Bytes>),
    /// The codec failed.
    Failed,
    /// There is no shared tier, and a function of the user states the weight.
    NotNeeded,
}

impl Encoded {
    /// Returns the size in bytes, or 0 if it is not known.
    fn len(&self) -> u64 {
        match self {
            Self::Payload(Some(payload)) => payload.len() as u64,
            _ => 0,
        }
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> LoadRun<K, V> {
    /// Stores a loaded value or absence, and ends the flight with it.
    pub(super) fn commit(mut self, value: Option<V>, times: LoadTimes) -> LoadedValue<V> {
        let collection = Arc::clone(&self.collection);
        let (used, lifetime) = self.limits(value.is_some(), times);
        let is_stored = lifetime.is_some() && !self.is_late;
        let encoded =
            if is_stored { collection.encode(&self.text, value.as_ref()) } else { Encoded::NotNeeded };
        let meta = ValueMeta {
            key: self.text.clone(),
            names: collection.names(&self.text, &self.key, value.as_ref()),
            position: used.position,
            loaded_at: times.ended,
            lifetime: lifetime.unwrap_or_default(),
            cost: times.cost,
            schema: collection.options.schema,
            format: collection.functions.codec.format(),
        };
        let weight = value.as_ref().map_or(0, |value| collection.weigh(value, encoded.len()));
        let now = collection.engine.clock.boot();
        let arrival =
            Arrival { filled_at: used.filled_at, age: std::time::Duration::ZERO, received_at: now, weight };
        let cached = Arc::new(CachedValue::new(value.map(Arc::new), meta, arrival));
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
        let is_kept = || sharing.is_some() || collection.is_in_memory(&self.key, &cached);
        collection.counters.store_decision(match is_valid {
            true if is_kept() => Ok(()),
            true => Err(NotStored::TooLarge),
            false => Err(NotStored::Invalidated),
        });
        // Without the memory tier, no request finds the value before it is in the shared tier.
        // Until then the flight stays open for further followers.
        let open_leader = self.finish(cached);
        if let Some(sharing) = sharing {
            let task = collection.share(sharing, open_leader);
            collection.engine.background.spawn(task);
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
    fn limits(&self, is_present: bool, times: LoadTimes) -> (UsedValue, Option<Lifetime>) {
        let options = &self.collection.options;
        let used = self.lowered(times);
        let lifetime = options.lifetime_of(is_present).map(|lifetime| {
            let fresh = options.jitter.vary(lifetime.fresh, lifetime.fresh, fastrand::f64());
            let now = self.collection.engine.clock.boot();
            let most = used.fresh_until.map(|until| until.saturating_since(now));
            Lifetime { fresh: most.map_or(fresh, |most| fresh.min(most)), ..lifetime }
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
        encoded: Encoded,
        is_useful: bool,
    ) -> Option<Sharing> {
        let collection = Arc::clone(&self.collection);
        collection.engine.open_store()?;
        let payload = match encoded {
            _ if !is_useful => return None,
            Encoded::NotNeeded => return None,
            Encoded::Failed => Err(NotShared::NotEncodable),
            Encoded::Payload(Some(payload)) if payload.len() > collection.options.max_value_bytes => {
                let (key, bytes) = (&*self.text, payload.len());
                tracing::debug!(target: "larder", key, bytes, "value not shared: it is too large");
                Err(NotShared::TooLarge)
            }
            Encoded::Payload(payload) => Ok(payload),
        };
        match payload {
            Ok(payload) => {
                let mut meta = cached.meta.clone();
                meta.loaded_at = collection.engine.store_calendar.to_store(meta.loaded_at);
                let expiry = expiry(&meta.lifetime, std::time::Duration::ZERO, false);
                let value = wire::encode(&StoredValue { payload, meta });
                Some(Sharing {
                    address: address::primary(&self.text),
                    value,
                    expiry,
                    lease: self.lease.take(),
                })
            }
            Err(reason) => {
                collection.counters.not_shared(reason);
                self.leave_unshared();
                None
            }
        }
    }
}

/// A value on its way to the shared tier.
pub(super) struct Sharing {
    address: String,
    value: Bytes,
    expiry: std::time::Duration,
    lease: Option<Lease>,
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Encodes a value, if its encoded form is needed at all.
    fn encode(&self, text: &str, value: Option<&V>) -> Encoded {
        let Some(value) = value else { return Encoded::Payload(None) };
        if self.engine.store.is_none() && self.functions.weigh.is_some() {
            return Encoded::NotNeeded;
        }
        match self.functions.codec.encode(value) {
            Ok(payload) => Encoded::Payload(Some(payload.into())),
            Err(error) => {
                let cause = std::error::Error::source(&error);
                tracing::debug!(target: "larder", key = text, cause, "value cannot be encoded");
                Encoded::Failed
            }
        }
    }

    /// Writes a value to the shared tier. The write also releases the lease.
    ///
    /// The flight stays open until then if `leader` is its leader.
    fn share(
        self: &Arc<Self>,
        sharing: Sharing,
        leader: Option<ValueLeader<V>>,
    ) -> impl Future<Output = ()> + Send + 'static {
        let engine = Arc::clone(&self.engine);
        async move {
            let Sharing { address, value, expiry, lease } = sharing;
            let Some(store) = engine.open_store() else { return };
            let written = match lease {
                Some(lease) => lease.store(&address, value, expiry).await,
                None => store.set(&address, value, expiry).await,
            };
            match written {
                Ok(()) => engine.report.store_ok(StoreOp::Write, &*engine.clock),
                Err(error) => engine.report.store_error(StoreOp::Write, &error, &*engine.clock),
            }
            drop(leader);
        }
    }
}
