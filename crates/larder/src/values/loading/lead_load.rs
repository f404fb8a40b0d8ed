//! Joining the flight for a key, and leading it.

use std::sync::Arc;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::{MissReason, Outcome, StaleReason};

use crate::engine::lease::claim::ClaimTarget;
use crate::values::cached_value::StaleValue;
use crate::values::loading::Loading;
use crate::values::loading::claim_load::{ClaimedLoad, claim_load};
use crate::values::loading::load_step::{FlightSeat, LoadEnding, LoadFallback, LoadPlan, LoadStep};
use crate::values::shared_value::StoreLookup;
use crate::values::value_event::{ValueFlight, ValueLeader, ValueOutcome, ValueRole};
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// The result of the second lookup.
enum Recheck<V> {
    /// There is something to serve.
    Found(ValueLookup<V>),
    /// There is nothing to serve. The target is there if the shared tier answered.
    StillMissing(LoadFallback<V>, Option<ClaimTarget>),
}

impl<K: ValueKey, V: Send + Sync + 'static> Loading<'_, K, V> {
    /// Joins the flight for the key, or begins one.
    ///
    /// Rule 13: "A request may join a flight only if `max(flight began, confirmed_at) +
    /// max_staleness ≥ now`."
    pub(super) fn join(&self, fallback: LoadFallback<V>) -> LoadStep<V> {
        let collection = self.collection;
        let engine = &collection.engine;
        // The order matters. A poll that confirms after the position was read may have brought an
        // event that the flight has missed. A position that was read before the flight is found is
        // never beyond an event that the flight may have missed.
        let (now, confirmed_at) = (engine.clock.boot(), engine.log.confirmed_at());
        let position = engine.log.position();
        let may_join = |flight: &ValueFlight<V>| {
            engine.log.may_join(flight.began, confirmed_at, now)
                && !self.is_flight_invalidated(flight, position)
        };
        match collection.flights.join(self.flight_key(), now, position, may_join) {
            ValueRole::Leader(leader) => LoadStep::Lead(leader, fallback),
            // The load of that flight asks for its own value, and would wait for itself.
            ValueRole::Follower(flight)
                if self.scope.as_ref().is_some_and(|scope| scope.has_flight(&flight.clients)) =>
            {
                let outcome = Outcome::Miss(fallback.reason);
                LoadStep::Done(LoadEnding::Load(LoadPlan::alone(fallback.stale, outcome)))
            }
            // While loads fail, one request tries again, and the others do not wait for it.
            ValueRole::Follower(_) if self.has_failed(fallback.stale.as_ref()) => match fallback.stale {
                Some(stale) => LoadStep::Done(LoadEnding::stale(stale, StaleReason::IfError)),
                None => LoadStep::Join(fallback),
            },
            ValueRole::Follower(flight) => {
                let LoadFallback { reason, stale } = fallback;
                LoadStep::Follow(FlightSeat { flight, joined_at: now, position, reason, stale })
            }
        }
    }

    fn has_failed(&self, stale: Option<&StaleValue<V>>) -> bool {
        stale.is_some_and(|stale| {
            self.collection.failures.has_failed(&*stale.cached) && self.collection.may_serve_on_error(stale)
        })
    }

    /// Whether an event that names the key came after the flight began.
    ///
    /// The outcome would be refused in the end, so the wait could only make this request as slow as
    /// two. The tags of the value are not known yet.
    fn is_flight_invalidated(&self, flight: &ValueFlight<V>, joining_at: Position) -> bool {
        if joining_at == flight.position {
            return false;
        }
        let engine = &self.collection.engine;
        let (names, now) = (Names::of_value(self.text(), &[]), engine.clock.boot());
        engine.log.read(|tail| tail.check(&flight.position, &names, now)) != Verdict::Valid
    }

