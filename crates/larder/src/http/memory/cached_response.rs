//! A stored response in memory.

mod coded_forms;
mod gathered;
mod shared_copy;
#[cfg(test)]
mod tests;

pub(crate) use self::coded_forms::CodedForm;
use self::coded_forms::CodedForms;
use self::shared_copy::SharedCopy;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::ETAG;
use http::{HeaderMap, HeaderValue, StatusCode};
use larder_core::http::freshness::Lifetime;
use larder_core::http::range::{self, ContentRange, Requested};
use larder_core::http::response_flags::ResponseFlags;
use larder_core::http::reuse::Candidate;
use larder_core::http::{age, validators, vary};
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::stored::StoredResponse;
use larder_core::time::{BootTime, WallTime};

use crate::engine::failure_table::Replaceable;
use crate::engine::invalidation_log::stamped::Stamped;
use crate::engine::report::route_counters::RouteCounters;
use crate::engine::store_calendar::StoreCalendar;
use crate::http::cache_status;
use crate::http::memory::cached_meta::CachedMeta;
use crate::http::memory::header_cache::{RenderKey, ServedForm, rendered};
use crate::http::memory::refresh_state::RefreshState;
use crate::http::memory::stored_fields::StoredFields;

/// A stored response, ready to be served.
///
/// Its header fields have reserved entries for those that each hit rewrites.
pub(crate) struct CachedResponse {
    pub(crate) status: StatusCode,
    pub(crate) fields: StoredFields,
    pub(crate) body: Bytes,
    pub(crate) meta: CachedMeta,
    /// The moment at which this process began to fill the response.
    ///
    /// `None` if another process may have filled it (rule 10). Revalidation does not change this
    /// moment: `Last-Modified` counts whole seconds, so the handler may answer with a 304 although
    /// the response has changed since.
    pub(crate) filled_at: Option<BootTime>,
    /// The age at `received_at`, in nanoseconds.
    age: u64,
    received_at: BootTime,
    /// The moment from which the response is stale.
    stale_at: BootTime,
    /// A number that no other response in memory has.
    id: u64,
    /// The generation of the invalidation table at which the response was last found valid.
    pub(crate) valid_at_generation: AtomicU64,
    /// The route that brought the response into memory.
    route: OnceLock<ResponseRoute>,
    pub(super) refresh: RefreshState,
    /// The value that the shared tier has of this response.
    shared_copy: SharedCopy,
    /// The same response in content codings.
    coded: CodedForms,
}

/// The route that brought a response into memory.
#[derive(Clone)]
struct ResponseRoute {
    counters: Arc<RouteCounters>,
    /// The layer in which all requests for this response are requests of this route.
    ///
    /// [`LayerRoutes::NO_LAYER`](crate::http::layer_routes::LayerRoutes::NO_LAYER) if routes may
    /// share it.
    layer: u64,
}

/// The time for which requests do not wait for a key whose responses are of no use to others.
pub(super) const HIT_FOR_MISS_TIME: Duration = Duration::from_secs(10);

/// Whether a response with this lifetime and these flags always has to be validated.
pub(crate) fn is_never_fresh(lifetime: &Lifetime, flags: &ResponseFlags) -> bool {
    flags.no_cache || lifetime.fresh.is_zero() && lifetime.while_revalidate.is_zero()
}

/// A number that is never a generation of the table, and never the id of a response in memory.
const NEVER: u64 = u64::MAX;

impl CachedResponse {
    /// Returns a response that this process has just filled. The fill began at `filled_at`.
    ///
    /// For a response that was only revalidated, see the field `filled_at`.
    pub(crate) fn from_fill(mut stored: StoredResponse, filled_at: Option<BootTime>, now: BootTime) -> Self {
        let age = stored.meta.initial_age;
        let others = cache_status::reserve(&mut stored.headers);
        let fields = StoredFields::packed(&stored.headers);
        Self::new(stored, fields, others, filled_at, age, now).for_memory()
    }

