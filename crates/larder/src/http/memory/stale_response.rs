//! A stored response that is not fresh, or about to be.

use std::sync::Arc;

use larder_core::outcome::{MissReason, Tier};

use crate::http::memory::cached_response::CachedResponse;

/// A stale response, and what may be done with it.
#[derive(Clone)]
pub(crate) struct StaleResponse {
    pub(crate) cached: Arc<CachedResponse>,
    pub(crate) tier: Tier,
    pub(crate) reason: MissReason,
    pub(crate) while_revalidate: bool,
}

impl StaleResponse {
    /// A fresh response that is refreshed as if it had gone stale.
    pub(crate) const fn for_early_refresh(cached: Arc<CachedResponse>, tier: Tier) -> Self {
        Self { cached, tier, reason: MissReason::Expired, while_revalidate: true }
    }
}
