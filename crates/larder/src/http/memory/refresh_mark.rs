//! The mark of a stored response that is being refreshed.

use std::sync::Arc;

use crate::http::memory::cached_response::CachedResponse;

/// Marks a stored response for as long as a refresh of it runs.
///
/// Requests for a response with a mark need not try to refresh it. The mark decides nothing else: a
/// request that misses it finds the flight of the refresh.
pub(crate) struct RefreshMark(Arc<CachedResponse>);

impl RefreshMark {
    pub(crate) fn new(cached: &Arc<CachedResponse>) -> Self {
        cached.refresh.set(true);
        Self(Arc::clone(cached))
    }
}

impl Drop for RefreshMark {
    fn drop(&mut self) {
        self.0.refresh.set(false);
    }
}
