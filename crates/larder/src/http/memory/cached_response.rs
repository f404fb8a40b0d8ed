//! A stored response in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use larder_core::http::range::{self, ContentRange, Requested};
use larder_core::http::reuse::Candidate;
use larder_core::http::{age, fields, validators, vary};
use larder_core::log::names::Names;
use larder_core::log::position::Position;
use larder_core::log::table::Verdict;
use larder_core::stored::{Meta, StoredResponse};
use larder_core::time::{Boot, Wall};

use crate::engine::invalidation_log::stamped::Stamped;
use crate::http::cache_status;
use crate::http::memory::header_cache::{RenderKey, rendered};

/// A stored response, ready to be served: its fields hold the places of those that each hit writes anew.
pub(crate) struct CachedResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) meta: Meta,
    /// When this process began to fill it; `None` if another one may have (rule 10). Validation leaves it: a 304 by a
    /// `Last-Modified` of whole seconds may be given for what has changed since.
    pub(crate) filled_at: Option<Boot>,
    /// Its age at `since`.
    age: Duration,
    received_at: Boot,
    /// When it is fresh no more.
    stale_at: Boot,
    /// Until when it may be served without another question.
    fresh_unconditionally_until: Boot,
    /// How long it took to make, in nanoseconds.
    pub(crate) cost: u64,
    /// No other one that is kept in memory has it.
    id: u64,
    /// The generation of the log's table at which it was last found valid.
    pub(crate) valid_at_generation: AtomicU64,
    /// What other caches, nearer to the origin, said in `Cache-Status`.
    pub(crate) upstream_cache_status: Option<HeaderValue>,
}

/// No generation of the table has this number, and no response that is kept.
const NEVER: u64 = u64::MAX;

impl CachedResponse {
    /// What this process filled just now, beginning at `filled_at`; see there for what it only validated.
    pub(crate) fn from_fill(mut stored: StoredResponse, filled_at: Option<Boot>, now: Boot) -> Self {
        let age = stored.meta.initial_age;
        let others = cache_status::reserve(&mut stored.headers);
        Self::new(stored, others, filled_at, age, now).for_memory()
    }

