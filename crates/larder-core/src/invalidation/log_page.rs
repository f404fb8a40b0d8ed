//! Polls of the log: the point at which a poll begins, and the answer to it.

use super::last_appends::LastAppends;
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
    /// Whether the end of `incarnation` was not reached yet.
    ///
    /// Many instances may start at the same time. A log may let such a poll wait, so that it
    /// answers instances that serve responses in time: see [`LogPage::is_busy`].
    pub replaying: bool,
    /// How long ago the polling instance last appended.
    ///
    /// If the log is of another incarnation than the one that took these appends, their events are
    /// not in it: see [`LogPage::fenced`].
    pub appends: LastAppends,
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
    /// Whether the log has refused everything since the appends in the cursor.
    ///
    /// It has if it began after them, or if *all* was appended to it after them. If not, the
    /// polling instance appends *all*, unless the log is of the cursor's incarnation. A log that
    /// does not know is `false`.
    pub fenced: bool,
    /// Whether the next poll should wait for a moment, because too many instances start.
    ///
    /// Only set if entries are left, and for a cursor that is [`replaying`](Cursor::replaying).
    pub is_busy: bool,
}