    /// Prepares the response for memory.
    ///
    /// Assigns a new id, and packs the header fields.
    pub(crate) fn for_memory(mut self) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        self.fields = self.fields.into_packed();
        self.gather();
        self.id = NUMBERS.fetch_add(1, Ordering::Relaxed);
        self
    }

    /// Returns a response that was read from the shared tier.
    ///
    /// Its header fields were read into the map of [`cache_status::reserved`]. The time that it has
    /// spent in the shared tier is measured with wall clocks, because instances have no other clock
    /// in common. From now on, its age is measured with the boot clock of this process.
    #[inline]
    pub(crate) fn from_store(mut stored: StoredResponse, wall: WallTime, now: BootTime) -> Self {
        let resident = wall.saturating_since(stored.meta.response_time);
        let age = age::current_age(stored.meta.initial_age, resident);
        let others = cache_status::finish_reserved(&mut stored.headers);
        let fields = StoredFields::table(std::mem::take(&mut stored.headers));
        let cached = Self::new(stored, fields, others, None, age, now);
        cached.note_shared();
        cached
    }

    #[inline]
    fn new(
        stored: StoredResponse,
        fields: StoredFields,
        upstream_cache_status: Option<HeaderValue>,
        filled_at: Option<BootTime>,
        age: Duration,
        received_at: BootTime,
    ) -> Self {
        let StoredResponse { status, headers: _, body, meta } = stored;
        let stale_at = received_at.saturating_add(meta.lifetime.fresh.saturating_sub(age));
        Self {
            status,
            fields,
            body,
            filled_at,
            age: u64::try_from(age.as_nanos()).unwrap_or(u64::MAX),
            received_at,
            stale_at,
            id: NEVER,
            valid_at_generation: AtomicU64::new(NEVER),
            route: OnceLock::new(),
            refresh: RefreshState::default(),
            shared_copy: SharedCopy::default(),
            coded: CodedForms::default(),
            meta: CachedMeta::new(meta, upstream_cache_status),
        }
    }

    /// Sets the counters of the route that brings the response into memory.
    ///
    /// In the layer with this number, all requests for the response are requests of the route.
    pub(crate) fn set_route(&self, counters: &Arc<RouteCounters>, layer: u64) {
        self.route.get_or_init(|| ResponseRoute { counters: Arc::clone(counters), layer });
    }

    /// Returns the counters of a request in this layer, if they are those of the response.
    #[inline]
    pub(crate) fn route_in(&self, layer: u64) -> Option<&RouteCounters> {
        self.route.get().filter(|route| route.layer == layer).map(|route| &*route.counters)
    }

    /// Whether a refresh of the response runs.
    pub(crate) fn is_being_refreshed(&self) -> bool {
        self.refresh.is_set()
    }

    /// Counts the eviction of the response from memory.
    pub(super) fn count_eviction(&self, now: BootTime) {
        if let Some(route) = self.route.get() {
            route.counters.evicted(self.age(now));
        }
    }

    /// Returns the moment until which the response can be served without a wait for the handler.
    ///
    /// `None` if it can't be served without that at all.
    pub(super) fn useful_until(&self) -> Option<BootTime> {
        let lifetime = self.meta.lifetime();
        (!is_never_fresh(&lifetime, &self.meta.flags))
            .then(|| self.stale_at.saturating_add(lifetime.while_revalidate))
    }

    /// Returns when this process received the response.
    pub(crate) const fn received_at(&self) -> BootTime {
        self.received_at
    }

    /// Returns the digest of the fields that the response varies on, or zero if there are none.
    pub(crate) fn variant(&self) -> u128 {
        match self.meta.selecting() {
            [] => 0,
            selecting => vary::digest(selecting),
        }
    }

    /// Whether the fill of this response began before that of `other`, at a lower log position.
    ///
    /// A slow fill must not replace a response that was made after an invalidation. Rule 16 makes
    /// the same comparison for the shared tier.
    pub(super) fn is_older_than(&self, other: &Self) -> bool {
        let (own, other) = (&self.meta.position, &other.meta.position);
        own != other && own.incarnation == other.incarnation && other.watermark.covers(own.watermark)
    }

    /// Returns the current age of the response (RFC 9111 §4.2.3).
    #[inline]
    pub(crate) fn age(&self, now: BootTime) -> Duration {
        age::current_age(Duration::from_nanos(self.age), now.saturating_since(self.received_at))
    }

    /// Returns how long the response will still be fresh.
    #[inline]
    pub(crate) fn fresh_for(&self, now: BootTime) -> Duration {
        Duration::from_nanos(self.nanos_left(now))
    }

    /// Returns how many nanoseconds the response will still be fresh.
    #[inline]
    pub(crate) fn nanos_left(&self, now: BootTime) -> u64 {
        self.stale_at.as_nanos().saturating_sub(self.at_least_received(now).as_nanos())
    }

    /// Whether the response is fresh and its own directives do not demand a validation.
    #[inline]
    pub(crate) fn is_unconditionally_fresh(&self, now: BootTime) -> bool {
        self.at_least_received(now) < self.stale_at && !self.meta.flags.no_cache
    }

    /// Returns `now`, or the time of receipt if that is later.
    ///
    /// A request may have read the clock before another request brought this response. The response
    /// must not count as younger for that request.
    #[inline]
    fn at_least_received(&self, now: BootTime) -> BootTime {
        now.max(self.received_at)
    }

    /// Whether requests should not wait for each other's runs for this key (hit-for-miss).
    ///
    /// A response that is never fresh answers no other request without a run of the handler. It
    /// says so about the next response for a while, and each run that confirms it renews that time.
    pub(crate) fn is_hit_for_miss(&self, now: BootTime) -> bool {
        is_never_fresh(&self.meta.lifetime(), &self.meta.flags)
            && self.age(now).saturating_sub(self.meta.initial_age()) < HIT_FOR_MISS_TIME
    }

    /// Returns the fields for a hit in memory. Calls `render` if they are not cached.
    ///
    /// They depend only on the response, its age in seconds, and these arguments.
    #[inline]
    pub(crate) fn rendered(
        &self,
        now: BootTime,
        form: ServedForm,
        is_stale: bool,
        has_room: bool,
        render: impl Fn() -> HeaderMap,
    ) -> HeaderMap {
        let age = self.age(now).as_secs();
        rendered(RenderKey { response: self.id, age, form, is_stale, has_room }, render)
    }

    /// Returns the properties of the response that the rules of reuse need.
    #[inline]
    pub(crate) fn candidate(&self, verdict: Verdict, confirmed: bool, now: BootTime) -> Candidate {
        Candidate {
            age: self.age(now),
            lifetime: self.meta.lifetime(),
            flags: self.meta.flags,
            verdict,
            confirmed,
        }
    }

    /// Returns the header fields as they are stored, without those of the cache.
    pub(crate) fn stored_headers(&self) -> HeaderMap {
        let mut headers = self.fields.to_table();
        cache_status::unreserve(&mut headers, self.meta.upstream_cache_status());
        headers
    }

    /// Returns the header fields as they are stored, without an entity tag that the cache made.
    pub(crate) fn handler_headers(&self) -> HeaderMap {
        let mut headers = self.stored_headers();
        if self.meta.flags.own_etag {
            headers.remove(ETAG);
        }
        headers
    }

    /// Returns the response as it was stored.
    pub(crate) fn to_stored(&self) -> StoredResponse {
        StoredResponse {
            status: self.status,
            headers: self.stored_headers(),
            body: self.body.clone(),
            meta: self.meta.to_meta(),
        }
    }

    /// Returns the response in the form that other instances read.
    pub(crate) fn to_shared(&self, calendar: &StoreCalendar) -> StoredResponse {
        let mut stored = self.to_stored();
        stored.meta.response_time = calendar.to_store(stored.meta.response_time);
        stored
    }

    /// Whether a 304 from the handler confirms the response byte for byte.
    pub(crate) fn has_strong_etag(&self) -> bool {
        // An `ETag` that the cache made is never sent to the handler.
        !self.meta.flags.own_etag && validators::has_strong_etag(&self.fields)
    }

    /// Whether the response has everything that a request with these fields asks for.
    ///
    /// A complete response always does.
    #[inline]
    pub(crate) fn satisfies(&self, request: &HeaderMap) -> bool {
        self.meta.part().is_none_or(|part| self.partial_satisfies(part, request))
    }

    #[cold]
    fn partial_satisfies(&self, part: &ContentRange, request: &HeaderMap) -> bool {
        match range::parse_range(request) {
            Requested::Bytes(ranges) => {
                range::accepts_ranges(&self.fields)
                    && range::if_range(request, &self.fields)
                    && ranges.select_within(part).is_some()
            }
            Requested::Whole | Requested::Unknown => false,
        }
    }
}

impl Replaceable for CachedResponse {
    fn place(&self) -> impl Hash {
        (&*self.meta.key, self.variant())
    }

    fn arrived_at(&self) -> WallTime {
        self.meta.response_time
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
    fn filled_at(&self) -> Option<BootTime> {
        self.filled_at
    }

    #[inline]
    fn valid_at(&self) -> &AtomicU64 {
        &self.valid_at_generation
    }
}
