//! Concurrent operations until the time is over, and their percentiles.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::cli_error::CliError;

/// After so many operations that did not have to wait, the other tasks get the thread.
const IN_A_ROW: u64 = 64;
/// Longer times count as this one, in nanoseconds.
const LONGEST: u64 = 120_000_000_000;

/// When a task ends.
#[derive(Debug, Clone)]
pub(super) enum Until {
    /// When the time is over.
    Deadline(Instant),
    /// When each key had its turn, or the time is over.
    EachKeyOnce(Instant, Arc<AtomicU64>, u64),
}

/// The times of the operations of one measurement.
pub(super) struct Load {
    pub(super) times: Histogram<u64>,
    pub(super) failed: u64,
    pub(super) elapsed: Duration,
}

impl Until {
    pub(super) fn time(time: Duration) -> Self {
        Self::Deadline(Instant::now() + time)
    }

    pub(super) fn each_key_once(time: Duration, keys: u64) -> Self {
        Self::EachKeyOnce(Instant::now() + time, Arc::new(AtomicU64::new(0)), keys)
    }

    /// Returns the index of the next key. `None` if the measurement is over.
    fn next(&self, keys: u64) -> Option<u64> {
        match self {
            Self::Deadline(end) => (Instant::now() < *end).then(|| fastrand::u64(0..keys)),
            Self::EachKeyOnce(end, taken, most) => {
                let index = taken.fetch_add(1, Ordering::Relaxed);
                (index < *most && Instant::now() < *end).then_some(index)
            }
        }
    }
}

/// Runs these operations at the same time, one task for each of them, again and again.
///
/// An operation gets the index of a key, and returns whether it succeeded.
pub(super) async fn run<O, F>(operations: Vec<O>, keys: u64, until: &Until) -> Result<Load, CliError>
where
    O: Fn(u64) -> F + Send + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for operation in operations {
        tasks.spawn(run_one(operation, keys, until.clone()));
    }
    let mut load = Load { times: histogram()?, failed: 0, elapsed: Duration::ZERO };
    while let Some(done) = tasks.join_next().await {
        let (times, failed) = done.map_err(|error| CliError::failed(format!("a task failed: {error}")))??;
        load.times.add(&times).map_err(|error| CliError::failed(error.to_string()))?;
        load.failed += failed;
    }
    load.elapsed = begun.elapsed();
    Ok(load)
}

async fn run_one<O, F>(operation: O, keys: u64, until: Until) -> Result<(Histogram<u64>, u64), CliError>
where
    O: Fn(u64) -> F,
    F: Future<Output = bool>,
{
    let (mut times, mut failed, mut since_yield) = (histogram()?, 0, 0);
    while let Some(index) = until.next(keys) {
        let begun = Instant::now();
        let is_done = operation(index).await;
        let time = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(LONGEST);
        times.saturating_record(time.max(1));
        failed += u64::from(!is_done);
        since_yield += 1;
        if since_yield == IN_A_ROW {
            since_yield = 0;
            tokio::task::yield_now().await;
        }
    }
    Ok((times, failed))
}

fn histogram() -> Result<Histogram<u64>, CliError> {
    Histogram::new_with_max(LONGEST, 3).map_err(|error| CliError::failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_key_has_one_turn_and_failures_are_counted() {
        let seen = Arc::new(AtomicU64::new(0));
        let operation = |seen: Arc<AtomicU64>| {
            move |index: u64| {
                seen.fetch_add(index, Ordering::Relaxed);
                async move { !index.is_multiple_of(10) }
            }
        };
        let operations = (0..4).map(|_| operation(Arc::clone(&seen))).collect();
        let until = Until::each_key_once(Duration::from_secs(60), 100);
        let load = run(operations, 100, &until).await.unwrap();
        assert_eq!((load.times.len(), load.failed), (100, 10));
        assert_eq!(seen.load(Ordering::Relaxed), (0..100).sum::<u64>());
    }

    /// Operations that never wait leave their thread to the others.
    #[tokio::test]
    async fn the_time_ends_a_measurement() {
        let operations = (0..8).map(|_| |_: u64| std::future::ready(true)).collect();
        let load = run(operations, 10, &Until::time(Duration::from_millis(20))).await.unwrap();
        assert!(load.times.len() > 8 && load.failed == 0);
        assert!(load.elapsed < Duration::from_secs(10));
    }
}
