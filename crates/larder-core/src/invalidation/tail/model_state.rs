//! One form for all tails that behave alike from now on.

use super::Tail;
use crate::time::BootTime;

impl Tail {
    /// Replaces each moment by `moment` of it, and renumbers touches and generations.
    ///
    /// Numbers that were remembered before mean nothing afterwards. How long a response has counted
    /// as stale is no longer distinguished. The moments of polls only matter while the answer to an
    /// append is awaited.
    #[doc(hidden)]
    pub fn make_canonical(&mut self, awaits: bool, moment: &mut dyn FnMut(BootTime) -> BootTime) {
        self.confirmed_at = self.confirmed_at.map(&mut *moment);
        self.reached.make_canonical(awaits, moment);
        self.outbox.make_canonical(moment);
        self.table.forget_event_moments();
        self.table.forget_history();
    }

    /// Replaces the moments of all events by one, and renumbers touches and generations.
    ///
    /// The places of earlier events stay, for rule 18. Of a history that is full, the two earliest
    /// spans are joined from now on.
    #[doc(hidden)]
    pub fn forget_event_moments(&mut self) {
        self.table.forget_event_moments();
    }

    /// Replaces the moment of each append by `moment` of it.
    #[doc(hidden)]
    pub fn replace_append_moments(&mut self, moment: &mut dyn FnMut(BootTime) -> BootTime) {
        self.appends.replace(moment);
    }

    /// Forgets the appends up to this moment, because every log refuses everything since then.
    #[doc(hidden)]
    pub fn forget_appends_until(&mut self, moment: BootTime) {
        self.appends.forget_until(moment);
    }

    /// Returns whether every deferred event was appended and has come back.
    #[doc(hidden)]
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outbox.is_empty()
    }
}
