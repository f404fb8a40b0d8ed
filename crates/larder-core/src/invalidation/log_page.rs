//! Polls of the log: the point at which a poll begins, and the answer to it.

use super::position::{Incarnation, LogId};
use super::selector::Event;
use crate::time::WallTime;

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
    /// this many names after them. The [floor](LogPage::floor) must then account for them.
    pub capacity: usize,
}

/// The answer to one poll of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct LogPage {
    /// The incarnation of the log.
    pub incarnation: Incarnation,
    /// The start of the Stream, or of this poll: everything at or before this id may be missing.
    pub floor: LogId,
    /// The last id that the Stream has issued.
    pub last: LogId,
    /// The time of the answer, by the clock that the log takes its ids from.
    ///
    /// It shows how old each entry is, whatever the clock of this machine says.
    pub now: WallTime,
    /// The entries after the cursor, in order. An unreadable entry is [`Event::EVERYTHING`].
    pub entries: Vec<(LogId, Vec<Event>)>,
    /// Whether entries are left for the next poll.
    pub more: bool,
}
