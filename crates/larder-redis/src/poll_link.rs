//! The connection for polls that are transactions.
//!
//! No other command may come between the commands of a transaction, so they have a connection for
//! themselves. The first large page opens it. A connection whose last transaction did not succeed
//! is not used again, because a transaction may still be open on it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connection::Connection;

/// The maximum number of ordinary polls after a failure.
const MAX_PENALTY: u32 = 4096;

/// The connection for transactions, which one poll at a time uses.
#[derive(Default)]
pub(crate) struct PollLink {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    link: Link,
    /// The number of ordinary polls that still have to come first.
    waits: u32,
    /// That number after the next failure. Zero counts as one.
    penalty: u32,
}

#[derive(Default)]
enum Link {
    #[default]
    Closed,
    Idle(Arc<Connection>),
    InUse(Arc<Connection>),
    /// The server refused transactions.
    Forbidden,
}

impl State {
    /// Records that a transaction did not succeed.
    fn fail(&mut self) {
        let waits = self.penalty.max(1);
        *self = Self { link: Link::Closed, waits, penalty: (waits * 2).min(MAX_PENALTY) };
    }
}

impl PollLink {
    /// Returns the connection if it can be used now. If there is none, this opens one for later.
    pub(crate) fn take(&self, open: impl FnOnce() -> Arc<Connection>) -> Option<LinkInUse<'_>> {
        let mut state = self.state();
        if state.waits > 0 {
            state.waits -= 1;
            return None;
        }
        match &state.link {
            Link::Closed => {
                state.link = Link::Idle(open());
                None
            }
            Link::Idle(link) if link.is_connected() => {
                let connection = Arc::clone(link);
                state.link = Link::InUse(Arc::clone(&connection));
                Some(LinkInUse { home: self, connection, is_settled: false })
            }
            Link::Idle(_) | Link::InUse(_) | Link::Forbidden => None,
        }
    }

    /// Ends the connection if no poll uses it.
    pub(crate) fn end_idle(&self) {
        let mut state = self.state();
        if let Link::Idle(link) = &state.link {
            link.close();
            state.link = Link::Closed;
        }
    }

    /// Returns the connection, if there is one.
    pub(crate) fn connection(&self) -> Option<Arc<Connection>> {
        match &self.state().link {
            Link::Idle(link) | Link::InUse(link) => Some(Arc::clone(link)),
            Link::Closed | Link::Forbidden => None,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection while a poll uses it.
///
/// If it is dropped without [`release`](Self::release), the connection ends.
pub(crate) struct LinkInUse<'a> {
    home: &'a PollLink,
    connection: Arc<Connection>,
    is_settled: bool,
}

impl LinkInUse<'_> {
    pub(crate) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns the connection for the next poll: its transaction succeeded.
    pub(crate) fn release(mut self) {
        let link = Link::Idle(Arc::clone(&self.connection));
        *self.home.state() = State { link, ..State::default() };
        self.is_settled = true;
    }

    /// Ends the connection, although its transaction succeeded. The next large page opens another.
    pub(crate) fn end(mut self) {
        *self.home.state() = State::default();
        self.connection.close();
        self.is_settled = true;
    }

    /// Ends the connection for good.
    pub(crate) fn forbid(mut self) {
        self.home.state().link = Link::Forbidden;
        self.connection.close();
        self.is_settled = true;
    }
}

impl Drop for LinkInUse<'_> {
    fn drop(&mut self) {
        if self.is_settled {
            return;
        }
        self.connection.close();
        self.home.state().fail();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_and_more_ordinary_polls_follow_failures_in_a_row() {
        let mut state = State::default();
        for waits in [1, 2, 4, 8] {
            state.fail();
            assert_eq!(state.waits, waits);
        }
        for _ in 0..40 {
            state.fail();
        }
        assert_eq!(state.waits, MAX_PENALTY);
    }
}
