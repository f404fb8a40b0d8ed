//! The right to fill: of all instances that miss a response, one runs the handler, and the others wait for what it stores.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};
use larder_core::log::table::Verdict;
use larder_core::outcome::MissReason;
use larder_core::stored::wire::{self, Decoded};
use larder_core::time::Wall;
use tokio::time::Instant;

use crate::engine::lease::Lease;
use crate::engine::lease::claim::{ClaimEvent, ClaimTarget, LeaseClaim};
use crate::http::cache_status;
use crate::http::fill::fill_result::FillResult;
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Lookup;
use crate::http::lookup::equivalent::lookup_shared_observed;
use crate::http::lookup::from_store::lookup_from_value;
use crate::http::lookup::query_scope::LookupKey;
use crate::http::lookup::request_context::{Purpose, RequestContext};
use crate::http::lookup::reuse::{is_still_fresh, may_serve_on_error};
use crate::http::memory::UncacheableReason;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::ready_service::ReadyService;

/// What whoever leads a flight is to do.
pub(crate) enum Claim {
    /// Run the handler: with the lease, or, where the shared tier cannot be asked for it, without.
    Granted(Option<Lease>, Option<StaleResponse>),
    /// Serve what is known: nobody had to be waited for.
    AlreadyStored(Lookup),
    /// Look elsewhere: the response is under another key.
    Redirected,
    /// End the flight like this, as another instance's fill did.
    FilledElsewhere(FlightOutcome),
}

/// Asks for the right to fill what was `seen` to be missing, and waits for whoever has it.
pub(crate) async fn claim_fill<S: Clone>(
    layer: &LayerState,
    context: &RequestContext,
    leader: &Lead,
    stale: Option<StaleResponse>,
    seen: Option<ClaimTarget>,
    service: &mut ReadyService<S>,
) -> Claim {
    match FillClaim::new(layer, context, leader, seen) {
        Some(claimant) => FillClaim { stale, ..claimant }.claim_or_wait(service).await,
        None => Claim::Granted(None, stale),
    }
}

/// The same for who refreshes what is stored: another instance may have done it already.
pub(super) async fn claim_refresh<S: Clone>(
    layer: &LayerState,
    context: &RequestContext,
    leader: &Lead,
    stale: Option<StaleResponse>,
    service: &mut ReadyService<S>,
) -> Claim {
    let missing = stale.as_ref().map_or(MissReason::NeverStored, |stale| stale.reason);
    let (lookup, seen) = lookup_shared_observed(layer, context.lookup_key(), missing).await;
    let Some(claimant) = FillClaim::new(layer, context, leader, seen) else {
        return Claim::Granted(None, stale);
    };
    let mut claimant = FillClaim { stale, ..claimant };
    match claimant.decide(lookup) {
        Some(right) => right,
        None => claimant.claim_or_wait(service).await,
    }
}

struct FillClaim<'a> {
    layer: &'a LayerState,
    context: &'a RequestContext,
    claim: LeaseClaim,
    stale: Option<StaleResponse>,
    /// When this instance began to claim.
    started_at: Wall,
}

impl<'a> FillClaim<'a> {
    /// Where the shared tier was not asked, or did not answer, it is not asked for a lease either.
    fn new(
        layer: &'a LayerState,
        context: &'a RequestContext,
        leader: &Lead,
        seen: Option<ClaimTarget>,
    ) -> Option<Self> {
        let deadline = Instant::now() + layer.policy.fill_limits.head;
        let claim = LeaseClaim::new(&layer.engine, seen?, leader.flight().position, deadline)?;
        Some(Self { layer, context, claim, stale: None, started_at: layer.engine.clock.wall() })
    }

    /// Waits until it is decided. A request that waits needs no place in the inner service.
    async fn claim_or_wait<S: Clone>(mut self, service: &mut ReadyService<S>) -> Claim {
        let names = || self.context.names.clone().build([]);
        loop {
            let decided = match self.claim.next(names, || service.release()).await {
                ClaimEvent::Granted => return Claim::Granted(Some(self.claim.into_lease()), self.stale),
                ClaimEvent::Unavailable => return Claim::Granted(None, self.stale),
                ClaimEvent::Uncacheable => Some(self.hit_for_miss()),
                ClaimEvent::Stored(value, local) => self.on_stored(value, local).await,
                ClaimEvent::Left(word, local) => self.on_result(word, local),
            };
            if let Some(right) = decided {
                return right;
            }
        }
    }

