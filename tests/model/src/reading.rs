//! The rules of the log as they might be misread: each has to be found out.

use larder_core::log::broken::Rule;

/// How the rules are read. The names say what is done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums)]
pub enum Reading {
    /// As they are meant.
    #[default]
    Right,
    /// A rule broken inside the state machine itself.
    Inside(Rule),
    /// Rule 1: the local number of what is promoted is read when the answer has come, not before it
    /// was asked for.
    LocalNumberAfterTheAnswer,
    /// Rule 1: what is promoted keeps the zero that it was decoded with.
    LocalNumberIsZero,
    /// Rule 2: a fill has the position at its end.
    PositionAtTheEnd,
    /// Rule 2: a fill counts as filled at its end.
    FilledAtTheEnd,
    /// Rule 3: what is hard-refused may be validated.
    RefusedIsValidated,
    /// Rules 2 and 3: what is to be validated is judged before the fill takes its position.
    BaseBeforePosition,
    /// Rule 10: what was validated counts as filled, though the handler looked at no more than its
    /// date.
    ValidatedIsFilled,
    /// Rule 4: first the head of the log is read, then its events.
    LookInTwoHalves,
    /// Rule 5: looks write nothing, so that a primary that was cut off answers them.
    LookWithoutHeartbeat,
    /// Rule 6: the incarnation outlives failovers; ids alone are compared.
    IncarnationIsKept,
    /// Rule 7: the Stream's floor is not read.
    NoFloor,
    /// Rule 7: who begins at a mark is not told that what lies before it is missing.
    MarkIsNoFloor,
    /// Rules 4 and 6: any mark is believed, of whichever incarnation, its entry there or not.
    AnyMark,
    /// Rule 4: the mark is asked for first, and the look begins there.
    MarkAskedBefore,
    /// A mark of this incarnation is believed though its entry is not there.
    MarkWithoutItsEntry,
    /// A mark of another incarnation is believed if there is an entry of that id.
    MarkOfAnyIncarnation,
    /// Rule 8: a look confirms although events are left.
    EveryLookConfirms,
    /// Rule 8: at the log's end our position is that of its last event, not its last id.
    EndIsTheLastEvent,
    /// Rule 9: a look is dated by its answer.
    DatedByTheAnswer,
    /// Rule 10: what is in memory is served however long nothing was confirmed.
    Unbounded,
    /// Rule 10: what is promoted counts as filled then.
    PromotedIsFilled,
    /// Rule 11: a hit remembers the generation that it loads after the rows.
    GenerationAfterRows,
    /// Rule 11: `confirmed_at` is published before the rows.
    ConfirmedBeforeRows,
    /// Rule 11: a change of floor or incarnation leaves the generation.
    GenerationIsKept,
    /// Rule 12: the shared tier is trusted whatever waits in the outbox.
    TrustsWithOutbox,
    /// Rule 12: the shared tier is trusted as soon as the outbox was flushed.
    TrustsWhenFlushed,
    /// Rule 12: the shared tier is trusted while a new incarnation is being replayed.
    TrustsBeforeReplay,
    /// Rule 12: the shared tier is trusted however long nothing was confirmed.
    TrustsUnconfirmed,
    /// Rule 13: a request joins any flight.
    JoinsAnyFlight,
    /// Rule 13: a request that joined later takes the outcome unchecked.
    TakesUnchecked,
    /// Rule 13: what was not filled, but found or validated, is taken unchecked by who joined at
    /// the flight's position.
    SamePositionIsEnough,
    /// Rule 13: only an event between the two positions refuses the outcome.
    TakesUnlessBetween,
    /// Rule 13: what was validated is taken as if it had been filled.
    TakesWhatWasValidated,
    /// Rule 13: who follows a fill is not checked, or was when the head came, before it joined.
    FollowsUnchecked,
    /// Rule 14: an event is applied when it is appended.
    AppliedWhenAppended,
    /// Rule 14, word for word: any later look that shows another incarnation.
    AnyOtherIncarnation,
    /// Rule 14: only the event's own id counts.
    WaitsForTheId,
    /// Rule 15: an append that timed out is taken to have happened.
    TimedOutHappened,
    /// Rule 16: a SET gives way to a higher id, of whichever incarnation.
    HigherIdStays,
    /// Rule 17: a token is compared by its id alone.
    TokenIsAnId,
    /// Rule 17: the joined position is taken before the wait for the token.
    TokenAfterJoining,
}
