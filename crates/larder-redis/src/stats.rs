//! The statistics that the server reports.

use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::store::StoreError;

use crate::answer::{text, unreadable};
use crate::link::Link;

/// Counts of the server's hits and misses, since its start or the last reset of its statistics.
///
/// The server counts the lookups of all its clients, not only those of Larder. For a cluster, each
/// count is the sum over its primaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RedisStats {
    /// Number of lookups that found their key.
    pub hits: u64,
    /// Number of lookups that did not find their key.
    pub misses: u64,
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

    fn parse(info: &str) -> Option<Self> {
        let count = |name: &str| {
            info.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
                .and_then(|digits| digits.trim().parse().ok())
        };
        Some(Self { hits: count("keyspace_hits")?, misses: count("keyspace_misses")? })
    }
}

/// Reads the statistics of the server, or of every primary of a cluster.
pub(crate) async fn read(link: &Link, limit: Duration) -> Result<RedisStats, StoreError> {
    let client = link.within(limit);
    let nodes = match client.is_clustered() {
        true => client.active_connections().into_iter().map(Some).collect(),
        false => vec![None],
    };
    let mut total = RedisStats::default();
    for node in nodes {
        let info = ask(&client, node).await.map_err(|error| link.explain(&error))?;
        let one = text(&info).and_then(RedisStats::parse);
        let one = one.ok_or_else(|| unreadable("the statistics of the server"))?;
        total.hits = total.hits.saturating_add(one.hits);
        total.misses = total.misses.saturating_add(one.misses);
    }
    Ok(total)
}

async fn ask(client: &WithOptions<Client>, node: Option<Server>) -> Result<Value, Error> {
    let mut options: Options = client.options().clone();
    options.cluster_node = node;
    let command = CustomCommand::new_static("INFO", ClusterHash::Random, false);
    client.with_options(&options).custom(command, vec!["stats"]).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_in_what_info_says() {
        let info = "# Stats\r\ntotal_connections_received:5\r\nkeyspace_hits:30\r\nkeyspace_misses:10\r\n";
        let stats = RedisStats::parse(info).unwrap();
        assert_eq!((stats.hits, stats.misses), (30, 10));
        assert!((stats.hit_ratio() - 0.75).abs() < f64::EPSILON);
        assert_eq!(RedisStats::parse("# Stats\r\n"), None);
        assert!(RedisStats::default().hit_ratio().abs() < f64::EPSILON);
    }
}