    /// Leads a flight: checks both tiers once more, then claims the load.
    pub(super) async fn lead(&mut self, leader: ValueLeader<V>, fallback: LoadFallback<V>) -> LoadStep<V> {
        let (fallback, target) = match self.recheck(fallback).await {
            Recheck::Found(lookup) => return found(leader, lookup),
            Recheck::StillMissing(fallback, target) => (fallback, target),
        };
        let reason = fallback.reason;
        match claim_load(self, leader.flight().position, fallback, target).await {
            ClaimedLoad::Granted(lease, LoadFallback { reason, stale }) => {
                let outcome = Outcome::Miss(reason);
                LoadStep::Done(LoadEnding::Load(LoadPlan { leader: Some(leader), lease, stale, outcome }))
            }
            ClaimedLoad::Found(lookup) => found(leader, lookup),
            ClaimedLoad::LoadedElsewhere(outcome) => settle_as_leader(leader, outcome, reason),
        }
    }

    /// Looks the value up once more, now that no other request loads it.
    ///
    /// In memory, as another flight may have ended between the first lookup and the beginning of
    /// this flight. In the shared tier only if this request has not looked there yet, and if memory
    /// does not have the same value: the claim of the lease finds any other.
    async fn recheck(&mut self, fallback: LoadFallback<V>) -> Recheck<V> {
        let collection = self.collection;
        let fallback = match collection.look_in_memory(self.key) {
            ValueLookup::Stale(found) if self.is_worth_a_flight(&found) => self.fallback_with(found),
            ValueLookup::Miss(_) if fallback.stale.is_none() => fallback,
            ValueLookup::Miss(reason) => LoadFallback::without(reason),
            lookup => return Recheck::Found(lookup),
        };
        let missing = fallback.reason;
        if missing == MissReason::StoreError {
            // The store failed a moment ago. Another attempt could cost one more delay.
            return Recheck::StillMissing(fallback, None);
        }
        let address = &self.request.address;
        if let Some(seen) = self.seen.take() {
            return Recheck::StillMissing(fallback, Some(address.target(seen)));
        }
        if let Some(known) = collection.known_fingerprint(self.key) {
            return Recheck::StillMissing(fallback, Some(address.known_target(known)));
        }
        let found = collection.look_in_store(self.key, address, &self.request.store_time, missing).await;
        let StoreLookup { lookup, seen } = found;
        let fallback = match lookup {
            ValueLookup::Stale(found) if self.is_worth_a_flight(&found) => self.fallback_with(found),
            ValueLookup::Miss(reason) => LoadFallback { reason, ..fallback },
            lookup => return Recheck::Found(lookup),
        };
        Recheck::StillMissing(fallback, seen.map(|seen| address.target(seen)))
    }

    /// Whether this request should load the value that replaces this one.
    ///
    /// If not, it is served while the loader refreshes it.
    pub(super) fn is_worth_a_flight(&self, stale: &StaleValue<V>) -> bool {
        let refreshes = stale.while_revalidate && self.collection.functions.loader.is_some();
        !(refreshes && self.may_be_stale())
    }

    pub(super) fn fallback_with(&self, stale: StaleValue<V>) -> LoadFallback<V> {
        match self.may_be_stale() {
            true => LoadFallback::with(stale),
            false => LoadFallback::without(stale.reason),
        }
    }
}

/// Ends a flight whose value was found. Followers get it, too, if it is fresh.
fn found<V>(leader: ValueLeader<V>, lookup: ValueLookup<V>) -> LoadStep<V> {
    match &lookup {
        ValueLookup::Fresh(cached, tier) => {
            leader.finish(ValueOutcome::AlreadyStored(Arc::clone(cached), *tier));
        }
        _ => drop(leader),
    }
    LoadStep::Evaluate(lookup)
}

/// Ends a flight with the outcome of another instance's load.
fn settle_as_leader<V>(leader: ValueLeader<V>, outcome: ValueOutcome<V>, reason: MissReason) -> LoadStep<V> {
    let flight = Arc::clone(leader.flight());
    let (joined_at, position) = (flight.began, flight.position);
    leader.finish(outcome.clone());
    LoadStep::Settle(FlightSeat { flight, joined_at, position, reason, stale: None }, Some(outcome))
}
