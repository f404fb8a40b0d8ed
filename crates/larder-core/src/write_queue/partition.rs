//! The partitions of a collection.

use twox_hash::XxHash3_64;

/// The maximum number of partitions of a collection.
pub const MAX_PARTITIONS: u16 = 1024;

/// One partition of the queue of a collection.
///
/// # Examples
///
/// ```
/// use larder_core::write_queue::PartitionId;
///
/// let partition = PartitionId::of_key("cart", 16, "42");
/// assert_eq!(partition, PartitionId::of_key("cart", 16, "42"));
/// assert!(partition.number < 16);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct PartitionId<'a> {
    /// The name of the collection.
    pub collection: &'a str,
    /// The number of the partition, from 0 to `count - 1`.
    pub number: u16,
    /// The number of partitions of the collection, which must be the same on all instances.
    ///
    /// With another number, a key would be in two partitions and would lose its order.
    pub count: u16,
}

impl<'a> PartitionId<'a> {
    /// Returns the partition of a key: the hash (XXH3) of its text modulo `count`.
    ///
    /// The result never changes between versions. A `count` of 0 is taken as 1.
    #[must_use]
    pub fn of_key(collection: &'a str, count: u16, key: &str) -> Self {
        let count = count.max(1);
        let number = XxHash3_64::oneshot(key.as_bytes()) % u64::from(count);
        // The remainder is less than `count`, so the conversion cannot fail.
        Self { collection, number: u16::try_from(number).unwrap_or_default(), count }
    }

    /// Whether the numbers are possible.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.number < self.count && self.count <= MAX_PARTITIONS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// These numbers are in use: another hash would take the order from pending writes.
    #[test]
    fn a_key_never_changes_its_partition() {
        let numbers = ["", "a", "42", "cart:7", "ü"].map(|key| PartitionId::of_key("c", 1024, key).number);
        assert_eq!(numbers, FOREVER);
        assert!(PartitionId::of_key("c", 16, "a").number == FOREVER[1] % 16);
    }

    const FOREVER: [u16; 5] = [194, 543, 401, 755, 878];

    #[test]
    fn keys_spread_over_all_partitions() {
        let mut counts = [0_u32; 16];
        for key in 0..1600 {
            counts[usize::from(PartitionId::of_key("c", 16, &key.to_string()).number)] += 1;
        }
        assert!(counts.iter().all(|count| (50..150).contains(count)), "{counts:?}");
    }

    #[test]
    fn impossible_numbers_are_found() {
        let valid = |number, count| PartitionId { collection: "c", number, count }.is_valid();
        assert!(valid(0, 1) && valid(15, 16) && valid(0, MAX_PARTITIONS));
        assert!(!valid(0, 0) && !valid(16, 16) && !valid(0, MAX_PARTITIONS + 1));
        assert!(PartitionId::of_key("c", 0, "a").is_valid());
    }
}
