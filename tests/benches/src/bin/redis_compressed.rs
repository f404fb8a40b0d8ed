//! Prints the memory of Redis and the time of hits, with and without `compress_over`.
#![allow(clippy::expect_used, reason = "without a runtime there is nothing to measure")]

use larder_bench::redis::{print_hits, print_memory};

#[tokio::main]
async fn main() {
    print_memory().await;
    print_hits().await;
}
