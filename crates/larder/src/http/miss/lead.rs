//! Joining the flight for a key, and leading it.

use std::sync::Arc;

use larder_core::http::vary;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::{MissReason, Outcome, StaleReason};
use larder_core::time::{BootTime, WallTime};

use crate::engine::fill_scope::FillScope;
use crate::engine::lease::claim::ClaimTarget;
use crate::http::fill::FillPlan;
use crate::http::fill::claim_fill::{Claim, Unusable, claim_fill};
use crate::http::flight_event::{Flight, FlightOutcome, Joined, Lead, published_head};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::equivalent::lookup_shared_observed;
use crate::http::lookup::from_store::observe_shared;
use crate::http::lookup::request_context::RequestContext;
use crate::http::lookup::reuse::{is_worth_a_flight, may_serve_on_error};
use crate::http::memory::Access;
use crate::http::miss::step::{CollapsedBody, Ending, Fallback, JoinedAt, Seat, Step, Wait};
use crate::http::miss::{Miss, look_in_memory};

/// The result of the second lookup.
pub(super) enum Recheck {
    /// There is something to serve.
    Found(Lookup),
    /// There is nothing to serve. The target is there if the shared tier answered.
    StillMissing(Fallback, Option<ClaimTarget>),
}

/// The moment at which a request looks for a flight that it may join.
#[derive(Clone, Copy)]
pub(super) struct Joining {
    now: BootTime,
    confirmed_at: Option<BootTime>,
    position: Position,
}

impl Joining {
    /// Returns the present moment.
    ///
    /// The order matters. A poll that confirms after the position was read may have brought an
    /// event that the flight has missed. A position that was read before the flight is found is
    /// never beyond an event that the flight may have missed.
    pub(super) fn now(layer: &LayerState) -> Self {
        let engine = &layer.engine;
        let (now, confirmed_at) = (engine.clock.boot(), engine.log.confirmed_at());
        Self { now, confirmed_at, position: engine.log.position() }
    }

    /// Whether the request may join this flight (rule 13).
    pub(super) fn may_join(self, layer: &LayerState, context: &RequestContext, flight: &Flight) -> bool {
        let Self { now, confirmed_at, position } = self;
        layer.engine.log.may_join(flight.began, confirmed_at, now)
            && !is_other_variant(context, flight)
            && !is_flight_invalidated(layer, context, flight, position)
    }
}

impl Miss {
    /// Joins the flight for the key, or begins one.
    ///
    /// Rule 13: "A request may join a flight only if `max(flight began, confirmed_at) +
    /// max_staleness ≥ now`."
    pub(super) fn join(&self, fallback: Fallback) -> Step {
        let engine = &self.layer.engine;
        let joining = Joining::now(&self.layer);
        let Joining { now, position, .. } = joining;
        let may_join = |flight: &Flight| joining.may_join(&self.layer, &self.context, flight);
        let key = self.context.flight_key(&self.layer);
        match self.layer.http.flights.join(key, now, position, may_join) {
            Joined::Leader(leader) => Step::Lead(leader, fallback),
            // That flight's handler has sent this request, and waits for the response.
            Joined::Follower(flight)
                if FillScope::current().is_some_and(|scope| scope.has_flight(&flight.clients)) =>
            {
                let outcome = Outcome::Miss(fallback.reason);
                Step::Done(Ending::Fill(FillPlan::alone(fallback.stale, outcome)))
            }
            // While the handler fails, one request tries again, and the others do not wait for it.
            Joined::Follower(_) if self.has_failed(&fallback) => match fallback.stale {
                Some(stale) => Step::Done(Ending::ServeStale(stale, StaleReason::IfError)),
                None => Step::Join(fallback),
            },
            Joined::Follower(flight) => {
                let joined_at = JoinedAt { boot: now, wall: engine.clock.wall(), position };
                Step::Follow(Seat { flight, joined_at, reason: fallback.reason, stale: fallback.stale })
            }
        }
    }

    pub(super) fn has_failed(&self, fallback: &Fallback) -> bool {
        fallback.stale.as_ref().is_some_and(|stale| {
            self.layer.http.failures.has_failed(&*stale.cached)
                && may_serve_on_error(&self.layer, &self.context, stale)
        })
    }

    /// Leads a flight: checks both tiers once more, then claims the fill.
    pub(super) async fn lead(&mut self, leader: Lead, fallback: Fallback) -> Step {
        let (fallback, target) = match recheck(&self.layer, &self.context, fallback).await {
            Recheck::Found(lookup) => return found(leader, lookup),
            Recheck::StillMissing(fallback, target) => (fallback, target),
        };
        if self.context.follow_redirect(&self.layer) {
            // Followers elect another leader.
            drop(leader);
            return Step::Evaluate(look_in_memory(&self.layer, &self.context));
        }
        let Fallback { reason, stale, .. } = fallback;
        if self.context.traits.head {
            drop(leader);
            return Step::Done(Ending::Fill(FillPlan::alone(stale, Outcome::Miss(reason))));
        }
        match claim_fill(&self.layer, &self.context, &leader, Unusable { stale, reason }, target).await {
            Claim::Granted(lease, Unusable { stale, reason }) => {
                Step::Done(Ending::Fill(FillPlan::led(leader, lease, stale, reason)))
            }
            Claim::AlreadyStored(lookup) => found(leader, lookup),
            Claim::Redirected => {
                drop(leader);
                self.context.follow_redirect(&self.layer);
                Step::Evaluate(look_in_memory(&self.layer, &self.context))
            }
            Claim::FilledElsewhere(outcome) => settle_as_leader(leader, outcome, reason),
        }
    }
}

