//! Lookup and decide: what is known about a request, and what the rules make of it.

pub(crate) mod eligibility;
pub(crate) mod equivalent;
pub(crate) mod from_memory;
pub(crate) mod from_store;
pub(crate) mod only_if_cached;
pub(crate) mod query_scope;
pub(crate) mod request_context;
pub(crate) mod reuse;
mod store_value;

use std::sync::Arc;

use http::HeaderMap;
use larder_core::http::reuse::Reuse;
use larder_core::outcome::{MissReason, Tier};

use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;

/// What is known about a request, after the rules.
pub(crate) enum Lookup {
    /// A response that may be served.
    Fresh(Arc<CachedResponse>, Tier),
    /// A response that may be served under conditions, and validated.
    Stale(StaleResponse),
    /// A fresh part, in which not all lies that is asked for.
    Partial(Arc<CachedResponse>),
    /// Nothing of use.
    Miss(MissReason),
    /// Nobody should wait for the next response.
    HitForMiss,
}

impl Lookup {
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
            // What is stale of it is not worth a validation.
            Reuse::Stale { reason, .. } if cached.meta.part.is_some() => Self::Miss(reason),
            Reuse::Stale { reason, while_revalidate, .. } => {
                Self::Stale(StaleResponse { cached, tier, reason, while_revalidate })
            }
            Reuse::Refused(reason) => Self::Miss(reason),
        }
    }
}
