//! The numbers in the answer to `INFO`.

use larder_core::monitoring::{EvictionPolicy, StoreStats};

/// The sections of `INFO` that have the numbers.
pub(crate) const SECTIONS: [&str; 4] = ["stats", "memory", "clients", "keyspace"];

/// Reads the statistics of one server from its answer to `INFO`.
///
/// Managed services leave out some numbers. These are `None`, and so is a number that cannot be
/// read.
pub(crate) fn parse(info: &str) -> StoreStats {
    let mut stats = StoreStats::new();
    stats.servers = 1;
    for line in info.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let field = match name {
            "keyspace_hits" => &mut stats.hits,
            "keyspace_misses" => &mut stats.misses,
            "evicted_keys" => &mut stats.evicted_keys,
            "expired_keys" => &mut stats.expired_keys,
            "used_memory" => &mut stats.memory_used,
            "used_memory_peak" => &mut stats.memory_peak,
            "maxmemory" => &mut stats.memory_limit,
            "used_memory_rss" => &mut stats.memory_resident,
            "connected_clients" => &mut stats.connected_clients,
            "maxmemory_policy" => {
                stats.eviction = EvictionPolicy::from_name(value.trim());
                continue;
            }
            _ => {
                if let Some(keys) = expiring_keys(name, value) {
                    stats.expiring_keys = Some(stats.expiring_keys.unwrap_or(0).saturating_add(keys));
                }
                continue;
            }
        };
        *field = value.trim().parse().ok();
    }
    // For Redis, zero means that there is no limit.
    stats.memory_limit = stats.memory_limit.filter(|limit| *limit > 0);
    stats
}

/// Returns the number of keys with an expiry in one database: `db0:keys=2,expires=1,avg_ttl=0`.
fn expiring_keys(name: &str, value: &str) -> Option<u64> {
    let number = name.strip_prefix("db")?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    value.split(',').find_map(|part| part.strip_prefix("expires="))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer of Redis 7.0.15 to `INFO stats memory clients`.
    const REDIS_7_0: &str = include_str!("server_info/redis_7_0_15.txt");

    fn stats_with(set: impl FnOnce(&mut StoreStats)) -> StoreStats {
        let mut stats = StoreStats::new();
        stats.servers = 1;
        set(&mut stats);
        stats
    }

    #[test]
    fn the_numbers_of_a_real_server_are_read() {
        let expected = stats_with(|stats| {
            (stats.hits, stats.misses) = (Some(2), Some(2));
            (stats.evicted_keys, stats.expired_keys) = (Some(0), Some(1));
            (stats.memory_used, stats.memory_peak) = (Some(964_592), Some(964_592));
            (stats.memory_limit, stats.memory_resident) = (Some(67_108_864), Some(12_353_536));
            stats.connected_clients = Some(1);
            stats.eviction = Some(EvictionPolicy::from_name(eviction_in(REDIS_7_0)).unwrap());
        });
        assert_eq!(parse(REDIS_7_0), expected);
    }

    /// Each number is another one, so that none stands for another one.
    #[test]
    fn each_number_has_its_own_field() {
        let info = "keyspace_hits:1\r\nkeyspace_misses:2\r\nevicted_keys:3\r\nexpired_keys:4\r\n\
                    used_memory:5\r\nused_memory_peak:6\r\nmaxmemory:7\r\nused_memory_rss:8\r\n\
                    connected_clients:9\r\n";
        let expected = stats_with(|stats| {
            (stats.hits, stats.misses) = (Some(1), Some(2));
            (stats.evicted_keys, stats.expired_keys) = (Some(3), Some(4));
            (stats.memory_used, stats.memory_peak) = (Some(5), Some(6));
            (stats.memory_limit, stats.memory_resident) = (Some(7), Some(8));
            stats.connected_clients = Some(9);
        });
        assert_eq!(parse(info), expected);
    }

    fn eviction_in(info: &str) -> &str {
        info.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).unwrap()
    }

    #[test]
    fn keys_with_an_expiry_are_those_of_all_databases() {
        let keyspace = "# Keyspace\r\ndb0:keys=5,expires=3,avg_ttl=0\r\ndb15:keys=9,expires=4,avg_ttl=1\r\n";
        assert_eq!(parse(keyspace).expiring_keys, Some(7));
        for other in ["# Keyspace\r\n", "dbx:expires=1", "db:expires=1", "db0:keys=1", "db0:expires=x"] {
            assert_eq!(parse(other).expiring_keys, None, "{other}");
        }
        assert_eq!(parse("maxmemory_policy:allkeys-lfu").eviction, Some(EvictionPolicy::AllKeys));
        assert_eq!(parse("maxmemory_policy:new").eviction, None);
    }

    #[test]
    fn a_number_that_is_missing_or_unreadable_is_none() {
        let hits = |hits| stats_with(|stats| stats.hits = hits);
        let cases = [
            ("", hits(None)),
            ("# Stats\r\n", hits(None)),
            ("keyspace_hits:7\r\nnew_in_redis_9:5\r\n", hits(Some(7))),
            ("keyspace_hits:7\nkeyspace_hits_ratio:0.5", hits(Some(7))),
            ("keyspace_hits:18446744073709551615", hits(Some(u64::MAX))),
            ("keyspace_hits:18446744073709551616", hits(None)),
            ("keyspace_hits:-1", hits(None)),
            ("keyspace_hits:", hits(None)),
            ("keyspace_hits", hits(None)),
            ("maxmemory:0\r\nused_memory_human:941.98K", hits(None)),
            ("keyspace_hits:7\r\nmaxmemory:x", hits(Some(7))),
        ];
        for (info, expected) in cases {
            assert_eq!(parse(info), expected, "{info:?}");
        }
    }
}
