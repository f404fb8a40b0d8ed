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

use crate::http::memory::cached_response::Held;
use crate::http::memory::stale_response::Stale;

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
    pub(crate) fn of(held: Arc<Held>, tier: Tier, weighed: Reuse, headers: &HeaderMap) -> Self {
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
