//! Flushing a batch: the sink, then the event, then the completion.

use larder_core::write_queue::{QuarantineReply, QueuedWrite, WriteRef};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout};

use crate::engine::catch_panic::CatchPanic;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::report::warned_once::WarnedOnce;
use crate::values::behind::batch::{Batch, BatchPart, WriteName};
use crate::values::behind::behind_counters::add;
use crate::values::behind::flush_failures::Blame;
use crate::values::behind::flush_result::{FlushError, Flushed};
use crate::values::behind::queue_entry::decode_write;
use crate::values::behind::sink::{Sink, Write};
use crate::values::behind::worker::{PassEnd, Reader};
use crate::values::value_key::ValueKey;

/// How many single writes may fail before the rest of the batch is left for later.
///
/// If none has succeeded by then, the database is probably the cause.
const MAX_FAILURES: usize = 8;

/// The collections whose sink returned an impossible number of rows.
static TOO_MANY_ROWS: WarnedOnce = WarnedOnce::new();

impl<K, V, S> Reader<K, V, S>
where
    K: ValueKey + DeserializeOwned,
    V: Send + Sync + 'static,
    S: Sink<Write<K, V>>,
{
    /// Flushes writes, each of another key.
    pub(super) async fn flush(&mut self, writes: Vec<QueuedWrite>) -> PassEnd {
        let mut batch = Batch::with_capacity(writes.len());
        for queued in writes {
            match decode_write(&self.state.collection, &queued) {
                Some(write) => batch.push(write, queued),
                None => self.quarantine(queued.to_ref(), "the write cannot be decoded").await,
            }
        }
        if batch.len() == 0 {
            return PassEnd::Done;
        }
        match self.call_sink(batch.all()).await {
            Ok(()) => self.commit(batch.all()).await,
            Err(error) if error.is_unavailable() => PassEnd::Failed,
            Err(error) => match batch.all().names {
                [name] => {
                    self.note_failure(name, &error, Blame::Write).await;
                    PassEnd::Done
                }
                _ => self.flush_each(&batch).await,
            },
        }
    }

    /// Flushes each write on its own, after the batch has failed.
    async fn flush_each(&mut self, batch: &Batch<Write<K, V>>) -> PassEnd {
        let (mut failed, mut flushed) = (Vec::new(), 0);
        // In a random order, so that a few rejected writes at the beginning do not end each pass.
        let mut order: Vec<_> = (0..batch.len()).map(|index| batch.one(index)).collect();
        fastrand::shuffle(&mut order);
        for write in order {
            if self.is_stopped() {
                break;
            }
            match self.call_sink(write).await {
                Ok(()) => match self.commit(write).await {
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
            for name in write.names {
                self.note_failure(name, &error, blame).await;
            }
        }
        if flushed > 0 { PassEnd::Done } else { PassEnd::Failed }
    }

    /// Calls the sink. A panic and a timeout are failures.
    async fn call_sink(&self, batch: BatchPart<'_, Write<K, V>>) -> Result<(), FlushError> {
        let flush = CatchPanic::new(self.sink.flush(batch.writes));
        let flush = timeout(self.state.options.flush_timeout, flush);
        let flushed = match self.keep_reading(flush).await {
            Ok(Ok(flushed)) => flushed,
            Ok(Err(_)) => Err(FlushError::new("the sink panicked")),
            Err(_) => Err(FlushError::new("the flush took too long")),
        };
        let (collection, writes) = (&*self.state.collection.name, batch.len());
        match flushed {
            Ok(flushed) => {
                self.count_ignored(flushed, writes);
                Ok(())
            }
            Err(error) => {
                add(&self.state.counters.failed, 1);
                tracing::warn!(collection, writes, %error, "flush of write-behind failed");
                Err(error)
            }
        }
    }

    /// Counts the writes that the database ignored.
    fn count_ignored(&self, flushed: Flushed, writes: u64) {
        let collection = &*self.state.collection.name;
        let (ignored, is_possible) = flushed.ignored(writes);
        if !is_possible && TOO_MANY_ROWS.is_first(collection) {
            tracing::warn!(
                collection,
                writes,
                ?flushed,
                "sink of write-behind changed more rows than writes"
            );
        }
        if ignored > 0 {
            add(&self.state.counters.ignored, ignored);
            tracing::debug!(
                collection,
                writes,
                ignored,
                "database ignored writes: it has them or later ones"
            );
        }
    }

    /// Removes writes from the queue that the sink has committed.
    ///
    /// The event comes first: the instance that wrote may have ended before its own. If it cannot
    /// be appended, the writes stay in the queue and are flushed again.
    async fn commit(&mut self, batch: BatchPart<'_, Write<K, V>>) -> PassEnd {
        let collection = &self.state.collection;
        let mut names = Invalidation::default();
        let written = batch.writes.iter().zip(batch.names);
        names.extend(written.map(|(write, name)| collection.names_of_write(&name.text, Some(&write.key))));
        let engine = &collection.engine;
        if self.keep_reading(invalidate(engine, names)).await != InvalidationOutcome::Applied {
            return PassEnd::Failed;
        }
        let writes: Vec<_> = batch.names.iter().map(WriteName::to_ref).collect();
        let completed = self.state.queue.complete(self.partition(), &writes);
        match self.keep_reading(completed).await {
            Ok(completed) => add(&self.state.counters.flushed, completed.removed),
            Err(_) => return PassEnd::Failed,
        }
        for name in batch.names {
            self.failures.remove(name.place);
        }
        PassEnd::Done
    }

    /// Notes that a write failed, and moves it to the quarantine after the last attempt.
    async fn note_failure(&mut self, write: &WriteName, error: &FlushError, blame: Blame) {
        let attempts = self.failures.record(write.place, blame, self.retry_delay(), Instant::now());
        if attempts >= self.state.options.max_attempts {
            self.quarantine(write.to_ref(), &error.to_string()).await;
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
