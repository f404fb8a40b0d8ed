//! Claims of the loads of a request for many values, none of which waits.

use std::sync::Arc;

use larder_core::invalidation::names::Names;
use larder_core::outcome::{MissReason, Outcome, Tier};
use tokio::time::Instant;

use crate::engine::fill_scope::FillScope;
use crate::engine::lease::Lease;
use crate::engine::lease::claim::{ClaimEvent, LeaseClaim, Urgency};
use crate::values::cached_value::CachedValue;
use crate::values::collection_state::Collection;
use crate::values::loading::flight_key;
use crate::values::loading::load_step::LoadPlan;
use crate::values::shared_value::Missing;
use crate::values::value_address::ValueAddress;
use crate::values::value_event::{ValueLeader, ValueOutcome};
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// The result of a claim.
pub(super) enum Claimed<V> {
    /// This request loads the value. It has this encoded key.
    Granted(Box<str>, LoadPlan<V>),
    /// The value was found.
    Found(Arc<CachedValue<V>>, Tier),
    /// Another request loads the value, here or on another instance.
    Elsewhere,
}

/// The answer of the shared tier to a claim.
enum StoreClaim<V> {
    Granted(Option<Lease>),
    Found(Arc<CachedValue<V>>, Tier),
    Elsewhere,
}

/// Claims the load of a value, without a wait for other requests.
pub(super) async fn claim_now<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    mut missing: Missing<K>,
    address: ValueAddress,
    scope: Option<FillScope>,
) -> (K, Claimed<V>) {
    let engine = &collection.engine;
    let (now, position) = (engine.clock.boot(), engine.log.position());
    let flight_key = flight_key(address.text());
    let Some(leader) = collection.flights.try_lead(flight_key, now, position) else {
        return (missing.key, Claimed::Elsewhere);
    };
    // Another flight may have ended since the first lookup.
    if let ValueLookup::Fresh(cached, tier) = collection.look_in_memory(&missing.key) {
        leader.finish(ValueOutcome::AlreadyStored(Arc::clone(&cached), tier));
        return (missing.key, Claimed::Found(cached, tier));
    }
    let claimed = match claim_in_store(collection, &leader, &mut missing, &address, scope).await {
        StoreClaim::Granted(lease) => {
            Claimed::Granted(address.text().into(), plan(leader, lease, missing.reason))
        }
        StoreClaim::Found(cached, tier) => {
            leader.finish(ValueOutcome::AlreadyStored(Arc::clone(&cached), tier));
            Claimed::Found(cached, tier)
        }
        StoreClaim::Elsewhere => Claimed::Elsewhere,
    };
    (missing.key, claimed)
}

const fn plan<V>(leader: ValueLeader<V>, lease: Option<Lease>, reason: MissReason) -> LoadPlan<V> {
    LoadPlan { leader: Some(leader), lease, stale: None, outcome: Outcome::Miss(reason) }
}

/// Claims the lease of a value.
async fn claim_in_store<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    leader: &ValueLeader<V>,
    missing: &mut Missing<K>,
    address: &ValueAddress,
    scope: Option<FillScope>,
) -> StoreClaim<V> {
    let Missing { key, reason, seen, .. } = missing;
    let target = seen.take().map(|seen| address.target(seen));
    let engine = &collection.engine;
    let store_time = Arc::new(engine.store_time());
    let deadline = Instant::now() + collection.options.load_timeout;
    let position = leader.flight().position;
    let claim = target.and_then(|target| LeaseClaim::new(engine, target, position, &store_time, deadline));
    let Some(mut claim) = claim else { return StoreClaim::Granted(None) };
    let is_within_lease = scope.as_ref().is_some_and(FillScope::holds_lease);
    claim.set_outer(scope, None);
    claim.set_urgency(Urgency::Immediate);
    let event = claim.next(|| Names::of_value(address.text(), &[]), || false).await;
    match event {
        ClaimEvent::Granted => StoreClaim::Granted(Some(claim.into_lease())),
        ClaimEvent::HeldElsewhere if !is_within_lease => StoreClaim::Elsewhere,
        ClaimEvent::Stored(value, local) => {
            match collection.look_at_value(key, address, value, local, *reason) {
                ValueLookup::Fresh(cached, tier) => StoreClaim::Found(cached, tier),
                _ => StoreClaim::Granted(None),
            }
        }
        ClaimEvent::HeldElsewhere
        | ClaimEvent::RetryLater(_)
        | ClaimEvent::Uncacheable
        | ClaimEvent::Unavailable
        | ClaimEvent::Left(..) => StoreClaim::Granted(None),
    }
}
