//! The right to fill: of all instances that miss a response, one runs the handler, and the others wait for what it stores.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};
use larder_core::lease::{Claim, Claimed, Holder};
use larder_core::log::position::Position;
use larder_core::log::table::Verdict;
use larder_core::outcome::MissReason;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::stored::wire::{self, Decoded};
use larder_core::time::Wall;
use tokio::time::{Instant, sleep};

use crate::engine::coalesce::flight::Ended;
use crate::engine::coalesce::flight::Lead;
use crate::engine::lease::LIFE;
use crate::engine::lease::Lease;
use crate::engine::lease::backoff::Backoff;
use crate::engine::report::lease_event::Leased;
use crate::engine::report::store_health::Exchange;
use crate::http::cache_status;
use crate::http::fill::fill_result::Word;
use crate::http::fill::run::stands_in;
use crate::http::fill::store_response::is_fresh;
use crate::http::layer_state::Route;
use crate::http::lookup::Known;
use crate::http::lookup::Seen;
use crate::http::lookup::query_scope::Sought;
use crate::http::lookup::request_context::Ask;
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
    route: &Route,
    ask: &Ask,
    lead: &Lead,
    (stale, seen): (Option<Stale>, Option<Seen>),
    place: &mut Place<S>,
) -> Right {
    let Some((lease, seen)) = lease(route, seen) else {
        return Right::Fill(None, stale);
    };
    Claimant::new(route, ask, lead, lease, seen, stale).wait(place).await
}

/// The same for who refreshes what is stored: another instance may have done it already.
pub(super) async fn right_to_refresh<S: Clone>(
    route: &Route,
    ask: &Ask,
    lead: &Lead,
    stale: Option<Stale>,
    place: &mut Place<S>,
) -> Right {
    let missing = stale.as_ref().map_or(MissReason::NeverStored, |stale| stale.reason);
    let (known, seen) = route.look_before_filling(ask.sought(), missing).await;
    let Some((lease, seen)) = lease(route, seen) else {
        return Right::Fill(None, stale);
    };
    let mut claimant = Claimant::new(route, ask, lead, lease, seen, stale);
    match claimant.consider(known) {
        Some(right) => right,
        None => claimant.wait(place).await,
    }
}

/// A lease to ask for. Where the shared tier was not asked, or did not answer, it is not asked for one either.
fn lease(route: &Route, seen: Option<Seen>) -> Option<(Lease, Seen)> {
    let (store, seen) = (route.cache.shared()?, seen?);
    Some((Lease::new(&route.cache, store, &seen.address), seen))
}

struct Claimant<'a> {
    route: &'a Route,
    ask: &'a Ask,
    /// That of the fill, should it come to one.
    position: Position,
    lease: Lease,
    seen: Seen,
    stale: Option<Stale>,
    awaited: Option<Holder>,
    /// When this instance began to claim.
    asked: Wall,
    /// Whether another instance was waited for at all.
    waited: bool,
    until: Instant,
}

impl<'a> Claimant<'a> {
    fn new(
        route: &'a Route,
        ask: &'a Ask,
        lead: &Lead,
        lease: Lease,
        seen: Seen,
        stale: Option<Stale>,
    ) -> Self {
        Self {
            route,
            ask,
            position: lead.flight().position,
            lease,
            seen,
            stale,
            awaited: None,
            asked: route.cache.clock.wall(),
            waited: false,
            until: Instant::now() + route.policy.fill_limits.head,
        }
    }

    async fn wait<S: Clone>(mut self, place: &mut Place<S>) -> Right {
        let mut backoff = Backoff::new();
        let mut overtakes = false;
        let mut late = false;
        // Once it is late, one last claim is made, which takes the lease from whoever has it.
        while !late {
            late = Instant::now() >= self.until;
            // Asked each time: rule 12 is about the moment at which the store is asked.
            let Some(local) = self.route.trusted() else { break };
            let decided = match self.claim(overtakes || late).await {
                Err(error) if error.kind() == StoreErrorKind::Timeout => {
                    return Right::Fill(Some(self.lease.perhaps_taken()), self.stale);
                }
                Err(_) => break,
                Ok(Claimed::Taken) => return self.fill(),
                Ok(Claimed::Pass) => Some(self.pass()),
                Ok(Claimed::Stored(value)) => self.stored(value, local).await,
                Ok(Claimed::Word(word)) => self.told(word, local),
                Ok(Claimed::Held(holder)) => {
                    self.awaited = Some(holder);
                    overtakes = self.is_in_vain(holder, local);
                    if !overtakes {
                        self.begin_to_wait(place);
                        sleep(backoff.pause(fastrand::f64())).await;
                    }
                    None
                }
            };
            if let Some(right) = decided {
                return right;
            }
        }
        Right::Fill(None, self.stale)
    }

