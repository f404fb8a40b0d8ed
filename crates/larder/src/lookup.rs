//! Lookup and decide: what is known about a request, and what the rules make of it.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use larder_core::http::cache_control::{RequestDirectives, ResponseDirectives};
use larder_core::http::reuse::{Reuse, reuse};
use larder_core::http::vary;
use larder_core::log::table::Verdict;
use larder_core::outcome::{MissReason, Tier};
use larder_core::store::StoreError;
use larder_core::stored::wire::{self, Decoded};
use larder_core::stored::{StoredResponse, address};
use larder_core::time::Boot;

use crate::inner::Inner;
use crate::memory::held::Held;
use crate::memory::{Found, Stale, Variants};
use crate::report::Exchange;
use crate::search::{Search, Sought};
use crate::service::plan::{Look, credentials_reason};
use crate::service::route::Route;
use crate::store::Store;

/// What is known about a request, after the rules.
pub(crate) enum Known {
    /// A response that may be served.
    Fresh(Arc<Held>, Tier),
    /// A response that may be served under conditions, and validated.
    Stale(Stale),
    /// A fresh part, in which not all lies that is asked for.
    Part(Arc<Held>),
    /// Nothing of use.
    Missing(MissReason),
    /// Nobody should wait for the next response.
    Pass,
}

impl Known {
    #[inline]
    fn of(held: Arc<Held>, tier: Tier, weighed: Reuse, headers: &HeaderMap) -> Self {
        match weighed {
            Reuse::Fresh { .. } if held.answers(headers) => Self::Fresh(held, tier),
            Reuse::Fresh { .. } => Self::Part(held),
            // What is stale of it is not worth a validation.
            Reuse::Stale { reason, .. } if held.meta.part.is_some() => Self::Missing(reason),
            Reuse::Stale { reason, while_revalidate, .. } => {
                Self::Stale(Stale { held, tier, reason, while_revalidate })
            }
            Reuse::Refused(reason) => Self::Missing(reason),
        }
    }
}

impl Route {
    /// What this process's memory knows about a request.
    #[inline]
    pub(crate) fn look_in_memory(&self, look: Look, key: &str, headers: &HeaderMap, now: Boot) -> Known {
        let known = self.find_in_memory(key, headers, now);
        Self::admit(look, known)
    }

    /// What a request with these credentials may have of what is known.
    #[inline]
    pub(crate) fn admit(look: Look, known: Known) -> Known {
        if credentials_reason(look.credentials).is_none() {
            return known;
        }
        match known {
            // RFC 9111 §3.5, and the same for cookies: only what says of itself that it may be shared.
            Known::Fresh(held, tier) if held.meta.flags.shareable => Known::Fresh(held, tier),
            _ => Known::Pass,
        }
    }

    #[inline]
    pub(crate) fn find_in_memory(&self, key: &str, headers: &HeaderMap, now: Boot) -> Known {
        self.find_and_weigh(key, headers, now, |held| self.weigh(held, headers, now))
    }

    #[inline]
    pub(super) fn find_and_weigh(
        &self,
        key: &str,
        headers: &HeaderMap,
        now: Boot,
        weigh: impl FnOnce(&Held) -> Reuse,
    ) -> Known {
        let inner = &self.cache;
        match inner.memory.find(key, headers, now) {
            Found::Held(held) => match weigh(&held) {
                Reuse::Refused(reason) => {
                    if reason == MissReason::Invalidated {
                        inner.memory.remove(&held);
                    }
                    Known::Missing(reason)
                }
                weighed => Known::of(held, Tier::Memory, weighed, headers),
            },
            Found::OtherVariants(_) => Known::Missing(MissReason::Vary),
            Found::Pass => Known::Pass,
            Found::Nothing => Known::Missing(MissReason::NeverStored),
        }
    }

    /// Whether a look at memory can be left out, as nothing is in it.
    #[inline]
    pub(crate) fn goes_to_shared_alone(&self, look: Look) -> bool {
        self.shared_alone && credentials_reason(look.credentials).is_none()
    }

    /// What the log and the rules of reuse say of a stored response.
    #[inline]
    pub(crate) fn weigh(&self, held: &Held, headers: &HeaderMap, now: Boot) -> Reuse {
        let (verdict, confirmed) = self.cache.log.judge(held, now);
        // What the rule below says of nearly every hit, without its arithmetic.
        if verdict == Verdict::Valid
            && confirmed
            && !self.policy.store.follow_request
            && held.is_plainly_fresh(now)
        {
            return Reuse::Fresh { left: held.left(now) };
        }
        self.weigh_by_rule(held, headers, (verdict, confirmed), now)
    }

    pub(super) fn weigh_by_rule(
        &self,
        held: &Held,
        headers: &HeaderMap,
        (verdict, confirmed): (Verdict, bool),
        now: Boot,
    ) -> Reuse {
        let directives = self.policy.store.follow_request.then(|| self.wishes(held, headers, now));
        reuse(&held.candidate(verdict, confirmed, now), directives.as_ref())
    }