    /// Nobody is to wait: as it is remembered of this process's own fills.
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

    /// Something was stored meanwhile. What is not a response leads to where one may be.
    async fn on_stored(&mut self, value: Bytes, local: u64) -> Option<Claim> {
        let fields = self.request_fields();
        let lookup_key = LookupKey { headers: &fields, ..self.context.lookup_key() };
        let missing = self.stale.as_ref().map_or(MissReason::NeverStored, |stale| stale.reason);
        let fingerprint = wire::fingerprint(&value);
        if let Some(lookup) = lookup_from_value(self.layer, lookup_key, value, local, missing) {
            self.claim.set_fingerprint(fingerprint);
            return self.decide(lookup);
        }
        let (lookup, seen) = lookup_shared_observed(self.layer, lookup_key, missing).await;
        if matches!(lookup, Lookup::Miss(_))
            && lookup_key.scope.is_some_and(|scope| scope.has_newer_scope(self.layer))
        {
            return Some(Claim::Redirected);
        }
        if !seen.is_some_and(|seen| self.claim.retarget(seen)) {
            return Some(Claim::Granted(None, self.stale.take()));
        }
        self.decide(lookup)
    }

    /// The request's fields. What is served to it of a fill that it waited for is no stored response that it could refuse:
    /// as within a process, its own directives do not count then.
    fn request_fields(&self) -> Cow<'a, HeaderMap> {
        let fields = &self.context.headers;
        if !(self.claim.has_waited() && self.layer.policy.store.follow_request) {
            return Cow::Borrowed(fields);
        }
        let mut fields = fields.clone();
        fields.remove(CACHE_CONTROL);
        fields.remove(PRAGMA);
        Cow::Owned(fields)
    }

    /// What is to be done about what was found in the shared tier; `None` if it counts as nothing.
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
            // What was just made and is not fresh will never be: one fill after the other would make the last of many
            // wait for all of them.
            Lookup::Stale(_) if self.claim.has_waited() => {
                Some(Claim::FilledElsewhere(FlightOutcome::NotShared))
            }
            Lookup::Stale(stale) => {
                if self.is_newer(&stale.cached) {
                    self.stale = Some(stale);
                }
                None
            }
            Lookup::Partial(_) | Lookup::Miss(_) | Lookup::HitForMiss => None,
        }
    }

    /// Whether it is more than what is to be refreshed.
    fn is_newer(&self, cached: &CachedResponse) -> bool {
        let lookup = self.stale.as_ref().filter(|_| self.context.purpose == Purpose::Refresh);
        lookup.is_none_or(|lookup| {
            let (new, old) = (&cached.meta, &lookup.cached.meta);
            new.response_time > old.response_time
                || new.response_time == old.response_time && new.position != old.position
        })
    }

    /// The holder that was waited for left word of how its fill ended.
    fn on_result(&mut self, word: Bytes, local: u64) -> Option<Claim> {
        match FillResult::from_bytes(word) {
            FillResult::NotShared => Some(Claim::FilledElsewhere(FlightOutcome::NotShared)),
            FillResult::HandlerFailed(value) => self.decode_failure(value, local).map(|cached| {
                Claim::FilledElsewhere(FlightOutcome::HandlerFailedElsewhere(Arc::new(cached)))
            }),
            FillResult::ServedStale => {
                let stale =
                    self.stale.take_if(|stale| may_serve_on_error(self.layer, self.context, stale))?;
                Some(Claim::FilledElsewhere(FlightOutcome::ServedStale(stale)))
            }
        }
    }

    /// The answer of a failing handler, if it failed after this instance began to claim. A lease is released in the
    /// background, so a claim may find it held although its fill is over.
    ///
    /// Rule 13: "The same check for a lease waiter that takes a stored response."
    fn decode_failure(&self, value: Bytes, local: u64) -> Option<CachedResponse> {
        let engine = &self.layer.engine;
        let Ok(Decoded::Response(mut stored)) =
            wire::decode_after(cache_status::reserved(), value, self.context.exact_key())
        else {
            return None;
        };
        if stored.meta.response_time < self.started_at {
            return None;
        }
        stored.meta.position.mark.local = local;
        let now = engine.clock.boot();
        let cached = CachedResponse::from_store(stored, engine.clock.wall(), now);
        (engine.log.verdict(&cached, now) == (Verdict::Valid, true)).then_some(cached)
    }
}
