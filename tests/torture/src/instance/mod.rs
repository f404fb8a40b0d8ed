//! An instance: a process with a cache in front of handlers that read the reference model.

pub mod broken;
mod broken_queue;
mod collections;
mod queued;
mod routes;
mod show;
mod show_queued;
mod show_value;
mod write;
mod write_queued;
mod write_value;

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use larder::Cache;
use larder_redis::RedisStore;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use self::broken::{BrokenStore, Rule};
use self::broken_queue::BrokenQueue;
use self::collections::Collections;
use self::queued::QueuedCollections;
use crate::plan::QueueDurability;
use crate::reference_model::ReferenceClient;
use crate::wire;

/// The arguments of an instance.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::exhaustive_structs)]
pub struct InstanceArgs {
    /// The address of its connection to Redis.
    #[arg(long)]
    pub redis: String,
    /// The address of the reference model.
    #[arg(long = "truth")]
    pub reference_model: SocketAddr,
    /// The number of its life.
    #[arg(long)]
    pub life: u32,
    /// The bound.
    #[arg(long)]
    pub max_staleness_ms: u64,
    /// How durable its queued writes are. Without it, there is no queue.
    #[arg(long)]
    pub durability: Option<QueueDurability>,
    /// The rule that it breaks.
    #[arg(long)]
    pub breaks: Option<Rule>,
}

/// So short that the log is trimmed all the time.
const LOG_LENGTH: u64 = 300;

/// The timeout of commands if each waits for the disk, so that a busy disk is not one more fault.
const TIMEOUT_WITH_DISK: Duration = Duration::from_millis(250);

/// The state of the handlers.
#[derive(Clone)]
struct App {
    cache: Cache,
    collections: Collections,
    /// The collections whose writes are queued, in a run that has a queue.
    queued: Option<QueuedCollections>,
    reference_model: ReferenceClient,
    breaks: Option<Rule>,
}

/// Serves until its input ends. The input ends with the driver, even if that crashes.
///
/// # Errors
///
/// Fails if the instance cannot be set up.
pub async fn serve(args: InstanceArgs) -> Result<()> {
    let store = RedisStore::builder(&args.redis).log_length(LOG_LENGTH);
    let store = match args.durability {
        Some(_) => store.command_timeout(TIMEOUT_WITH_DISK),
        None => store,
    };
    let store = store.connect()?;
    let bound = Duration::from_millis(args.max_staleness_ms);
    let cache = Cache::builder().max_staleness(bound);
    let cache = match args.breaks {
        None => cache.write_queue(store.clone()).shared_store(store),
        Some(rule) => {
            let queue = BrokenQueue { store: store.clone(), rule };
            cache.write_queue(queue).shared_store(BrokenStore::new(store, rule))
        }
    };
    let reference_model =
        ReferenceClient { address: args.reference_model, life: args.life, client: Default::default() };
    let cache = cache.build();
    let collections = Collections::build(&cache)?;
    let queued = |durability: QueueDurability| {
        QueuedCollections::build(&cache, durability.into(), reference_model.clone(), args.breaks)
    };
    let queued = args.durability.map(queued).transpose()?;
    let app = App { cache, collections, queued, reference_model, breaks: args.breaks };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut output = std::io::stdout();
    writeln!(output, "{}{}", wire::LISTENS, listener.local_addr()?)?;
    output.flush()?;
    let mut rest = Vec::new();
    let mut input = tokio::io::stdin();
    tokio::select! {
        served = axum::serve(listener, routes::routes(app)) => served?,
        _ = input.read_to_end(&mut rest) => {}
    }
    Ok(())
}
