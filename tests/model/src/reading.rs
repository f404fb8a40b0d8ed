//! Misreadings of the log's rules. The model must find each of them.

use larder_core::invalidation::fault_injection::Rule;

/// A reading of the rules. The names describe the mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums)]
pub enum Reading {
    /// The intended reading.
    #[default]
    Right,
    /// A rule broken inside the state machine itself.
    Inside(Rule),
    /// Rule 1: the local number of a promoted response is read after the answer, not before the
    /// request.
    LocalNumberAfterTheAnswer,
    /// Rule 1: a promoted response keeps the zero that it was decoded with.
    LocalNumberIsZero,
    /// Rule 2: a fill has the position of its end.
    PositionAtTheEnd,
    /// Rule 2: a fill counts as filled at its end.
    FilledAtTheEnd,
    /// Rule 3: a hard-refused response may be revalidated.
    RefusedIsValidated,
    /// Rules 2 and 3: the base is judged before the fill takes its position.
    BaseBeforePosition,
    /// Rule 10: a validated response counts as filled, although the handler only compared its date.
    ValidatedIsFilled,
    /// Rule 4: the head of the log is read first, and the events later.
    PollInTwoHalves,
    /// Rule 5: polls write nothing, so a primary that was cut off answers them.
    PollWithoutHeartbeat,
    /// Rule 6: the incarnation survives failovers, and only ids are compared.
    IncarnationIsKept,
    /// Rule 6: a new incarnation refuses everything older, so *all* is never appended to it.
    BeginningIsEnough,
    /// Rule 6: one *all* in an incarnation is enough, whenever it was appended.
    AnyFence,
    /// Rule 7: the Stream's floor is not read.
    NoFloor,
    /// Rule 7: a process that starts at a checkpoint does not learn that earlier entries are
    /// missing.
    CheckpointIsNoFloor,
    /// Rules 4 and 6: any checkpoint is trusted, regardless of its incarnation and its entry.
    AnyCheckpoint,
    /// Rule 4: the checkpoint is requested first, and the poll begins there.
    CheckpointReadBefore,
    /// A checkpoint of this incarnation is trusted although its entry is missing.
    CheckpointWithoutItsEntry,
    /// A checkpoint of another incarnation is trusted if an entry has its id.
    CheckpointOfAnyIncarnation,
    /// Rule 7: a Stream that another program created again is trusted like a whole one, because it
    /// has all entries that were ever added to it.
    RecreatedIsTrusted,
    /// Rule 8: a poll confirms although events are left.
    EveryPollConfirms,
    /// Rule 8: at the log's end, the position is that of the last event, not the last id.
    EndIsTheLastEvent,
    /// Rule 9: a poll is dated by its answer.
    DatedByTheAnswer,
    /// Rule 10: a response in memory is served regardless of the last confirmation.
    Unbounded,
    /// Rule 10: a promoted response counts as filled at that time.
    PromotedIsFilled,
    /// Rule 11: a hit remembers the generation that it loads after the rows.
    GenerationAfterRows,
    /// Rule 11: `confirmed_at` is published before the rows.
    ConfirmedBeforeRows,
    /// Rule 11: a change of floor or incarnation does not change the generation.
    GenerationIsKept,
    /// Rule 12: the shared tier is trusted regardless of the outbox.
    TrustsWithOutbox,
    /// Rule 12: the shared tier is trusted as soon as the outbox is flushed.
    TrustsWhenFlushed,
    /// Rule 12: the shared tier is trusted during the replay of a new incarnation.
    TrustsBeforeReplay,
    /// Rule 12: the shared tier is trusted regardless of the last confirmation.
    TrustsUnconfirmed,
    /// Rule 13: a request joins any flight.
    JoinsAnyFlight,
    /// Rule 13: a request that joined later accepts the outcome unchecked.
    TakesUnchecked,
    /// Rule 13: a response that was found or validated is accepted unchecked by requests that
    /// joined at the flight's position.
    SamePositionIsEnough,
    /// Rule 13: only an event between the two positions refuses the outcome.
    TakesUnlessBetween,
    /// Rule 13: a validated response is accepted like a filled one.
    TakesWhatWasValidated,
    /// Rule 13: a follower of a body is not checked, or only for the head, before it joined.
    FollowsUnchecked,
    /// Rule 14: an event is applied when it is appended.
    AppliedWhenAppended,
    /// Rule 14, literally: any later poll with another incarnation.
    AnyOtherIncarnation,
    /// Rule 14: only the event's own id counts.
    WaitsForTheId,
    /// Rule 15: an append that timed out is assumed to have happened.
    TimedOutHappened,
    /// Rule 16: a SET yields to a higher id of any incarnation.
    HigherIdStays,
    /// Rule 17: a token is compared by its id alone.
    TokenIsAnId,
    /// Rule 17: the position of a joining request is taken before it waits for the token.
    TokenAfterJoining,
}
