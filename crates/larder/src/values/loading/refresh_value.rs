//! Refreshing a value in the background, while it is still served.

use std::future::Future;
use std::sync::Arc;

use larder_core::outcome::{MissReason, Outcome, Tier};
use larder_core::time::BootTime;
use tokio::runtime::Handle;
use tracing::Instrument as _;

use crate::engine::background::Permit;
use crate::engine::failure_table::Retry;
use crate::values::cached_value::{CachedValue, StaleValue};
use crate::values::collection_state::Collection;
use crate::values::load_error::SharedError;
use crate::values::loading::claim_load::{ClaimedLoad, claim_refresh};
use crate::values::loading::load_run::LoadRun;
use crate::values::loading::load_step::{LoadFallback, LoadPlan};
use crate::values::shared_value::ValueRequest;
use crate::values::value_address::ValueAddress;
use crate::values::value_event::{ValueLeader, ValueOutcome};
use crate::values::value_key::{ValueKey, encoded_key};
use crate::values::value_lookup::ValueLookup;

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Refreshes a fresh value before it goes stale, if that is due at this hit (XFetch).
    #[inline]
    pub(in crate::values) fn refresh_early(
        self: &Arc<Self>,
        key: &K,
        cached: &Arc<CachedValue<V>>,
        now: BootTime,
    ) {
        let early = self.options.early_refresh;
        if self.functions.loader.is_some() && early.is_near(cached.nanos_left(now), cached.cost) {
            self.draw_early_refresh(key, cached, now);
        }
    }

    #[cold]
    fn draw_early_refresh(self: &Arc<Self>, key: &K, cached: &Arc<CachedValue<V>>, now: BootTime) {
        let left = std::time::Duration::from_nanos(cached.nanos_left(now));
        // The random number is from (0, 1], as zero has no logarithm.
        if self.options.early_refresh.is_due(left, cached.meta.cost, || 1.0 - fastrand::f64()) {
            let (cached, tier) = (Arc::clone(cached), Tier::Memory);
            let reason = MissReason::Expired;
            spawn_refresh(self, key, StaleValue { cached, tier, reason, while_revalidate: true });
        }
    }
}

/// Refreshes a value in the background, with the collection's loader.
///
/// Does nothing without a loader, if another request refreshes it, or if a load has just failed.
pub(in crate::values) fn spawn_refresh<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    key: &K,
    stale: StaleValue<V>,
) {
    let engine = &collection.engine;
    let Some(loader) = &collection.functions.loader else { return };
    // A hit needs no runtime, but a refresh does.
    if Handle::try_current().is_err() || collection.may_retry(&stale) == Retry::NotDue {
        return;
    }
    let Some(text) = encoded_key(&collection.name, key) else { return };
    let Some(leader) = lead_refresh(collection, key, &text, &stale) else { return };
    let Some(permit) = engine.background.try_refresh_permit() else { return };
    collection.counters.refresh_started();
    let address = ValueAddress::from_text(&text);
    let request = ValueRequest { address, store_time: Arc::new(engine.store_time()) };
    let outcome = Outcome::Miss(stale.reason);
    let plan = LoadPlan { leader: Some(leader), lease: None, stale: Some(stale), outcome };
    let run = LoadRun::new(collection, key, text, plan, None).for_refresh();
    let load = loader(key.clone());
    engine.background.spawn(claim_and_run(run, request, permit, load).in_current_span());
}

/// Begins the flight of a refresh, at most one for each key.
///
/// Returns `None` if there is a flight already, or if the value must not or need not be refreshed.
fn lead_refresh<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Collection<K, V>,
    key: &K,
    text: &str,
    stale: &StaleValue<V>,
) -> Option<ValueLeader<V>> {
    let engine = &collection.engine;
    let (now, position) = (engine.clock.boot(), engine.log.position());
    let leader = collection.flights.try_lead((text.into(), 0), now, position)?;
    // Checked again, now that no other request refreshes the key. Another request may have
    // refreshed it in the meantime.
    match collection.look_in_memory(key) {
        ValueLookup::Fresh(found, _) if !Arc::ptr_eq(&found, &stale.cached) => None,
        _ => Some(leader),
    }
}

/// Claims the refresh, and runs the load if the claim is granted.
///
/// While it waits for another instance, it holds the permit of a waiting refresh instead. If too
/// many refreshes wait, this one ends: the other instance refreshes the value for all.
async fn claim_and_run<K: ValueKey, V: Send + Sync + 'static>(
    mut run: LoadRun<K, V>,
    request: ValueRequest,
    mut permit: Permit,
    load: impl Future<Output = Result<Option<V>, SharedError>>,
) {
    let (Some(leader), Some(stale)) = (&run.leader, run.stale.take()) else { return };
    let collection = Arc::clone(&run.collection);
    let background = &collection.engine.background;
    let mut is_waiting = false;
    let may_wait = || {
        let waiting = background.try_waiting_refresh();
        is_waiting = waiting.is_some();
        if let Some(waiting) = waiting {
            permit = waiting;
        }
        is_waiting
    };
    let position = leader.flight().position;
    let claimed = claim_refresh(&collection, &run.key, &request, position, stale, may_wait).await;
    let outcome = match claimed {
        ClaimedLoad::Granted(lease, LoadFallback { stale, .. }) => {
            if is_waiting {
                let Some(refresh) = background.try_refresh_permit() else { return };
                permit = refresh;
            }
            let _permit = permit;
            run.set_lease(lease);
            run.stale = stale;
            return run.run_refresh(load).await;
        }
        ClaimedLoad::Found(ValueLookup::Fresh(cached, tier)) => ValueOutcome::AlreadyStored(cached, tier),
        ClaimedLoad::Found(_) => return,
        ClaimedLoad::LoadedElsewhere(outcome) => outcome,
    };
    if let Some(leader) = run.leader {
        leader.finish(outcome);
    }
}
