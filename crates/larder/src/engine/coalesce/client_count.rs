//! The count of the clients that a run of the handler is for.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::engine::sync::{AtomicU64, Notify};

/// The number of clients that wait for a response or read its body.
pub(crate) struct ClientCount {
    count: AtomicU64,
    emptied: Notify,
}

/// One counted client. Dropping this means that the client has left.
pub(crate) struct ClientGuard(Arc<ClientCount>);

impl ClientCount {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { count: AtomicU64::new(0), emptied: Notify::new() })
    }

    /// Adds a client.
    pub(crate) fn guard(self: &Arc<Self>) -> ClientGuard {
        self.count.fetch_add(1, Ordering::AcqRel);
        ClientGuard(Arc::clone(self))
    }

    /// Waits until there are no clients. Another client may come later.
    pub(crate) async fn wait_until_none(&self) {
        loop {
            // Listen before reading the count, so that no client leaves unnoticed in between.
            let emptied = self.emptied.notified();
            if self.count.load(Ordering::Acquire) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for ClientGuard {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.emptied.notify_waiters();
        }
    }
}
