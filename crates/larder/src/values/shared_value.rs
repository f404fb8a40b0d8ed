//! Lookups of values in the shared tier.

use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use larder_core::outcome::{MissReason, Tier};
use larder_core::store::{MAX_KEYS, StoreError};
use larder_core::time::{BootTime, WallTime};
use larder_core::value::wire;
use larder_core::wire::envelope::fingerprint;
use larder_core::wire::error::WireErrorKind;

use crate::engine::report::store_health::StoreOp;
use crate::engine::store::Store;
use crate::engine::store_miss::{miss_reason, untrusted_reason};
use crate::engine::store_time::StoreTime;
use crate::values::cached_value::{Arrival, CachedValue};
use crate::values::collection_state::Collection;
use crate::values::shared_read::{SharedRead, SharedValue};
use crate::values::value_address::{Fingerprint, ValueAddress, text_of};
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// A request for a value that is not in memory: its address, and its time for the store.
#[derive(Clone)]
pub(super) struct ValueRequest {
    pub(super) address: ValueAddress,
    pub(super) store_time: Arc<StoreTime>,
}

/// One of many keys, without a value in memory.
pub(super) struct Missing<K> {
    pub(super) key: K,
    /// The place of its address in the text of all addresses.
    pub(super) place: Range<usize>,
    pub(super) reason: MissReason,
    /// The fingerprint that was seen in the shared tier, if the shared tier answered.
    pub(super) seen: Option<Fingerprint>,
}

impl<K> Missing<K> {
    /// Returns the address in the text of all addresses.
    pub(super) fn address<'a>(&self, addresses: &'a str) -> &'a str {
        addresses.get(self.place.clone()).unwrap_or_default()
    }

    /// Notes why the shared tier has no value to use.
    fn note<T>(&mut self, reason: MissReason) -> Option<T> {
        self.reason = reason;
        None
    }
}

/// The result of a lookup in the shared tier.
pub(super) struct StoreLookup<V> {
    pub(super) lookup: ValueLookup<V>,
    /// The fingerprint that was seen. `None` if the shared tier was not asked or did not answer.
    pub(super) seen: Option<Fingerprint>,
}

impl<V> StoreLookup<V> {
    const fn miss(reason: MissReason) -> Self {
        Self { lookup: ValueLookup::Miss(reason), seen: None }
    }
}

/// A value as the shared tier returned it.
struct StoredBytes {
    bytes: Bytes,
    /// The local number of this instance before the store was asked (rule 1).
    local: u64,
    /// The moment at which the value came.
    wall: WallTime,
    boot: BootTime,
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Looks a value up in the shared tier, and puts a value that can be used into memory.
    pub(super) async fn look_in_store(
        &self,
        key: &K,
        address: &ValueAddress,
        store_time: &StoreTime,
        missing: MissReason,
    ) -> StoreLookup<V> {
        let engine = &*self.engine;
        let Some(store) = engine.open_store() else { return StoreLookup::miss(missing) };
        let Some(local) = engine.trusted_local_position() else {
            return StoreLookup::miss(miss_reason(Some(untrusted_reason(engine)), missing));
        };
        match self.fetch(&**store, address, store_time, local).await {
            Ok((SharedRead { value, fingerprint }, now)) => {
                StoreLookup { lookup: self.judge_shared(key, value, missing, now), seen: Some(fingerprint) }
            }
            Err(_) => StoreLookup::miss(MissReason::StoreError),
        }
    }

    /// Looks values up in the shared tier, in one exchange for each few thousand of them.
    ///
    /// Returns the fresh ones, in the order of `missing`. For the others, it notes the reason and
    /// what was seen.
    pub(super) async fn look_in_store_many(
        &self,
        missing: &mut [Missing<K>],
        addresses: &str,
    ) -> Vec<Option<(Arc<CachedValue<V>>, Tier)>> {
        let mut found = Vec::with_capacity(missing.len());
        for part in missing.chunks_mut(MAX_KEYS) {
            found.append(&mut self.look_in_store_part(part, addresses).await);
        }
        found
    }

