//! What a shared tier and a log have to do. A store implements these and knows nothing of HTTP routing.
//!
//! Every method is one bounded exchange with the store: it either ends within the store's own time limit or fails. No
//! method retries; what must not be lost is kept and tried again by the caller.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::log::position::{Incarnation, LogId};
use crate::log::selector::{Event, Selector};
use crate::time::Boot;

/// The tier of stored responses that instances share.
pub trait SharedTier: Send + Sync + 'static {
    /// The value under `key`, if there is one.
    fn get(&self, key: &str) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Stores `value` under `key` for `expiry`, unless what is there is of the same incarnation and of a higher
    /// position (rule 16 of the log). The value says of itself which it is: see [`crate::stored::wire`].
    fn set(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Removes what is under `key`. Only ever frees memory: that a response is gone is the log's to say.
    fn remove(&self, key: &str) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends what the store keeps up in the background, connections above all, and is done when they are gone. What is
    /// asked of it afterwards fails at once.
    ///
    /// By default there is nothing to end.
    fn close(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Takes one short step in freeing the memory of what was invalidated: the first, or the one that the last asked for.
    /// What was filled after the invalidation stays, whatever it is called. Not every response can be found by its key
    /// ([`Selector::reach`]); the others expire. A store that frees nothing has nothing to do here.
    fn reclaim(
        &self,
        what: &Reclaim,
        from: Option<Sweep>,
    ) -> impl Future<Output = Result<Reclaimed, StoreError>> + Send {
        let _ = (what, from);
        async { Ok(Reclaimed::default()) }
    }
}

/// What an invalidation has made worthless.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Reclaim {
    /// What was invalidated, and not softly.
    pub selector: Selector,
    /// The incarnation of the log that has the event; what is of another one is worthless too.
    pub incarnation: Incarnation,
    /// The event: what has a lower position is worthless.
    pub before: LogId,
}

/// How far the search for what can be freed is. It means something to the store alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Sweep {
    /// Which of the store's nodes it is at.
    pub node: usize,
    /// Where it is there.
    pub cursor: u64,
}

/// What came of one step in freeing memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Reclaimed {
    /// Responses that were removed.
    pub responses: u64,
    /// Scans that it took.
    pub scans: u64,
    /// Where the next step begins, if there is one to take.
    pub next: Option<Sweep>,
}

/// Where a look begins: after what was taken in already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Cursor {
    /// The incarnation that `after` belongs to. If the log is of another one, the look begins anew.
    pub incarnation: Incarnation,
    /// The last event that was taken in.
    pub after: LogId,
    /// Whether `incarnation` was found broken (its log ends before `after`): if the log still is of it, the look has
    /// to begin a new one. Only needed on servers that do not tell their run id to scripts.
    pub broken: bool,
    /// How many names whoever looks remembers. If the log is of another incarnation, older entries that have at least as
    /// many after them may be left out, if the [floor](Look::floor) says so.
    pub remembers: usize,
}

/// What one look at the log was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Look {
    /// The incarnation that the log is of.
    pub incarnation: Incarnation,
    /// Where the Stream begins, or this look: everything at or before this may be missing.
    pub floor: LogId,
    /// The last id that the Stream gave out.
    pub last: LogId,
    /// The entries after the cursor, in order. An entry that cannot be read is [`Event::EVERYTHING`].
    pub entries: Vec<(LogId, Vec<Event>)>,
    /// Whether entries were left for the next look.
    pub more: bool,
}

/// What an append was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Appended {
    /// The incarnation that the events were appended to.
    pub incarnation: Incarnation,
    /// The id of the last of them.
    pub id: LogId,
    /// When the answer had arrived. A look sent after that is a look sent after the append.
    pub answered: Boot,
}

/// The invalidation log that instances share.
pub trait Log: Send + Sync + 'static {
    /// Waits until there may be something after `cursor`, but not much longer than `at_most`. A hint, nothing more
    /// (rule 4): it may end early, and what it saw is not believed. When the log cannot be reached it fails at once, and
    /// the caller decides when to try again.
    fn alarm(&self, cursor: Cursor, at_most: Duration)
    -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Looks at the log: one answer, as of one moment, that only a primary can give (rules 4 to 7).
    fn look(&self, cursor: Cursor) -> impl Future<Output = Result<Look, StoreError>> + Send;

    /// Appends the events, in order, as one step. A failure may mean that they were appended all the same (rule 15).
    fn append(
        &self,
        events: &[Event],
    ) -> impl Future<Output = Result<(Incarnation, LogId), StoreError>> + Send;

    /// Whether what made an append fail is over, as far as the store can tell without appending. Asked before something
    /// is appended again, so that what is there already is not appended over and over.
    fn ready(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        async { Ok(()) }
    }
}

/// What kind of trouble a store is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It did not answer in time.
    Timeout,
    /// It cannot be reached.
    Unreachable,
    /// It was not asked, because it failed too often just now.
    CircuitOpen,
    /// It answered that it will not do this: it is full, read-only, loading, or does not know us.
    Refused,
    /// Its answer makes no sense.
    Unreadable,
}

impl StoreErrorKind {
    /// The word that stands for it in metrics and logs.
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

/// A store could not do what it was asked.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: Box<str>,
}

impl StoreError {
    /// An error of this kind, with the store's own words for it.
    #[must_use]
    pub fn new(kind: StoreErrorKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// What kind of trouble it is.
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
