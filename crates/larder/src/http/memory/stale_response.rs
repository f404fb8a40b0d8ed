//! A stored response that is stale, or that is treated as stale.

use std::sync::Arc;

use larder_core::outcome::{MissReason, Tier};

use crate::http::memory::cached_response::CachedResponse;

/// A stale response, and how it may be used.
#[derive(Clone)]
pub(crate) struct StaleResponse {
    pub(crate) cached: Arc<CachedResponse>,
    pub(crate) tier: Tier,
    pub(crate) reason: MissReason,
    pub(crate) while_revalidate: bool,
}

impl StaleResponse {
    /// Returns a fresh response in the form of a stale one, so that it is refreshed early.
    pub(crate) const fn for_early_refresh(cached: Arc<CachedResponse>, tier: Tier) -> Self {
        Self { cached, tier, reason: MissReason::Expired, while_revalidate: true }
    }
}
