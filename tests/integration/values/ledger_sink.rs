//! A table that applies each operation once and in order, as the sink of operations.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use larder::Cache;
use larder::values::{
    FlushError, Flushed, Operation, Operations, OperationsBuilder, Sink, WriteBehindBuilder,
};
use larder::write_queue::Durability;
use larder_testing::Gate;
use larder_tests::redis::eventually;

/// The entries of each key in the order in which they were applied, and the sequence number.
///
/// An entry is an operation that adds a number to the end of its row. So the order shows.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    rows: BTreeMap<u64, Row>,
    /// The entries that are rejected, with their keys.
    poison: HashSet<(u64, u32)>,
    /// Whether each second flush commits half of its batch, and fails.
    is_half_broken: bool,
    before_commit: Option<Gate>,
    after_commit: Option<Gate>,
    /// The number of rows that each flush reported. `None` for one that failed.
    flushes: Vec<Option<u64>>,
    /// The batches of the flushes that began, as keys and entries.
    batches: Vec<Vec<(u64, u32)>>,
    running: usize,
    most_running: usize,
    loads: usize,
}

#[derive(Default)]
struct Row {
    sequence: u64,
    entries: Vec<u32>,
}

impl Ledger {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Holds each flush that begins from now on, before it changes the table.
    pub(crate) fn hold(&self) -> Gate {
        let gate = Gate::new();
        self.inner().before_commit = Some(gate.clone());
        gate
    }

    /// Holds each flush that commits from now on, after it has changed the table.
    pub(crate) fn hold_committed(&self) -> Gate {
        let gate = Gate::new();
        self.inner().after_commit = Some(gate.clone());
        gate
    }

    /// Lets flushes that begin from now on run at once.
    pub(crate) fn release(&self) {
        let mut inner = self.inner();
        (inner.before_commit, inner.after_commit) = (None, None);
    }

    pub(crate) fn reject(&self, key: u64, entry: u32) {
        self.inner().poison.insert((key, entry));
    }

    pub(crate) fn accept_all(&self) {
        let mut inner = self.inner();
        inner.poison.clear();
        inner.is_half_broken = false;
    }

    pub(crate) fn break_in_the_middle(&self) {
        self.inner().is_half_broken = true;
    }

    /// Returns the entries of a key.
    pub(crate) fn row(&self, key: u64) -> Vec<u32> {
        self.inner().rows.get(&key).map(|row| row.entries.clone()).unwrap_or_default()
    }

    /// Returns the entries of a key as text, as a load does.
    pub(crate) async fn load(&self, key: u64) -> io::Result<Option<String>> {
        self.inner().loads += 1;
        Ok(Some(format!("{:?}", self.row(key))))
    }

    pub(crate) fn loads(&self) -> usize {
        self.inner().loads
    }

    /// Returns the number of rows that each flush reported.
    pub(crate) fn flushes(&self) -> Vec<Option<u64>> {
        self.inner().flushes.clone()
    }

    /// Returns the batches of the flushes that began.
    pub(crate) fn batches(&self) -> Vec<Vec<(u64, u32)>> {
        self.inner().batches.clone()
    }

    /// Returns how many flushes ran at once, at most.
    pub(crate) fn most_running(&self) -> usize {
        self.inner().most_running
    }
}

impl Inner {
    fn commit(&mut self, batch: &[Operation<u64, u32>]) -> u64 {
        let mut rows = 0;
        for Operation { key, sequence, operation } in batch {
            let row = self.rows.entry(*key).or_default();
            if row.sequence < *sequence {
                row.sequence = *sequence;
                row.entries.push(*operation);
                rows += 1;
            }
        }
        rows
    }

    fn flush(&mut self, batch: &[Operation<u64, u32>]) -> Result<Flushed, FlushError> {
        if batch.iter().any(|one| self.poison.contains(&(one.key, one.operation))) {
            self.flushes.push(None);
            return Err(io::Error::other("constraint violated").into());
        }
        if self.is_half_broken && self.flushes.len().is_multiple_of(2) {
            self.flushes.push(None);
            // At least one, so that its repetition is always ignored.
            self.commit(&batch[..batch.len().div_ceil(2)]);
            return Err(io::Error::other("connection lost").into());
        }
        let rows = self.commit(batch);
        self.flushes.push(Some(rows));
        Ok(Flushed::rows(rows))
    }
}

impl Sink<Operation<u64, u32>> for Ledger {
    async fn flush(&self, batch: &[Operation<u64, u32>]) -> Result<Flushed, FlushError> {
        let before = {
            let mut inner = self.inner();
            inner.batches.push(batch.iter().map(|one| (one.key, one.operation)).collect());
            inner.running += 1;
            inner.most_running = inner.most_running.max(inner.running);
            inner.before_commit.clone()
        };
        if let Some(gate) = before {
            gate.pass().await;
        }
        let (flushed, after) = {
            let mut inner = self.inner();
            (inner.flush(batch), inner.after_commit.clone())
        };
        if let Some(gate) = after {
            gate.pass().await;
        }
        self.inner().running -= 1;
        flushed
    }
}

pub(crate) type Entries = Operations<u64, u32>;

/// Returns a collection of entries with short times, in one partition.
pub(crate) fn ledger(
    cache: &Cache,
    ledger: &Ledger,
) -> WriteBehindBuilder<OperationsBuilder<u64, u32>, Ledger> {
    cache
        .operations("ledger")
        .invalidates(|key| format!("ledger:{key}"))
        .sink(ledger.clone())
        .durability(Durability::Memory)
        .partitions(1)
        .retry_delay(Duration::from_millis(1))
        .poll_interval(Duration::from_millis(5))
        .reader_lease(Duration::from_millis(200))
}

pub(crate) fn entries(cache: &Cache, table: &Ledger) -> Entries {
    ledger(cache, table).build().unwrap()
}

pub(crate) async fn push(entries: &Entries, key: u64, entry: u32) {
    entries.push(&key, &entry).await.unwrap();
}

/// Waits until the queue is empty. Dead letters may be left.
pub(crate) async fn drained(entries: &Entries) {
    eventually("the queue is empty", async || {
        entries.queue_stats().await.is_ok_and(|stats| stats.iter().all(|partition| partition.entries == 0))
    })
    .await;
}
