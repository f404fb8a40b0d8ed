//! An instance: a cache with connections of its own.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use larder::Cache;
use larder_core::invalidation::position::LogId;
use larder_redis::RedisStore;
use tokio::time::sleep;

/// Longer than any log in these measurements, so that no log is trimmed.
const LOG_LENGTH: u64 = 10_000_000;

/// How long an instance may take to read a log.
const MAX_READ_TIME: Duration = Duration::from_secs(30);

pub(crate) fn store(redis: &str) -> Result<RedisStore> {
    Ok(RedisStore::builder(redis).log_length(LOG_LENGTH).connect()?)
}

pub(crate) fn start(redis: &str) -> Result<Cache> {
    Ok(Cache::builder().shared_store(store(redis)?).build())
}

/// The log that an instance in a process of its own reads.
#[derive(Debug, Args)]
pub(crate) struct LogToRead {
    #[arg(long)]
    redis: String,
    #[arg(long)]
    until: String,
}

impl LogToRead {
    /// Starts the instance, and waits until it has read the log up to this position.
    pub(crate) async fn read(&self) -> Result<Cache> {
        let end: LogId = self.until.parse().ok().context("no position")?;
        let (begun, cache) = (Instant::now(), start(&self.redis)?);
        while position(&cache) < end {
            if begun.elapsed() > MAX_READ_TIME {
                bail!("the log was not read within {MAX_READ_TIME:?}");
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(cache)
    }
}

/// Returns how far the instance has read the log.
pub(crate) fn position(cache: &Cache) -> LogId {
    in_token(&cache.token().to_string()).unwrap_or(LogId::ZERO)
}

/// Parses a token: `1-<incarnation>-<milliseconds>-<sequence>` in hexadecimal, followed by the
/// deferred events.
fn in_token(token: &str) -> Option<LogId> {
    let mut numbers = token.split('-').map(|digits| u64::from_str_radix(digits, 16).ok()).skip(2);
    Some(LogId::new(numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_position_is_in_the_token() {
        assert_eq!(in_token("1-9f3c-18bcfe56800-1f"), Some(LogId::new(1_700_000_000_000, 31)));
        assert_eq!(in_token("1-9f3c-5-0-77-1"), Some(LogId::new(5, 0)));
        assert_eq!(in_token("1-9f3c"), None);
        assert_eq!(position(&Cache::default()), LogId::ZERO);
    }
}
