//! Which invalidations the tail refuses a response for.

use super::Tail;
use crate::invalidation::names::Names;
use crate::invalidation::position::Position;
use crate::invalidation::refusal::Refusal;
use crate::time::BootTime;

impl Tail {
    /// Returns the invalidations for which [`check`](Self::check) refuses a response.
    ///
    /// The soft ones follow, for which the response counts as stale.
    #[must_use]
    pub fn refusals(&self, position: &Position, names: &Names, now: BootTime) -> Vec<Refusal> {
        if position.incarnation != self.reached.incarnation {
            return vec![Refusal::of_other_incarnation()];
        }
        self.table.refusals(position.watermark, names, now)
    }
}
