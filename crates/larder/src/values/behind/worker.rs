//! The reader of a partition.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use larder_core::lease::LeaseId;
use larder_core::write_queue::{PartitionId, QueuedWrite, ReadReply, ReadRequest, WriteBatch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::engine::catch_panic::CatchPanic;
use crate::values::behind::behind_state::BehindState;
use crate::values::behind::committed_writes::CommittedWrites;
use crate::values::behind::flush_failures::{FlushFailures, backoff};
use crate::values::behind::queued_collection::QueuedCollection;
use crate::values::behind::sink::Sink;

/// The maximum size of the writes that are read at once.
const MAX_BATCH_BYTES: u64 = 8 * 1024 * 1024;
/// How often the size of a partition is measured.
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);

/// Starts a reader for each partition.
pub(super) fn spawn_workers<C, S>(state: &Arc<BehindState<C>>, sink: S, stop: &CancellationToken)
where
    C: QueuedCollection,
    S: Sink<C::Write>,
{
    let (sink, background) = (Arc::new(sink), &state.engine.background);
    for number in 0..state.options.partitions {
        let mut reader = Reader {
            state: Arc::clone(state),
            sink: Arc::clone(&sink),
            number,
            id: LeaseId::from_bytes(fastrand::u128(..).to_be_bytes()),
            extended: Instant::now(),
            measure_at: Instant::now(),
            failures: FlushFailures::default(),
            blocked: HashSet::new(),
            committed: CommittedWrites::default(),
            is_draining: false,
            stop: stop.clone(),
            closing: background.closing(),
        };
        let reading = async move { reader.run_to_end().await };
        background.spawn(background.until_closed(reading));
    }
    let (watched, stop, closing) = (Arc::clone(state), stop.clone(), background.closing());
    let watching = async move { watched.durability.watch_until(&stop, &closing).await };
    background.spawn(background.until_closed(watching));
}

/// The reader of one partition on this instance.
pub(super) struct Reader<C, S> {
    pub(super) state: Arc<BehindState<C>>,
    pub(super) sink: Arc<S>,
    number: u16,
    pub(super) id: LeaseId,
    /// When the right to read was last extended.
    extended: Instant,
    /// When the size of the partition is measured next.
    measure_at: Instant,
    pub(super) failures: FlushFailures,
    /// The keys with an operation that is not flushed in this pass. Later ones of the key wait.
    blocked: HashSet<String>,
    pub(super) committed: CommittedWrites,
    /// Whether the reader flushes what is left, after the worker was stopped.
    pub(super) is_draining: bool,
    stop: CancellationToken,
    pub(super) closing: CancellationToken,
}

/// The end of a pass over the queue, or of a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PassEnd {
    /// All writes that were due are flushed, or failed on their own.
    Done,
    /// Nothing could be flushed. Try again later.
    Failed,
    /// Another instance has the right to read.
    Lost,
}

