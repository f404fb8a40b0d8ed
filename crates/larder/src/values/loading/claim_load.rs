//! Claiming a load across instances.
//!
//! Of all instances that miss a value, one loads it. The others wait for the value that it stores.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::outcome::{MissReason, StaleReason};
use larder_core::wire::envelope::fingerprint;
use tokio::time::{Instant, timeout};

use crate::engine::fill_scope::FillScope;
use crate::engine::lease::Lease;
use crate::engine::lease::claim::{ClaimEvent, ClaimTarget, LeaseClaim, Urgency};
use crate::engine::lease::fill_result::FillResult;
use crate::values::cached_value::{CachedValue, StaleValue};
use crate::values::collection_state::Collection;
use crate::values::loading::Loading;
use crate::values::loading::load_step::LoadFallback;
use crate::values::shared_value::ValueRequest;
use crate::values::value_event::ValueOutcome;
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// The next step of the leader of a flight.
pub(super) enum ClaimedLoad<V> {
    /// Load the value. There is no lease if the shared tier could not be asked for one.
    Granted(Option<Lease>, LoadFallback<V>),
    /// Go on from what was found. A fresh value was found without a wait for another instance.
    Found(ValueLookup<V>),
    /// End the flight with this outcome, as another instance's load did.
    LoadedElsewhere(ValueOutcome<V>),
}

/// The reason for a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoadPurpose {
    /// A request waits for the value.
    Answer,
    /// A value is refreshed in the background.
    Refresh,
}

/// Claims the load of a request, or waits for the instance that holds the lease.
pub(super) async fn claim_load<K: ValueKey, V: Send + Sync + 'static>(
    loading: &Loading<'_, K, V>,
    position: Position,
    fallback: LoadFallback<V>,
    target: Option<ClaimTarget>,
) -> ClaimedLoad<V> {
    let (collection, key, request) = (loading.collection, loading.key, &loading.request);
    let of = ClaimOf { collection, key, request, loading: Some(loading) };
    let soft_limit = collection.options.stale_after.zip(fallback.stale.clone());
    let claim = match LoadClaim::new(of, position, loading.scope.clone(), fallback, target) {
        Ok(claim) => claim,
        Err(fallback) => return ClaimedLoad::Granted(None, fallback),
    };
    let mut claiming = pin!(claim.claim_or_wait(|| true));
    if let Some((limit, stale)) = soft_limit {
        match timeout(limit, &mut claiming).await {
            Ok(claim) => return claim,
            // The load of another instance is slow. Its value is found later.
            Err(_) if collection.may_serve_on_error(&stale) => {
                let outcome = ValueOutcome::ServedStale(stale, StaleReason::SlowHandler);
                return ClaimedLoad::LoadedElsewhere(outcome);
            }
            Err(_) => {}
        }
    }
    claiming.await
}

/// Claims a refresh like [`claim_load`].
///
/// Another instance may have refreshed the value already. The claim finds that out, or a lookup in
/// the shared tier before it. Calls `may_wait` before a wait for another instance. If it returns
/// `false`, the refresh is left to that instance.
pub(super) async fn claim_refresh<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    key: &K,
    request: &ValueRequest,
    position: Position,
    stale: StaleValue<V>,
    may_wait: impl FnMut() -> bool,
) -> ClaimedLoad<V> {
    let ValueRequest { address, store_time } = request;
    let may_claim_first = collection.engine.may_claim_first();
    let (lookup, target) = match stale.cached.shared_copy.get().filter(|_| may_claim_first) {
        Some(known) => (None, Some(address.known_target(known))),
        None => {
            let found = collection.look_in_store(key, address, store_time, stale.reason).await;
            (Some(found.lookup), found.seen.map(|seen| address.target(seen)))
        }
    };
    let of = ClaimOf { collection, key, request, loading: None };
    match LoadClaim::new(of, position, None, LoadFallback::with(stale), target) {
        Err(fallback) => ClaimedLoad::Granted(None, fallback),
        Ok(mut claim) => match lookup.and_then(|lookup| claim.decide(lookup)) {
            Some(decision) => decision,
            None => claim.claim_or_wait(may_wait).await,
        },
    }
}

/// The value that a claim is for.
struct ClaimOf<'a, K, V> {
    collection: &'a Arc<Collection<K, V>>,
    key: &'a K,
    request: &'a ValueRequest,
    /// The request that waits for the value. `None` for a refresh in the background.
    loading: Option<&'a Loading<'a, K, V>>,
}

