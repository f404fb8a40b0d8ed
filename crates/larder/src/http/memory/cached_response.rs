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

/// A stored response, ready to be served.
///
/// Its header map has reserved entries for the fields that each hit rewrites.
pub(crate) struct CachedResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) meta: Meta,
    /// The moment at which this process began to fill it.
    ///
    /// `None` if another process may have filled it (rule 10). Revalidation does not change the
    /// moment: `Last-Modified` has whole seconds, so a 304 may confirm a response that has changed
    /// since.
    pub(crate) filled_at: Option<Boot>,
    /// The age at `received_at`.
    age: Duration,
    received_at: Boot,
    /// The moment from which it is stale.
    stale_at: Boot,
    /// The moment until which it may be served without a further check.
    fresh_unconditionally_until: Boot,
    /// The time that the handler took to make it, in nanoseconds.
    pub(crate) cost: u64,
    /// A number that no other response in memory has.
    id: u64,
    /// The generation of the invalidation table at which it was last found valid.
    pub(crate) valid_at_generation: AtomicU64,
    /// The `Cache-Status` of other caches, nearer to the origin.
    pub(crate) upstream_cache_status: Option<HeaderValue>,
}

/// A number that is never a generation of the table, and never the id of a response in memory.
const NEVER: u64 = u64::MAX;

impl CachedResponse {
    /// Returns a response that this process has just filled, beginning at `filled_at`.
    ///
    /// For a response that was only revalidated, see the field `filled_at`.
    pub(crate) fn from_fill(mut stored: StoredResponse, filled_at: Option<Boot>, now: Boot) -> Self {
        let age = stored.meta.initial_age;
        let others = cache_status::reserve(&mut stored.headers);
        Self::new(stored, others, filled_at, age, now).for_memory()
    }

    /// Prepares the response for memory.
    ///
    /// It gets an id of its own. Its table of header fields is copied: the copy is only as large as
    /// necessary, which saves about half a kilobyte.
    pub(crate) fn for_memory(mut self) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        self.headers = self.headers.clone();
        self.id = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self
    }

    /// Returns a response that was read from the shared tier.
    ///
    /// Its header fields were read behind the entries of [`cache_status::reserved`]. Its time in
    /// the shared tier is measured by wall clocks, because the instances have no other clock in
    /// common. From here on, this process's own clock counts.
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

    /// Returns when this process received it.
    pub(crate) const fn received_at(&self) -> Boot {
        self.received_at
    }

    /// Returns the digest of the fields that it varies on. Zero if there are none.
    pub(crate) fn variant(&self) -> u128 {
        if self.meta.selecting.is_empty() { 0 } else { vary::digest(&self.meta.selecting) }
    }

    /// Whether its fill began before that of `other`, at a lower position in the invalidation log.
    ///
    /// Rule 16 compares in the same way for the shared tier: a slow fill must not replace a
    /// response that was made after an invalidation.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (own, other) = (&self.meta.position, &other.meta.position);
        own != other && own.incarnation == other.incarnation && other.mark.covers(own.mark)
    }

    /// Returns its current age (RFC 9111 §4.2.3).
    #[inline]
    pub(crate) fn age(&self, now: Boot) -> Duration {
        age::current_age(self.age, now.saturating_since(self.received_at))
    }

    /// Returns for how long it will be fresh.
    #[inline]
    pub(crate) fn fresh_for(&self, now: Boot) -> Duration {
        Duration::from_nanos(self.nanos_left(now))
    }

    /// Returns for how many nanoseconds it will be fresh.
    #[inline]
    pub(crate) fn nanos_left(&self, now: Boot) -> u64 {
        self.stale_at.as_nanos().saturating_sub(self.at_least_received(now).as_nanos())
    }

    /// Whether it is fresh, and none of its own directives demands more than that.
    #[inline]
    pub(crate) fn is_unconditionally_fresh(&self, now: Boot) -> bool {
        self.at_least_received(now) < self.fresh_unconditionally_until
    }

    /// Returns `now`, or the time of receipt if that is later.
    ///
    /// A request may have read the clock before another request brought this response. That does
    /// not make the response younger.
    #[inline]
    fn at_least_received(&self, now: Boot) -> Boot {
        now.max(self.received_at)
    }

    /// Returns its fields for a fresh hit in memory, rendered by `render` if they are not cached.
    #[inline]
    pub(crate) fn rendered(&self, now: Boot, render: impl Fn() -> HeaderMap) -> HeaderMap {
        rendered(RenderKey { response: self.id, age: self.age(now).as_secs() }, render)
    }

    /// Returns its properties for the rules of reuse.
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

    /// Returns its header fields in the form in which they are stored.
    pub(crate) fn stored_headers(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        cache_status::unreserve(&mut headers, self.upstream_cache_status.as_ref());
        headers
    }

    /// Returns the response in the form that other instances read.
    pub(crate) fn to_stored(&self) -> StoredResponse {
        StoredResponse {
            status: self.status,
            headers: self.stored_headers(),
            body: self.body.clone(),
            meta: self.meta.clone(),
        }
    }

    /// Whether a 304 from the handler confirms it byte for byte.
    pub(crate) fn has_strong_etag(&self) -> bool {
        // An `ETag` that the cache made is never sent to the handler.
        !self.meta.flags.own_etag && validators::has_strong_etag(&self.headers)
    }

    /// Whether it has everything that a request with these fields asks for.
    ///
    /// A complete response always does.
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

    /// Returns about how many bytes of memory it takes.
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

    /// The short check must agree with the rule.
    ///
    /// This includes requests that read the clock before the response arrived.
    #[test]
    fn unconditional_freshness_agrees_with_the_rule_of_reuse() {
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
