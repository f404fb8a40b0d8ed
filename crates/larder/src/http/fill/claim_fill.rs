//! Claiming a fill across instances.
//!
//! Of all instances that miss a response, one runs the handler. The others wait for the response
//! that it stores.

use std::borrow::Cow;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::{MissReason, StaleReason};
use larder_core::stored::wire::{self, Decoded};
use larder_core::time::WallTime;
use tokio::time::{Instant, timeout};

use crate::engine::fill_scope::FillScope;
use crate::engine::lease::Lease;
use crate::engine::lease::claim::{ClaimEvent, ClaimTarget, LeaseClaim, Urgency};
use crate::engine::lease::fill_result::FillResult;
use crate::http::cache_status;
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::gateway;
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::equivalent::lookup_shared_observed;
use crate::http::lookup::from_store::lookup_from_value;
use crate::http::lookup::query_scope::LookupKey;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::lookup::reuse::{is_still_fresh, is_worth_a_flight, may_serve_on_error};
use crate::http::memory::UncacheableReason;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// The next step of the leader of a flight.
pub(crate) enum Claim {
    /// Run the handler. There is no lease if the shared tier could not be asked for one.
    Granted(Option<Lease>, Unusable),
    /// Go on from what was found. A fresh response was found without a wait for another instance.
    AlreadyStored(Lookup),
    /// Look up another key, which the response is stored under.
    Redirected,
    /// End the flight with this outcome, as another instance's fill did.
    FilledElsewhere(FlightOutcome),
}

/// Why a fill is needed: what is stored, if anything, cannot be served.
pub(crate) struct Unusable {
    /// A stale response. It may be validated, or served if the handler fails.
    pub(crate) stale: Option<StaleResponse>,
    pub(crate) reason: MissReason,
}

/// Claims the fill, or waits for the instance that holds the lease.
///
/// `target` is the place in the shared tier that the lease is for. It is `None` if the shared tier
/// was looked up and did not answer.
pub(crate) async fn claim_fill(
    layer: &LayerState,
    context: &RequestContext,
    leader: &Lead,
    found: Unusable,
    target: Option<ClaimTarget>,
) -> Claim {
    let soft_limit = layer.policy.fill_limits.stale_after.zip(found.stale.clone());
    let claim = match FillClaim::new(layer, context, leader, found, target) {
        Ok(claim) => claim,
        Err(found) => return Claim::Granted(None, found),
    };
    let mut claiming = pin!(claim.claim_or_wait(|| true));
    if let Some((limit, stale)) = soft_limit {
        match timeout(limit, &mut claiming).await {
            Ok(claim) => return claim,
            // The handler of another instance is slow. Its response is found later.
            Err(_) if may_serve_on_error(layer, context, &stale) => {
                let outcome = FlightOutcome::ServedStale(stale, StaleReason::SlowHandler);
                return Claim::FilledElsewhere(outcome);
            }
            Err(_) => {}
        }
    }
    claiming.await
}

/// Claims a refresh like [`claim_fill`].
///
/// Another instance may have refreshed the response already. The claim finds that out, or a lookup
/// in the shared tier before it. Calls `may_wait` before a wait for another instance. If it returns
/// `false`, the refresh is left to that instance.
pub(super) async fn claim_refresh(
    layer: &LayerState,
    context: &RequestContext,
    leader: &Lead,
    stale: Option<StaleResponse>,
    may_wait: impl FnMut() -> bool,
) -> Claim {
    let reason = stale.as_ref().map_or(MissReason::NeverStored, |stale| stale.reason);
    let may_claim_first = context.scope.is_none() && layer.engine.may_claim_first();
    let known = stale.as_ref().filter(|_| may_claim_first).and_then(|stale| stale.cached.claim_target());
    let (lookup, target) = match known {
        Some(target) => (None, Some(target)),
        None => {
            let (lookup, target) = lookup_shared_observed(layer, context.lookup_key(), reason).await;
            (Some(lookup), target)
        }
    };
    let mut claim = match FillClaim::new(layer, context, leader, Unusable { stale, reason }, target) {
        Ok(claim) => claim,
        Err(found) => return Claim::Granted(None, found),
    };
    match lookup.and_then(|lookup| claim.decide(lookup)) {
        Some(decision) => decision,
        None => claim.claim_or_wait(may_wait).await,
    }
}

/// A claim to the fill of one response.
struct FillClaim<'a> {
    layer: &'a LayerState,
    context: &'a RequestContext,
    claim: LeaseClaim,
    stale: Option<StaleResponse>,
    reason: MissReason,
    /// The moment at which this instance began to claim.
    started_at: WallTime,
}

