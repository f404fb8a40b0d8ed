//! The lookup: whether a request is for the cache, and whether a stored response may answer it.
//!
//! * [`eligibility`] decides whether a request is looked up, and writes its key.
//! * [`only_if_cached`] covers requests that accept only a stored response.
//! * [`request_context`] has the properties of a request that later steps need.
//! * [`from_memory`] looks in the memory tier, and [`from_store`] in the shared tier.
//! * `store_value` reads a value of the shared tier.
//! * If responses may answer equivalent queries, [`query_scope`] finds the key for the lookup, and
//!   [`equivalent`] looks in both tiers.
//! * [`reuse`] combines the verdict of the invalidation log with the rules of RFC 9111 §4.

pub(crate) mod eligibility;
pub(crate) mod equivalent;
pub(crate) mod from_memory;
pub(crate) mod from_store;
pub(crate) mod only_if_cached;
pub(crate) mod query_scope;
pub(crate) mod request_context;
pub(crate) mod reuse;
pub(crate) mod store_value;

use std::sync::Arc;

use http::HeaderMap;
use larder_core::http::reuse::Reuse;
use larder_core::outcome::{MissReason, Tier};

use crate::engine::lease::claim::ClaimTarget;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// The target of a lease claim that needs no lookup in the shared tier before, if it is known.
pub(crate) type Seen = Option<Box<ClaimTarget>>;

/// The result of a lookup, after the invalidation log and the rules for reuse.
pub(crate) enum Lookup {
    /// A response that may be served.
    Fresh(Arc<CachedResponse>, Tier),
    /// A stale response. It may be validated, and under some conditions it may be served.
    Stale(StaleResponse),
    /// A fresh partial response that does not satisfy the request.
    Partial(Arc<CachedResponse>),
    /// No usable response. The target is there if it is known which value the shared tier has.
    Miss(MissReason, Seen),
    /// A key that is remembered as uncacheable. Requests do not wait for each other's responses.
    HitForMiss,
}

impl Lookup {
    /// Creates the result for a response from `tier` whose permitted use is `reuse`.
    #[inline]
    pub(crate) fn from_reuse(
        cached: Arc<CachedResponse>,
        tier: Tier,
        reuse: Reuse,
        headers: &HeaderMap,
    ) -> Self {
        match reuse {
            Reuse::Fresh { .. } if cached.satisfies(headers) => Self::Fresh(cached, tier),
            Reuse::Fresh { .. } => Self::Partial(cached),
            // A stale partial response is not worth a validation.
            Reuse::Stale { reason, .. } if cached.meta.part().is_some() => Self::Miss(reason, None),
            Reuse::Stale { reason, while_revalidate, .. } => {
                Self::Stale(StaleResponse { cached, tier, reason, while_revalidate })
            }
            Reuse::Refused(reason) => Self::Miss(reason, None),
        }
    }
}
