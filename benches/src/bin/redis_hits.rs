//! Prints how many hits in Redis are answered per second, beside a layer that one would write by hand.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use clap::Parser;
use larder_bench::origin;
use larder_bench::redis::{Load, TASKS, handwritten, warm};
use larder_testing::RedisServer;

/// Each is measured so often, in turn, and its best is taken: what a busy machine takes away is not its cost.
const ROUNDS: usize = 5;

#[derive(Parser)]
struct Args {
    /// How many requests each task sends in a round.
    #[arg(long, default_value_t = 5_000)]
    requests: u32,
}

#[tokio::main]
async fn main() {
    let load = Load {
        requests: Args::parse().requests,
    };
    let redis = RedisServer::start().await.expect("a redis-server");
    let by_hand = handwritten(&redis.url(), origin::service(1024)).await;
    warm(&by_hand).await;

    let filled = origin::runs();
    let mut by_hand_rate = 0.0_f64;
    for _ in 0..ROUNDS {
        by_hand_rate = by_hand_rate.max(load.rate(&by_hand).await);
    }
    assert_eq!(origin::runs(), filled, "every request was to be a hit");
    println!("{TASKS} tasks, hits per second: {by_hand_rate:.0} by hand");
}
