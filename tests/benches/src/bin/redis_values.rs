//! Prints how many typed values are read from Redis per second, and the processor time of each in
//! this process, compared with a handwritten `GET` or `MGET` and `serde_json`.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use std::future::ready;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::{Parser, ValueEnum};
use fred::prelude::{Builder, Client, ClientLike, Config, KeysInterface};
use larder::Cache;
use larder::values::Values;
use larder_bench::redis::{Measurement, processor};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use serde::{Deserialize, Serialize};
use tokio::runtime;
use tokio::task::JoinSet;

const KEYS_AT_ONCE: u64 = 100;
/// The number of tasks that read one value at a time.
const TASKS: usize = 64;
/// The number of tasks that read many values at once.
const MANY_TASKS: usize = 8;
const HOUR: Duration = Duration::from_secs(3600);
/// With the default, the circuit could open on a busy machine.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Parser)]
struct Args {
    /// The number of values that each task reads in a round.
    #[arg(long, default_value_t = 1_000)]
    reads: u64,
    /// The number of rounds of each side, which alternate.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Measure this side alone and print nothing, for a tool that counts instructions. The
    /// difference between two runs with different numbers of rounds is the cost of the reads alone.
    #[arg(long)]
    only: Option<Side>,
    /// With `--only`, read many values at once.
    #[arg(long)]
    many: bool,
    /// The number of values, each of about 1 KiB as JSON. A tool that counts instructions is slow,
    /// and stores a few of them sooner.
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(100..))]
    keys: u64,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Side {
    ByHand,
    Larder,
}

