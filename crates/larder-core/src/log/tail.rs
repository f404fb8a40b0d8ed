//! The state machine that follows the log.

use super::position::{Incarnation, LogId};
use super::selector::Event;

/// What one look at the log was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct Look {
    /// The incarnation that the log is of.
    pub incarnation: Incarnation,
    /// Where the Stream begins: everything at or before this may be missing.
    pub floor: LogId,
    /// The last id that the Stream gave out.
    pub last: LogId,
    /// The entries after the cursor, in order. An entry that cannot be read is [`Event::EVERYTHING`].
    pub entries: Vec<(LogId, Vec<Event>)>,
    /// Whether entries were left for the next look.
    pub more: bool,
}
