//! How far a tail is, and what that says of an event that was appended.

use crate::log::position::{Incarnation, LogId};
use crate::store::Appended;
use crate::time::Boot;

/// How far our own tail is with an event that was appended (rule 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Whoever waits has to treat each.
pub enum Passing {
    /// Nothing that the event names is served here any more.
    Passed,
    /// The next looks will tell.
    Waiting,
    /// The event went into another incarnation than the one that a later look shows. Whichever of the two was begun
    /// first, that one never heard of the event, so it has to be appended again; a duplicate costs misses only
    /// (rule 15).
    AppendAgain,
}

/// How far the log was read.
#[derive(Debug)]
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub(super) struct Reached {
    pub(super) incarnation: Incarnation,
    /// The last event that was taken in.
    pub(super) log: LogId,
    /// Whether the log was found to end before that.
    pub(super) broken: bool,
    /// When the last look was sent.
    pub(super) looked: Option<Boot>,
}

impl Reached {
    /// The start of an incarnation, that a look sent then brought; `None` for the placeholder before the first.
    pub(super) const fn start_of(incarnation: Incarnation, looked: Option<Boot>) -> Self {
        Self { incarnation, log: LogId::ZERO, broken: false, looked }
    }

    /// Rule 14. A look that shows another incarnation than the append's does not say that all that the event names is
    /// refused. A primary that was cut off goes on showing the old one, in which that is still valid; and one that was
    /// promoted may have begun the new one before the append, so that what was filled in between is valid there.
    pub(super) fn passing(&self, appended: &Appended) -> Passing {
        if self.incarnation == appended.incarnation {
            // Of a log that was lost behind our back, ids say nothing.
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
