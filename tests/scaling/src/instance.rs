//! An instance: a cache with connections of its own.

use anyhow::Result;
use larder::Cache;
use larder_core::log::position::LogId;
use larder_redis::RedisStore;

/// Longer than any log in these measurements, so that no log is trimmed.
const LOG_LENGTH: u64 = 10_000_000;

pub(crate) fn store(redis: &str) -> Result<RedisStore> {
    Ok(RedisStore::builder(redis).log_length(LOG_LENGTH).connect()?)
}

pub(crate) fn start(redis: &str) -> Result<Cache> {
    Ok(Cache::builder().shared_store(store(redis)?).build())
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
