//! The statistics of a shared store.

use super::eviction_policy::EvictionPolicy;

/// The counters of a shared store, and its use of memory.
///
/// A number that the store does not tell is `None`. Counters begin at the start of the server, or
/// at the last reset of its statistics. The server counts the lookups and the keys of all its
/// clients, not only those of Larder. If there are several servers, each number is the sum over
/// them, and it is `None` if one of them does not tell it.
///
/// # Examples
///
/// ```
/// use larder_core::monitoring::StoreStats;
///
/// let mut stats = StoreStats::new();
/// (stats.hits, stats.misses) = (Some(30), Some(10));
/// assert_eq!(stats.hit_ratio(), Some(0.75));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StoreStats {
    /// Number of servers that the numbers are of: the primaries of a cluster, or 1.
    pub servers: u32,
    /// Number of lookups that found their key.
    pub hits: Option<u64>,
    /// Number of lookups that did not find their key.
    pub misses: Option<u64>,
    /// Number of keys that were evicted because the memory was full.
    pub evicted_keys: Option<u64>,
    /// Number of keys that expired.
    pub expired_keys: Option<u64>,
    /// Memory that the server's data and buffers use, in bytes.
    pub memory_used: Option<u64>,
    /// Largest value of [`memory_used`](Self::memory_used) since the server's start, in bytes.
    pub memory_peak: Option<u64>,
    /// Limit of the memory (`maxmemory`), in bytes. `None` if a server has no limit.
    pub memory_limit: Option<u64>,
    /// Memory that the operating system has given to the server, in bytes.
    pub memory_resident: Option<u64>,
    /// The keys that are evicted when the memory is full. Of several servers, the one that evicts
    /// the most important keys counts.
    pub eviction: Option<EvictionPolicy>,
    /// Number of keys with an expiry, such as stored responses.
    pub expiring_keys: Option<u64>,
    /// Number of connections of clients, without those of replicas.
    pub connected_clients: Option<u64>,
    /// Number of entries in the invalidation log.
    pub log_length: Option<u64>,
    /// Memory that the invalidation log takes, in bytes. It is an estimate.
    pub log_bytes: Option<u64>,
}

impl StoreStats {
    /// Returns statistics without any number.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the share of lookups that found their key, from 0.0 to 1.0.
    ///
    /// Returns `None` if the number of lookups is not known, or if there were none.
    #[must_use]
    pub fn hit_ratio(&self) -> Option<f64> {
        let (hits, misses) = (self.hits?, self.misses?);
        ratio(hits, hits.saturating_add(misses))
    }

    /// Returns the resident memory as a multiple of the used memory.
    ///
    /// A value well above 1.0 means that memory is fragmented, or that the server used more memory
    /// before. A value below 1.0 means that the machine swaps. Returns `None` if the server does
    /// not tell its memory.
    #[must_use]
    pub fn fragmentation(&self) -> Option<f64> {
        ratio(self.memory_resident?, self.memory_used?)
    }

    /// Returns the sum of the numbers of two groups of servers.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let sum =
            |one: Option<u64>, more: Option<u64>| one.zip(more).map(|(one, more)| one.saturating_add(more));
        Self {
            servers: self.servers.saturating_add(other.servers),
            hits: sum(self.hits, other.hits),
            misses: sum(self.misses, other.misses),
            evicted_keys: sum(self.evicted_keys, other.evicted_keys),
            expired_keys: sum(self.expired_keys, other.expired_keys),
            memory_used: sum(self.memory_used, other.memory_used),
            memory_peak: sum(self.memory_peak, other.memory_peak),
            memory_limit: sum(self.memory_limit, other.memory_limit),
            memory_resident: sum(self.memory_resident, other.memory_resident),
            eviction: self.eviction.zip(other.eviction).map(|(one, other)| one.max(other)),
            expiring_keys: sum(self.expiring_keys, other.expiring_keys),
            connected_clients: sum(self.connected_clients, other.connected_clients),
            log_length: sum(self.log_length, other.log_length),
            log_bytes: sum(self.log_bytes, other.log_bytes),
        }
    }
}

#[allow(clippy::cast_precision_loss)] // A ratio does not need more than 53 bits.
fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_needs_both_numbers() {
        let cases = [
            (None, Some(1), None),
            (Some(1), None, None),
            (Some(0), Some(0), None),
            (Some(0), Some(4), Some(0.0)),
            (Some(3), Some(1), Some(0.75)),
        ];
        for (hits, misses, expected) in cases {
            let stats = StoreStats { hits, misses, ..StoreStats::new() };
            assert_eq!(stats.hit_ratio(), expected, "{hits:?} {misses:?}");
        }
        let memory =
            |memory_resident, memory_used| StoreStats { memory_resident, memory_used, ..StoreStats::new() };
        assert_eq!(memory(Some(1_500), Some(1_000)).fragmentation(), Some(1.5));
        assert_eq!(memory(Some(1_500), Some(0)).fragmentation(), None);
        assert_eq!(memory(None, Some(1)).fragmentation(), None);
    }

    #[test]
    fn a_sum_is_unknown_if_a_part_of_it_is() {
        let one = StoreStats { servers: 1, hits: Some(2), memory_limit: Some(5), ..StoreStats::new() };
        let other = StoreStats { servers: 2, hits: Some(3), ..StoreStats::new() };
        assert_eq!(one.plus(other), StoreStats { servers: 3, hits: Some(5), ..StoreStats::new() });
    }
}
