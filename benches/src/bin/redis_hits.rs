//! Prints how many hits in Redis are answered per second, beside a layer that one would write by hand.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use clap::Parser;
use larder_bench::origin;
use larder_bench::redis::{Load, TASKS, handwritten, larder, warm};
use larder_testing::RedisServer;
use tokio::runtime::{Builder, Runtime};

/// Each is measured so often, in turn.
const ROUNDS: usize = 21;

#[derive(Parser)]
struct Args {
    /// How many requests each task sends in a round.
    #[arg(long, default_value_t = 1_000)]
    requests: u32,
    /// On how many threads the tasks run; by default once on one thread, and once on as many as there are cores.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() {
    let args = Args::parse();
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    println!("{TASKS} tasks, hits in Redis per second: medians of {ROUNDS} rounds in turn");
    println!("{:<10}{:>12}{:>12}{:>10}", "threads", "by hand", "larder", "ratio");
    for threads in args.threads.map_or(vec![1, cores], |threads| vec![threads]) {
        let measured = runtime(threads).block_on(measure(Load { requests: args.requests }));
        let [by_hand, larder, ratio] = measured;
        println!("{threads:<10}{by_hand:>12.0}{larder:>12.0}{ratio:>10.2}");
    }
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads).enable_all().build().expect("a runtime")
}

/// The rate by hand, that of Larder, and what the second is of the first in the same round.
async fn measure(load: Load) -> [f64; 3] {
    let redis = RedisServer::start().await.expect("a redis-server");
    let by_hand = handwritten(&redis.url(), origin::service(1024)).await;
    let larder = larder(&redis.url(), origin::service(1024));
    warm(&by_hand).await;
    warm(&larder).await;

    let filled = origin::runs();
    let mut measured: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let (by_hand, larder) = (load.rate(&by_hand).await, load.rate(&larder).await);
        for (all, one) in measured.iter_mut().zip([by_hand, larder, larder / by_hand]) {
            all.push(one);
        }
    }
    assert_eq!(origin::runs(), filled, "every request was to be a hit");
    measured.map(median)
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
