//! Prints how many hits in Redis are answered per second, beside a layer that one would write by hand.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use clap::Parser;
use larder_bench::origin;
use larder_bench::redis::{Load, TASKS, handwritten, larder, warm};
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
    let load = Load { requests: Args::parse().requests };
    let redis = RedisServer::start().await.expect("a redis-server");
    let by_hand = handwritten(&redis.url(), origin::service(1024)).await;
    let larder = larder(&redis.url(), origin::service(1024));
    warm(&by_hand).await;
    warm(&larder).await;

    let filled = origin::runs();
    let (mut by_hand_rate, mut larder_rate) = (0.0_f64, 0.0_f64);
    for _ in 0..ROUNDS {
        by_hand_rate = by_hand_rate.max(load.rate(&by_hand).await);
        larder_rate = larder_rate.max(load.rate(&larder).await);
    }
    assert_eq!(origin::runs(), filled, "every request was to be a hit");

    println!("{TASKS} tasks, hits in Redis per second");
    println!("{:<16}{by_hand_rate:>10.0}", "by hand");
    println!("{:<16}{larder_rate:>10.0}", "larder");
    println!("{:<16}{:>10.2}", "ratio", larder_rate / by_hand_rate);
}
