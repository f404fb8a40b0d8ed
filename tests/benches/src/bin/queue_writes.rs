//! Prints how many writes a second go into the queue of write-behind, compared with a bare `XADD`
//! of the same value to the same server.
#![allow(clippy::expect_used, reason = "without Redis there is nothing to measure")]

use std::future::{Future, pending};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::{Parser, ValueEnum};
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
    /// Measure this kind of writes alone, and print the time of this process and of Redis.
    #[arg(long)]
    only: Option<Kind>,
    /// With `--only`, the number of partitions.
    #[arg(long, default_value_t = 8)]
    partitions: u16,
    /// With `--only`, the size of a value.
    #[arg(long, default_value_t = 100)]
    bytes: usize,
    /// The threads of this process.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Xadd,
    Push,
    Write,
}

fn main() {
    let args = Args::parse();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(args.threads).enable_all().build().expect("a runtime");
    if let Some(kind) = args.only {
        let durability = if args.memory { Durability::Memory } else { Durability::Fsync };
        let case = Case { durability, partitions: args.partitions, size: args.bytes };
        return runtime.block_on(case.print_one(kind, &args));
    }
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
    async fn start_server(self) -> RedisServer {
        let is_memory = self.durability == Durability::Memory;
        let persistence = if is_memory { "appendonly no" } else { "appendonly yes" };
        let server = RedisServer::builder().config(persistence).config("appendfsync always").start().await;
        server.expect("a redis-server")
    }

    async fn print_one(self, kind: Kind, args: &Args) {
        let server = self.start_server().await;
        let bench = Bench::new(&server, self).await;
        for round in 0..args.rounds {
            let measure = Measure { args, round, server: &server };
            let redis = redis_time(&server).await;
            let Measurement { rate, micros } = match kind {
                Kind::Xadd => measure.run(bench.writer(Bench::xadd)).await,
                Kind::Push => measure.run(bench.writer(Bench::push)).await,
                Kind::Write => measure.run(bench.writer(Bench::write)).await,
            };
            let redis = (redis_time(&server).await - redis) * 1e6 / (args.tasks * args.writes) as f64;
            let here = micros - redis;
            println!("{rate:>8.0} a second, {micros:>6.2} us: {here:.2} here, {redis:.2} in Redis");
        }
        if args.commands {
            print_commands(&server).await;
        }
    }

    async fn print(self, args: &Args) {
        let Self { durability, partitions, size } = self;
        let server = self.start_server().await;
        let bench = Bench::new(&server, self).await;
        let mut all: [Vec<f64>; 10] = Default::default();
        for round in 0..=args.rounds {
            let measure = Measure { args, round, server: &server };
            let xadd = measure.run(bench.writer(Bench::xadd)).await;
            let push = measure.run(bench.writer(Bench::push)).await;
            let write = measure.run(bench.writer(Bench::write)).await;
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

    /// Returns a function for one kind of writes. Each writer has one.
    fn writer<F>(
        self: &Arc<Self>,
        write: fn(&Arc<Self>, u64) -> F,
    ) -> impl Fn(u64) -> F + Clone + Send + use<F> {
        let bench = Arc::clone(self);
        move |number| write(&bench, number)
    }

    /// A bare `XADD`. The partitions are Streams of their own.
    fn xadd(self: &Arc<Self>, number: u64) -> impl Future<Output = ()> + Send + use<> {
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
    fn push(self: &Arc<Self>, number: u64) -> impl Future<Output = ()> + Send + use<> {
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
    fn write(self: &Arc<Self>, number: u64) -> impl Future<Output = ()> + Send + use<> {
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
    async fn run<F>(&self, call: impl Fn(u64) -> F + Clone + Send + 'static) -> Measurement
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let &Self { args, round, server } = self;
        let (mut tasks, writes) = (JoinSet::new(), args.writes);
        let all = args.tasks * args.writes;
        let (begun, before) = (Instant::now(), processor_time(server).await);
        for task in 0..args.tasks {
            let (call, first) = (call.clone(), round * all + task);
            let step = args.tasks;
            tasks.spawn(async move {
                for one in 0..writes {
                    call(first + one * step).await;
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
    processor::time().unwrap_or_default().as_secs_f64() + redis_time(server).await
}

async fn redis_time(server: &RedisServer) -> f64 {
    let info = server.command(&["INFO", "cpu"]).await.expect("the statistics");
    let info = info.as_str().unwrap_or_default();
    let fields = ["used_cpu_user:", "used_cpu_sys:"].into_iter();
    let of = |field: &str| info.lines().find_map(|line| line.strip_prefix(field)?.trim().parse::<f64>().ok());
    fields.filter_map(of).sum::<f64>()
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
