//! The limits of the cached values that the handler has used.
//!
//! A response is no newer than the values in it: it gets the lowest of their positions, and stays
//! fresh no longer than the first of them to go stale. Otherwise a route could make an old value
//! fresh for an hour.
//!
//! **The stale windows are those of the policy.** They begin at that earlier end, so they also end
//! earlier than without the value. They are for the time in which the handler runs again or fails,
//! and its next run loads the value that has ended. Without them, the end of a value would make
//! clients wait, and a database that is down would turn a stale response into an error. The bound
//! of [`Policy::downstream`](crate::Policy::downstream) follows from both, as for each response.
//!
//! The handler's own fields are not changed. A `max-age` in them is the handler's statement.

#[cfg(test)]
mod tests;

use std::time::Duration;

use larder_core::http::freshness::Lifetime;
use larder_core::invalidation::position::Position;
use larder_core::stored::Meta;
use larder_core::time::BootTime;

use crate::engine::fill_scope::UsedValue;
use crate::http::fill::{Fill, FillStart};
use crate::http::memory::cached_response::CachedResponse;

/// The age and the lifetime of a response that was stale before it was complete.
///
/// A lifetime of zero would say that each response for this key is useless to other requests.
const OUTLIVED: Duration = Duration::from_nanos(1);

impl Fill {
    /// Notes if the handler has used a value whose position this fill cannot be combined with.
    pub(super) fn compare_with_values(&mut self, start: &FillStart) {
        let Some(used) = self.scope.lowered() else { return };
        self.is_of_other_log |= start.position.combined(used.position).is_none();
    }

    /// Lowers a response to what the values allow that were used so far.
    ///
    /// A handler may use further values while it generates the body. So this is done when the
    /// response is built, and for the head that followers get before. It changes the position and
    /// the lifetime. Returns the `filled_at` of the response.
    pub(super) fn lower_to_values(
        &self,
        meta: &mut Meta,
        filled_at: Option<BootTime>,
        received: BootTime,
    ) -> Option<BootTime> {
        let Some(used) = self.scope.lowered() else { return filled_at };
        meta.position = meta.position.combined(used.position).unwrap_or(Position::REFUSED);
        limit(meta, used, received);
        // `None` is older than every moment (rule 10).
        filled_at.min(used.filled_at)
    }

    /// Whether a value that the handler has used went stale before the response was complete.
    ///
    /// Such a response answers its own client alone, unless it may be served stale. It does not say
    /// that the next one will be of no use either.
    pub(super) fn is_outlived(&self, cached: &CachedResponse) -> bool {
        let end = self.scope.lowered().and_then(|used| used.fresh_until);
        end.is_some_and(|end| end <= cached.received_at())
            && cached.meta.lifetime().while_revalidate.is_zero()
    }
}

/// Limits the lifetime of a response to the rest of that of a value.
fn limit(meta: &mut Meta, used: UsedValue, received: BootTime) {
    let Some(end) = used.fresh_until else { return };
    let rest = end.saturating_since(received);
    if rest.is_zero() && !meta.lifetime.fresh.is_zero() {
        meta.initial_age = meta.initial_age.max(OUTLIVED);
    }
    // The response has its initial age when it is received.
    let fresh = meta.lifetime.fresh.min(meta.initial_age.saturating_add(rest));
    meta.lifetime = Lifetime { fresh, ..meta.lifetime };
}
