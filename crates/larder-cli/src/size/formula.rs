//! The memory by the formula. `larder_core::advice::redis_memory` has the sizes of one entry.

use larder_core::advice::redis_memory::{NEARLY_ALL, entry_bytes, estimate, table_bytes};

use crate::scratch::{Shape, stored_key};
use crate::size::entry_sample::EntrySample;

/// The bytes that an empty server takes.
const SERVER: u64 = 1 << 20;
/// The bytes of an entry of the log beside its names.
const LOG_ENTRY: u64 = 30;
/// The length of the name of an invalidation, such as `product:00000042`.
const LOG_NAME: u64 = 16;
/// The default of `RedisStoreBuilder::log_bytes`.
const MAX_LOG: u64 = 16 << 20;
/// The leases and notes that an instance may have at once, and the bytes of one.
const LEASES: u64 = 100;
const LEASE: u64 = 260;
/// The record of an instance, and its place in the list.
const RECORD: u64 = 700;
/// The connections of an instance, and the bytes of one with its buffers.
const CONNECTIONS: u64 = 5;
const CONNECTION: u64 = 22 << 10;
/// Responses of more bytes have a reference of their own.
const MAX_INLINE: u64 = 128 << 10;
/// The bytes of such a reference.
const REFERENCE: u64 = 80;

/// The memory that Redis needs, part by part, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) entries: u64,
    /// One stored response, with its share of the tables.
    pub(crate) per_entry: u64,
    pub(crate) responses: u64,
    pub(crate) log: u64,
    /// Leases, records and connections.
    pub(crate) instances: u64,
    pub(crate) server: u64,
}

impl Needs {
    /// Returns the needs of this number of equal responses.
    pub(crate) fn of_shape(entries: u64, shape: Shape, log: u64, instances: u64) -> Self {
        Self::new(entries, entries_of(entries, shape), log, instances)
    }

    /// Returns the needs of responses like those of a sample.
    pub(crate) fn of_sample(sample: &EntrySample, log: u64, instances: u64) -> Self {
        // The sizes differ, so the mean stands for them.
        let responses = match sample.mean_value {
            Some(mean) => whole(estimate(sample.entries, mean)),
            None => sample.measured_bytes().unwrap_or_default(),
        };
        Self::new(sample.entries, responses, log, instances)
    }

    fn new(entries: u64, responses: u64, log: u64, instances: u64) -> Self {
        Self {
            entries,
            per_entry: responses.checked_div(entries).unwrap_or_default(),
            responses,
            log: log.saturating_mul(LOG_ENTRY + LOG_NAME).min(MAX_LOG),
            instances: instances.saturating_mul(LEASES * LEASE + RECORD + CONNECTIONS * CONNECTION),
            server: SERVER,
        }
    }

    pub(crate) fn total(&self) -> u64 {
        self.responses + self.log + self.instances + self.server
    }
}

/// Returns the memory of this number of equal responses, with their tables.
pub(crate) fn entries_of(entries: u64, shape: Shape) -> u64 {
    let key = stored_key(0);
    let value = shape.encode(&key).len() as u64;
    // `larder:larder:v1:` stands in front of the address.
    let name = key.address.len() as u64 + 17;
    let (one, keys) = match value {
        0..=MAX_INLINE => (entry_bytes(name, value), entries),
        _ => (entry_bytes(name, REFERENCE) + entry_bytes(name + 5, value), entries.saturating_mul(2)),
    };
    entries.saturating_mul(one).saturating_add(table_bytes(keys))
}

/// Returns the bound to set, in whole MiB: a server should not use more than 90 % of it.
#[allow(clippy::cast_precision_loss)] // A recommendation does not need more than 53 bits.
pub(crate) fn recommended(total: u64) -> u64 {
    const MIB: u64 = 1 << 20;
    /// Buffers of clients, and growth.
    const HEAD_ROOM: f64 = 1.1;
    let bytes = whole(total as f64 * HEAD_ROOM / NEARLY_ALL);
    bytes.div_ceil(MIB).saturating_mul(MIB)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Saturates. Not negative.
fn whole(bytes: f64) -> u64 {
    bytes.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_counts() {
        let needs = Needs::of_shape(1_000, Shape { body: 1_000, tags: 1 }, 200_000, 4);
        assert_eq!(needs.log, 200_000 * 46);
        assert_eq!(Needs::of_shape(0, Shape { body: 0, tags: 0 }, u64::MAX, 0).log, MAX_LOG);
        assert!(needs.instances > 4 * 100_000 && needs.instances < 4 * 200_000, "{needs:?}");
        assert!((1_300..1_700).contains(&needs.per_entry), "{needs:?}");
        assert_eq!(needs.total(), needs.responses + needs.log + needs.instances + needs.server);
    }

    #[test]
    fn a_large_response_is_two_keys() {
        let of = |body| entries_of(1_000, Shape { body, tags: 0 });
        assert!(of(200_000) > 1_000 * 200_000);
        let more = of(131_073) - of(130_672);
        assert!(more > 1_000 * 200, "{more}");
    }

    #[test]
    fn the_recommendation_leaves_a_fifth_of_the_memory() {
        const MIB: u64 = 1 << 20;
        assert_eq!(recommended(90 * MIB), 110 * MIB);
        assert_eq!(recommended(90 * MIB + 1), 111 * MIB);
        assert!(recommended(u64::MAX) > u64::MAX / 2);
    }
}