    async fn look_in_store_part(
        &self,
        missing: &mut [Missing<K>],
        addresses: &str,
    ) -> Vec<Option<(Arc<CachedValue<V>>, Tier)>> {
        let engine = &*self.engine;
        let Some(store) = engine.open_store() else { return missing.iter().map(|_| None).collect() };
        let Some(local) = engine.trusted_local_position() else {
            let reason = untrusted_reason(engine);
            return missing.iter_mut().map(|one| one.note(miss_reason(Some(reason), one.reason))).collect();
        };
        let keys: Vec<&str> = missing.iter().map(|one| one.address(addresses)).collect();
        let began = engine.clock.boot();
        let values = store.get_many(&keys).await;
        let (wall, boot) = (engine.clock.wall(), engine.clock.boot());
        engine.report.store_result_at(StoreOp::Read, began, boot, &values, &*engine.clock);
        match values {
            Ok(values) => {
                let stored = |bytes| StoredBytes { bytes, local, wall, boot };
                let values = values.into_iter().map(|bytes| bytes.map(stored)).zip(keys);
                let all = missing.iter_mut().zip(values);
                all.map(|(one, (stored, address))| self.judge_one(one, address, stored, boot)).collect()
            }
            Err(_) => missing.iter_mut().map(|one| one.note(MissReason::StoreError)).collect(),
        }
    }

    /// Evaluates one of many values. An unreadable one is left to the value that replaces it.
    fn judge_one(
        &self,
        missing: &mut Missing<K>,
        address: &str,
        stored: Option<StoredBytes>,
        now: BootTime,
    ) -> Option<(Arc<CachedValue<V>>, Tier)> {
        let SharedRead { value, fingerprint } = self.shared_read(text_of(address), stored);
        missing.seen = Some(fingerprint);
        match self.judge_shared(&missing.key, value, missing.reason, now) {
            ValueLookup::Fresh(cached, tier) => Some((cached, tier)),
            ValueLookup::Stale(stale) => missing.note(stale.reason),
            ValueLookup::Miss(reason) => missing.note(reason),
        }
    }

    /// Evaluates a value that another instance stored while this one claimed the lease.
    ///
    /// `local` is the local number of this instance when it sent the claim.
    pub(super) fn look_at_value(
        &self,
        key: &K,
        address: &ValueAddress,
        value: Bytes,
        local: u64,
        missing: MissReason,
    ) -> ValueLookup<V> {
        let stored = self.arrived(value, local);
        let now = stored.boot;
        self.judge_shared(key, self.decode(address.text(), stored), missing, now)
    }

    /// Reads the value at an address, and returns the moment at which it came. Removes an
    /// unreadable value.
    ///
    /// Concurrent requests share one exchange, and the value is decoded once.
    async fn fetch(
        &self,
        store: &dyn Store,
        address: &ValueAddress,
        store_time: &StoreTime,
        local: u64,
    ) -> Result<(SharedRead<V>, BootTime), StoreError> {
        let (engine, mut came_at) = (&self.engine, None);
        let own = &mut came_at;
        let exchange = move || async move {
            let began = engine.clock.boot();
            let value = store.get(address.as_str()).await;
            let (wall, boot) = (engine.clock.wall(), engine.clock.boot());
            engine.report.store_result_at(StoreOp::Read, began, boot, &value, &*engine.clock);
            let stored = value?.map(|bytes| StoredBytes { bytes, local, wall, boot });
            *own = Some(boot);
            Ok(self.shared_read(address.text(), stored))
        };
        let read = {
            // Pinned here, as the future of a hit would otherwise hold it twice.
            let read = pin!(self.reads.read(Arc::clone(address.as_shared()), local, exchange));
            let is_transfer = || store.is_transferring(address.as_str());
            store_time.spend_unless(is_transfer, read).await?
        };
        // This request may have begun after the value of another request's exchange came.
        let now = came_at.unwrap_or_else(|| engine.clock.boot());
        if matches!(read.value, SharedValue::Unreadable) {
            // Its position is arbitrary. A high one would keep the next value from replacing it
            // (rule 16).
            let began = engine.clock.boot();
            let removed = Box::pin(store_time.spend(store.remove(address.as_str()))).await;
            engine.report.store_result(StoreOp::Read, began, &removed, &*engine.clock);
            removed?;
            return Ok((SharedRead { fingerprint: None, ..read }, now));
        }
        Ok((read, now))
    }

