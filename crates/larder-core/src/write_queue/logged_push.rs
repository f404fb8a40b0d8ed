//! Pushing a write and invalidating its key in one step.

use std::sync::atomic::{AtomicU64, Ordering};

use super::push::Pushed;
use crate::invalidation::append_status::Appended;
use crate::invalidation::log_page::{Cursor, LogPage};
use crate::invalidation::position::{Incarnation, LogId};
use crate::time::BootTime;

/// Identifies a store within this process.
///
/// A write queue and an invalidation log with the same id are in one store, so that one step can
/// change both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StoreId(u64);

impl StoreId {
    /// Returns an id that no other store of this process has.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// The part of an instance that follows the log, for a push that also appends and polls.
pub trait LogFollower: Send + Sync + 'static {
    /// Begins a poll that is sent now.
    fn begin_poll(&self) -> PollStart;

    /// Notes that events were appended to this incarnation, as the entry with this id. Applies the
    /// page, if there is one.
    ///
    /// Other polls may have been sent or answered meanwhile.
    fn appended(&self, incarnation: Incarnation, id: LogId, page: Option<PushedPage>) -> Appended;
}

/// The beginning of a poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct PollStart {
    /// The point in the log at which the poll begins.
    pub cursor: Cursor,
    /// The moment at which it is sent (rule 9).
    pub sent: BootTime,
}

/// A page of the log from right after an append. It ends with that entry, unless entries are left.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct PushedPage {
    /// The poll that it answers.
    pub start: PollStart,
    /// The page.
    pub page: LogPage,
}

/// The result of a push that also invalidates the key of its write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct LoggedPush {
    /// The result of the push.
    pub pushed: Pushed,
    /// The event of the key. `None` if the caller has to append it.
    pub event: Option<LoggedEvent>,
}

/// The event of a write that was pushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)]
pub struct LoggedEvent {
    /// The entry that has the event, perhaps with those of other keys.
    pub appended: Appended,
    /// Whether the entry has the event of another write of the same key.
    ///
    /// The entry does not show which of the two is the last one.
    pub has_rival: bool,
}

impl From<Pushed> for LoggedPush {
    fn from(pushed: Pushed) -> Self {
        Self { pushed, event: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_store_has_an_id_of_its_own() {
        let (one, other) = (StoreId::unique(), StoreId::unique());
        assert_eq!(one, one);
        assert_ne!(one, other);
    }
}
