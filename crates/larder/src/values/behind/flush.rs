//! Flushing a batch: the sink, then the event, then the completion.

use larder_core::write_queue::{QuarantineReply, QueuedWrite, WriteRef};
use tokio::time::{Instant, timeout};

use crate::engine::catch_panic::CatchPanic;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::report::warned_once::WarnedOnce;
use crate::engine::report::write_stats::WriteEvent;
use crate::values::behind::batch::{Batch, BatchPart, WriteName};
use crate::values::behind::committed_writes::CommittedWrite;
use crate::values::behind::flush_failures::Blame;
use crate::values::behind::flush_result::{FlushError, Flushed};
use crate::values::behind::queued_collection::QueuedCollection;
use crate::values::behind::sink::Sink;
use crate::values::behind::worker::{PassEnd, Reader};

/// How many single writes may fail before the rest of the batch is left for later.
///
/// If none has succeeded by then, the database is probably the cause.
const MAX_FAILURES: usize = 8;
/// The maximum number of writes that are removed from the queue at once.
const MAX_COMPLETED: usize = 1_000;

/// The reason for which the writes of a key were not all flushed.
enum KeyFailure<'a, W> {
    /// This one failed.
    Write(BatchPart<'a, W>, FlushError),
    /// Nothing more can be flushed.
    Pass(PassEnd),
}

/// The collections whose sink returned an impossible number of rows.
static TOO_MANY_ROWS: WarnedOnce = WarnedOnce::new();

impl<C: QueuedCollection, S: Sink<C::Write>> Reader<C, S> {
    /// Flushes writes, in their order.
    pub(super) async fn flush(&mut self, writes: Vec<QueuedWrite>) -> PassEnd {
        let batch = self.decode(writes).await;
        if batch.all().len() == 0 {
            return PassEnd::Done;
        }
        match self.call_sink(batch.all()).await {
            Ok(()) => self.commit(batch.all()).await,
            Err(error) if error.is_unavailable() => PassEnd::Failed,
            Err(error) if batch.all().len() == 1 => {
                self.note_failure(batch.all(), &error, Blame::Write).await;
                PassEnd::Done
            }
            Err(_) => self.flush_each(&batch).await,
        }
    }

    /// Decodes writes. Those that cannot be decoded go to the quarantine.
    async fn decode(&mut self, writes: Vec<QueuedWrite>) -> Batch<C::Write> {
        let mut batch = Batch::with_capacity(writes.len());
        for queued in writes {
            if self.is_blocked(&queued.key) {
                continue;
            }
            if let Some(write) = self.state.collection.decode(&queued) {
                batch.push(write, queued);
            } else {
                self.block(&queued.key);
                self.quarantine(queued.to_ref(), "the write cannot be decoded").await;
            }
        }
        batch
    }

    /// Flushes each write on its own, after the batch has failed.
    ///
    /// The operations of a key keep their order, and those after a failed one wait.
    async fn flush_each(&mut self, batch: &Batch<C::Write>) -> PassEnd {
        let mut keys = batch.by_key();
        // In a random order, so that a few rejected writes at the beginning do not end each pass.
        fastrand::shuffle(&mut keys);
        let (mut failed, mut flushed) = (Vec::new(), 0);
        for writes in &keys {
            match self.flush_key(batch, writes, &mut flushed).await {
                Ok(()) => {}
                Err(KeyFailure::Pass(end)) => return end,
                Err(KeyFailure::Write(write, error)) => failed.push((write, error)),
            }
            if self.is_stopped() || (flushed == 0 && failed.len() == MAX_FAILURES) {
                break;
            }
        }
        // Without another key, there is nothing to compare with.
        let is_alone = keys.len() == 1;
        let blame = if flushed > 0 || is_alone { Blame::Write } else { Blame::Database };
        for (write, error) in failed {
            self.note_failure(write, &error, blame).await;
        }
        if flushed > 0 || is_alone { PassEnd::Done } else { PassEnd::Failed }
    }

