//! What a fresh hit costs: Larder's, beside a bare handler and beside axum-response-cache, on equal
//! terms.
//!
//! A [`Case`](memory::Case) is one service and one request that it answers at once. The same cases
//! are timed by `cargo bench`, and counted by the programs in `src/bin`: `hits` is run under
//! valgrind, which counts instructions, and `allocations` counts what they allocate. `redis_hits`
//! is about hits in Redis, `cold` about many requests at once for what nobody has. `cargo xtask
//! bench` runs them all.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that does not measure what it says must stop, loudly"
)]

pub mod memory;
pub mod origin;
pub mod redis;
