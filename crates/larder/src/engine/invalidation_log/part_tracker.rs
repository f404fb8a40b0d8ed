//! The caches that have acted on an invalidation in a response.

use std::panic::Location;
use std::sync::{Mutex, PoisonError};

use crate::engine::report::warned_once::WarnedOnce;

/// The places in the code whose invalidations had no effect.
static UNUSED: WarnedOnce = WarnedOnce::new();

/// The caches that have acted on an invalidation in a response.
///
/// All clones of a response part share one tracker. If the last clone is dropped before any cache
/// has acted on it, the invalidation had no effect. This is logged once for each place in the code
/// that creates such a part.
#[derive(Debug)]
pub(crate) struct PartTracker {
    created_at: &'static Location<'static>,
    /// The addresses of the caches. Each cache outlives the responses that go through its layers.
    caches: Mutex<Vec<usize>>,
}

impl PartTracker {
    pub(crate) const fn new(created_at: &'static Location<'static>) -> Self {
        Self { created_at, caches: Mutex::new(Vec::new()) }
    }

    /// Notes that this cache acts on the invalidation. Returns `false` if it has done so already.
    pub(crate) fn claim(&self, cache: usize) -> bool {
        let mut caches = self.caches.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = !caches.contains(&cache);
        if is_first {
            caches.push(cache);
        }
        is_first
    }
}

impl Drop for PartTracker {
    fn drop(&mut self) {
        let is_used = !self.caches.get_mut().unwrap_or_else(PoisonError::into_inner).is_empty();
        if !is_used && UNUSED.is_first(&self.created_at.to_string()) {
            tracing::warn!(
                target: "larder",
                created_at = %self.created_at,
                "invalidation in a response had no effect, because no layer of a cache handled the \
                 response: add cache.invalidation_layer() around the route",
            );
        }
    }
}