    /// Flushes writes of one key, in their order, until one fails.
    async fn flush_key<'a>(
        &mut self,
        batch: &'a Batch<C::Write>,
        writes: &[usize],
        flushed: &mut usize,
    ) -> Result<(), KeyFailure<'a, C::Write>> {
        for write in writes.iter().map(|index| batch.one(*index)) {
            if self.is_stopped() {
                break;
            }
            match self.call_sink(write).await {
                Ok(()) => match self.commit(write).await {
                    PassEnd::Done => *flushed += 1,
                    end => return Err(KeyFailure::Pass(end)),
                },
                Err(error) if error.is_unavailable() => return Err(KeyFailure::Pass(PassEnd::Failed)),
                Err(error) => return Err(KeyFailure::Write(write, error)),
            }
        }
        Ok(())
    }

    /// Calls the sink. A panic and a timeout are failures.
    async fn call_sink(&self, batch: BatchPart<'_, C::Write>) -> Result<(), FlushError> {
        let flush = CatchPanic::new(self.sink.flush(batch.writes));
        let flush = timeout(self.state.options.flush_timeout, flush);
        let flushed = match self.keep_reading(flush).await {
            Ok(Ok(flushed)) => flushed,
            Ok(Err(_)) => Err(FlushError::new("the sink panicked")),
            Err(_) => Err(FlushError::new("the flush took too long")),
        };
        let (collection, writes) = (&*self.state.name, batch.len());
        match flushed {
            Ok(flushed) => {
                self.count_ignored(flushed, writes);
                Ok(())
            }
            Err(error) => {
                self.state.counters.record(WriteEvent::Failed);
                tracing::warn!(collection, writes, %error, "flush of write-behind failed");
                Err(error)
            }
        }
    }

    /// Counts the writes that the database ignored.
    fn count_ignored(&self, flushed: Flushed, writes: u64) {
        let collection = &*self.state.name;
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
            self.state.counters.record(WriteEvent::Ignored(ignored));
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
    /// be appended, the writes stay in the queue and are flushed again. If loads read replicas of
    /// the database, the writes stay until the replicas have them.
    async fn commit(&mut self, batch: BatchPart<'_, C::Write>) -> PassEnd {
        let committed_at = Instant::now();
        let mut names = Invalidation::default();
        for (write, name) in batch.one_of_each_key() {
            names.extend([self.state.collection.names(&name.text, Some(write))]);
        }
        if self.keep_reading(invalidate(&self.state.engine, names)).await != InvalidationOutcome::Applied {
            return PassEnd::Failed;
        }
        let due = committed_at + self.state.collection.replica_lag();
        for name in batch.names {
            let WriteName { place, sequence, text, .. } = name;
            self.failures.remove(*place);
            self.committed.add(CommittedWrite {
                place: *place,
                sequence: *sequence,
                text: text.clone(),
                due,
            });
        }
        self.complete_due().await
    }

    /// Removes writes from the queue that the database and its replicas have.
    ///
    /// If that fails, it is tried again with the next pass. The writes are not flushed again.
    pub(super) async fn complete_due(&mut self) -> PassEnd {
        loop {
            let due = self.committed.due(Instant::now(), MAX_COMPLETED);
            if due.is_empty() {
                return PassEnd::Done;
            }
            let count = due.len();
            let completed = self.state.queue.complete(self.partition(), &due);
            match self.keep_reading(completed).await {
                Ok(completed) => self.state.counters.record(WriteEvent::Flushed(completed.removed)),
                Err(_) => return PassEnd::Failed,
            }
            for write in self.committed.remove_first(count) {
                self.state.own_writes.remove_flushed(&write.text, write.sequence);
            }
        }
    }

    /// Notes that a write failed, and moves it to the quarantine after the last attempt.
    async fn note_failure(&mut self, write: BatchPart<'_, C::Write>, error: &FlushError, blame: Blame) {
        for name in write.names {
            self.block(&name.text);
            let attempts = self.failures.record(name.place, blame, self.retry_delay(), Instant::now());
            if attempts >= self.state.options.max_attempts {
                self.quarantine(name.to_ref(), &error.to_string()).await;
            }
        }
    }

    async fn quarantine(&mut self, write: WriteRef<'_>, error: &str) {
        let moved = self.state.queue.quarantine(self.partition(), self.id, write, error).await;
        if !matches!(moved, Ok(QuarantineReply::Moved)) {
            return;
        }
        self.failures.remove(write.place);
        self.state.counters.record(WriteEvent::Quarantined);
        let (collection, key, sequence) = (&*self.state.name, write.key, write.sequence);
        tracing::error!(collection, key, sequence, error, "write moved to the quarantine");
    }
}

#[cfg(test)]
mod tests {
    use larder_testing::Gate;

    use super::*;
    use crate::cache::Cache;
    use crate::testing::soon;
    use crate::values::behind::sink::Write;
    use crate::values::behind::write_behind::WriteBehind;

    /// A sink that waits at a gate, and changes a row for each write.
    struct Held(Gate);

    impl Sink<Write<u64, String>> for Held {
        async fn flush(&self, batch: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
            self.0.pass().await;
            Ok(Flushed::rows(batch.len() as u64))
        }
    }

    /// The event of the flush refuses the copy as well. So only the memory shows that it is gone.
    #[tokio::test]
    async fn a_flushed_write_leaves_no_copy_in_memory() {
        let (cache, gate) = (Cache::default(), Gate::new());
        let carts: WriteBehind<u64, String> =
            cache.values("cart").write_behind(Held(gate.clone())).in_process().build().unwrap();
        let copies = || [1, 2].map(|key| carts.state.own_writes.sequence(&format!("v|cart|{key}")));
        for key in [1, 2] {
            carts.write(&key, "cheese".to_owned()).await.unwrap();
        }
        assert!(copies().iter().all(Option::is_some));
        gate.open();
        soon(async {
            while carts.write_stats().flushed < 2 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        })
        .await;
        assert_eq!(copies(), [None, None]);
    }
}