impl<'a> FillClaim<'a> {
    /// Returns a claim to the fill of this flight.
    ///
    /// # Errors
    /// Returns what was found if there is no target: the shared tier did not answer, or was not
    /// asked. It is then not asked for a lease either.
    fn new(
        layer: &'a LayerState,
        context: &'a RequestContext,
        leader: &Lead,
        found: Unusable,
        target: Option<ClaimTarget>,
    ) -> Result<Self, Unusable> {
        let deadline = Instant::now() + layer.policy.fill_limits.head;
        let (position, time) = (leader.flight().position, &context.store_time);
        let claim =
            target.and_then(|target| LeaseClaim::new(&layer.engine, target, position, time, deadline));
        let Some(mut claim) = claim else { return Err(found) };
        // An outer layer of this process gives its lease up for this one.
        if !context.is_within() {
            claim.set_outer(FillScope::current(), gateway::outer_lease(&context.headers));
        }
        let (Unusable { stale, reason }, started_at) = (found, layer.engine.clock.wall());
        Ok(Self { layer, context, claim, stale, reason, started_at })
    }

    /// Claims and waits until there is a decision.
    async fn claim_or_wait(mut self, mut may_wait: impl FnMut() -> bool) -> Claim {
        let names = || self.context.names.clone().build([]);
        loop {
            self.claim.set_urgency(self.urgency());
            let decision = match self.claim.next(names, &mut may_wait).await {
                ClaimEvent::Granted => {
                    let found = self.take_found();
                    return Claim::Granted(Some(self.claim.into_lease()), found);
                }
                ClaimEvent::Unavailable => return Claim::Granted(None, self.take_found()),
                ClaimEvent::Uncacheable => Some(self.hit_for_miss()),
                ClaimEvent::RetryLater(time) => self.on_failure_elsewhere(Some(time)),
                ClaimEvent::HeldElsewhere if self.context.purpose == Purpose::Refresh => self.leave_refresh(),
                ClaimEvent::HeldElsewhere => self.on_failure_elsewhere(None),
                ClaimEvent::Stored(value, local) => self.on_stored(value, local).await,
                ClaimEvent::Left(result, local) => self.on_result(result, local),
            };
            if let Some(decision) = decision {
                return decision;
            }
        }
    }

    /// Returns why the fill is needed.
    fn take_found(&mut self) -> Unusable {
        let reason = if self.claim.has_failed() { MissReason::StoreError } else { self.reason };
        Unusable { stale: self.stale.take(), reason }
    }

    /// Returns the alternatives of this instance to a run of the handler.
    fn urgency(&self) -> Urgency {
        match &self.stale {
            Some(_) if self.context.purpose == Purpose::Refresh => Urgency::Optional,
            Some(stale) if may_serve_on_error(self.layer, self.context, stale) => {
                let has_failed = self.layer.http.failures.has_failed(&*stale.cached);
                if has_failed { Urgency::Immediate } else { Urgency::Optional }
            }
            _ => Urgency::Required,
        }
    }

    /// Leaves a refresh to the instance that holds the lease.
    fn leave_refresh(&mut self) -> Option<Claim> {
        self.stale.take().map(|stale| Claim::AlreadyStored(Lookup::Stale(stale)))
    }

    /// Decides what to do after the handler failed on another instance.
    ///
    /// This instance does not ask it for that time, or until the next attempt of another instance
    /// is over.
    fn on_failure_elsewhere(&mut self, retry_after: Option<Duration>) -> Option<Claim> {
        let stale = self.stale.take()?;
        self.layer.record_failure(&stale.cached, retry_after);
        if may_serve_on_error(self.layer, self.context, &stale) {
            return Some(Claim::FilledElsewhere(FlightOutcome::ServedStale(stale, StaleReason::IfError)));
        }
        if self.context.purpose == Purpose::Refresh {
            return Some(Claim::AlreadyStored(Lookup::Stale(stale)));
        }
        // It was invalidated meanwhile, or its window has ended.
        self.stale = Some(stale);
        None
    }

    /// Ends the flight so that no request waits, as the last response could not be stored.
    ///
    /// This process remembers that, as after a fill of its own. A response that was refreshed
    /// early, and is still fresh, stays in its place.
    fn hit_for_miss(&self) -> Claim {
        let engine = &self.layer.engine;
        if !is_still_fresh(self.layer, self.context, self.stale.as_ref()) {
            let now = engine.clock.boot();
            self.layer.http.memory.insert_hit_for_miss(
                &self.context.key,
                &self.context.headers,
                UncacheableReason::Head,
                now,
            );
        }
        Claim::FilledElsewhere(FlightOutcome::NotShared)
    }

    /// Decides about a value that was stored in the meantime.
    ///
    /// If the value is not a response, the shared tier is looked up again, as the value may lead to
    /// one.
    async fn on_stored(&mut self, value: Bytes, local: u64) -> Option<Claim> {
        let fields = self.request_fields();
        let lookup_key = LookupKey { headers: &fields, ..self.context.lookup_key() };
        let fingerprint = wire::fingerprint(&value);
        if let Some(lookup) = lookup_from_value(self.layer, lookup_key, value, local, self.reason) {
            self.claim.set_fingerprint(fingerprint);
            return self.decide(lookup);
        }
        let (lookup, target) = lookup_shared_observed(self.layer, lookup_key, self.reason).await;
        if matches!(lookup, Lookup::Miss(..))
            && lookup_key.scope.is_some_and(|scope| scope.has_newer_scope(self.layer))
        {
            return Some(Claim::Redirected);
        }
        if !target.is_some_and(|target| self.claim.retarget(target)) {
            return Some(Claim::Granted(None, self.take_found()));
        }
        self.decide(lookup)
    }

