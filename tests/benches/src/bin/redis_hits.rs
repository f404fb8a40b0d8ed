//! Prints how many hits in Redis are answered per second, and the processor time of each in this
//! process, compared with a handwritten layer. Sizes of bodies can be chosen.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use std::fmt::Debug;

use axum::body::{Body, HttpBody};
use axum::http::{Request, Response};
use bytes::Bytes;
use clap::{Parser, ValueEnum};
use larder_bench::redis::{Load, Measurement, handwritten, larder, warm};
use larder_hit_costs::origin;
use larder_testing::RedisServer;
use tokio::runtime::{Builder, Runtime};
use tower::Service;

#[derive(Parser)]
struct Args {
    /// The number of requests that each task sends in a round. Fewer are sent for bodies of more
    /// than a few kilobytes.
    #[arg(long, default_value_t = 1_000)]
    requests: u32,
    /// The sizes of bodies, in bytes.
    #[arg(long, num_args = 1.., default_values_t = [1024])]
    body: Vec<usize>,
    /// The number of threads. By default the program measures with one thread, and with one for
    /// each core.
    #[arg(long)]
    threads: Option<usize>,
    /// The number of rounds for each service, which alternate.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Send hits to this service alone and print nothing, for a tool that counts instructions. The
    /// difference between two runs with different numbers of rounds is the cost of the hits alone.
    #[arg(long)]
    only: Option<Side>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Side {
    ByHand,
    Larder,
}

fn main() {
    let args = Args::parse();
    if let Some(side) = args.only {
        let (load, body) = (Load::new(args.requests, args.body[0]), args.body[0]);
        return runtime(args.threads.unwrap_or(1)).block_on(send(side, load, args.rounds, body));
    }
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    println!("64 tasks, or fewer for large bodies: hits in Redis per second, and microseconds of processor");
    println!("time for each, and the ratios of these;");
    println!("medians of {} rounds in turn", args.rounds);
    println!(
        "{:<10}{:<10}{:>12}{:>12}{:>10}{:>12}{:>12}{:>10}",
        "body", "threads", "by hand", "larder", "ratio", "by hand", "larder", "ratio"
    );
    for body in args.body {
        for threads in args.threads.map_or(vec![1, cores], |threads| vec![threads]) {
            let load = Load::new(args.requests, body);
            let [rate, other_rate, rates, time, other_time, times] =
                runtime(threads).block_on(measure(load, args.rounds, body));
            println!(
                "{body:<10}{threads:<10}{rate:>12.0}{other_rate:>12.0}{rates:>10.2}\
                 {time:>12.2}{other_time:>12.2}{times:>10.3}"
            );
        }
    }
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = match threads {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    builder.worker_threads(threads).enable_all().build().expect("a runtime")
}

/// Returns the rate of the handwritten layer, the rate of Larder, and their ratio in the same
/// round, and then the same for the processor time of a hit.
async fn measure(load: Load, rounds: u32, body: usize) -> [f64; 6] {
    let redis = RedisServer::start().await.expect("a redis-server");
    let by_hand = handwritten(&redis.url(), origin::service(body)).await;
    let larder = larder(&redis.url(), origin::service(body));
    warm(&by_hand, load.once()).await;
    warm(&larder, load.once()).await;

    let filled = origin::runs();
    let mut run: [Vec<f64>; 6] = Default::default();
    for _ in 0..rounds {
        let (by_hand, larder) = (load.run(&by_hand).await, load.run(&larder).await);
        let Measurement { rate, micros } = by_hand;
        let (rates, times) = (larder.rate / rate, larder.micros / micros);
        for (all, one) in run.iter_mut().zip([rate, larder.rate, rates, micros, larder.micros, times]) {
            all.push(one);
        }
    }
    assert_eq!(origin::runs(), filled, "every request was to be a hit");
    run.map(median)
}

/// Warms one service, and sends hits to it.
async fn send(side: Side, load: Load, rounds: u32, body: usize) {
    let redis = RedisServer::start().await.expect("a redis-server");
    match side {
        Side::ByHand => ask(&handwritten(&redis.url(), origin::service(body)).await, load, rounds).await,
        Side::Larder => ask(&larder(&redis.url(), origin::service(body)), load, rounds).await,
    }
}

async fn ask<S, B>(service: &S, load: Load, rounds: u32)
where
    S: Service<Request<Body>, Response = Response<B>, Error: Debug, Future: Send> + Clone + Send + 'static,
    B: HttpBody<Data = Bytes, Error: Debug> + Send + 'static,
{
    warm(service, load.once()).await;
    let filled = origin::runs();
    for _ in 0..rounds {
        load.run(service).await;
    }
    assert_eq!(origin::runs(), filled, "every request was to be a hit");
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}