/// A claim to the load of one value.
struct LoadClaim<'a, K, V> {
    of: ClaimOf<'a, K, V>,
    claim: LeaseClaim,
    /// Whether the load is part of a fill that holds a lease. It must not wait for another one.
    is_within_lease: bool,
    stale: Option<StaleValue<V>>,
    reason: MissReason,
}

impl<'a, K: ValueKey, V: Send + Sync + 'static> LoadClaim<'a, K, V> {
    /// Returns a claim to the load of a flight that began at this position.
    ///
    /// # Errors
    /// Returns the fallback if there is no target: the shared tier did not answer, or was not
    /// asked. It is then not asked for a lease either.
    fn new(
        of: ClaimOf<'a, K, V>,
        position: Position,
        scope: Option<FillScope>,
        fallback: LoadFallback<V>,
        target: Option<ClaimTarget>,
    ) -> Result<Self, LoadFallback<V>> {
        let deadline = Instant::now() + of.collection.options.load_timeout;
        let (engine, time) = (&of.collection.engine, &of.request.store_time);
        let claim = target.and_then(|target| LeaseClaim::new(engine, target, position, time, deadline));
        let Some(mut claim) = claim else { return Err(fallback) };
        let LoadFallback { reason, stale } = fallback;
        let is_within_lease = scope.as_ref().is_some_and(FillScope::holds_lease);
        claim.set_outer(scope, None);
        Ok(Self { of, claim, is_within_lease, stale, reason })
    }

    /// Claims and waits until there is a decision.
    async fn claim_or_wait(mut self, mut may_wait: impl FnMut() -> bool) -> ClaimedLoad<V> {
        let names = || Names::of_value(self.of.request.address.text(), &[]);
        loop {
            self.claim.set_urgency(self.urgency());
            let decision = match self.claim.next(names, &mut may_wait).await {
                ClaimEvent::Granted => {
                    let fallback = self.take_fallback();
                    return ClaimedLoad::Granted(Some(self.claim.into_lease()), fallback);
                }
                ClaimEvent::Unavailable => return ClaimedLoad::Granted(None, self.take_fallback()),
                ClaimEvent::HeldElsewhere | ClaimEvent::RetryLater(_) if self.is_within_lease => {
                    return ClaimedLoad::Granted(None, self.take_fallback());
                }
                ClaimEvent::Uncacheable => Some(ClaimedLoad::LoadedElsewhere(ValueOutcome::NotShared)),
                ClaimEvent::RetryLater(time) => self.on_failure_elsewhere(Some(time)),
                ClaimEvent::HeldElsewhere => self.on_held_elsewhere(),
                ClaimEvent::Stored(value, local) => {
                    let lookup = self.look_at(value, local).await;
                    self.decide(lookup)
                }
                ClaimEvent::Left(result, _) => self.on_result(result),
            };
            if let Some(decision) = decision {
                return decision;
            }
        }
    }

    /// Evaluates a value that the reply to a claim has brought.
    ///
    /// An unreadable value is looked up again, which removes it.
    async fn look_at(&mut self, value: Bytes, local: u64) -> ValueLookup<V> {
        let ClaimOf { collection, key, request, .. } = self.of;
        let mut seen = fingerprint(&value);
        let mut lookup = collection.look_at_value(key, &request.address, value, local, self.reason);
        if matches!(lookup, ValueLookup::Miss(MissReason::Unreadable)) {
            let ValueRequest { address, store_time } = request;
            let found = collection.look_in_store(key, address, store_time, self.reason).await;
            (lookup, seen) = (found.lookup, found.seen.unwrap_or(seen));
        }
        self.claim.set_fingerprint(seen);
        lookup
    }

    /// Returns why the load is needed, and what may be served if it fails.
    fn take_fallback(&mut self) -> LoadFallback<V> {
        let reason = if self.claim.has_failed() { MissReason::StoreError } else { self.reason };
        LoadFallback { reason, stale: self.stale.take() }
    }

    /// Returns the alternatives of this instance to a load.
    fn urgency(&self) -> Urgency {
        let collection = self.of.collection;
        match &self.stale {
            _ if self.is_within_lease => Urgency::Immediate,
            Some(_) if self.of.loading.is_none() => Urgency::Optional,
            // The other instance refreshes it.
            Some(stale) if stale.while_revalidate => Urgency::Immediate,
            Some(stale) if collection.may_serve_on_error(stale) => {
                let has_failed = collection.failures.has_failed(&*stale.cached);
                if has_failed { Urgency::Immediate } else { Urgency::Optional }
            }
            _ => Urgency::Required,
        }
    }

    /// Decides what to do while another instance loads the value.
    fn on_held_elsewhere(&mut self) -> Option<ClaimedLoad<V>> {
        let is_refresh = self.of.loading.is_none();
        let stale = self.stale.take_if(|stale| is_refresh || stale.while_revalidate);
        match stale {
            Some(stale) if is_refresh => Some(ClaimedLoad::Found(ValueLookup::Stale(stale))),
            Some(stale) => {
                let outcome = ValueOutcome::ServedStale(stale, StaleReason::WhileRevalidate);
                Some(ClaimedLoad::LoadedElsewhere(outcome))
            }
            None => self.on_failure_elsewhere(None),
        }
    }

    /// Decides what to do after a load failed on another instance.
    ///
    /// This instance does not load for that time, or until the next attempt of another instance is
    /// over.
    fn on_failure_elsewhere(&mut self, retry_after: Option<Duration>) -> Option<ClaimedLoad<V>> {
        let stale = self.stale.take()?;
        let collection = self.of.collection;
        collection.record_failure(&stale, retry_after);
        if collection.may_serve_on_error(&stale) {
            let outcome = ValueOutcome::ServedStale(stale, StaleReason::IfError);
            return Some(ClaimedLoad::LoadedElsewhere(outcome));
        }
        if self.of.loading.is_none() {
            return Some(ClaimedLoad::Found(ValueLookup::Stale(stale)));
        }
        // It was invalidated meanwhile, or its window has ended.
        self.stale = Some(stale);
        None
    }

    /// Decides about the result of a lookup in the shared tier.
    ///
    /// Returns `None` if the claim goes on as if nothing was found.
    fn decide(&mut self, lookup: ValueLookup<V>) -> Option<ClaimedLoad<V>> {
        match lookup {
            ValueLookup::Fresh(cached, _) if !self.is_newer(&cached) => None,
            ValueLookup::Fresh(cached, _) if self.claim.has_waited() => {
                Some(ClaimedLoad::LoadedElsewhere(ValueOutcome::Loaded(cached)))
            }
            ValueLookup::Fresh(..) => Some(ClaimedLoad::Found(lookup)),
            // A value that is stale right after its load would be stale after the next one, too. If
            // the instances loaded in turn, the last of many would wait for all of them.
            ValueLookup::Stale(_) if self.claim.has_waited() => {
                Some(ClaimedLoad::LoadedElsewhere(ValueOutcome::NotShared))
            }
            // It is served while the loader refreshes it.
            ValueLookup::Stale(stale)
                if self.of.loading.is_some_and(|loading| !loading.is_worth_a_flight(&stale)) =>
            {
                Some(ClaimedLoad::Found(ValueLookup::Stale(stale)))
            }
            ValueLookup::Stale(stale) => {
                if self.is_newer(&stale.cached) {
                    self.replace_fallback(stale);
                }
                None
            }
            ValueLookup::Miss(reason) => {
                if !self.claim.has_waited() {
                    self.reason = reason;
                }
                None
            }
        }
    }

    /// Replaces what may be served if the load fails.
    fn replace_fallback(&mut self, stale: StaleValue<V>) {
        let fallback = match self.of.loading {
            Some(loading) => loading.fallback_with(stale),
            None => LoadFallback::with(stale),
        };
        (self.reason, self.stale) = (fallback.reason, fallback.stale);
    }

    /// Whether the value is newer than the one to refresh, if this is a refresh.
    fn is_newer(&self, cached: &CachedValue<V>) -> bool {
        let stale = self.stale.as_ref().filter(|_| self.of.loading.is_none());
        stale.is_none_or(|stale| {
            let (new, old) = (&cached.meta, &stale.cached.meta);
            new.loaded_at > old.loaded_at || new.loaded_at == old.loaded_at && new.position != old.position
        })
    }

    /// Decides about the result that the holder left when its load ended.
    fn on_result(&mut self, result: Bytes) -> Option<ClaimedLoad<V>> {
        let outcome = match FillResult::from_bytes(result) {
            FillResult::NotShared => ValueOutcome::NotShared,
            FillResult::FailureNotShared => ValueOutcome::FailureNotShared,
            // No load leaves a response.
            FillResult::HandlerFailed(_) => return None,
            FillResult::ServedStale => {
                let collection = self.of.collection;
                let stale = self.stale.take_if(|stale| collection.may_serve_on_error(stale))?;
                ValueOutcome::ServedStale(stale, StaleReason::IfError)
            }
        };
        Some(ClaimedLoad::LoadedElsewhere(outcome))
    }
}
