//! One form for all tails that behave alike from now on.

use super::Tail;
use crate::time::Boot;

impl Tail {
    /// Puts `moment` of each moment in its place, and counts touches and generations anew, which then mean nothing to
    /// whoever remembers one. For how long something has counted as stale is not told apart any more.
    /// The moments of looks only matter while the answer to an append is awaited.
    #[doc(hidden)]
    pub fn make_canonical(&mut self, awaits: bool, moment: &mut dyn FnMut(Boot) -> Boot) {
        self.confirmed_at = self.confirmed_at.map(&mut *moment);
        self.reached.make_canonical(awaits, moment);
        self.outbox.make_canonical(moment);
        self.table.make_canonical();
    }

    /// Whether nothing that was deferred is left to be told or to come back.
    #[doc(hidden)]
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.outbox.is_empty()
    }
}
