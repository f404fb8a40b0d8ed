//! Looking a value up before anything else is done for it.

use std::sync::Arc;

use larder_core::outcome::{BypassReason, Outcome, Tier};

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::values::collection_state::Collection;
use crate::values::load_error::SharedError;
use crate::values::loading::flight_key;
use crate::values::shared_value::{StoreLookup, ValueRequest};
use crate::values::value_address::{Fingerprint, ValueAddress};
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// The result of looking a value up.
pub(super) enum LookedUp<V> {
    /// The value or absence, which is fresh.
    Found(Option<Arc<V>>),
    /// There is nothing fresh.
    Missing(MissingValue<V>),
    /// The cache has nothing to do with this request.
    Bypass,
}

/// The known facts about a value without a fresh one.
pub(super) struct MissingValue<V> {
    pub(super) request: ValueRequest,
    pub(super) lookup: ValueLookup<V>,
    /// The fingerprint that was seen in the shared tier, if that has no value to use.
    pub(super) seen: Option<Fingerprint>,
}

/// Looks a value up in memory, and then in the shared tier.
///
/// A hit in the shared tier needs no flight: concurrent requests share the read of the shared tier.
/// If it has no value to use, a claim of the lease compares it with what was seen here.
///
/// The shared tier is not asked if another request loads the value, or if the error of a load
/// answers this request.
pub(super) async fn look_up<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    key: &K,
    is_own_error: fn(&SharedError) -> bool,
) -> LookedUp<V> {
    let engine = &collection.engine;
    if let Some(reason) = engine.value_bypass() {
        collection.counters.record(Outcome::Bypass(reason));
        return LookedUp::Bypass;
    }
    let Some(address) = ValueAddress::new(&collection.name, key) else {
        collection.counters.record(Outcome::Bypass(BypassReason::KeyTooLong));
        return LookedUp::Bypass;
    };
    spawn_follower(engine);
    let store_time = engine.store_time();
    let (mut lookup, mut seen) = (collection.look_in_memory(key), None);
    if let ValueLookup::Miss(reason) = lookup {
        let is_answered = || collection.remembered_error(key, is_own_error).is_some();
        // If memory has the value of the shared tier, the claim of the lease finds any other.
        let is_known = || collection.known_fingerprint(key).is_some();
        if !is_answered() && !collection.flights.has_flight(|| flight_key(address.text())) && !is_known() {
            let found = collection.look_in_store(key, &address, &store_time, reason).await;
            StoreLookup { lookup, seen } = found;
        }
    }
    match lookup {
        ValueLookup::Fresh(cached, tier) => {
            collection.record_use(&cached, Outcome::Hit(tier));
            if tier == Tier::Shared {
                collection.refresh_early(key, &cached, cached.received_at());
            }
            LookedUp::Found(cached.value.clone())
        }
        lookup => {
            let request = ValueRequest { address, store_time: Arc::new(store_time) };
            let seen = seen.filter(|_| matches!(lookup, ValueLookup::Miss(_)));
            LookedUp::Missing(MissingValue { request, lookup, seen })
        }
    }
}
