//! Flushing a batch: the sink, then the event, then the completion.

use larder_core::write_queue::{QuarantineReply, QueuedWrite, WriteRef};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use crate::engine::catch_panic::CatchPanic;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::values::behind::behind_counters::add;
use crate::values::behind::flush_failures::Blame;
use crate::values::behind::queue_entry::decode_write;
use crate::values::behind::sink::{FlushError, Sink, Write};
use crate::values::behind::worker::{PassEnd, Reader};
use crate::values::value_key::ValueKey;

/// How many single writes may fail before the rest of the batch is left for later.
///
/// If none has succeeded by then, the database is probably the cause.
const MAX_FAILURES: usize = 8;

impl<K, V, S> Reader<K, V, S>
where
    K: ValueKey + DeserializeOwned,
    V: Send + Sync + 'static,
    S: Sink<K, V>,
{
    /// Flushes writes, each of another key.
    pub(super) async fn flush(&mut self, writes: Vec<QueuedWrite>) -> PassEnd {
        let mut batch = Vec::with_capacity(writes.len());
        for write in writes {
            match decode_write(&self.state.collection, write) {
                Ok(write) => batch.push(write),
                Err(queued) => self.quarantine(queued.to_ref(), "the write cannot be decoded").await,
            }
        }
        if batch.is_empty() {
            return PassEnd::Done;
        }
        match self.call_sink(&batch).await {
            Ok(()) => self.commit(&batch).await,
            Err(error) if error.is_unavailable() => PassEnd::Failed,
            Err(error) => match batch.as_slice() {
                [write] => {
                    self.note_failure(write, &error, Blame::Write).await;
                    PassEnd::Done
                }
                _ => self.flush_each(&batch).await,
            },
        }
    }

    /// Flushes each write on its own, after the batch has failed.
    async fn flush_each(&mut self, batch: &[Write<K, V>]) -> PassEnd {
        let (mut failed, mut flushed) = (Vec::new(), 0);
        // In a random order, so that a few rejected writes at the beginning do not end each pass.
        let mut order: Vec<_> = batch.iter().collect();
        fastrand::shuffle(&mut order);
        for write in order {
            if self.is_stopped() {
                break;
            }
            match self.call_sink(std::slice::from_ref(write)).await {
                Ok(()) => match self.commit(std::slice::from_ref(write)).await {
                    PassEnd::Done => flushed += 1,
                    end => return end,
                },
                Err(error) if error.is_unavailable() => return PassEnd::Failed,
                Err(error) => failed.push((write, error)),
            }
            if flushed == 0 && failed.len() == MAX_FAILURES {
                break;
            }
        }
        let blame = if flushed > 0 { Blame::Write } else { Blame::Database };
        for (write, error) in failed {
            self.note_failure(write, &error, blame).await;
        }
        if flushed > 0 { PassEnd::Done } else { PassEnd::Failed }
    }

    /// Calls the sink. A panic and a timeout are failures.
    async fn call_sink(&self, batch: &[Write<K, V>]) -> Result<(), FlushError> {
        let flush = CatchPanic::new(self.sink.flush(batch));
        let flush = timeout(self.state.options.flush_timeout, flush);
        let flushed = match self.keep_reading(flush).await {
            Ok(Ok(flushed)) => flushed,
            Ok(Err(_)) => Err(FlushError::new("the sink panicked")),
            Err(_) => Err(FlushError::new("the flush took too long")),
        };
        if let Err(error) = &flushed {
            add(&self.state.counters.failed, 1);
            let (collection, writes) = (&*self.state.collection.name, batch.len());
            tracing::warn!(collection, writes, %error, "flush of write-behind failed");
        }
        flushed
    }

    /// Removes writes from the queue that the sink has committed.
    ///
    /// The event comes first: the instance that wrote may have ended before its own. If it cannot
    /// be appended, the writes stay in the queue and are flushed again.
    async fn commit(&mut self, batch: &[Write<K, V>]) -> PassEnd {
        let collection = &self.state.collection;
        let mut names = Invalidation::default();
        names.extend(batch.iter().map(|write| collection.names_of_write(&write.text, Some(&write.key))));
        let engine = &collection.engine;
        if self.keep_reading(invalidate(engine, names)).await != InvalidationOutcome::Applied {
            return PassEnd::Failed;
        }
        let writes: Vec<_> = batch.iter().map(write_ref).collect();
        let completed = self.state.queue.complete(self.partition(), &writes);
        match self.keep_reading(completed).await {
            Ok(completed) => add(&self.state.counters.flushed, completed.removed),
            Err(_) => return PassEnd::Failed,
        }
        for write in batch {
            self.failures.remove(write.place);
        }
        PassEnd::Done
    }

    /// Notes that a write failed, and moves it to the quarantine after the last attempt.
    async fn note_failure(&mut self, write: &Write<K, V>, error: &FlushError, blame: Blame) {
        let attempts = self.failures.record(write.place, blame, self.retry_delay(), Instant::now());
        if attempts >= self.state.options.max_attempts {
            self.quarantine(write_ref(write), &error.to_string()).await;
        }
    }

    async fn quarantine(&mut self, write: WriteRef<'_>, error: &str) {
        let moved = self.state.queue.quarantine(self.partition(), self.id, write, error).await;
        if !matches!(moved, Ok(QuarantineReply::Moved)) {
            return;
        }
        self.failures.remove(write.place);
        add(&self.state.counters.quarantined, 1);
        let (collection, key, sequence) = (&*self.state.collection.name, write.key, write.sequence);
        tracing::error!(collection, key, sequence, error, "write moved to the quarantine");
    }
}

fn write_ref<K, V>(write: &Write<K, V>) -> WriteRef<'_> {
    WriteRef { place: write.place, sequence: write.sequence, key: &write.text }
}