impl<C: QueuedCollection, S: Sink<C::Write>> Reader<C, S> {
    pub(super) fn partition(&self) -> PartitionId<'_> {
        self.state.partition(self.number)
    }

    /// Reads until the worker stops. Goes on after a panic, of a codec for example.
    async fn run_to_end(&mut self) {
        while CatchPanic::new(self.run()).await.is_err() {
            let (collection, partition) = (&*self.state.name, self.number);
            tracing::error!(collection, partition, "worker of write-behind panicked");
            self.unless_stopped(sleep(self.state.options.reader_lease)).await;
        }
    }

    async fn run(&mut self) {
        let lease = self.state.options.reader_lease;
        self.is_draining = false;
        while !self.is_stopped() {
            match self.state.queue.claim_reader(self.partition(), self.id, lease).await {
                Ok(true) => {
                    self.note_extension();
                    self.measure_at = Instant::now();
                    self.read_while_allowed().await;
                    self.state.counters.forget_partition(self.number);
                }
                Ok(false) => self.unless_stopped(sleep(lease / 2)).await,
                // At the start, the store may not be connected yet.
                Err(_) => {
                    let pause = self.state.options.poll_interval.min(lease / 2);
                    self.unless_stopped(sleep(pause)).await;
                }
            }
        }
        if self.state.options.is_in_process {
            self.drain().await;
        }
    }

    /// Reads until the right to read is lost, or the worker stops.
    async fn read_while_allowed(&mut self) {
        let mut failed = 0;
        while !self.is_stopped() {
            self.measure().await;
            match self.pass().await {
                PassEnd::Lost => return,
                PassEnd::Done => {
                    failed = 0;
                    self.wait_for_writes().await;
                }
                PassEnd::Failed => {
                    let delay = backoff(self.state.options.retry_delay, failed);
                    failed += 1;
                    self.keep_reading(self.unless_stopped(sleep(delay))).await;
                }
            }
            if !self.extend().await {
                return;
            }
        }
        let _ = self.state.queue.release_reader(self.partition(), self.id).await;
    }

    /// Asks for the size of the partition from time to time, for statistics.
    async fn measure(&mut self) {
        let now = Instant::now();
        if self.measure_at > now {
            return;
        }
        self.measure_at = now + MEASURE_INTERVAL;
        let measured = self.state.queue.queue_stats(self.partition());
        if let Ok(stats) = self.keep_reading(measured).await {
            self.state.counters.note_partition(self.number, stats);
        }
    }

    /// Reads the queue from its beginning, and flushes what is due.
    ///
    /// Writes that failed stay in the queue. So later writes are never blocked by them.
    pub(super) async fn pass(&mut self) -> PassEnd {
        if self.complete_due().await == PassEnd::Failed {
            return PassEnd::Failed;
        }
        let (mut after, mut places) = (self.committed.start(Instant::now()), HashSet::new());
        self.blocked.clear();
        loop {
            let start = after;
            let batch = match self.read(after).await {
                Ok(batch) => batch,
                Err(end) => return end,
            };
            let page: Vec<_> = batch.writes.iter().map(|write| write.place).collect();
            let has_more = batch.has_more && batch.last_place != after;
            after = batch.last_place;
            let now = Instant::now();
            let mut due: Vec<_> = batch.writes.into_iter().filter(|write| self.is_due(write, now)).collect();
            let is_full = due.len() > self.committed.room();
            due.truncate(self.committed.room());
            if !due.is_empty() {
                match self.flush(due).await {
                    PassEnd::Done => {}
                    end => return end,
                }
            }
            if is_full || self.is_stopped() {
                return PassEnd::Done;
            }
            self.committed.note_page(start, &page);
            places.extend(page.into_iter().filter(|place| self.failures.contains(*place)));
            if !has_more {
                self.failures.retain(&places);
                return PassEnd::Done;
            }
        }
    }

    /// Whether a write may be flushed. The later operations of its key wait if it may not.
    fn is_due(&mut self, write: &QueuedWrite, now: Instant) -> bool {
        // A write that the database has blocks nothing.
        if self.committed.contains(write.place) {
            return false;
        }
        let is_due = self.failures.is_due(write.place, now);
        if !is_due {
            self.block(&write.key);
        }
        is_due && !self.is_blocked(&write.key)
    }

    /// Lets the later operations of a key wait for the next pass. Values do not wait.
    pub(super) fn block(&mut self, key: &str) {
        if C::IS_ORDERED && !self.blocked.contains(key) {
            self.blocked.insert(key.to_owned());
        }
    }

    pub(super) fn is_blocked(&self, key: &str) -> bool {
        self.blocked.contains(key)
    }

    /// Reads the next writes.
    ///
    /// # Errors
    /// If the queue did not answer, or if the right to read is lost.
    async fn read(&mut self, after: Option<u64>) -> Result<WriteBatch, PassEnd> {
        if self.extended.elapsed() > self.state.options.reader_lease / 3 && !self.extend().await {
            return Err(PassEnd::Lost);
        }
        let request = ReadRequest {
            partition: self.partition(),
            reader: self.id,
            after,
            max_entries: self.state.options.max_batch,
            max_bytes: MAX_BATCH_BYTES,
        };
        let batch = match self.state.queue.read(request).await {
            Ok(ReadReply::Batch(batch)) => batch,
            Ok(ReadReply::NotReader) => return Err(PassEnd::Lost),
            Err(_) => return Err(PassEnd::Failed),
        };
        if !batch.unreadable.is_empty() {
            let (collection, places) = (&*self.state.name, &batch.unreadable);
            tracing::error!(collection, ?places, "entries of the write queue cannot be read");
        }
        if let Some(newest) = batch.newest {
            let (durability, timeout) = (&self.state.durability, self.state.options.durability_timeout());
            let waiting = durability.wait_for_read(self.partition(), newest, timeout);
            if !self.keep_reading(waiting).await {
                return Err(PassEnd::Failed);
            }
        }
        Ok(batch)
    }

    /// Waits for a write of this instance, for the next poll, retry or completion.
    async fn wait_for_writes(&self) {
        let now = Instant::now();
        let poll = now + self.state.options.poll_interval.min(self.state.options.reader_lease / 3);
        // A write that is due already was left out of the pass. It must not begin the next pass at
        // once.
        let later = |due: Instant| if due > now { due } else { now + self.retry_delay() };
        let until = self.next_due().map_or(poll, |due| later(due).min(poll));
        let Some(wake) = self.state.wake.get(usize::from(self.number)) else { return };
        let news = async {
            tokio::select! {
                () = wake.notified() => {}
                () = sleep_until(until) => {}
            }
        };
        self.unless_stopped(news).await;
    }

    /// Notes that the right to read was extended.
    pub(super) fn note_extension(&mut self) {
        self.extended = Instant::now();
    }

    /// Returns when the next retry or completion is due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        [self.failures.next(), self.committed.next()].into_iter().flatten().min()
    }

    /// Extends the right to read. Returns `false` if it is lost, or if the queue does not answer.
    async fn extend(&mut self) -> bool {
        let lease = self.state.options.reader_lease;
        if self.extended.elapsed() < lease / 4 {
            return true;
        }
        let is_reader = self.state.queue.extend_reader(self.partition(), self.id, lease).await;
        self.extended = Instant::now();
        matches!(is_reader, Ok(true))
    }

    /// Runs `work`, and extends the right to read meanwhile.
    ///
    /// If the right is lost, the work goes on: the sink compares sequence numbers.
    pub(super) async fn keep_reading<T>(&self, work: impl Future<Output = T>) -> T {
        let lease = self.state.options.reader_lease;
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = sleep(lease / 3) => {}
            }
            let extend = self.state.queue.extend_reader(self.partition(), self.id, lease);
            tokio::select! {
                biased;
                result = &mut work => return result,
                _ = extend => {}
            }
        }
    }

    pub(super) fn is_stopped(&self) -> bool {
        !self.is_draining && (self.stop.is_cancelled() || self.closing.is_cancelled())
    }

    async fn unless_stopped(&self, wait: impl Future<Output = ()>) {
        tokio::select! {
            () = wait => {}
            () = self.stop.cancelled(), if !self.is_draining => {}
            () = self.closing.cancelled(), if !self.is_draining => {}
        }
    }

    pub(super) fn retry_delay(&self) -> Duration {
        self.state.options.retry_delay
    }
}
