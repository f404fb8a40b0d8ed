//! Measures what a running instance and its requests see of Redis while many instances start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, bail};
use larder::Cache;
use larder_core::invalidation::last_appends::LastAppends;
use larder_core::invalidation::log_page::Cursor;
use larder_core::invalidation::position::LogId;
use larder_core::store::{InvalidationLog as _, SharedTier as _};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::time::sleep;

use crate::instance;
use crate::quantile::Times;
use crate::redis;

/// The number of invalidations in the log, which is about what an instance remembers.
const LENGTH: u64 = 70_000;
const MAX_START_TIME: Duration = Duration::from_secs(180);

const HEAD: &str = "\
| instances that start | caught up: first / median / last | poll of a running one p50 / p99 / max | lookup p50 / p99 / max | failed |
| ---: | --- | --- | --- | ---: |";

pub(crate) async fn table(numbers: &[usize]) -> Result<()> {
    println!("## Many starts\n\n{HEAD}");
    for &number in numbers {
        println!("{}", measure(number).await?);
    }
    println!();
    Ok(())
}

async fn measure(number: usize) -> Result<String> {
    let server = RedisServer::start().await?;
    let end = redis::fill(&server, LENGTH).await?;
    let running = Running::start(server.url(), end);
    sleep(Duration::from_millis(500)).await;
    let begun = Instant::now();
    let mut starting = (0..number).map(|_| instance::start(&server.url())).collect::<Result<Vec<_>>>()?;
    let (mut times, mut ready): (Vec<Duration>, Vec<Cache>) = (Vec::new(), Vec::new());
    while !starting.is_empty() {
        if begun.elapsed() > MAX_START_TIME {
            bail!("{} of {number} instances did not read the log", starting.len());
        }
        sleep(Duration::from_millis(5)).await;
        let (done, rest) = starting.into_iter().partition(|cache| instance::position(cache) >= end);
        times.extend(std::iter::repeat_n(begun.elapsed(), Vec::len(&done)));
        ready.extend::<Vec<Cache>>(done);
        starting = rest;
    }
    let seen = running.end().await?;
    let at = |index: usize| times.get(index).map_or(0, Duration::as_millis);
    let last = times.len().saturating_sub(1);
    Ok(format!(
        "| {number} | {} / {} / {} ms | {} ms | {} ms | {} |",
        at(0),
        at(times.len() / 2),
        at(last),
        Times::new(seen.polls).label(),
        Times::new(seen.lookups).label(),
        seen.failed,
    ))
}

/// The measurements of a running instance.
#[derive(Default)]
struct Seen {
    polls: Vec<Duration>,
    lookups: Vec<Duration>,
    failed: u64,
}

/// A thread with its own runtime, so that the starts do not delay its tasks.
struct Running {
    is_over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<Seen>>,
}

impl Running {
    fn start(url: String, end: LogId) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(observe(&url, end, &over))
        });
        Self { is_over, thread }
    }

    async fn end(self) -> Result<Seen> {
        self.is_over.store(true, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || self.thread.join())
            .await?
            .map_err(|_| anyhow!("the running instance failed"))?
    }
}

async fn observe(url: &str, end: LogId, is_over: &AtomicBool) -> Result<Seen> {
    let store = instance::store(url)?;
    let incarnation = loop {
        if let Ok((incarnation, _)) = store.append(&[redis::event(0)]).await {
            break incarnation;
        }
        sleep(Duration::from_millis(5)).await;
    };
    let cursor = Cursor {
        incarnation,
        after: end,
        broken: false,
        capacity: 0,
        replaying: false,
        appends: LastAppends::default(),
    };
    let mut seen = Seen::default();
    while !is_over.load(Ordering::Relaxed) {
        round(&store, cursor, &mut seen).await;
        sleep(Duration::from_millis(2)).await;
    }
    Ok(seen)
}

async fn round(store: &RedisStore, cursor: Cursor, seen: &mut Seen) {
    let begun = Instant::now();
    seen.failed += u64::from(store.poll(cursor).await.is_err());
    seen.polls.push(begun.elapsed());
    let begun = Instant::now();
    seen.failed += u64::from(store.get("{any}").await.is_err());
    seen.lookups.push(begun.elapsed());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn starts_are_measured_beside_a_running_instance() {
        let row = measure(2).await.unwrap();
        assert!(row.starts_with("| 2 | ") && row.ends_with(" |"), "{row}");
    }
}