    fn arrived(&self, bytes: Bytes, local: u64) -> StoredBytes {
        let clock = &self.engine.clock;
        StoredBytes { bytes, local, wall: clock.wall(), boot: clock.boot() }
    }

    fn shared_read(&self, text: &str, stored: Option<StoredBytes>) -> SharedRead<V> {
        let fingerprint = stored.as_ref().and_then(|stored| fingerprint(&stored.bytes));
        let value = stored.map_or(SharedValue::Absent, |stored| self.decode(text, stored));
        SharedRead { value, fingerprint }
    }

    fn judge_shared(
        &self,
        key: &K,
        value: SharedValue<V>,
        missing: MissReason,
        now: BootTime,
    ) -> ValueLookup<V> {
        let cached = match value {
            SharedValue::Value(cached) => cached,
            SharedValue::Absent => return ValueLookup::Miss(missing),
            SharedValue::OtherSchema => return ValueLookup::Miss(MissReason::Schema),
            SharedValue::OtherVersion | SharedValue::Unreadable => {
                return ValueLookup::Miss(MissReason::Unreadable);
            }
        };
        let lookup = self.judge(cached, Tier::Shared, now);
        match &lookup {
            ValueLookup::Fresh(cached, _) if self.has_memory() => drop(self.insert(key, cached, now)),
            ValueLookup::Stale(stale) if self.has_memory() => drop(self.insert(key, &stale.cached, now)),
            _ => {}
        }
        lookup
    }

    /// Decodes a value of the shared tier.
    fn decode(&self, text: &str, stored: StoredBytes) -> SharedValue<V> {
        let StoredBytes { bytes, local, wall, boot } = stored;
        let fingerprint = fingerprint(&bytes);
        let stored = match wire::decode(bytes, text) {
            Ok(stored) => stored,
            Err(error) if error.kind() == WireErrorKind::Version => return SharedValue::OtherVersion,
            Err(error) => {
                tracing::debug!(target: "larder", key = text, %error, "unreadable value in the shared tier");
                return SharedValue::Unreadable;
            }
        };
        let mut meta = stored.meta;
        let codec = &self.functions.codec;
        if (meta.schema, meta.format) != (self.options.schema, codec.format()) {
            return SharedValue::OtherSchema;
        }
        let (value, payload) = match &stored.payload {
            None => (None, 0),
            Some(payload) => match codec.decode(payload) {
                Ok(value) => (Some(value), payload.len() as u64),
                Err(error) => {
                    let cause = std::error::Error::source(&error);
                    tracing::debug!(target: "larder", key = text, cause, "value cannot be decoded");
                    return SharedValue::Unreadable;
                }
            },
        };
        if self.has_memory() {
            // They are slices of the read buffer, and would keep all of it alive.
            meta.names = meta.names.detached();
        }
        meta.position.watermark.local = local;
        meta.loaded_at = self.engine.store_calendar.to_own(meta.loaded_at);
        self.options.limit_lifetime(&mut meta.lifetime, value.is_some());
        let weight = value.as_ref().map_or(0, |value| self.weigh(value, payload));
        let age = wall.saturating_since(meta.loaded_at);
        let arrival = Arrival { filled_at: None, age, received_at: boot, weight };
        let cached = CachedValue::new(value.map(Arc::new), meta, arrival);
        cached.shared_copy.set(fingerprint);
        SharedValue::Value(Arc::new(cached))
    }

    /// Returns the weight of a value in memory, whose encoded size is `encoded`.
    pub(super) fn weigh(&self, value: &V, encoded: u64) -> u64 {
        self.functions.weigh.as_ref().map_or(encoded, |weigh| weigh(value))
    }
}
