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
use crate::http::fill::fill_result::Word;
use crate::http::flight_event::{Ended, Lead};
use crate::http::layer_state::LayerState;
use crate::http::lookup::Known;
use crate::http::lookup::equivalent::lookup_shared_observed;
use crate::http::lookup::from_store::lookup_from_value;
use crate::http::lookup::query_scope::Sought;
use crate::http::lookup::request_context::Ask;
use crate::http::lookup::reuse::{is_still_fresh, may_serve_on_error};
use crate::http::memory::PassReason;
use crate::http::memory::cached_response::Held;
use crate::http::memory::stale_response::Stale;
use crate::http::ready_service::Place;

/// What whoever leads a flight is to do.
pub(crate) enum Right {
    /// Run the handler: with the lease, or, where the shared tier cannot be asked for it, without.
    Fill(Option<Lease>, Option<Stale>),
    /// Serve what is known: nobody had to be waited for.
    Known(Known),
    /// Look elsewhere: the response is under another key.
    Elsewhere,
    /// End the flight like this, as another instance's fill did.
    Ended(Ended),
}

/// Asks for the right to fill what was `seen` to be missing, and waits for whoever has it.
pub(crate) async fn right_to_fill<S: Clone>(
    route: &LayerState,
    ask: &Ask,
    lead: &Lead,
    stale: Option<Stale>,
    seen: Option<ClaimTarget>,
    place: &mut Place<S>,
) -> Right {
    match Claimant::new(route, ask, lead, seen) {
        Some(claimant) => Claimant { stale, ..claimant }.wait(place).await,
        None => Right::Fill(None, stale),
    }
}

/// The same for who refreshes what is stored: another instance may have done it already.
pub(super) async fn right_to_refresh<S: Clone>(
    route: &LayerState,
    ask: &Ask,
    lead: &Lead,
    stale: Option<Stale>,
    place: &mut Place<S>,
) -> Right {
    let missing = stale.as_ref().map_or(MissReason::NeverStored, |stale| stale.reason);
    let (known, seen) = lookup_shared_observed(route, ask.sought(), missing).await;
    let Some(claimant) = Claimant::new(route, ask, lead, seen) else {
        return Right::Fill(None, stale);
    };
    let mut claimant = Claimant { stale, ..claimant };
    match claimant.consider(known) {
        Some(right) => right,
        None => claimant.wait(place).await,
    }
}

struct Claimant<'a> {
    route: &'a LayerState,
    ask: &'a Ask,
    claim: LeaseClaim,
    stale: Option<Stale>,
    /// When this instance began to claim.
    asked: Wall,
}

impl<'a> Claimant<'a> {
    /// Where the shared tier was not asked, or did not answer, it is not asked for a lease either.
    fn new(route: &'a LayerState, ask: &'a Ask, lead: &Lead, seen: Option<ClaimTarget>) -> Option<Self> {
        let deadline = Instant::now() + route.policy.fill_limits.head;
        let claim = LeaseClaim::new(&route.engine, seen?, lead.flight().position, deadline)?;
        Some(Self { route, ask, claim, stale: None, asked: route.engine.clock.wall() })
    }

    /// Waits until it is decided. A request that waits needs no place in the inner service.
    async fn wait<S: Clone>(mut self, place: &mut Place<S>) -> Right {
        let names = || self.ask.named.clone().with([]);
        loop {
            let decided = match self.claim.next(names, || place.leave()).await {
                ClaimEvent::Granted => return Right::Fill(Some(self.claim.into_lease()), self.stale),
                ClaimEvent::Unavailable => return Right::Fill(None, self.stale),
                ClaimEvent::Uncacheable => Some(self.pass()),
                ClaimEvent::Stored(value, local) => self.stored(value, local).await,
                ClaimEvent::Left(word, local) => self.told(word, local),
            };
            if let Some(right) = decided {
                return right;
            }
        }
    }

    /// Nobody is to wait: as it is remembered of this process's own fills.
    fn pass(&self) -> Right {
        let cache = &self.route.engine;
        if !is_still_fresh(self.route, self.ask, self.stale.as_ref()) {
            let now = cache.clock.boot();
            self.route.http.memory.insert_pass(&self.ask.key, &self.ask.headers, PassReason::Head, now);
        }
        Right::Ended(Ended::Alone)
    }

