//! The traits that a shared tier and an invalidation log implement.
//!
//! A store implements these traits and knows nothing of HTTP routing.
//!
//! Every method is one bounded exchange with the store: it ends within the store's own time limit,
//! or it fails. No method retries. The caller keeps what must not be lost, and tries again.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::log::position::{Incarnation, LogId};
use crate::log::selector::{Event, Selector};
use crate::time::Boot;

/// The tier of stored responses that instances share.
pub trait SharedTier: Send + Sync + 'static {
    /// Returns the value under `key`, if there is one.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Stores `value` under `key` for `expiry`, unless a newer value is there.
    ///
    /// A value of the same incarnation and of a higher position stays (rule 16 of the log). Each
    /// value contains its own position: see [`crate::stored::wire`].
    fn set(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes the value under `key`.
    ///
    /// This only frees memory. Whether a response is still valid is decided by the log.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends the store's background work, above all its connections, and waits until it is gone.
    ///
    /// Every later call fails at once.
    ///
    /// The default implementation has nothing to end.
    fn close(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Performs one short step in freeing the memory of invalidated responses.
    ///
    /// `from` is `None` in the first step, and the [`next`](Reclaimed::next) of the last step after
    /// that. A response that was filled after the invalidation stays, whatever its name. Not every
    /// response can be found by its key ([`Selector::reach`]); the others expire.
    ///
    /// The default implementation does nothing. It is for a store that frees no memory early.
    fn reclaim(
        &self,
        what: &Reclaim,
        from: Option<Sweep>,
    ) -> impl Future<Output = Result<Reclaimed, StoreError>> + Send {
        let _ = (what, from);
        async { Ok(Reclaimed::default()) }
    }
}

/// A request to free the memory of the responses that an invalidation refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Reclaim {
    /// The selector of the invalidation, which is a hard one.
    pub selector: Selector,
    /// The incarnation of the log that has the event.
    ///
    /// Responses of other incarnations are refused too.
    pub incarnation: Incarnation,
    /// The id of the event. Responses with a lower position are refused.
    pub before: LogId,
}

/// The progress of the search for memory to free. Only the store interprets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Sweep {
    /// The index of the node that the search has reached.
    pub node: usize,
    /// The scan cursor on that node.
    pub cursor: u64,
}

/// The report of one step in freeing memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Reclaimed {
    /// The number of responses that were removed.
    pub responses: u64,
    /// The number of scans that the step took.
    pub scans: u64,
    /// The start of the next step. `None` if no step is left.
    pub next: Option<Sweep>,
}

/// The point in the log at which a poll begins, which is after the last applied event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Cursor {
    /// The incarnation to which `after` belongs.
    ///
    /// If the log is of another incarnation, the poll ignores `after` and starts over.
    pub incarnation: Incarnation,
    /// The last event that was applied.
    pub after: LogId,
    /// Whether `incarnation` was found broken, because its log ends before `after`.
    ///
    /// If the log is still of that incarnation, the poll must begin a new one. This is only needed
    /// on servers that hide their run id from scripts.
    pub broken: bool,
    /// The number of names that the polling instance remembers.
    ///
    /// If the log is of another incarnation, a poll may leave out older entries that have at least
    /// this many names after them. The [floor](Look::floor) must then account for them.
    pub remembers: usize,
}

/// The answer to one poll of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Look {
    /// The incarnation of the log.
    pub incarnation: Incarnation,
    /// The start of the Stream, or of this poll: everything at or before this id may be missing.
    pub floor: LogId,
    /// The last id that the Stream has issued.
    pub last: LogId,
    /// The entries after the cursor, in order. An unreadable entry is [`Event::EVERYTHING`].
    pub entries: Vec<(LogId, Vec<Event>)>,
    /// Whether entries are left for the next poll.
    pub more: bool,
}

/// The answer to an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Appended {
    /// The incarnation to which the events were appended.
    pub incarnation: Incarnation,
    /// The id of the last appended event.
    pub id: LogId,
    /// The moment at which the answer had arrived.
    ///
    /// A poll that was sent later than this was sent after the append.
    pub answered: Boot,
}

/// The invalidation log that instances share.
pub trait Log: Send + Sync + 'static {
    /// Waits until there may be events after `cursor`, but not much longer than `at_most`.
    ///
    /// This is only a hint (rule 4). It may end early, and it proves nothing about the log. If the
    /// log cannot be reached, it fails at once, and the caller decides when to try again.
    fn alarm(&self, cursor: Cursor, at_most: Duration)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Polls the log.
    ///
    /// The result is one answer, as of one moment, that only a primary can give (rules 4 to 7).
    fn look(&self, cursor: Cursor) -> impl Future<Output = Result<Look, StoreError>> + Send;

    /// Appends the events in order, as one step.
    ///
    /// # Errors
    ///
    /// Returns an error if the append failed. The events may have been appended anyway (rule 15).
    fn append(
        &self,
        events: &[Event],
    ) -> impl Future<Output = Result<(Incarnation, LogId), StoreError>> + Send;

    /// Checks whether a failed append may succeed now.
    ///
    /// The store finds out without appending, as far as it can. The caller checks this before it
    /// appends events again, so that events that are already in the log are not appended over and
    /// over.
    fn ready(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }
}

/// The kind of a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store did not answer in time.
    Timeout,
    /// The store cannot be reached.
    Unreachable,
    /// The store was not asked, because it has failed too often recently.
    CircuitOpen,
    /// The store refuses the request: it is full, read-only or loading, or denies us access.
    Refused,
    /// The answer of the store makes no sense.
    Unreadable,
}

impl StoreErrorKind {
    /// Returns the word for the kind in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::CircuitOpen => "circuit-open",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The error of a store that could not perform a request.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: Box<str>,
}

impl StoreError {
    /// Creates an error of this kind, with the store's own description of it.
    #[must_use]
    pub fn new(kind: StoreErrorKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.detail {
            "" => f.write_str(self.kind.as_str()),
            detail => write!(f, "{}: {detail}", self.kind.as_str()),
        }
    }
}

impl std::error::Error for StoreError {}