    /// What a request asks of a response.
    fn wishes(&self, held: &Held, headers: &HeaderMap, now: Boot) -> RequestDirectives {
        let asked = RequestDirectives::parse(headers);
        let is_immutable = || !held.left(now).is_zero() && self.is_immutable(held);
        if asked.max_age.is_some() && is_immutable() { asked.of_immutable() } else { asked }
    }

    /// Whether a response says that it does not change while it is fresh.
    pub(crate) fn is_immutable(&self, held: &Held) -> bool {
        ResponseDirectives::of(&held.headers, &self.policy.store.targets).immutable
    }

    /// What the shared tier knows about a request that memory knows nothing of use about.
    pub(crate) async fn look_in_shared(&self, sought: Sought<'_>, missing: MissReason) -> Known {
        self.look_before_filling(sought, missing).await.0
    }

    /// What the shared tier knows about a request, where nothing is kept in memory.
    pub(crate) async fn look_in_shared_alone(&self, named: &Named, headers: &HeaderMap) -> Known {
        let missing = MissReason::NeverStored;
        let sought = Sought { key: named.key(), headers, search: None };
        match self.read_at(named.address(), sought, true).await {
            Ok((read, _)) => self.judge_shared(sought, read, missing),
            Err(reason) => Known::Missing(reason.unwrap_or(missing)),
        }
    }

    /// What the shared tier knows about a request that memory knows nothing of use about, and what was seen where, for a
    /// claim to the lease. Nothing of that, if the shared tier was not asked or did not answer.
    pub(crate) async fn look_before_filling(
        &self,
        sought: Sought<'_>,
        missing: MissReason,
    ) -> (Known, Option<Seen>) {
        match sought.search {
            None => self.look_for_one(sought, missing).await,
            Some(search) => self.look_for_equivalents(sought, search, missing).await,
        }
    }

    /// What the shared tier knows under one key.
    pub(super) async fn look_for_one(
        &self,
        sought: Sought<'_>,
        missing: MissReason,
    ) -> (Known, Option<Seen>) {
        match self.read_shared(sought).await {
            Ok((read, seen)) => (self.judge_shared(sought, read, missing), Some(seen)),
            Err(reason) => (Known::Missing(reason.unwrap_or(missing)), None),
        }
    }

    /// Reads the fingerprint that a claim to the lease needs. The stored response is neither served nor kept.
    pub(crate) async fn observe_shared(&self, sought: Sought<'_>) -> Option<Seen> {
        self.read_shared(sought).await.ok().map(|(_, seen)| seen)
    }

    /// Reads from the shared tier; or the reason why it is of no use, if it is one.
    async fn read_shared(&self, sought: Sought<'_>) -> Result<(Read, Seen), Option<MissReason>> {
        let Sought { key, headers, .. } = sought;
        let variant = match self.cache.memory.find(key, headers, self.cache.clock.boot()) {
            Found::OtherVariants(variants) => Some(variant_of(key, headers, &variants)),
            _ => None,
        };
        let may_vary = variant.is_none();
        let address = variant.unwrap_or_else(|| address::primary(key));
        let (read, (variant, fingerprint)) = self.read_at(&address, sought, may_vary).await?;
        Ok((read, Seen { address: variant.unwrap_or(address), fingerprint }))
    }

    /// Reads what is at an address and, if that says that the responses vary, at that of the variant. Also tells what was
    /// seen: the address of the variant, if it was asked for, and the fingerprint of the value.
    async fn read_at(
        &self,
        address: &str,
        sought: Sought<'_>,
        may_vary: bool,
    ) -> Result<(Read, (Option<String>, Fingerprint)), Option<MissReason>> {
        let inner = &*self.cache;
        let store = inner.shared().ok_or(None)?;
        let local = self.trusted().ok_or(MissReason::Unconfirmed)?;
        let asked = async {
            match get(inner, &**store, address, sought, local).await? {
                (Read::Fields(fields), _) if may_vary => {
                    let variants = inner.memory.insert_fields(sought.key, fields);
                    let address = variant_of(sought.key, sought.headers, &variants);
                    let (read, fingerprint) = get(inner, &**store, &address, sought, local).await?;
                    Ok((read, (Some(address), fingerprint)))
                }
                (read, fingerprint) => Ok((read, (None, fingerprint))),
            }
        };
        match asked.await {
            Ok(read) => {
                inner.report.store_worked(Exchange::Read, &*inner.clock);
                Ok(read)
            }
            Err(error) => {
                inner.report.store_failed(Exchange::Read, &error, &*inner.clock);
                Err(Some(MissReason::StoreError))
            }
        }
    }

    /// Whether what the shared tier answers from now on may be trusted, and if so with which local number.
    ///
    /// Both are read together and before the store is asked: rule 12, and the local number that goes with it (rule 1). An
    /// invalidation that is deferred while the answer is on its way has a higher number, and refuses it.
    pub(crate) fn trusted(&self) -> Option<u64> {
        let inner = &*self.cache;
        inner.log.read(|tail| {
            let trusted = tail.trusts_shared(inner.clock.boot(), inner.log.max_staleness());
            trusted.then(|| tail.position().mark.local)
        })
    }

