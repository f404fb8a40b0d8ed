//! Lookups of values in the shared tier.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::invalidation::names::Names;
use larder_core::outcome::{MissReason, Tier};
use larder_core::store::{MAX_KEYS, StoreError};
use larder_core::stored::address;
use larder_core::value::wire;
use larder_core::wire::envelope::fingerprint;
use larder_core::wire::error::WireErrorKind;

use crate::engine::lease::claim::ClaimTarget;
use crate::engine::report::store_health::StoreOp;
use crate::engine::store::Store;
use crate::engine::store_miss::{miss_reason, untrusted_reason};
use crate::engine::store_time::StoreTime;
use crate::values::cached_value::{Arrival, CachedValue};
use crate::values::collection_state::Collection;
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// A request for a value that is not in memory: its encoded key, and its time for the store.
#[derive(Clone)]
pub(super) struct ValueRequest {
    /// The encoded key.
    pub(super) text: Box<str>,
    pub(super) store_time: Arc<StoreTime>,
}

/// A key without a value in memory.
pub(super) struct Missing<K> {
    pub(super) key: K,
    pub(super) request: ValueRequest,
    pub(super) reason: MissReason,
    /// The place in the shared tier that was looked up, if the shared tier answered.
    pub(super) target: Option<ClaimTarget>,
}

impl<K> Missing<K> {
    /// Notes why the shared tier has no value to use.
    fn note<T>(&mut self, reason: MissReason) -> Option<T> {
        self.reason = reason;
        None
    }
}

/// A value in the shared tier, as this collection can use it.
enum SharedValue<V> {
    Value(Arc<CachedValue<V>>),
    Absent,
    /// A value of another schema or codec, which other instances can use.
    OtherSchema,
    /// A value of another version of Larder, which instances of that version can use.
    OtherVersion,
    /// A value that cannot be decoded, or that does not belong under its key.
    Unreadable,
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Looks a value up in the shared tier, and returns the target of a lease claim as well.
    ///
    /// Puts a value that can be used into memory. The target is `None` if the shared tier was not
    /// asked or did not answer.
    pub(super) async fn look_in_store(
        &self,
        key: &K,
        request: &ValueRequest,
        missing: MissReason,
    ) -> (ValueLookup<V>, Option<ClaimTarget>) {
        let engine = &*self.engine;
        let Some(store) = engine.open_store() else { return (ValueLookup::Miss(missing), None) };
        let Some(local) = engine.trusted_local_position() else {
            let reason = miss_reason(Some(untrusted_reason(engine)), missing);
            return (ValueLookup::Miss(reason), None);
        };
        let address = address::primary(&request.text);
        let fetched = self.fetch(&**store, &address, request, local).await;
        engine.report.store_result(StoreOp::Read, &fetched, &*engine.clock);
        match fetched {
            Ok((value, fingerprint)) => {
                let target = ClaimTarget { address, fingerprint };
                (self.judge_shared(key, value, missing), Some(target))
            }
            Err(_) => (ValueLookup::Miss(MissReason::StoreError), None),
        }
    }

    /// Looks values up in the shared tier, in one exchange for each few thousand of them.
    ///
    /// Returns the fresh ones, in the order of `missing`. For the others, it notes the reason and
    /// the target of a claim.
    pub(super) async fn look_in_store_many(
        &self,
        missing: &mut [Missing<K>],
    ) -> Vec<Option<(Arc<CachedValue<V>>, Tier)>> {
        let mut found = Vec::with_capacity(missing.len());
        for part in missing.chunks_mut(MAX_KEYS) {
            found.append(&mut self.look_in_store_part(part).await);
        }
        found
    }

    async fn look_in_store_part(
        &self,
        missing: &mut [Missing<K>],
    ) -> Vec<Option<(Arc<CachedValue<V>>, Tier)>> {
        let engine = &*self.engine;
        let Some(store) = engine.open_store() else { return missing.iter().map(|_| None).collect() };
        let Some(local) = engine.trusted_local_position() else {
            let reason = untrusted_reason(engine);
            return missing.iter_mut().map(|one| one.note(miss_reason(Some(reason), one.reason))).collect();
        };
        let addresses: Vec<_> = missing.iter().map(|one| address::primary(&one.request.text)).collect();
        let keys: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let values = store.get_many(&keys).await;
        engine.report.store_result(StoreOp::Read, &values, &*engine.clock);
        match values {
            Ok(values) => {
                let parts = missing.iter_mut().zip(addresses).zip(values);
                parts.map(|((one, address), value)| self.judge_one(one, address, value, local)).collect()
            }
            Err(_) => missing.iter_mut().map(|one| one.note(MissReason::StoreError)).collect(),
        }
    }