    /// Returns the request's fields, without its directives once it has waited for a fill.
    ///
    /// The outcome of such a fill is not a stored response that the request could refuse. Its
    /// directives do not count then, as within a process.
    fn request_fields(&self) -> Cow<'a, HeaderMap> {
        let fields = &self.context.headers;
        if !(self.claim.has_waited() && self.layer.policy.store.honor_request) {
            return Cow::Borrowed(fields);
        }
        let mut fields = fields.clone();
        fields.remove(CACHE_CONTROL);
        fields.remove(PRAGMA);
        Cow::Owned(fields)
    }

    /// Decides about the result of a lookup in the shared tier.
    ///
    /// Returns `None` if the claim goes on as if nothing was found.
    fn decide(&mut self, lookup: Lookup) -> Option<Claim> {
        match lookup {
            Lookup::Fresh(cached, _) if !self.is_newer(&cached) => None,
            Lookup::Fresh(cached, _) if self.claim.has_waited() => {
                Some(Claim::FilledElsewhere(FlightOutcome::Stored(cached)))
            }
            Lookup::Fresh(..) => Some(Claim::AlreadyStored(lookup)),
            Lookup::Stale(stale) if stale.while_revalidate && self.context.purpose != Purpose::Refresh => {
                Some(Claim::AlreadyStored(Lookup::Stale(stale)))
            }
            // A response that is stale right after its fill would be stale after the next one, too.
            // If the instances filled in turn, the last of many would wait for all of them.
            Lookup::Stale(_) if self.claim.has_waited() => {
                Some(Claim::FilledElsewhere(FlightOutcome::NotShared))
            }
            // Each request validates it for itself, so none waits for another one's fill.
            Lookup::Stale(stale)
                if self.context.purpose != Purpose::Refresh && !is_worth_a_flight(self.layer, &stale) =>
            {
                Some(Claim::AlreadyStored(Lookup::Stale(stale)))
            }
            Lookup::Stale(stale) => {
                if self.is_newer(&stale.cached) {
                    self.reason = stale.reason;
                    self.stale = Some(stale);
                }
                None
            }
            Lookup::Partial(_) => self.go_on(MissReason::Partial),
            Lookup::Miss(reason, _) => self.go_on(reason),
            Lookup::HitForMiss => None,
        }
    }

    /// Goes on with the claim. The value in the shared tier was of no use for this reason.
    fn go_on(&mut self, reason: MissReason) -> Option<Claim> {
        if !self.claim.has_waited() {
            self.reason = reason;
        }
        None
    }

    /// Whether the response is newer than the one to refresh, if this is a refresh.
    fn is_newer(&self, cached: &CachedResponse) -> bool {
        let stale = self.stale.as_ref().filter(|_| self.context.purpose == Purpose::Refresh);
        stale.is_none_or(|stale| {
            let (new, old) = (&cached.meta, &stale.cached.meta);
            new.response_time > old.response_time
                || new.response_time == old.response_time && new.position != old.position
        })
    }

    /// Decides about the result that the holder left when its fill ended.
    fn on_result(&mut self, result: Bytes, local: u64) -> Option<Claim> {
        match FillResult::from_bytes(result) {
            FillResult::NotShared => Some(Claim::FilledElsewhere(FlightOutcome::NotShared)),
            FillResult::FailureNotShared => Some(Claim::FilledElsewhere(FlightOutcome::FailureNotShared)),
            FillResult::HandlerFailed(value) => self.decode_failure(value, local).map(|cached| {
                Claim::FilledElsewhere(FlightOutcome::HandlerFailedElsewhere(Arc::new(cached)))
            }),
            FillResult::ServedStale => {
                let stale =
                    self.stale.take_if(|stale| may_serve_on_error(self.layer, self.context, stale))?;
                Some(Claim::FilledElsewhere(FlightOutcome::ServedStale(stale, StaleReason::IfError)))
            }
        }
    }

    /// Decodes the response of a handler that failed after this instance began to claim.
    ///
    /// An earlier failure does not count. A lease is released in the background, so a claim may
    /// find it held although its fill is over.
    ///
    /// Rule 13: "The same check for a lease waiter that takes a stored response."
    fn decode_failure(&self, value: Bytes, local: u64) -> Option<CachedResponse> {
        let engine = &self.layer.engine;
        let Ok(Decoded::Response(mut stored)) =
            wire::decode_after(cache_status::reserved(), value, self.context.exact_key())
        else {
            return None;
        };
        stored.meta.response_time = engine.store_calendar.to_own(stored.meta.response_time);
        if stored.meta.response_time < self.started_at {
            return None;
        }
        stored.meta.position.watermark.local = local;
        let now = engine.clock.boot();
        let cached = CachedResponse::from_store(stored, engine.clock.wall(), now);
        (engine.log.verdict(&cached, now) == (Verdict::Valid, true)).then_some(cached)
    }
}
