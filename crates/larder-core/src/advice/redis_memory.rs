//! The memory that stored responses take in Redis.
//!
//! This is the one place for these figures: the advice, the documentation and `larder size` use
//! them. They are those of Redis 7.0 with jemalloc, its default allocator. Newer servers need up to
//! 40 bytes less for each key.

/// The bytes that an entry of a table takes, as the allocator rounds them. A key with an expiry is
/// in two tables.
const TABLE_ENTRY: u64 = 32;
/// The bytes for the object of a value.
const OBJECT: u64 = 16;
/// The longest value that shares its allocation with its object.
const MAX_EMBEDDED: u64 = 44;
/// The bytes of a place in a table. Tables have a power of two of them.
const TABLE_PLACE: u64 = 8;
/// The part of the memory of a server from which there is too little of it.
pub const NEARLY_ALL: f64 = 0.9;

/// The bytes that Redis adds to each key on average: its name, its lifetime and their tables.
const AVERAGE_KEY: f64 = 100.0;
/// The factor by which the allocator rounds sizes up on average.
const AVERAGE_ROUNDING: f64 = 1.125;

/// Returns the bytes that the allocator takes for a request of this size.
///
/// Sizes up to 128 bytes are multiples of 16. From there on, there are four sizes between two
/// powers of two, so up to a quarter is added.
///
/// # Examples
///
/// ```
/// use larder_core::advice::redis_memory::allocated;
///
/// assert_eq!([allocated(5), allocated(17), allocated(129), allocated(4097)], [8, 32, 160, 5120]);
/// ```
#[must_use]
pub const fn allocated(bytes: u64) -> u64 {
    match bytes {
        0..=8 => 8,
        9..=128 => bytes.next_multiple_of(16),
        _ => {
            let power = (bytes - 1).ilog2();
            bytes.next_multiple_of(1 << (power - 2))
        }
    }
}

/// Returns the bytes of a text with its length in front of it and a zero at its end.
const fn text(length: u64) -> u64 {
    let head = match length {
        0..=255 => 3,
        256..=65_535 => 5,
        _ => 9,
    };
    allocated(head + length + 1)
}

/// Returns the bytes that one stored value takes, without its places in the tables.
///
/// `name` is the length of the name of its key, and `value` that of its stored form.
///
/// # Examples
///
/// ```
/// use larder_core::advice::redis_memory::entry_bytes;
///
/// // Two entries in tables, an object, the name and the value.
/// assert_eq!(entry_bytes(60, 1_000), 32 + 32 + 16 + 64 + 1_024);
/// ```
#[must_use]
pub const fn entry_bytes(name: u64, value: u64) -> u64 {
    let value = match value {
        0..=MAX_EMBEDDED => allocated(OBJECT + 3 + value + 1),
        _ => OBJECT + text(value),
    };
    2 * TABLE_ENTRY + text(name) + value
}

/// Returns the bytes of the two tables of a server with this number of keys that expire.
///
/// # Examples
///
/// ```
/// use larder_core::advice::redis_memory::table_bytes;
///
/// assert_eq!(table_bytes(1_000), 2 * 8 * 1_024);
/// ```
#[must_use]
pub const fn table_bytes(keys: u64) -> u64 {
    let places = match keys.checked_next_power_of_two() {
        Some(places) => places,
        None => keys,
    };
    2 * TABLE_PLACE * places
}

/// Returns the bytes that values of different sizes take, with everything that Redis adds.
///
/// `mean` is the mean length of their stored forms.
///
/// # Examples
///
/// ```
/// use larder_core::advice::redis_memory::estimate;
///
/// assert_eq!(estimate(1_000, 800), 1_000_000.0);
/// ```
#[must_use]
#[allow(clippy::cast_precision_loss)] // An estimate does not need more than 53 bits.
pub fn estimate(entries: u64, mean: u64) -> f64 {
    (entries as f64 * (mean as f64 * AVERAGE_ROUNDING + AVERAGE_KEY)).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allocator_has_four_sizes_between_two_powers_of_two() {
        let cases = [
            (0, 8),
            (8, 8),
            (9, 16),
            (128, 128),
            (161, 192),
            (256, 256),
            (257, 320),
            (1_025, 1_280),
            (14_337, 16_384),
            (16_385, 20_480),
            (65_546, 81_920),
        ];
        for (bytes, expected) in cases {
            assert_eq!(allocated(bytes), expected, "{bytes}");
        }
    }

    /// Over many sizes, the estimate for a mean is what the sizes take one by one.
    #[test]
    fn the_estimate_for_a_mean_is_that_of_its_sizes() {
        for (from, to) in [(300, 2_000), (1_000, 20_000), (10_000, 100_000)] {
            let sizes: Vec<u64> = (from..to).step_by(7).collect();
            let count = sizes.len() as u64;
            let exact = sizes.iter().map(|size| entry_bytes(50, *size)).sum::<u64>() + table_bytes(count);
            let mean = sizes.iter().sum::<u64>() / count;
            let ratio = estimate(count, mean) / exact as f64;
            assert!((0.9..1.1).contains(&ratio), "{from}-{to}: {ratio}");
        }
    }
}
