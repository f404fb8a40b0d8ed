//! The clients that a run of the handler is for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::sync::{AtomicU64, Notify};

/// Counts the clients that wait for a response or read its body.
pub(crate) struct Audience {
    seats: AtomicU64,
    left: Notify,
}

/// One client. It has left when this is dropped.
pub(crate) struct Seat(Arc<Audience>);

impl Audience {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { seats: AtomicU64::new(0), left: Notify::new() })
    }

    /// Adds a client.
    pub(crate) fn seat(self: &Arc<Self>) -> Seat {
        self.seats.fetch_add(1, Ordering::AcqRel);
        Seat(Arc::clone(self))
    }

    /// Waits until there is no client. Another one may come later.
    pub(crate) async fn empty(&self) {
        loop {
            // Made before the count is read, so that no client leaves unnoticed in between.
            let left = self.left.notified();
            if self.seats.load(Ordering::Acquire) == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.0.seats.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.left.notify_waiters();
        }
    }
}
