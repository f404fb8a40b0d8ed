//! Rules that can be broken on purpose, so that what checks the log can be checked: a machine that finds nothing wrong
//! has to find something once a rule is left out.
//!
//! Without the feature `broken` nothing can be, and whoever asks is answered by a constant.

/// A rule of the log as it might be read, or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A list for one's own tests.
pub enum Rule {
    /// Rule 1 compared as one ordered pair: a higher log id makes up for a lower local number.
    OnePair,
    /// Rule 3 with one position for both modes: a soft invalidation takes back a hard one of the same name.
    LastModeDecides,
    /// Rule 6 without the *all* that is appended after a change of incarnation.
    LeavesInSilence,
    /// Rule 7 without the floor that dropped rows raise.
    DroppedRowsAreForgotten,
    /// Rule 7 without the coarser rows that finer ones are folded into.
    FoldedRowsAreForgotten,
    /// Rule 12 without the local parts of rows that outlive their incarnation.
    PendingRowsAreForgotten,
    /// Rule 15 with an outbox that overflows as queues do: the oldest is gone.
    OutboxDropsTheOldest,
}

/// Which rule is broken, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Broken(#[cfg(feature = "broken")] Option<Rule>);

#[cfg(feature = "broken")]
impl Broken {
    pub(crate) const NOT: Self = Self(None);

    pub(crate) const fn breaking(rule: Rule) -> Self {
        Self(Some(rule))
    }

    pub(crate) fn is(self, rule: Rule) -> bool {
        self.0 == Some(rule)
    }
}

#[cfg(not(feature = "broken"))]
impl Broken {
    pub(crate) const NOT: Self = Self();

    #[inline]
    pub(crate) const fn is(self, _: Rule) -> bool {
        false
    }
}
