//! Random histories of operations: faults of the database and the store, takeovers, quarantine.
//!
//! The sink compares sequence numbers. So an operation that is flushed before an earlier one of its
//! key takes the earlier one's effect away, and shows as a loss.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use larder::store::StoreErrorKind;
use larder::values::{FlushError, Flushed, Operation, Sink};
use larder::write_queue::Durability;
use larder::{Cache, CacheBuilder};
use larder_testing::{ManualClock, MemoryStore};
use tokio::time::sleep;

use crate::ledger_sink::{Entries, Ledger};
use crate::support::{ready, soon};

const KEYS: u64 = 3;
const LEASE: Duration = Duration::from_millis(100);

/// A connection to the ledger that can be slow. A flush that is dropped may still commit.
struct Slow(Ledger);

impl Sink<Operation<u64, u32>> for Slow {
    async fn flush(&self, batch: &[Operation<u64, u32>]) -> Result<Flushed, FlushError> {
        let delay = Duration::from_millis(fastrand::u64(..400));
        if fastrand::bool() {
            return self.0.flush(batch).await;
        }
        let (ledger, batch) = (self.0.clone(), batch.to_vec());
        let commit = async move {
            sleep(delay).await;
            ledger.flush(&batch).await
        };
        tokio::spawn(commit).await.unwrap()
    }
}

/// The instances, and what was pushed.
struct History {
    store: MemoryStore,
    table: Ledger,
    instances: Vec<(Cache, Entries)>,
    next: u32,
    pushed: BTreeMap<u64, Vec<u32>>,
    discarded: BTreeSet<u32>,
}

impl History {
    async fn new() -> Self {
        let (store, table) = (MemoryStore::default(), Ledger::default());
        let (pushed, discarded) = (BTreeMap::new(), BTreeSet::new());
        let mut all = Self { store, table, instances: Vec::new(), next: 0, pushed, discarded };
        for _ in 0..2 {
            all.start_instance().await;
        }
        all
    }

    async fn start_instance(&mut self) {
        let builder: CacheBuilder = Cache::builder().clock(ManualClock::new());
        let cache = ready(builder.write_queue(self.store.clone()).shared_store(self.store.clone())).await;
        let entries = cache
            .operations("ledger")
            .sink(Slow(self.table.clone()))
            .durability(Durability::Memory)
            .partitions(1)
            .max_batch(fastrand::u32(1..20))
            .max_attempts(2)
            .retry_delay(Duration::from_millis(1))
            .poll_interval(Duration::from_millis(5))
            .reader_lease(LEASE)
            .flush_timeout(Duration::from_millis(200))
            .build()
            .unwrap();
        self.instances.push((cache, entries));
    }

    fn entries(&self) -> &Entries {
        &self.instances[fastrand::usize(..self.instances.len())].1
    }

    async fn step(&mut self) {
        match fastrand::u32(..20) {
            0..10 => self.push().await,
            10 => self
                .table
                .reject(fastrand::u64(..KEYS), fastrand::u32(self.next.saturating_sub(9)..=self.next)),
            11 => self.table.accept_all(),
            12 => self.table.break_in_the_middle(),
            13 => self.retry().await,
            14 => self.discard().await,
            15 => {
                self.store.fail(StoreErrorKind::Timeout);
                sleep(Duration::from_millis(fastrand::u64(..150))).await;
                self.store.heal();
            }
            16 => {
                let (cache, entries) = self.instances.swap_remove(fastrand::usize(..2));
                if fastrand::bool() {
                    let _ = cache.close().await;
                }
                drop(entries);
                self.start_instance().await;
            }
            _ => sleep(Duration::from_millis(fastrand::u64(..50))).await,
        }
    }

    async fn push(&mut self) {
        let key = fastrand::u64(..KEYS);
        if self.entries().push(&key, &self.next).await.is_ok() {
            self.pushed.entry(key).or_default().push(self.next);
        }
        self.next += 1;
    }

    async fn retry(&self) {
        for letter in self.entries().dead_letters(10).await.unwrap() {
            self.entries().retry_dead_letter(&letter).await.unwrap();
        }
    }

    async fn discard(&mut self) {
        let letters = self.entries().dead_letters(10).await.unwrap();
        let Some(letter) = letters.first() else { return };
        if self.entries().discard_dead_letter(letter).await.unwrap().is_some() {
            self.discarded.extend(letter.write.as_ref().map(|write| write.operation));
        }
    }

    /// Lets everything succeed, and checks the table.
    async fn settle(&self, seed: u64) {
        self.table.accept_all();
        let done = async {
            loop {
                let stats = self.entries().queue_stats().await.unwrap();
                if stats.iter().all(|partition| partition.entries + partition.dead == 0) {
                    return;
                }
                self.retry().await;
                sleep(LEASE).await;
            }
        };
        soon("the queue is empty", done).await;
        // A flush that timed out may still commit.
        sleep(Duration::from_secs(1)).await;
        for (key, pushed) in &self.pushed {
            let row = self.table.row(*key);
            let is_applied = |entry: &u32| row.contains(entry);
            let expected: Vec<u32> = pushed
                .iter()
                .copied()
                .filter(|entry| is_applied(entry) || !self.discarded.contains(entry))
                .collect();
            assert_eq!(row, expected, "seed {seed}, key {key}");
        }
    }
}

/// Each operation has its effect once and in order, unless it was discarded.
#[tokio::test(start_paused = true)]
async fn no_history_loses_repeats_or_reorders_operations() {
    for seed in 0..60 {
        fastrand::seed(seed);
        let mut history = History::new().await;
        for _ in 0..150 {
            history.step().await;
        }
        history.settle(seed).await;
    }
}
