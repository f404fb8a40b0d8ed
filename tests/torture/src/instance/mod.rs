//! An instance: a process with a cache in front of handlers that read the reference model.

pub mod broken;
mod collections;
mod routes;
mod show;
mod show_value;
mod write;
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
use self::collections::Collections;
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
    /// The rule that it breaks.
    #[arg(long)]
    pub breaks: Option<Rule>,
}

/// So short that the log is trimmed all the time.
const LOG_LENGTH: u64 = 300;

/// The state of the handlers.
#[derive(Clone)]
struct App {
    cache: Cache,
    collections: Collections,
    reference_model: ReferenceClient,
    breaks: Option<Rule>,
}

/// Serves until its input ends. The input ends with the driver, even if that crashes.
///
/// # Errors
///
/// Fails if the instance cannot be set up.
pub async fn serve(args: InstanceArgs) -> Result<()> {
    let store = RedisStore::builder(&args.redis).log_length(LOG_LENGTH).connect()?;
    let bound = Duration::from_millis(args.max_staleness_ms);
    let cache = Cache::builder().max_staleness(bound);
    let cache = match args.breaks {
        None => cache.shared_store(store),
        Some(rule) => cache.shared_store(BrokenStore::new(store, rule)),
    };
    let reference_model =
        ReferenceClient { address: args.reference_model, life: args.life, client: Default::default() };
    let cache = cache.build();
    let collections = Collections::build(&cache)?;
    let app = App { cache, collections, reference_model, breaks: args.breaks };
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
