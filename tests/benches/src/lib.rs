//! Programs that measure Larder beside its peers, under equal conditions.
//!
//! `cargo bench` measures the time of a hit in memory, for each
//! [`Case`](larder_hit_costs::Case). Of the programs in `src/bin`, `redis_hits` measures hits in
//! Redis, and `cold` measures many simultaneous requests for a cold key. `value_hits` and
//! `redis_values` measure hits of typed values, `queue_writes` measures queued writes, and
//! `coded_hits` measures compressed responses. `redis_copies` counts the memory that a hit in Redis
//! allocates, and `redis_compressed` measures values that are compressed in Redis. `cargo xtask
//! bench` runs all of them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that does not measure what it says must stop, loudly"
)]

pub mod coded;
pub mod redis;