    /// What the rules make of a value that another instance stored while this one asked for the lease; `None` if it is no
    /// response, so that the shared tier has to be looked at anew.
    pub(crate) fn judge_stored(
        &self,
        sought: Sought<'_>,
        value: Bytes,
        local: u64,
        missing: MissReason,
    ) -> Option<Known> {
        match read(&self.cache, sought, Some(value), local) {
            Read::Fields(_) | Read::Unreadable | Read::Elsewhere => None,
            read => Some(self.judge_shared(sought, read, missing)),
        }
    }

    fn judge_shared(&self, sought: Sought<'_>, read: Read, missing: MissReason) -> Known {
        let inner = &*self.cache;
        let held = match read {
            Read::Response(held) => held,
            Read::Fields(_) | Read::Other => return Known::Missing(MissReason::Vary),
            Read::Nothing | Read::Elsewhere => return Known::Missing(missing),
            Read::Unreadable => return Known::Missing(MissReason::Unreadable),
        };
        // It came just now.
        let weighed = self.weigh_for(sought, &held, held.since());
        let known = Known::of(held, Tier::Shared, weighed, sought.headers);
        if inner.memory.keeps() {
            // A part that is of no use here takes no place: in memory there may be another one.
            if let Known::Fresh(held, _) | Known::Stale(Stale { held, .. }) = &known {
                inner.memory.insert(Arc::clone(held));
            }
        }
        known
    }
}

/// Where the shared tier was asked, and what is there.
pub(crate) struct Seen {
    pub(crate) address: String,
    pub(crate) fingerprint: Fingerprint,
}

type Fingerprint = Option<[u8; 8]>;

/// A key, and its own address in the shared tier, in one text.
pub(crate) struct Named(String);

impl Named {
    pub(crate) fn new(key: &str) -> Self {
        Self(address::primary(key))
    }

    pub(crate) fn address(&self) -> &str {
        &self.0
    }

    pub(crate) fn key(&self) -> &str {
        // Between the braces.
        self.0.get(1..self.0.len() - 1).unwrap_or_default()
    }
}

/// What the shared tier answered.
enum Read {
    Response(Arc<Held>),
    Fields(Box<[http::HeaderName]>),
    /// A response to a request with other values in the fields that `Vary` names.
    Other,
    Nothing,
    /// The word that responses to equivalent queries are under another key.
    Elsewhere,
    Unreadable,
}

/// Asks the shared tier.
async fn get(
    inner: &Inner,
    store: &dyn Store,
    address: &str,
    sought: Sought<'_>,
    local: u64,
) -> Result<(Read, Fingerprint), StoreError> {
    let answer = store.get(address).await?;
    let mut fingerprint = answer.as_deref().and_then(wire::fingerprint);
    let read = read(inner, sought, answer, local);
    if matches!(read, Read::Unreadable) {
        // Its position is as good as any, so that it might keep what is filled now from taking its place (rule 16).
        store.remove(address).await?;
        fingerprint = None;
    }
    Ok((read, fingerprint))
}

/// Reads an answer of the shared tier, which was asked when our local number was `local` (rule 1).
fn read(inner: &Inner, sought: Sought<'_>, answer: Option<Bytes>, local: u64) -> Read {
    let Sought { key, headers, search } = sought;
    let Some(bytes) = own(inner, answer) else { return Read::Nothing };
    match wire::decode_after(crate::report::headers::room(), bytes, key) {
        // What the response says itself is asked: its key is but what another process made of that.
        Ok(Decoded::Response(stored)) if is_of_another(search, &stored) => Read::Unreadable,
        Ok(Decoded::Response(mut stored)) if vary::matches(&stored.meta.selecting, headers) => {
            stored.meta.position.mark.local = local;
            let held = Held::promoted(stored, inner.clock.wall(), inner.clock.boot());
            Read::Response(if inner.memory.keeps() { Arc::new(held.kept()) } else { Arc::new(held) })
        }
        Ok(Decoded::Response(_)) => Read::Other,
        Ok(Decoded::Variants(fields)) => Read::Fields(fields),
        Ok(Decoded::Told(told)) => {
            if let Some(search) = search {
                inner.variations.learn(search.base(), told, inner.clock.wall(), inner.clock.boot());
            }
            Read::Elsewhere
        }
        Err(error) => {
            tracing::debug!(target: "larder", key, %error, "a value in the shared tier cannot be read");
            Read::Unreadable
        }
    }
}

fn is_of_another(search: Option<&Search>, stored: &StoredResponse) -> bool {
    search.is_some_and(|search| !search.is_answered_by(&stored.meta.key, &stored.headers))
}

fn variant_of(key: &str, headers: &HeaderMap, variants: &Variants) -> String {
    address::variant(key, variants.of_request(headers))
}

/// What comes out of the store is a slice of its read buffer, and would keep the whole of that alive in memory for as
/// long as it is held. What is only passed on is not copied.
fn own(inner: &Inner, answer: Option<Bytes>) -> Option<Bytes> {
    answer.map(|bytes| if inner.memory.keeps() { Bytes::copy_from_slice(&bytes) } else { bytes })
}
