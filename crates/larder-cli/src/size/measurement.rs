//! The memory by measurement: writes a sample of entries, and removes it.

use std::time::Duration;

use larder_core::join::join_all;
use larder_core::store::SharedTier;
use larder_redis::RedisStore;
use tokio::time::sleep;

use crate::cli_error::CliError;
use crate::output::Output;
use crate::redis_link::Link;
use crate::redis_link::values::{number, text};
use crate::scratch::{EXPIRY, Namespace, Shape, check_room, stored_key, until_interrupted};
use crate::target::RedisTarget;

/// The bounds of the sample. Few entries say little, but large ones are fewer.
const MAX_ENTRIES: u64 = 5_000;
const MIN_ENTRIES: u64 = 500;
const MAX_BYTES: u64 = 32 << 20;
/// How many entries are written at once.
const AT_ONCE: u64 = 50;
/// The number of entries that are asked for their size.
const MAX_ASKED: u64 = 100;
/// How often the memory is read until it does not change any more.
const MAX_READS: usize = 60;
const BETWEEN_READS: Duration = Duration::from_millis(50);
const TOTAL_LIMIT: Duration = Duration::from_secs(60);

/// The result of the measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Measured {
    /// The number of entries in the sample.
    pub(crate) entries: u64,
    /// The memory that the server uses more for all of them.
    pub(crate) used: u64,
    /// The mean of `MEMORY USAGE`. `None` if the user may not call it.
    pub(crate) mean_usage: Option<u64>,
    /// The memory of the sample by the formula.
    pub(crate) by_formula: u64,
}

/// Writes up to `entries` entries, and measures them. Returns `None` after Ctrl-C.
pub(crate) async fn measure(
    target: &RedisTarget,
    shape: Shape,
    entries: u64,
    output: &Output,
) -> Result<Option<Measured>, CliError> {
    let namespace = Namespace::new("size");
    let link = Link::open(target, Duration::from_secs(5), TOTAL_LIMIT).await?;
    let store = open(&namespace.target(target))?;
    let count = sample_size(entries, shape);
    let sample = Sample { link: &link, store: &store, namespace: &namespace, shape };
    let measured = until_interrupted(sample.measure(count, output)).await;
    store.close().await;
    link.close().await;
    let cleaned = namespace.clean_up(target).await;
    let measured = measured?;
    cleaned.map(|()| measured)
}

fn open(target: &RedisTarget) -> Result<RedisStore, CliError> {
    target.store_builder(Duration::from_secs(5)).connect().map_err(|error| CliError::usage(error.to_string()))
}

fn sample_size(entries: u64, shape: Shape) -> u64 {
    let one = shape.encode(&stored_key(0)).len() as u64;
    let most = (MAX_BYTES / one.max(1)).clamp(1, MAX_ENTRIES);
    entries.clamp(MIN_ENTRIES.min(most), most)
}

/// A sample in a namespace of its own.
struct Sample<'a> {
    link: &'a Link,
    store: &'a RedisStore,
    namespace: &'a Namespace,
    shape: Shape,
}

impl Sample<'_> {
    async fn measure(&self, count: u64, output: &Output) -> Result<Measured, CliError> {
        let by_formula = crate::size::formula::entries_of(count, self.shape);
        check_room(self.link, by_formula.saturating_mul(2)).await?;
        // The first one loads the script, and waits for the connection.
        self.write_first().await?;
        let before = self.settled_memory().await?;
        let progress = output.progress("measuring", Some(count));
        for begin in (1..=count).step_by(usize::try_from(AT_ONCE).unwrap_or(1)) {
            let end = (begin + AT_ONCE).min(count + 1);
            let written = join_all((begin..end).map(|index| self.write(index))).await;
            written.into_iter().collect::<Result<(), _>>()?;
            progress.set(end, Some(count));
        }
        let used = self.settled_memory().await?.saturating_sub(before);
        Ok(Measured { entries: count, used, mean_usage: self.mean_usage(count).await, by_formula })
    }

    async fn write_first(&self) -> Result<(), CliError> {
        let mut last = None;
        for _ in 0..MAX_READS {
            match self.write(0).await {
                Ok(()) => return Ok(()),
                Err(error) => last = Some(error),
            }
            sleep(BETWEEN_READS).await;
        }
        Err(last.unwrap_or_else(|| CliError::unreachable("no entry could be written")))
    }

    async fn write(&self, index: u64) -> Result<(), CliError> {
        let key = stored_key(index);
        let value = self.shape.encode(&key);
        let stored = self.store.set(&key.address, value, EXPIRY).await;
        stored.map_err(|error| CliError::failed(format!("an entry cannot be written: {error}")))
    }

    /// Returns the memory in use once it stays the same.
    ///
    /// Redis moves the places of a table that has grown little by little.
    async fn settled_memory(&self) -> Result<u64, CliError> {
        let mut last = None;
        for _ in 0..MAX_READS {
            let used = self.used_memory().await?;
            if last == Some(used) {
                return Ok(used);
            }
            last = Some(used);
            sleep(BETWEEN_READS).await;
        }
        // Other clients use the server, too.
        last.ok_or_else(|| CliError::unreachable("the memory in use is unknown"))
    }

    /// Returns the sum over all servers.
    async fn used_memory(&self) -> Result<u64, CliError> {
        let mut sum = 0;
        for node in self.link.nodes() {
            let info = self.link.send_to(node.as_ref(), &["INFO", "memory"]).await;
            let info = info.map_err(|error| CliError::refused(format!("INFO memory: {}", error.text())))?;
            let info = text(&info).unwrap_or_default();
            let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
            sum += used.and_then(|used| used.trim().parse::<u64>().ok()).unwrap_or_default();
        }
        Ok(sum)
    }

    async fn mean_usage(&self, count: u64) -> Option<u64> {
        let (mut sum, mut asked) = (0, 0);
        for index in (1..=count).take(usize::try_from(MAX_ASKED).unwrap_or_default()) {
            let name = self.namespace.response(&stored_key(index).address);
            sum += number(&self.link.send_for(&name, &["MEMORY", "USAGE", &name]).await.ok()?)?;
            asked += 1;
        }
        u64::checked_div(sum, asked)
    }
}