/// Looks the response up in both tiers once more, now that no other request fills the key.
///
/// In memory, as another flight may have ended between the first lookup and the beginning of this
/// flight. The shared tier is not asked if it is known which value it has: the claim of the lease
/// finds any other.
pub(super) async fn recheck(layer: &LayerState, context: &RequestContext, fallback: Fallback) -> Recheck {
    let mut fallback = match look_in_memory(layer, context) {
        Lookup::Stale(found) if is_worth_a_flight(layer, &found) => Fallback::with(found),
        Lookup::Miss(_, seen) if fallback.stale.is_none() => {
            Fallback { seen: seen.or(fallback.seen), ..fallback }
        }
        Lookup::Miss(reason, seen) => Fallback { seen, ..Fallback::without(reason) },
        Lookup::Partial(_) => Fallback::without(MissReason::Partial),
        lookup => return Recheck::Found(lookup),
    };
    let (key, missing) = (context.lookup_key(), fallback.reason);
    if missing == MissReason::StoreError {
        // The store failed a moment ago. Another attempt could cost one more delay.
        return Recheck::StillMissing(Fallback::without(missing), None);
    }
    if context.is_provisional {
        // A stored response may be from before a layer further in handled this route.
        return Recheck::StillMissing(fallback, observe_shared(layer, key).await);
    }
    let known = known_target(layer, context, &mut fallback);
    if known.is_some() && context.access() == Access::Serve {
        return Recheck::StillMissing(fallback, known);
    }
    let (lookup, target) = lookup_shared_observed(layer, key, missing).await;
    // An explanation claims nothing. The claim would not return this value.
    let fingerprint = |target: &ClaimTarget| target.fingerprint;
    if known.is_some() && known.as_ref().map(fingerprint) == target.as_ref().map(fingerprint) {
        return Recheck::StillMissing(fallback, target);
    }
    let fallback = match lookup {
        Lookup::Stale(found) if is_worth_a_flight(layer, &found) => Fallback::with(found),
        Lookup::Fresh(..) | Lookup::Stale(_) => return Recheck::Found(lookup),
        Lookup::Partial(_) => Fallback { reason: MissReason::Partial, ..fallback },
        Lookup::Miss(reason, _) => Fallback { reason, ..fallback },
        Lookup::HitForMiss => Fallback::without(missing),
    };
    Recheck::StillMissing(fallback, target)
}

/// Returns the target of a claim that needs no lookup in the shared tier before.
///
/// A `HEAD` claims nothing, and a response to equivalent queries may be stored under several keys.
/// So they look the response up.
fn known_target(
    layer: &LayerState,
    context: &RequestContext,
    fallback: &mut Fallback,
) -> Option<ClaimTarget> {
    let claims = !context.traits.head && context.scope.is_none();
    if !(claims && layer.engine.may_claim_first()) {
        return None;
    }
    match &fallback.stale {
        Some(stale) => stale.cached.claim_target(),
        None => fallback.seen.take().map(|seen| *seen),
    }
}

/// Ends a flight whose response was found. Followers get it, too, if it is fresh.
fn found(leader: Lead, lookup: Lookup) -> Step {
    match &lookup {
        Lookup::Fresh(cached, tier) => {
            leader.finish(FlightOutcome::AlreadyStored(Arc::clone(cached), *tier));
        }
        Lookup::Stale(stale) if !stale.while_revalidate => leader.finish(FlightOutcome::NotShared),
        _ => drop(leader),
    }
    Step::Evaluate(lookup)
}

/// Ends a flight with the outcome of another instance's fill.
fn settle_as_leader(leader: Lead, outcome: FlightOutcome, reason: MissReason) -> Step {
    let flight = Arc::clone(leader.flight());
    // The claim has compared the wall times already.
    let joined_at = JoinedAt { boot: flight.began, wall: WallTime::default(), position: flight.position };
    leader.finish(outcome.clone());
    let seat = Seat { flight, joined_at, reason, stale: None };
    Step::Settle(Wait { seat, outcome: Some(outcome), body: CollapsedBody::Complete })
}

/// Whether the flight's response is known to be for other requests.
///
/// Such a flight may have the request's key: the stored response under it is one that did not vary,
/// or the fields that responses vary on were forgotten.
fn is_other_variant(context: &RequestContext, flight: &Flight) -> bool {
    published_head(flight).is_some_and(|head| !vary::matches(head.meta.selecting(), &context.headers))
}

/// Whether an event that names the request's own response came after the flight began.
///
/// The outcome would be refused in the end, so the wait could only make this request as slow as
/// two. Names that the handler gives are known once the response head is.
fn is_flight_invalidated(
    layer: &LayerState,
    context: &RequestContext,
    flight: &Flight,
    joining_at: Position,
) -> bool {
    if joining_at == flight.position {
        return false;
    }
    let (log, now) = (&layer.engine.log, layer.engine.clock.boot());
    let is_refused =
        |names: &Names| log.read(|tail| tail.check(&flight.position, names, now)) != Verdict::Valid;
    match published_head(flight) {
        Some(head) => {
            is_refused(&head.meta.names)
                || context.scope.as_ref().is_some_and(|scope| is_refused(scope.request_names()))
        }
        None => is_refused(&context.names.clone().build([])),
    }
}
