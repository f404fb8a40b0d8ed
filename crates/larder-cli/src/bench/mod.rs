//! `larder bench` measures a Redis, and Larder on it.
//!
//! | file | what it does |
//! | --- | --- |
//! | `plan.rs` | the bounds of a measurement |
//! | `load_loop.rs` | concurrent operations until the time is over, and their percentiles |
//! | `raw_redis.rs` | `GET` and `SET` of the server alone |
//! | `shared_tier.rs` | the same through the store of a cache |
//! | `whole_layer.rs` | requests through the layer: misses, hits from Redis and from memory |
//! | `bench_report.rs` | what is printed |

mod bench_report;
mod load_loop;
mod plan;
mod raw_redis;
mod shared_tier;
mod whole_layer;

use std::time::Duration;

use clap::Args;

use crate::bench::bench_report::{Report, Row};
use crate::bench::plan::Plan;
use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::redis_link::Link;
use crate::scratch::{Namespace, check_room, require_consent, until_interrupted};
use crate::target::RedisTarget;

/// The number of measurements.
const ROWS: u64 = 9;

/// The arguments of `larder bench`.
#[derive(Debug, Clone, Args)]
pub(crate) struct BenchArgs {
    /// The URL of the Redis, without its password. Without it: `--url`, then REDIS_URL.
    #[arg(value_name = "REDIS_URL")]
    redis_url: Option<String>,

    /// How long each of the nine measurements takes, from 0.1 to 60.
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = plan::parse_seconds)]
    seconds: f64,

    /// The number of keys, from 1 to 100,000.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    keys: u64,

    /// The length of a value in bytes, from 1 to 1,048,576.
    #[arg(long, value_name = "BYTES", default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..=1_048_576))]
    bytes: u64,

    /// The number of operations at the same time, from 1 to 256. The first two measurements have
    /// as many connections, as redis-benchmark does.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=256))]
    tasks: u64,

    /// Writes to a server on another machine, too.
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: BenchArgs, context: &Context) -> Result<ExitCode, CliError> {
    let target = context.redis(args.redis_url.as_deref())?;
    require_consent(&target, args.yes, "bench")?;
    let plan = Plan::new(Duration::from_secs_f64(args.seconds), args.keys, args.bytes, args.tasks)?;
    if cfg!(debug_assertions) {
        context.output.note("This is a debug build, which is slow. Measure with a release build.");
    }
    let namespace = Namespace::new("bench");
    let bench = Bench { target: namespace.target(&target), plan, namespace };
    let rows = bench.run(&target, &context.output).await?;
    match rows {
        Some(rows) => Report::new(&target, &plan, rows).print(&context.output).map(|()| ExitCode::Done),
        None => Ok(ExitCode::Interrupted),
    }
}

/// All measurements, in a namespace of their own.
struct Bench {
    target: RedisTarget,
    plan: Plan,
    namespace: Namespace,
}

impl Bench {
    /// Measures, and removes what it wrote. Returns `None` after Ctrl-C.
    async fn run(&self, target: &RedisTarget, output: &Output) -> Result<Option<Vec<Row>>, CliError> {
        let link = Link::open(target, Duration::from_secs(5), Duration::from_secs(10)).await?;
        // Raw values, those of the store, and those of the layer.
        let room = check_room(&link, self.plan.bytes_of_all_keys().saturating_mul(3)).await;
        link.close().await;
        room?;
        let store = shared_tier::open(&self.target, self.plan.command_limit())?;
        let caches = whole_layer::Caches::new(&store, &self.plan);
        let rows = until_interrupted(self.measure(&store, &caches, output)).await;
        // The caches go on to poll the log until they are closed.
        caches.close().await;
        let cleaned = self.namespace.clean_up(target).await;
        let rows = rows?;
        cleaned.map(|()| rows)
    }

    async fn measure(
        &self,
        store: &larder_redis::RedisStore,
        caches: &whole_layer::Caches,
        output: &Output,
    ) -> Result<Vec<Row>, CliError> {
        let progress = output.progress("measuring", Some(ROWS));
        let mut rows = Vec::new();
        rows.extend(raw_redis::measure(&self.target, &self.namespace, &self.plan).await?);
        progress.set(rows.len() as u64, Some(ROWS));
        rows.extend(shared_tier::measure(store, &self.plan).await?);
        progress.set(rows.len() as u64, Some(ROWS));
        rows.extend(whole_layer::measure(caches, &self.plan).await?);
        Ok(rows)
    }
}
