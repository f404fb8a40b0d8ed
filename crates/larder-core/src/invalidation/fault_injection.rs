//! Rules that can be broken on purpose, to test the programs that check the log.
//!
//! A checker that finds no fault must find one as soon as a rule is left out.
//!
//! Without the feature `broken` no rule can be broken, and every query is answered by a constant.

/// A rule of the log as it might be misread or left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // A list for our own tests.
pub enum Rule {
    /// Rule 1, compared as one ordered pair: a higher log id makes up for a lower local number.
    OnePair,
    /// Rule 3 with one position for both modes: the last mode decides.
    ///
    /// A soft invalidation then undoes a hard one of the same name.
    LastModeDecides,
    /// Rule 6 without the *all* that is appended after a change of incarnation.
    LeavesInSilence,
    /// Rule 7 without the rise of the floor for dropped rows.
    DroppedRowsAreForgotten,
    /// Rule 7 without the coarser rows into which finer rows are folded.
    FoldedRowsAreForgotten,
    /// Rule 12 without the local parts of rows that outlive their incarnation.
    PendingRowsAreForgotten,
    /// Rule 15 with an outbox that drops its oldest event on overflow, as queues do.
    OutboxDropsTheOldest,
    /// Rule 18, decided by the last event of each name alone.
    LastEventDecides,
    /// Rule 18 without the soft events.
    SoftEventsDoNotCount,
    /// Rule 18 without the floor.
    DroppedRowsHadNothing,
}

/// The rule that is broken, if any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct InjectedFault(#[cfg(feature = "broken")] Option<Rule>);

#[cfg(feature = "broken")]
impl InjectedFault {
    pub(crate) const NOT: Self = Self(None);

    pub(crate) const fn with_rule(rule: Rule) -> Self {
        Self(Some(rule))
    }

    pub(crate) fn is(self, rule: Rule) -> bool {
        self.0 == Some(rule)
    }
}

#[cfg(not(feature = "broken"))]
impl InjectedFault {
    pub(crate) const NOT: Self = Self();

    #[inline]
    pub(crate) const fn is(self, _: Rule) -> bool {
        false
    }
}
