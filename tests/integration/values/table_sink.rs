//! A table that compares sequence numbers, as the sink of write-behind.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use larder::Cache;
use larder::values::{
    FlushError, Flushed, LoadError, ReadError, Sink, ValuesBuilder, Write, WriteBehind, WriteBehindBuilder,
};
use larder::write_queue::Durability;
use larder_testing::Gate;
use larder_tests::redis::eventually;

/// A table of carts by id, with the sequence number of each row.
#[derive(Clone, Default)]
pub(crate) struct Table(Arc<Mutex<Rows>>);

#[derive(Default)]
struct Rows {
    rows: HashMap<u64, Row>,
    /// The keys whose writes are rejected.
    poison: HashSet<u64>,
    is_down: bool,
    gate: Option<Gate>,
    loads: usize,
    /// The number of writes whose sequence number was not higher than that of the row.
    ignored: usize,
    /// The keys of the writes that changed a row, in order.
    applied: Vec<u64>,
    flushes: usize,
}

#[derive(Default)]
struct Row {
    sequence: u64,
    value: Option<String>,
}

impl Table {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap()
    }

    /// Holds each flush that begins from now on, before it changes the table.
    pub(crate) fn hold(&self) -> Gate {
        let gate = Gate::new();
        self.rows().gate = Some(gate.clone());
        gate
    }

    /// Lets flushes that begin from now on run at once.
    pub(crate) fn release(&self) {
        self.rows().gate = None;
    }

    pub(crate) fn reject(&self, key: u64) {
        self.rows().poison.insert(key);
    }

    pub(crate) fn accept(&self, key: u64) {
        self.rows().poison.remove(&key);
    }

    pub(crate) fn set_down(&self, is_down: bool) {
        self.rows().is_down = is_down;
    }

    /// Returns the value of a row, without a load.
    pub(crate) fn row(&self, key: u64) -> Option<String> {
        self.rows().rows.get(&key).and_then(|row| row.value.clone())
    }

    pub(crate) fn loads(&self) -> usize {
        self.rows().loads
    }

    pub(crate) fn ignored(&self) -> usize {
        self.rows().ignored
    }

    /// Returns how often the sink was called.
    pub(crate) fn flushes(&self) -> usize {
        self.rows().flushes
    }

    pub(crate) fn applied(&self) -> usize {
        self.rows().applied.len()
    }

    /// Returns the keys of the writes that changed a row, in order.
    pub(crate) fn applied_keys(&self) -> Vec<u64> {
        self.rows().applied.clone()
    }

    async fn load(&self, key: u64) -> io::Result<Option<String>> {
        let mut rows = self.rows();
        rows.loads += 1;
        Ok(rows.rows.get(&key).and_then(|row| row.value.clone()))
    }
}

impl Sink<Write<u64, String>> for Table {
    async fn flush(&self, batch: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
        self.rows().flushes += 1;
        let gate = self.rows().gate.clone();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        let mut rows = self.rows();
        if rows.is_down {
            return Err(FlushError::unavailable("the database is down"));
        }
        if batch.iter().any(|write| rows.poison.contains(&write.key)) {
            return Err(io::Error::other("constraint violated").into());
        }
        let mut changed = 0;
        for Write { key, sequence, value } in batch {
            let row = rows.rows.entry(*key).or_default();
            if row.sequence < *sequence {
                *row = Row { sequence: *sequence, value: value.clone() };
                changed += 1;
                rows.applied.push(*key);
            }
        }
        rows.ignored += batch.len() - changed;
        Ok(Flushed::rows(changed as u64))
    }
}

pub(crate) type Carts = WriteBehind<u64, String>;
type CartsBuilder = WriteBehindBuilder<ValuesBuilder<u64, String>, Table>;

/// Returns a collection of carts with short times.
pub(crate) fn behind(cache: &Cache, table: &Table) -> CartsBuilder {
    short(builder(cache, table))
}

/// Returns a collection of carts whose queue is in the process.
pub(crate) fn in_process(cache: &Cache, table: &Table) -> CartsBuilder {
    quick(builder(cache, table)).in_process()
}

fn builder(cache: &Cache, table: &Table) -> CartsBuilder {
    cache.values("cart").negative_ttl(Duration::from_secs(100)).write_behind(table.clone())
}

/// Sets short times, and no durability.
pub(crate) fn short<B>(builder: WriteBehindBuilder<B, Table>) -> WriteBehindBuilder<B, Table> {
    quick(builder).durability(Durability::Memory)
}

fn quick<B>(builder: WriteBehindBuilder<B, Table>) -> WriteBehindBuilder<B, Table> {
    builder
        .partitions(2)
        .retry_delay(Duration::from_millis(1))
        .poll_interval(Duration::from_millis(5))
        .reader_lease(Duration::from_millis(200))
}

pub(crate) fn carts(cache: &Cache, table: &Table) -> Carts {
    behind(cache, table).build().unwrap()
}

pub(crate) async fn write(carts: &Carts, key: u64, value: &str) {
    carts.write(&key, value.to_owned()).await.unwrap();
}

/// Returns the number of writes that are not flushed.
pub(crate) async fn queued(carts: &Carts) -> u64 {
    carts.queue_stats().await.unwrap().iter().map(|partition| partition.entries).sum()
}

pub(crate) async fn flushed(carts: &Carts) {
    eventually("the queue is empty", async || queued(carts).await == 0).await;
}

/// Reads a cart, and loads it from the table if it is not cached and not pending.
pub(crate) async fn try_get(
    carts: &Carts,
    table: &Table,
    key: u64,
) -> Result<Option<String>, LoadError<ReadError<io::Error>>> {
    let value = carts.get_or_load(&key, || table.load(key)).await?;
    Ok(value.map(|value| (*value).clone()))
}

pub(crate) async fn get(carts: &Carts, table: &Table, key: u64) -> Option<String> {
    try_get(carts, table, key).await.unwrap()
}

pub(crate) async fn get_many(carts: &Carts, table: &Table, keys: &[u64]) -> Vec<Option<String>> {
    try_get_many(carts, table, keys).await.unwrap()
}

/// Reads many carts.
pub(crate) async fn try_get_many(
    carts: &Carts,
    table: &Table,
    keys: &[u64],
) -> Result<Vec<Option<String>>, LoadError<ReadError<io::Error>>> {
    let load = |missing: Vec<u64>| async move {
        let mut found = Vec::new();
        for key in missing {
            found.extend(table.load(key).await?.map(|value| (key, value)));
        }
        Ok::<_, io::Error>(found)
    };
    let values = carts.get_many_or_load(keys, load).await?;
    Ok(values.into_iter().map(|value| value.map(|value| (*value).clone())).collect())
}
