//! How far a tail is, and what that means for an appended event.

use crate::log::position::{Incarnation, LogId};
use crate::store::Appended;
use crate::time::Boot;

/// The state of an appended event on our own tail (rule 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // A waiting caller must handle each.
pub enum Passing {
    /// No response that the event names is served here any more.
    Passed,
    /// The event is not passed yet. The next polls decide.
    Waiting,
    /// The event must be appended again, because a later poll shows another incarnation.
    ///
    /// Whichever of the two incarnations began first, the one in the poll never received the event.
    /// A duplicate costs misses only (rule 15).
    AppendAgain,
}

/// The point up to which the log was read.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub(super) struct Reached {
    pub(super) incarnation: Incarnation,
    /// The last event that was applied.
    pub(super) log: LogId,
    /// Whether the log was found to end before that event.
    pub(super) broken: bool,
    /// The moment at which the last poll was sent.
    pub(super) looked: Option<Boot>,
}

impl Reached {
    /// Returns the start of an incarnation.
    ///
    /// `looked` is when the poll that brought the incarnation was sent. It is `None` for the
    /// placeholder before the first poll.
    pub(super) const fn start_of(incarnation: Incarnation, looked: Option<Boot>) -> Self {
        Self { incarnation, log: LogId::ZERO, broken: false, looked }
    }

    /// Returns the state of an appended event (rule 14).
    ///
    /// A poll may show another incarnation than the append did. This does not mean that every
    /// response that the event names is refused. A primary that was cut off goes on showing the old
    /// incarnation, in which these responses are still valid. A promoted primary may have begun the
    /// new incarnation before the append, so that a response that was filled in between is valid
    /// there.
    pub(super) fn passing(&self, appended: &Appended) -> Passing {
        if self.incarnation == appended.incarnation {
            // If the log was lost meanwhile, its ids say nothing.
            let has_it = self.log >= appended.id && !self.broken;
            if has_it { Passing::Passed } else { Passing::Waiting }
        } else if self.looked.is_some_and(|sent| sent > appended.answered) {
            Passing::AppendAgain
        } else {
            Passing::Waiting
        }
    }
}

#[cfg(feature = "model")]
impl Reached {
    pub(super) fn make_canonical(&mut self, awaits: bool, moment: &mut dyn FnMut(Boot) -> Boot) {
        self.looked = self.looked.filter(|_| awaits).map(moment);
    }
}
