//! Flushing what is left in a queue that ends with its process.

use tokio::time::{Instant, sleep_until};

use crate::values::behind::flush_failures::backoff;
use crate::values::behind::queued_collection::QueuedCollection;
use crate::values::behind::sink::Sink;
use crate::values::behind::worker::{PassEnd, Reader};

impl<C: QueuedCollection, S: Sink<C::Write>> Reader<C, S> {
    /// Flushes until the partition is empty. Closing the cache ends it before.
    ///
    /// If another reader has the partition, that one flushes it. So there is at most one task for
    /// each partition, however often a collection is built and dropped.
    pub(super) async fn drain(&mut self) {
        self.is_draining = true;
        self.hurry();
        let (lease, mut failed) = (self.state.options.reader_lease, 0);
        // Claiming the partition again extends the right to read.
        while let Ok(true) = self.state.queue.claim_reader(self.partition(), self.id, lease).await {
            self.note_extension();
            let end = self.pass().await;
            if self.is_empty().await {
                let _ = self.state.queue.release_reader(self.partition(), self.id).await;
                return;
            }
            let retry = Instant::now() + backoff(self.retry_delay(), failed);
            failed = if end == PassEnd::Failed { failed + 1 } else { 0 };
            let due = self.next_due().filter(|_| end == PassEnd::Done);
            self.pause_draining(due.unwrap_or(retry)).await;
        }
    }

    /// Waits for the next attempt. When the cache begins to close, everything is tried at once.
    async fn pause_draining(&mut self, until: Instant) {
        let is_closing = self.closing.is_cancelled();
        let pause = async {
            tokio::select! {
                () = sleep_until(until) => {}
                () = self.closing.cancelled(), if !is_closing => {}
            }
        };
        self.keep_reading(pause).await;
        if !is_closing && self.closing.is_cancelled() {
            self.hurry();
        }
    }

    /// Lets everything be tried at once. When the cache closes, nothing waits for replicas either.
    fn hurry(&mut self) {
        let now = Instant::now();
        self.failures.retry_now(now);
        if self.closing.is_cancelled() {
            self.committed.complete_now(now);
        }
    }

    async fn is_empty(&self) -> bool {
        let stats = self.state.queue.queue_stats(self.partition()).await;
        stats.is_ok_and(|stats| stats.entries == 0)
    }
}