    /// Something was stored meanwhile. What is not a response leads to where one may be.
    async fn stored(&mut self, value: Bytes, local: u64) -> Option<Right> {
        let fields = self.fields();
        let sought = Sought { headers: &fields, ..self.ask.sought() };
        let missing = self.stale.as_ref().map_or(MissReason::NeverStored, |stale| stale.reason);
        let fingerprint = wire::fingerprint(&value);
        if let Some(known) = lookup_from_value(self.route, sought, value, local, missing) {
            self.claim.set_fingerprint(fingerprint);
            return self.consider(known);
        }
        let (known, seen) = lookup_shared_observed(self.route, sought, missing).await;
        if matches!(known, Known::Missing(_))
            && sought.search.is_some_and(|search| search.is_elsewhere(self.route))
        {
            return Some(Right::Elsewhere);
        }
        if !seen.is_some_and(|seen| self.claim.retarget(seen)) {
            return Some(Right::Fill(None, self.stale.take()));
        }
        self.consider(known)
    }

    /// The request's fields. What is served to it of a fill that it waited for is no stored response that it could refuse:
    /// as within a process, its own directives do not count then.
    fn fields(&self) -> Cow<'a, HeaderMap> {
        let fields = &self.ask.headers;
        if !(self.claim.has_waited() && self.route.policy.store.follow_request) {
            return Cow::Borrowed(fields);
        }
        let mut fields = fields.clone();
        fields.remove(CACHE_CONTROL);
        fields.remove(PRAGMA);
        Cow::Owned(fields)
    }

    /// What is to be done about what was found in the shared tier; `None` if it counts as nothing.
    fn consider(&mut self, known: Known) -> Option<Right> {
        match known {
            Known::Fresh(held, _) if !self.is_news(&held) => None,
            Known::Fresh(held, _) if self.claim.has_waited() => Some(Right::Ended(Ended::Stored(held))),
            Known::Fresh(..) => Some(Right::Known(known)),
            Known::Stale(stale) if stale.while_revalidate && !self.ask.refreshes => {
                Some(Right::Known(Known::Stale(stale)))
            }
            // What was just made and is not fresh will never be: one fill after the other would make the last of many
            // wait for all of them.
            Known::Stale(_) if self.claim.has_waited() => Some(Right::Ended(Ended::Alone)),
            Known::Stale(stale) => {
                if self.is_news(&stale.held) {
                    self.stale = Some(stale);
                }
                None
            }
            Known::Part(_) | Known::Missing(_) | Known::Pass => None,
        }
    }

    /// Whether it is more than what is to be refreshed.
    fn is_news(&self, held: &Held) -> bool {
        let known = self.stale.as_ref().filter(|_| self.ask.refreshes);
        known.is_none_or(|known| {
            let (new, old) = (&held.meta, &known.held.meta);
            new.response_time > old.response_time
                || new.response_time == old.response_time && new.position != old.position
        })
    }

    /// The holder that was waited for left word of how its fill ended.
    fn told(&mut self, word: Bytes, local: u64) -> Option<Right> {
        match Word::from_bytes(word) {
            Word::Alone => Some(Right::Ended(Ended::Alone)),
            Word::Failed(value) => {
                self.failed(value, local).map(|held| Right::Ended(Ended::FailedElsewhere(Arc::new(held))))
            }
            Word::Stale => {
                let stale = self.stale.take_if(|stale| may_serve_on_error(self.route, self.ask, stale))?;
                Some(Right::Ended(Ended::Stale(stale)))
            }
        }
    }

    /// The answer of a failing handler, if it failed after this instance began to claim. A lease is released in the
    /// background, so a claim may find it held although its fill is over.
    ///
    /// Rule 13: "The same check for a lease waiter that takes a stored response."
    fn failed(&self, value: Bytes, local: u64) -> Option<Held> {
        let cache = &self.route.engine;
        let Ok(Decoded::Response(mut stored)) =
            wire::decode_after(cache_status::room(), value, self.ask.exact_key())
        else {
            return None;
        };
        if stored.meta.response_time < self.asked {
            return None;
        }
        stored.meta.position.mark.local = local;
        let now = cache.clock.boot();
        let held = Held::promoted(stored, cache.clock.wall(), now);
        (cache.log.verdict(&held, now) == (Verdict::Valid, true)).then_some(held)
    }
}
