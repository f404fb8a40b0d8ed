//! Prints how many writes a second go into the queue of write-behind, compared with a bare `XADD`
//! of the same value to the same server.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use fred::prelude::{Client, ClientLike};
use fred::types::config::Config;
use fred::types::{Builder, ClusterHash, CustomCommand, Value};
use larder::Cache;
use larder::values::{FlushError, Flushed, Sink, Write, WriteBehind};
use larder::write_queue::{
    Durability, PartitionId, PushWrite, Pushed, QueueLimits, WriteId, WritePayload, WriteQueue,
};
use larder_bench::redis::{Measurement, processor};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::task::JoinSet;

const PATIENCE: Duration = Duration::from_secs(10);
const LIMITS: QueueLimits = QueueLimits { entries: 100_000_000, bytes: 1 << 40 };

#[derive(Parser)]
struct Args {
    /// The number of writers at the same time.
    #[arg(long, default_value_t = 64)]
    tasks: u64,
    /// The number of writes of each writer in a round.
    #[arg(long, default_value_t = 300)]
    writes: u64,
    /// The number of rounds, each with all kinds of writes in turn.
    #[arg(long, default_value_t = 7)]
    rounds: u64,
    /// Print how often the server ran each command.
    #[arg(long)]
    commands: bool,
    /// Measure without persistence only.
    #[arg(long)]
    memory: bool,
    /// The threads of this process.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() {
    let args = Args::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(args.threads).enable_all().build().expect("a runtime");
    println!("{} writers: medians of {} rounds in turn", args.tasks, args.rounds);
    println!("{:<38}{:^48}{:^48}", "", "writes per second", "microseconds of processor time for each");
    let kinds = format!("{:>10}{:>10}{:>10}{:>9}{:>9}", "XADD", "push", "write", "push", "write");
    println!("{:<19}{:>11}{:>8}{kinds}{kinds}", "", "partitions", "bytes");
    let all = [Durability::Memory, Durability::Fsync];
    for durability in all.into_iter().filter(|one| !args.memory || *one == Durability::Memory) {
        for partitions in [1, 8] {
            for size in [100, 1024] {
                let case = Case { durability, partitions, size };
                runtime.block_on(case.print(&args));
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Case {
    durability: Durability,
    partitions: u16,
    size: usize,
}

impl Case {
    async fn print(self, args: &Args) {
        let Self { durability, partitions, size } = self;
        let persistence = if durability == Durability::Memory { "appendonly no" } else { "appendonly yes" };
        let server = RedisServer::builder().config(persistence).config("appendfsync always").start().await;
        let server = server.expect("a redis-server");
        let bench = Bench::new(&server, self).await;
        let mut all: [Vec<f64>; 10] = Default::default();
        for round in 0..=args.rounds {
            let measure = Measure { args, round, server: &server };
            let xadd = measure.run(|number| bench.xadd(number)).await;
            let push = measure.run(|number| bench.push(number)).await;
            let write = measure.run(|number| bench.write(number)).await;
            // The first round creates things that later ones reuse.
            if round > 0 {
                let rates = [xadd.rate, push.rate, write.rate, push.rate / xadd.rate, write.rate / xadd.rate];
                let times = [xadd.micros, push.micros, write.micros];
                let ratios = [xadd.micros / push.micros, xadd.micros / write.micros];
                let row = rates.into_iter().chain(times).chain(ratios);
                all.iter_mut().zip(row).for_each(|(all, one)| all.push(one));
            }
        }
        let [xadd, push, write, push_ratio, write_ratio, xadd_time, push_time, write_time, by_push, by_write] =
            all.map(median);
        let what = if durability == Durability::Memory { "in memory" } else { "appendfsync always" };
        println!(
            "{what:<19}{partitions:>11}{size:>8}{xadd:>10.0}{push:>10.0}{write:>10.0}{push_ratio:>9.2}\
             {write_ratio:>9.2}{xadd_time:>10.2}{push_time:>10.2}{write_time:>10.2}{by_push:>9.2}{by_write:>9.2}"
        );
        if args.commands {
            print_commands(&server).await;
        }
    }
}

async fn print_commands(server: &RedisServer) {
    let stats = server.command(&["INFO", "commandstats"]).await.expect("the statistics");
    println!("{}", stats.as_str().unwrap_or_default());
}

struct Bench {
    client: Client,
    store: RedisStore,
    carts: WriteBehind<u64, String>,
    partitions: u16,
    text: Arc<str>,
}

impl Bench {
    async fn new(server: &RedisServer, case: Case) -> Arc<Self> {
        let config = Config::from_url(&server.url()).expect("a URL");
        let client = Builder::from_config(config).build().expect("a client");
        client.init().await.expect("a connection");
        let store = RedisStore::builder(&server.url()).command_timeout(PATIENCE).connect().expect("a store");
        let cache = Cache::builder().write_queue(store.clone()).shared_store(store.clone()).build();
        let carts = cache
            .values("cart")
            .write_behind(Never)
            .partitions(case.partitions)
            .durability(case.durability)
            .max_queued(LIMITS.entries)
            .max_queued_bytes(LIMITS.bytes);
        let carts = carts.build().expect("a collection");
        let text = "x".repeat(case.size).into();
        let bench = Self { client, store, carts, partitions: case.partitions, text };
        while bench.carts.write(&0, String::new()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Arc::new(bench)
    }

    /// A bare `XADD`. The partitions are Streams of their own.
    fn xadd(self: &Arc<Self>, number: u64) -> impl Future<Output = ()> + Send + 'static {
        let bench = Arc::clone(self);
        async move {
            let stream = Value::from(format!("bare:{}", number % u64::from(bench.partitions)));
            let [id, key, value] = ["*", "k", "v"].map(Value::from_static_str);
            let name = Value::from(number.to_string());
            let content = Value::Bytes(Bytes::copy_from_slice(bench.text.as_bytes()));
            let command = CustomCommand::new_static("XADD", ClusterHash::FirstKey, false);
            let sent = bench.client.custom::<Value, _>(command, vec![stream, id, key, name, value, content]);
            sent.await.expect("an answer");
        }
    }

    /// A push into the queue, without an event.
    fn push(self: &Arc<Self>, number: u64) -> impl Future<Output = ()> + Send + 'static {
        let bench = Arc::clone(self);
        async move {
            let key = number.to_string();
            let mixed = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            let write = PushWrite {
                partition: PartitionId::of_key("bare", bench.partitions, &key),
                key: &key,
                payload: WritePayload::Value(Bytes::copy_from_slice(bench.text.as_bytes())),
                id: WriteId::from_bytes((mixed ^ (mixed >> 64)).to_be_bytes()),
                limits: LIMITS,
            };
            let pushed = bench.store.push(write).await.expect("a push");
            assert!(matches!(pushed, Pushed::Queued(_)), "every write is new");
        }
    }

    /// A whole write, with its event.
    fn write(self: &Arc<Self>, number: u64) -> impl Future<Output = ()> + Send + 'static {
        let bench = Arc::clone(self);
        async move { bench.carts.write(&number, bench.text.to_string()).await.expect("a write") }
    }
}

/// One kind of writes in one round.
struct Measure<'a> {
    args: &'a Args,
    round: u64,
    server: &'a RedisServer,
}

impl Measure<'_> {
    async fn run<F>(&self, call: impl Fn(u64) -> F) -> Measurement
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Self { args, round, server } = self;
        let mut tasks = JoinSet::new();
        let all = args.tasks * args.writes;
        let (begun, before) = (Instant::now(), processor_time(server).await);
        for task in 0..args.tasks {
            let number = |one| round * all + one * args.tasks + task;
            let calls: Vec<F> = (0..args.writes).map(|one| call(number(one))).collect();
            tasks.spawn(async move {
                for call in calls {
                    call.await;
                }
            });
        }
        tasks.join_all().await;
        let rate = all as f64 / begun.elapsed().as_secs_f64();
        let micros = (processor_time(server).await - before) * 1e6 / all as f64;
        Measurement { rate, micros }
    }
}

/// Returns the processor time of this process and of Redis, in seconds.
async fn processor_time(server: &RedisServer) -> f64 {
    let info = server.command(&["INFO", "cpu"]).await.expect("the statistics");
    let info = info.as_str().unwrap_or_default();
    let fields = ["used_cpu_user:", "used_cpu_sys:"].into_iter();
    let of = |field: &str| info.lines().find_map(|line| line.strip_prefix(field)?.trim().parse::<f64>().ok());
    processor::time().unwrap_or_default().as_secs_f64() + fields.filter_map(of).sum::<f64>()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// A database that hangs, so that draining the queue takes no part in the measurement.
struct Never;

impl Sink<Write<u64, String>> for Never {
    async fn flush(&self, _: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
        pending().await
    }
}