    /// Made ready to be kept: with a number of its own, and without the room that its table of fields has to spare, about
    /// half a kilobyte. A copy has just what it needs.
    pub(crate) fn for_memory(mut self) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        self.headers = self.headers.clone();
        self.id = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self
    }

    /// What came from the shared tier, its fields read behind [`cache_status::room`]. The time it spent there is measured by
    /// the calendar, as no other clock is common to the instances; from here on this process's own clock counts.
    #[inline]
    pub(crate) fn from_store(mut stored: StoredResponse, wall: Wall, now: Boot) -> Self {
        let resident = wall.saturating_since(stored.meta.response_time);
        let age = age::current_age(stored.meta.initial_age, resident);
        let others = cache_status::finish_reserved(&mut stored.headers);
        Self::new(stored, others, None, age, now)
    }

    #[inline]
    fn new(
        stored: StoredResponse,
        upstream_cache_status: Option<HeaderValue>,
        filled_at: Option<Boot>,
        age: Duration,
        received_at: Boot,
    ) -> Self {
        let StoredResponse { status, headers, body, meta } = stored;
        let stale_at = received_at.saturating_add(meta.lifetime.fresh.saturating_sub(age));
        Self {
            status,
            headers,
            body,
            filled_at,
            age,
            received_at,
            stale_at,
            fresh_unconditionally_until: if meta.flags.no_cache { Boot::ZERO } else { stale_at },
            cost: u64::try_from(meta.cost.as_nanos()).unwrap_or(u64::MAX),
            id: NEVER,
            valid_at_generation: AtomicU64::new(NEVER),
            upstream_cache_status,
            meta,
        }
    }

    /// When this process came by it.
    pub(crate) const fn received_at(&self) -> Boot {
        self.received_at
    }

    /// The digest of the fields that it varies on; zero for none.
    pub(crate) fn variant(&self) -> u128 {
        if self.meta.selecting.is_empty() { 0 } else { vary::digest(&self.meta.selecting) }
    }

    /// Whether its fill began before that of the other one and knew less of the log, as rule 16 has it for the shared
    /// tier: a slow fill must not take the place of what was made after an invalidation.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (own, other) = (&self.meta.position, &other.meta.position);
        own != other && own.incarnation == other.incarnation && other.mark.covers(own.mark)
    }

    /// Its current age (RFC 9111 §4.2.3).
    #[inline]
    pub(crate) fn age(&self, now: Boot) -> Duration {
        age::current_age(self.age, now.saturating_since(self.received_at))
    }

    /// For how long it will be fresh.
    #[inline]
    pub(crate) fn fresh_for(&self, now: Boot) -> Duration {
        Duration::from_nanos(self.nanos_left(now))
    }

    /// For how many nanoseconds it will be fresh.
    #[inline]
    pub(crate) fn nanos_left(&self, now: Boot) -> u64 {
        self.stale_at.as_nanos().saturating_sub(self.at_least_received(now).as_nanos())
    }

    /// Whether it is fresh, and nothing that it says of itself asks for more than that.
    #[inline]
    pub(crate) fn is_unconditionally_fresh(&self, now: Boot) -> bool {
        self.at_least_received(now) < self.fresh_unconditionally_until
    }

    /// A request may have read the clock before another one brought this response, which is no younger for that.
    #[inline]
    fn at_least_received(&self, now: Boot) -> Boot {
        now.max(self.received_at)
    }

    /// Its fields for a fresh hit in memory, which `render` makes where they are not at hand.
    #[inline]
    pub(crate) fn rendered(&self, now: Boot, render: impl Fn() -> HeaderMap) -> HeaderMap {
        rendered(RenderKey { response: self.id, age: self.age(now).as_secs() }, render)
    }

    /// What the rules of reuse ask of it.
    #[inline]
    pub(crate) fn candidate(&self, verdict: Verdict, confirmed: bool, now: Boot) -> Candidate {
        Candidate {
            age: self.age(now),
            lifetime: self.meta.lifetime,
            flags: self.meta.flags,
            verdict,
            confirmed,
        }
    }

    /// Its header fields as they are stored.
    pub(crate) fn stored_headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        cache_status::unreserve(&mut headers, self.upstream_cache_status.as_ref());
        headers
    }

    /// The response as others are to read it.
    pub(crate) fn to_stored(&self) -> StoredResponse {
        StoredResponse {
            status: self.status,
            headers: self.stored_headers(),
            body: self.body.clone(),
            meta: self.meta.clone(),
        }
    }

    /// Whether what the handler confirms of it is the same, byte for byte.
    pub(crate) fn has_strong_etag(&self) -> bool {
        // The handler is not asked about one that the cache made.
        !self.meta.flags.own_etag && validators::has_strong_etag(&self.headers)
    }

    /// Whether it has all that a request with these fields asks for. What is whole has.
    #[inline]
    pub(crate) fn satisfies(&self, request: &HeaderMap) -> bool {
        self.meta.part.as_ref().is_none_or(|part| self.partial_satisfies(part, request))
    }

    #[cold]
    fn partial_satisfies(&self, part: &ContentRange, request: &HeaderMap) -> bool {
        match range::requested(request) {
            Requested::Bytes(ranges) => {
                range::accepted(&self.headers)
                    && range::if_range(request, &self.headers)
                    && ranges.select_within(part).is_some()
            }
            Requested::Whole | Requested::OtherUnit => false,
        }
    }

    /// About how many bytes of memory it takes.
    pub(crate) fn weight(&self) -> u64 {
        let sum = size_of::<Self>()
            + self.body.len()
            + fields::weight(&self.headers)
            + self.meta.names.weight()
            + self.meta.key.len();
        sum as u64
    }
}

impl Stamped for CachedResponse {
    #[inline]
    fn position(&self) -> &Position {
        &self.meta.position
    }

    #[inline]
    fn names(&self) -> &Names {
        &self.meta.names
    }

    #[inline]
    fn filled_at(&self) -> Option<Boot> {
        self.filled_at
    }

    #[inline]
    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at_generation
    }
}

#[cfg(test)]
mod tests {
    use larder_core::http::reuse::{Reuse, reuse};

    use super::*;
    use crate::testing::after;
    use crate::testing::now;
    use crate::testing::stored;

    /// The short way has to say what the rule says, of requests too that read the clock before the response came.
    #[test]
    fn what_is_plainly_fresh_is_what_the_rule_calls_fresh() {
        let nanos = Duration::from_nanos;
        let minute = Duration::from_secs(60);
        for age in [Duration::ZERO, nanos(1), minute - nanos(1), minute, minute + nanos(1)] {
            let mut stored = stored("k", "");
            stored.meta.initial_age = age;
            let cached = CachedResponse::from_fill(stored, Some(now()), after(minute));
            for at in [Duration::ZERO, minute - nanos(1), minute, minute + nanos(1), minute * 2, minute * 3] {
                let at = after(at);
                let rule = reuse(&cached.candidate(Verdict::Valid, true, at), None);
                let short =
                    cached.is_unconditionally_fresh(at).then(|| Reuse::Fresh { left: cached.fresh_for(at) });
                assert_eq!(short.is_some(), matches!(rule, Reuse::Fresh { .. }), "{age:?} {at:?}");
                assert!(short.is_none_or(|short| short == rule), "{age:?} {at:?} {rule:?}");
            }
        }
    }
}
