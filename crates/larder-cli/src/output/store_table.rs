//! The figures of Redis, over an admin URL or over Redis.

use serde::{Deserialize, Serialize};

use crate::output::units;

/// The figures of Redis, in the form of the admin API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct StoreStats {
    pub(crate) servers: u64,
    pub(crate) hits: Option<u64>,
    pub(crate) misses: Option<u64>,
    pub(crate) evicted_keys: Option<u64>,
    pub(crate) expired_keys: Option<u64>,
    pub(crate) memory_used: Option<u64>,
    pub(crate) memory_peak: Option<u64>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) memory_resident: Option<u64>,
    pub(crate) eviction: Option<String>,
    pub(crate) expiring_keys: Option<u64>,
    pub(crate) connected_clients: Option<u64>,
    pub(crate) log_length: Option<u64>,
    pub(crate) log_bytes: Option<u64>,
}

/// Returns the figures as lines. A figure that the server does not tell is left out.
pub(crate) fn store_lines(stats: &StoreStats) -> Vec<String> {
    let count =
        |number: &Option<u64>, what: &str| number.map(|number| format!("{} {what}", units::count(number)));
    let size =
        |number: &Option<u64>, what: &str| number.map(|number| format!("{what} {}", units::bytes(number)));
    let ratio = stats.hits.zip(stats.misses).and_then(|(hits, misses)| fraction(hits, hits + misses));
    let fragmentation =
        stats.memory_resident.zip(stats.memory_used).and_then(|(all, used)| fraction(all, used));
    let limit = match stats.memory_limit {
        Some(limit) => Some(format!("limit {}", units::bytes(limit))),
        None => stats.memory_used.map(|_| "no limit".to_owned()),
    };
    let lines = [
        (
            "Redis",
            vec![
                Some(format!("{} servers", stats.servers)).filter(|_| stats.servers > 1),
                count(&stats.connected_clients, "clients"),
                count(&stats.expiring_keys, "keys with an expiry"),
                ratio.map(|ratio| format!("{} of lookups find their key", units::percent(ratio))),
            ],
        ),
        (
            "memory",
            vec![
                size(&stats.memory_used, "used"),
                limit,
                size(&stats.memory_peak, "peak"),
                fragmentation.map(|ratio| format!("fragmentation {ratio:.2}")),
            ],
        ),
        (
            "eviction",
            vec![
                stats.eviction.clone(),
                count(&stats.evicted_keys, "keys evicted"),
                count(&stats.expired_keys, "expired"),
            ],
        ),
        ("log", vec![count(&stats.log_length, "entries"), size(&stats.log_bytes, "about")]),
    ];
    let join = |(name, parts): (&str, Vec<Option<String>>)| {
        let known: Vec<_> = parts.into_iter().flatten().collect();
        (!known.is_empty()).then(|| format!("{:10}{}", format!("{name}:"), known.join(", ")))
    };
    lines.into_iter().filter_map(join).collect()
}

#[allow(clippy::cast_precision_loss)] // Shown with two digits after the point.
fn fraction(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_figures_are_shown() {
        assert_eq!(store_lines(&StoreStats::default()), Vec::<String>::new());
        let stats = StoreStats {
            servers: 1,
            hits: Some(3),
            misses: Some(1),
            memory_used: Some(1 << 20),
            memory_resident: Some(3 << 19),
            log_length: Some(12),
            ..StoreStats::default()
        };
        let expected = [
            "Redis:    75.0 % of lookups find their key",
            "memory:   used 1.0 MiB, no limit, fragmentation 1.50",
            "log:      12 entries",
        ];
        assert_eq!(store_lines(&stats), expected);
    }
}