/// How many values a read is for, by how many tasks.
#[derive(Debug, Clone, Copy)]
enum Shape {
    One,
    Many,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Product {
    id: u64,
    name: String,
    price: u64,
    description: String,
    tags: Vec<String>,
    sizes: Vec<Size>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Size {
    name: String,
    stock: u32,
}

impl Product {
    fn new(id: u64) -> Self {
        let sizes = (0..8).map(|size| Size { name: format!("size {size}"), stock: size * 7 }).collect();
        let tags = ["garden", "tools", "steel", "winter"].map(String::from).into();
        let description = "A spade with a long handle, for heavy soil. ".repeat(14);
        Self { id, name: format!("Spade {id}"), price: 4_999, description, tags, sizes }
    }
}

fn main() {
    let args = Args::parse();
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run(args));
}

async fn run(args: Args) {
    let redis = RedisServer::start().await.expect("a redis-server");
    let sides = Sides::start(&redis.url(), args.keys).await;
    if let Some(side) = args.only {
        let shape = if args.many { Shape::Many } else { Shape::One };
        for _ in 0..args.rounds {
            sides.measure(side, shape, args.reads).await;
        }
        return;
    }
    println!("values of 1 KiB of JSON from Redis, one thread; medians of {} rounds in turn:", args.rounds);
    println!("values per second, their ratio, and microseconds of processor time for each value");
    println!(
        "{:<24}{:>12}{:>12}{:>10}{:>12}{:>12}",
        "one read", "by hand", "larder", "ratio", "by hand", "larder"
    );
    for (name, shape) in [("1 key, 64 tasks", Shape::One), ("100 keys, 8 tasks", Shape::Many)] {
        let mut columns: [Vec<f64>; 5] = Default::default();
        for _ in 0..args.rounds {
            let by_hand = sides.measure(Side::ByHand, shape, args.reads).await;
            let larder = sides.measure(Side::Larder, shape, args.reads).await;
            let ratio = larder.rate / by_hand.rate;
            let row = [by_hand.rate, larder.rate, ratio, by_hand.micros, larder.micros];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
        }
        let [by_hand, larder, ratio, by_hand_time, larder_time] = columns.map(median);
        println!(
            "{name:<24}{by_hand:>12.0}{larder:>12.0}{ratio:>10.2}{by_hand_time:>12.2}{larder_time:>12.2}"
        );
    }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Both sides, with the same values in Redis.
struct Sides {
    client: Client,
    values: Values<u64, Product>,
    /// The number of values.
    keys: u64,
}

impl Sides {
    async fn start(url: &str, keys: u64) -> Self {
        let client = Builder::from_config(Config::from_url(url).expect("a URL")).build().expect("a client");
        client.init().await.expect("a connection");
        let store = RedisStore::builder(url).command_timeout(COMMAND_TIMEOUT).connect().expect("a store");
        let cache = Cache::builder().shared_store(store).build();
        let values = cache.values("product").ttl(HOUR).max_memory_bytes(0).build().expect("a collection");
        let sides = Self { client, values, keys };
        sides.fill().await;
        sides
    }

    /// Stores all values for both sides.
    async fn fill(&self) {
        for id in 0..self.keys {
            let encoded = serde_json::to_vec(&Product::new(id)).expect("JSON");
            let () = self.client.set(by_hand_key(id), encoded, None, None, false).await.expect("a reply");
        }
        // The cache needs a moment before it trusts the values in Redis, and writes them in the
        // background.
        let keys: Vec<u64> = (0..self.keys).collect();
        let mut missing = 0;
        for _ in 0..200 {
            missing = 0;
            let load = |keys: Vec<u64>| {
                missing += keys.len();
                ready(Ok::<_, std::io::Error>(keys.into_iter().map(|id| (id, Product::new(id)))))
            };
            self.values.get_many_or_load(&keys, load).await.expect("the values");
            if missing == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(missing, 0, "values are still loaded");
    }

    async fn measure(&self, side: Side, shape: Shape, reads: u64) -> Measurement {
        let all_keys = self.keys;
        let (tasks, stride) = match shape {
            Shape::One => (TASKS, 1),
            Shape::Many => (MANY_TASKS, KEYS_AT_ONCE),
        };
        let mut running = JoinSet::new();
        let (begun, time) = (Instant::now(), processor::time());
        for task in 0..tasks as u64 {
            let reader =
                Reader { side, shape, client: self.client.clone(), values: self.values.clone(), all_keys };
            let first = task * all_keys / tasks as u64;
            running.spawn(async move {
                for read in 0..reads / stride {
                    reader.read((first + read * stride) % all_keys).await;
                }
            });
        }
        running.join_all().await;
        let all = reads as f64 * tasks as f64;
        let rate = all / begun.elapsed().as_secs_f64();
        let taken = processor::time().zip(time).map(|(after, before)| after.saturating_sub(before));
        Measurement { rate, micros: taken.unwrap_or_default().as_secs_f64() * 1e6 / all }
    }
}

/// The state of one task.
struct Reader {
    side: Side,
    shape: Shape,
    client: Client,
    values: Values<u64, Product>,
    all_keys: u64,
}

impl Reader {
    async fn read(&self, first: u64) {
        match (self.side, self.shape) {
            (Side::ByHand, Shape::One) => {
                let found: Option<Bytes> = self.client.get(by_hand_key(first)).await.expect("a reply");
                black_box(decode(found));
            }
            (Side::ByHand, Shape::Many) => {
                let keys: Vec<_> = self.keys(first).map(by_hand_key).collect();
                let found: Vec<Option<Bytes>> = self.client.mget(keys).await.expect("a reply");
                black_box(found.into_iter().map(decode).collect::<Vec<_>>());
            }
            (Side::Larder, Shape::One) => {
                black_box(
                    self.values.get_or_load(&first, async || not_loaded::<Product>()).await.expect("a value"),
                );
            }
            (Side::Larder, Shape::Many) => {
                let keys: Vec<_> = self.keys(first).collect();
                let load = async |_| not_loaded::<Vec<(u64, Product)>>();
                black_box(self.values.get_many_or_load(&keys, load).await.expect("the values"));
            }
        }
    }

    fn keys(&self, first: u64) -> impl Iterator<Item = u64> {
        let all = self.all_keys;
        (first..first + KEYS_AT_ONCE).map(move |key| key % all)
    }
}

fn by_hand_key(id: u64) -> String {
    format!("product:{id}")
}

fn decode(found: Option<Bytes>) -> Product {
    serde_json::from_slice(&found.expect("a value")).expect("a product")
}

fn not_loaded<T>() -> Result<T, std::io::Error> {
    Err(std::io::Error::other("every read was to be a hit"))
}
