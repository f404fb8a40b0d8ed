//! The statistics that the server reports.

use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::store::StoreError;

use crate::connection::Connection;
use crate::reply::{text, unreadable};

/// The server's counters and its use of memory.
///
/// Counters begin at the server's start or at the last reset of its statistics. The server counts
/// the lookups and the keys of all its clients, not only those of Larder. For a cluster, each
/// number is the sum over its primaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RedisStats {
    /// Number of lookups that found their key.
    pub hits: u64,
    /// Number of lookups that did not find their key.
    pub misses: u64,
    /// Number of keys that were evicted because the memory was full.
    pub evicted_keys: u64,
    /// Number of keys that expired.
    pub expired_keys: u64,
    /// Memory that the server's data and buffers use, in bytes.
    pub memory_used: u64,
    /// Largest value of [`memory_used`](Self::memory_used) since the server's start, in bytes.
    pub memory_peak: u64,
    /// Limit of the memory (`maxmemory`), in bytes. `None` if a server has no limit.
    pub memory_limit: Option<u64>,
    /// Memory that the operating system has given to the server, in bytes.
    ///
    /// It is 0 if the server does not report it.
    pub memory_resident: u64,
}

impl RedisStats {
    /// Returns the share of lookups that found their key, from 0.0 to 1.0.
    ///
    /// The share is 0.0 if there were no lookups.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder_redis::RedisStats;
    ///
    /// assert_eq!(RedisStats::default().hit_ratio(), 0.0);
    /// ```
    #[must_use]
    pub fn hit_ratio(&self) -> f64 {
        match self.hits.saturating_add(self.misses) {
            0 => 0.0,
            all => self.hits as f64 / all as f64,
        }
    }

    /// Returns the resident memory as a multiple of the used memory.
    ///
    /// A value well above 1.0 means that memory is fragmented, or that the server used more memory
    /// before. A value below 1.0 means that the machine swaps. The value is 0.0 if the server does
    /// not report its memory.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder_redis::RedisStats;
    ///
    /// assert_eq!(RedisStats::default().fragmentation(), 0.0);
    /// ```
    #[must_use]
    pub fn fragmentation(&self) -> f64 {
        match self.memory_used {
            0 => 0.0,
            used => self.memory_resident as f64 / used as f64,
        }
    }

    fn parse(info: &str) -> Option<Self> {
        let number = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|digits| digits.trim().parse().ok())
        };
        // Managed services leave out some numbers. The two counts are always there.
        Some(Self {
            hits: number("keyspace_hits")?,
            misses: number("keyspace_misses")?,
            evicted_keys: number("evicted_keys").unwrap_or_default(),
            expired_keys: number("expired_keys").unwrap_or_default(),
            memory_used: number("used_memory").unwrap_or_default(),
            memory_peak: number("used_memory_peak").unwrap_or_default(),
            memory_limit: number("maxmemory").filter(|limit| *limit > 0),
            memory_resident: number("used_memory_rss").unwrap_or_default(),
        })
    }

    /// Returns the sum of the numbers of two servers.
    fn plus(self, other: Self) -> Self {
        Self {
            hits: self.hits.saturating_add(other.hits),
            misses: self.misses.saturating_add(other.misses),
            evicted_keys: self.evicted_keys.saturating_add(other.evicted_keys),
            expired_keys: self.expired_keys.saturating_add(other.expired_keys),
            memory_used: self.memory_used.saturating_add(other.memory_used),
            memory_peak: self.memory_peak.saturating_add(other.memory_peak),
            memory_limit: self
                .memory_limit
                .zip(other.memory_limit)
                .map(|(one, more)| one.saturating_add(more)),
            memory_resident: self.memory_resident.saturating_add(other.memory_resident),
        }
    }
}

/// Reads the statistics of the server, or of every primary of a cluster.
pub(crate) async fn read(link: &Connection, limit: Duration) -> Result<RedisStats, StoreError> {
    let client = link.within(limit);
    let nodes = match client.is_clustered() {
        true => client.active_connections().into_iter().map(Some).collect(),
        false => vec![None],
    };
    let mut total: Option<RedisStats> = None;
    for node in nodes {
        let info = ask(&client, node).await.map_err(|error| link.to_store_error(&error))?;
        let one = text(&info).and_then(RedisStats::parse);
        let one = one.ok_or_else(|| unreadable("the statistics of the server"))?;
        total = Some(total.map_or(one, |sum| sum.plus(one)));
    }
    Ok(total.unwrap_or_default())
}

async fn ask(client: &WithOptions<Client>, node: Option<Server>) -> Result<Value, Error> {
    let mut options: Options = client.options().clone();
    options.cluster_node = node;
    let command = CustomCommand::new_static("INFO", ClusterHash::Random, false);
    client.with_options(&options).custom(command, vec!["stats", "memory"]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "# Stats\r\ntotal_connections_received:5\r\nexpired_keys:4\r\nevicted_keys:3\r\n\
        keyspace_hits:30\r\nkeyspace_misses:10\r\n# Memory\r\nused_memory:1000\r\n\
        used_memory_human:1000B\r\nused_memory_rss:1500\r\nused_memory_peak:2000\r\nmaxmemory:4000\r\n\
        maxmemory_policy:volatile-lfu\r\n";

    #[test]
    fn numbers_are_found_in_what_info_says() {
        let stats = RedisStats::parse(INFO).unwrap();
        let expected = RedisStats {
            hits: 30,
            misses: 10,
            evicted_keys: 3,
            expired_keys: 4,
            memory_used: 1000,
            memory_peak: 2000,
            memory_limit: Some(4000),
            memory_resident: 1500,
        };
        assert_eq!(stats, expected);
        assert!((stats.hit_ratio() - 0.75).abs() < f64::EPSILON);
        assert!((stats.fragmentation() - 1.5).abs() < f64::EPSILON);
        assert_eq!(RedisStats::parse("# Stats\r\n"), None);
        assert!(RedisStats::default().hit_ratio().abs() < f64::EPSILON);
    }

    #[test]
    fn a_server_without_a_limit_has_none_and_neither_has_its_cluster() {
        let limited = RedisStats::parse(INFO).unwrap();
        let unlimited = RedisStats::parse(&INFO.replace("maxmemory:4000", "maxmemory:0")).unwrap();
        assert_eq!(unlimited.memory_limit, None);
        assert_eq!(limited.plus(unlimited).memory_limit, None);
        let both = limited.plus(limited);
        assert_eq!((both.memory_limit, both.evicted_keys, both.memory_peak), (Some(8000), 6, 4000));
    }
}
