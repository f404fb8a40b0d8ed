//! The cost of a fresh hit: Larder compared with a bare handler and with axum-response-cache, under
//! equal conditions.
//!
//! A [`Case`](memory::Case) is one service and one request that it answers immediately. `cargo
//! bench` measures the time of each case. The programs in `src/bin` count: `hits` runs under
//! valgrind, which counts instructions, and `allocations` counts allocations. `redis_hits` measures
//! hits in Redis, and `cold` measures many simultaneous requests for a cold key. `value_hits` and
//! `redis_values` measure hits of typed values. `cargo xtask bench` runs all of them.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that does not measure what it says must stop, loudly"
)]

pub mod memory;
pub mod origin;
pub mod redis;
