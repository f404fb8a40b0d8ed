//! Measures a write-behind queue with many pending writes: its memory, a full queue, the start of a
//! worker and the rate of draining.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use larder::Cache;
use larder::values::{FlushError, Flushed, Sink, Write, WriteBehind, WriteErrorKind};
use larder::write_queue::Durability;
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::quantile::Times;

const PATIENCE: Duration = Duration::from_secs(10);
/// No part of a measurement takes longer.
const MAX_TIME: Duration = Duration::from_secs(900);
const WRITERS: u32 = 256;
const VALUE_BYTES: usize = 100;
/// Number of writes that a full queue refuses.
const REFUSED: usize = 2_000;

const HEAD: &str = "\
| pending writes | partitions | Redis, for each write | first flush of a new worker | drained per second: each partition / all | refused writes p50 / p99 / max |
| ---: | ---: | ---: | ---: | ---: | --- |";

/// The number of pending writes, and of partitions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) writes: u64,
    pub(crate) partitions: u16,
}

pub(crate) async fn table(writes: u64) -> Result<()> {
    println!("## Pending writes\n\n{HEAD}");
    for partitions in [1, 8] {
        println!("{}", measure(Size { writes, partitions }).await?);
    }
    println!();
    Ok(())
}

async fn measure(size: Size) -> Result<String> {
    let Size { writes, partitions } = size;
    // The cache has a Redis of its own, so the other one has the queue and nothing else.
    let servers = Servers { queue: RedisServer::start().await?, cache: RedisServer::start().await? };
    let empty = servers.memory().await?;
    let filling = servers.instance(size, u64::MAX >> 12, Drain::default())?;
    filling.fill(size).await?;
    let bytes = (servers.memory().await? - empty) as f64 / writes as f64;
    filling.close().await;

    let full = servers.instance(size, (writes / u64::from(partitions) / 2).max(1), Drain::default())?;
    let refused = full.refused().await?;
    full.close().await;

    let drain = Drain { is_open: true, ..Drain::default() };
    let begun = Instant::now();
    let draining = servers.instance(size, u64::MAX >> 12, drain.clone())?;
    timeout(MAX_TIME, drain.flushed.notified()).await.context("no flush")?;
    let first = begun.elapsed();
    drain.wait_for(writes).await?;
    let rate = writes as f64 / (begun.elapsed() - first).as_secs_f64();
    draining.close().await;
    Ok(format!(
        "| {writes} | {partitions} | {bytes:.0} bytes | {} ms | {:.0} / {rate:.0} | {} ms |",
        first.as_millis(),
        rate / f64::from(partitions),
        refused.label(),
    ))
}

struct Servers {
    queue: RedisServer,
    cache: RedisServer,
}

impl Servers {
    /// Returns the memory of the Redis with the queue, in bytes.
    async fn memory(&self) -> Result<i64> {
        let info = self.queue.command(&["INFO", "memory"]).await?;
        let info = info.as_str().unwrap_or_default();
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(used.context("no used_memory")?.trim().parse()?)
    }

    fn instance(&self, size: Size, max_queued: u64, drain: Drain) -> Result<Instance> {
        let connect =
            |server: &RedisServer| RedisStore::builder(&server.url()).command_timeout(PATIENCE).connect();
        let cache = Cache::builder()
            .max_memory_bytes(1 << 20)
            .write_queue(connect(&self.queue)?)
            .shared_store(connect(&self.cache)?)
            .build();
        let carts = cache
            .values("cart")
            .write_behind(drain)
            .partitions(size.partitions)
            .durability(Durability::Memory)
            .max_queued(max_queued)
            .max_queued_bytes(u64::MAX >> 12)
            .build()?;
        Ok(Instance { cache, carts })
    }
}

struct Instance {
    cache: Cache,
    carts: WriteBehind<u64, String>,
}

impl Instance {
    async fn fill(&self, size: Size) -> Result<()> {
        let deadline = Instant::now() + MAX_TIME;
        while self.carts.write(&0, "x".repeat(VALUE_BYTES)).await.is_err() {
            if Instant::now() > deadline {
                bail!("the queue is not available");
            }
            sleep(Duration::from_millis(20)).await;
        }
        let mut writers = JoinSet::new();
        for writer in 0..u64::from(WRITERS) {
            let carts = self.carts.clone();
            writers.spawn(async move {
                for number in (writer..size.writes).step_by(WRITERS as usize) {
                    carts.write(&number, "x".repeat(VALUE_BYTES)).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(written) = writers.join_next().await {
            written??;
        }
        let stats = self.carts.queue_stats().await?;
        let there: u64 = stats.iter().map(|partition| partition.entries).sum();
        anyhow::ensure!(there == size.writes, "{there} writes are pending");
        Ok(())
    }

    /// Returns how long writes take that a full queue refuses.
    async fn refused(&self) -> Result<Times> {
        let mut times = Vec::with_capacity(REFUSED);
        // A key that has no pending value, which a write would replace.
        let mut key = u64::MAX;
        let deadline = Instant::now() + MAX_TIME;
        while times.len() < REFUSED {
            let begun = Instant::now();
            match self.carts.write(&key, String::new()).await {
                Err(error) if error.kind() == WriteErrorKind::Full => times.push(begun.elapsed()),
                // The connection is not there yet.
                Err(_) if begun < deadline => sleep(Duration::from_millis(20)).await,
                other => bail!("a full queue takes a write: {other:?}"),
            }
            key -= 1;
        }
        Ok(Times::new(times))
    }

    async fn close(self) {
        drop(self.carts);
        let _ = self.cache.close().await;
    }
}

/// A database that does nothing, or is not available.
#[derive(Clone, Default)]
struct Drain {
    is_open: bool,
    drained: Arc<AtomicU64>,
    /// Notified by the first flush.
    flushed: Arc<Notify>,
}

impl Drain {
    async fn wait_for(&self, writes: u64) -> Result<()> {
        let waiting = async {
            while self.drained.load(Ordering::Relaxed) < writes {
                sleep(Duration::from_millis(2)).await;
            }
        };
        timeout(MAX_TIME, waiting).await.context("the queue is not drained")
    }
}

impl Sink<Write<u64, String>> for Drain {
    async fn flush(&self, batch: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
        if !self.is_open {
            return Err(FlushError::unavailable("closed"));
        }
        self.drained.fetch_add(batch.len() as u64, Ordering::Relaxed);
        self.flushed.notify_one();
        Ok(Flushed::rows(batch.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_small_queue_is_filled_refuses_and_is_drained() {
        let row = measure(Size { writes: 1_000, partitions: 2 }).await.unwrap();
        assert!(row.starts_with("| 1000 | 2 | ") && row.ends_with(" ms |"), "{row}");
    }
}