    async fn claim(&mut self, overtakes: bool) -> Result<Claimed, StoreError> {
        let cache = &self.route.cache;
        let claim = Claim {
            address: &self.seen.address,
            holder: self.lease.holder(self.position),
            life: LIFE,
            seen: self.seen.fingerprint,
            awaited: self.awaited.map(|holder| holder.token),
            overtakes,
        };
        let claimed = self.lease.claim(claim).await;
        match &claimed {
            Ok(_) => cache.report.store_worked(Exchange::Lease, &*cache.clock),
            Err(error) => cache.report.store_failed(Exchange::Lease, error, &*cache.clock),
        }
        claimed
    }

    fn fill(self) -> Right {
        let report = &self.route.cache.report;
        report.leased(Leased::Taken);
        if self.awaited.is_some() {
            report.leased(Leased::TakenOver);
        }
        Right::Fill(Some(self.lease.taken()), self.stale)
    }

    /// Nobody is to wait: as it is remembered of this process's own fills.
    fn pass(&self) -> Right {
        let cache = &self.route.cache;
        if !is_fresh(self.route, self.ask, self.stale.as_ref()) {
            let now = cache.clock.boot();
            cache.memory.insert_pass(&self.ask.key, &self.ask.headers, PassReason::Head, now);
        }
        Right::Ended(Ended::Alone)
    }

    /// Something was stored meanwhile. What is not a response leads to where one may be.
    async fn stored(&mut self, value: Bytes, local: u64) -> Option<Right> {
        let fields = self.fields();
        let sought = Sought { headers: &fields, ..self.ask.sought() };
        let missing = self.stale.as_ref().map_or(MissReason::NeverStored, |stale| stale.reason);
        let fingerprint = wire::fingerprint(&value);
        if let Some(known) = self.route.judge_stored(sought, value, local, missing) {
            self.seen.fingerprint = fingerprint;
            return self.consider(known);
        }
        let (known, seen) = self.route.look_before_filling(sought, missing).await;
        if matches!(known, Known::Missing(_))
            && sought.search.is_some_and(|search| search.is_elsewhere(self.route))
        {
            return Some(Right::Elsewhere);
        }
        let Some((lease, seen)) = lease(self.route, seen) else {
            return Some(Right::Fill(None, self.stale.take()));
        };
        if seen.address != self.seen.address {
            self.lease = lease;
            self.awaited = None;
        }
        self.seen = seen;
        self.consider(known)
    }

    /// The request's fields. What is served to it of a fill that it waited for is no stored response that it could refuse:
    /// as within a process, its own directives do not count then.
    fn fields(&self) -> Cow<'a, HeaderMap> {
        let fields = &self.ask.headers;
        if !(self.waited && self.route.policy.store.follow_request) {
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
            Known::Fresh(held, _) if self.waited => Some(Right::Ended(Ended::Stored(held))),
            Known::Fresh(..) => Some(Right::Known(known)),
            Known::Stale(stale) if stale.while_revalidate && !self.ask.refreshes => {
                Some(Right::Known(Known::Stale(stale)))
            }
            // What was just made and is not fresh will never be: one fill after the other would make the last of many
            // wait for all of them.
            Known::Stale(_) if self.waited => Some(Right::Ended(Ended::Alone)),
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
        self.awaited = None;
        match Word::from_bytes(word) {
            Word::Alone => Some(Right::Ended(Ended::Alone)),
            Word::Failed(value) => {
                self.failed(value, local).map(|held| Right::Ended(Ended::FailedElsewhere(Arc::new(held))))
            }
            Word::Stale => {
                let stale = self.stale.take_if(|stale| stands_in(self.route, self.ask, stale))?;
                Some(Right::Ended(Ended::Stale(stale)))
            }
        }
    }

    /// The answer of a failing handler, if it failed after this instance began to claim. A lease is released in the
    /// background, so a claim may find it held although its fill is over.
    ///
    /// Rule 13: "The same check for a lease waiter that takes a stored response."
    fn failed(&self, value: Bytes, local: u64) -> Option<Held> {
        let cache = &self.route.cache;
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
        (cache.log.judge(&held, now) == (Verdict::Valid, true)).then_some(held)
    }

    /// Whether what this holder makes will be refused here: something that names the response was invalidated since its
    /// fill began.
    fn is_in_vain(&self, holder: Holder, local: u64) -> bool {
        let cache = &self.route.cache;
        let names = self.ask.named.clone().with([]);
        let mut position = holder.position;
        position.mark.local = local;
        let now = cache.clock.boot();
        cache.log.read(|tail| tail.check(&position, &names, now)) != Verdict::Valid
    }

    /// Who waits needs no place in the inner service.
    fn begin_to_wait<S: Clone>(&mut self, place: &mut Place<S>) {
        if !std::mem::replace(&mut self.waited, true) {
            self.route.cache.report.leased(Leased::Awaited);
            place.leave();
        }
    }
}
