//! The cost of a fresh hit in memory: Larder compared with a bare handler, with the least that a
//! layer could do, and with axum-response-cache.
//!
//! A [`Case`] is one service and one request that it answers immediately. The programs in `src/bin`
//! count: `hits` runs under valgrind, which counts instructions, and `allocations` counts
//! allocations. `cargo xtask costs` compares the counts with those in `costs.txt`.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that does not measure what it says must stop, loudly"
)]

mod bypassed;
mod case;
pub mod entries;
mod filled;
mod hit;
mod least;
pub mod origin;
mod routed;

pub use self::case::Case;
pub use self::hit::Hit;

#[cfg(test)]
mod tests;