    /// Evaluates one of many values. An unreadable one is left to the value that replaces it.
    fn judge_one(
        &self,
        missing: &mut Missing<K>,
        address: String,
        value: Option<Bytes>,
        local: u64,
    ) -> Option<(Arc<CachedValue<V>>, Tier)> {
        let seen = value.as_deref().and_then(fingerprint);
        missing.target = Some(ClaimTarget { address, fingerprint: seen });
        let value = value.map_or(SharedValue::Absent, |value| self.decode(&missing.request, value, local));
        match self.judge_shared(&missing.key, value, missing.reason) {
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
        request: &ValueRequest,
        value: Bytes,
        local: u64,
        missing: MissReason,
    ) -> ValueLookup<V> {
        self.judge_shared(key, self.decode(request, value, local), missing)
    }

    /// Reads the value at an address, and its fingerprint. Removes an unreadable value.
    async fn fetch(
        &self,
        store: &dyn Store,
        address: &str,
        request: &ValueRequest,
        local: u64,
    ) -> Result<(SharedValue<V>, Option<[u8; 8]>), StoreError> {
        let read = self.engine.reads.read(address, local, || store.get(address));
        let is_transfer = || store.is_transferring(address);
        let Some(bytes) = request.store_time.spend_unless(is_transfer, read).await? else {
            return Ok((SharedValue::Absent, None));
        };
        let seen = fingerprint(&bytes);
        let value = self.decode(request, bytes, local);
        if matches!(value, SharedValue::Unreadable) {
            // Its position is arbitrary. A high one would keep the next value from replacing it
            // (rule 16).
            request.store_time.spend(store.remove(address)).await?;
            return Ok((value, None));
        }
        Ok((value, seen))
    }

    fn judge_shared(&self, key: &K, value: SharedValue<V>, missing: MissReason) -> ValueLookup<V> {
        let cached = match value {
            SharedValue::Value(cached) => cached,
            SharedValue::Absent => return ValueLookup::Miss(missing),
            SharedValue::OtherSchema => return ValueLookup::Miss(MissReason::Schema),
            SharedValue::OtherVersion | SharedValue::Unreadable => {
                return ValueLookup::Miss(MissReason::Unreadable);
            }
        };
        let now = self.engine.clock.boot();
        let lookup = self.judge(cached, Tier::Shared, now);
        if let ValueLookup::Fresh(cached, _) = &lookup {
            self.insert(key, cached, now);
        }
        if let ValueLookup::Stale(stale) = &lookup {
            self.insert(key, &stale.cached, now);
        }
        lookup
    }

    /// Decodes a value of the shared tier.
    ///
    /// `local` is the local number of this instance before the store was asked (rule 1).
    fn decode(&self, request: &ValueRequest, bytes: Bytes, local: u64) -> SharedValue<V> {
        let text = &*request.text;
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
        // They are slices of the read buffer, and would keep all of it alive.
        let names = &meta.names;
        let (packed, digests) = (names.packed(), names.packed_digests());
        let (packed, digests) = (Bytes::copy_from_slice(packed), Bytes::copy_from_slice(digests));
        let Some(names) = Names::unpack(packed, digests) else { return SharedValue::Unreadable };
        meta.names = names;
        meta.position.watermark.local = local;
        meta.loaded_at = self.engine.store_calendar.to_own(meta.loaded_at);
        self.options.limit_lifetime(&mut meta.lifetime, value.is_some());
        let weight = value.as_ref().map_or(0, |value| self.weigh(value, payload));
        let clock = &self.engine.clock;
        let age = clock.wall().saturating_since(meta.loaded_at);
        let arrival = Arrival { filled_at: None, age, received_at: clock.boot(), weight };
        SharedValue::Value(Arc::new(CachedValue::new(value.map(Arc::new), meta, arrival)))
    }

    /// Returns the weight of a value in memory, whose encoded size is `encoded`.
    pub(super) fn weigh(&self, value: &V, encoded: u64) -> u64 {
        self.functions.weigh.as_ref().map_or(encoded, |weigh| weigh(value))
    }
}
