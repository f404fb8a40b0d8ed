//! Appended events: the answer to an append, and how far our own tail is with the event.

use super::position::{Incarnation, LogId};
use crate::time::BootTime;

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
    pub answered: BootTime,
}

/// The state of an appended event on our own tail (rule 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // A waiting caller must handle each.
pub enum AppendStatus {
    /// No response that the event names is served here any more.
    Applied,
    /// The event is not passed yet. The next polls decide.
    Pending,
    /// The event must be appended again, because a later poll shows another incarnation.
    ///
    /// Whichever of the two incarnations began first, the one in the poll never received the event.
    /// A duplicate costs misses only (rule 15).
    AppendAgain,
}
