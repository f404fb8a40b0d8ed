//! One instance: a process with a cache in front of handlers that read the truth.

pub mod broken;
mod routes;
mod show;
mod write;

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use larder::Cache;
use larder_redis::RedisStore;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use self::broken::{BrokenStore, Rule};
use crate::reference_model::ReferenceClient;
use crate::wire;

/// What an instance is started with.
#[derive(Debug, Clone, clap::Args)]
#[allow(clippy::exhaustive_structs)]
pub struct InstanceArgs {
    /// Its way to Redis.
    #[arg(long)]
    pub redis: String,
    /// Where the truth is.
    #[arg(long = "truth")]
    pub reference_model: SocketAddr,
    /// Which life it is.
    #[arg(long)]
    pub life: u32,
    /// The bound.
    #[arg(long)]
    pub max_staleness_ms: u64,
    /// The rule that it does not keep.
    #[arg(long)]
    pub breaks: Option<Rule>,
}

/// So few that it is trimmed all the time.
const LOG_LENGTH: u64 = 300;

/// What the handlers have.
#[derive(Clone)]
struct App {
    cache: Cache,
    reference_model: ReferenceClient,
}

/// Serves until its input ends, which it does when the driver ends, in whatever way.
///
/// # Errors
///
/// If it cannot be set up.
pub async fn serve(args: InstanceArgs) -> Result<()> {
    let store = RedisStore::builder(&args.redis).log_length(LOG_LENGTH).connect()?;
    let bound = Duration::from_millis(args.max_staleness_ms);
    let cache = Cache::builder().max_staleness(bound);
    let cache = match args.breaks {
        None => cache.shared(store),
        Some(rule) => cache.shared(BrokenStore::new(store, rule)),
    };
    let reference_model =
        ReferenceClient { address: args.reference_model, life: args.life, client: Default::default() };
    let app = App { cache: cache.build(), reference_model };
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
