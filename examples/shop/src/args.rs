//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Parser, ValueEnum};
use larder::write_queue::Durability;

use crate::database::Location;

/// The demo of Larder: a product and user API over SQLite or Postgres, behind an HTTP response
/// cache.
///
/// It runs without arguments: the cache is in this process, and the database is created and filled.
/// Log lines go to standard error; RUST_LOG chooses them (RUST_LOG=larder=debug shows what the
/// cache does).
#[derive(Debug, Clone, Parser)]
#[command(name = "shop", version)]
#[non_exhaustive]
pub struct Args {
    /// The address to listen on. Port 0 picks a free port; the first line of output shows it.
    #[arg(long, env = "SHOP_ADDR", default_value = "127.0.0.1:3000")]
    pub addr: SocketAddr,

    /// The Redis that instances share, as redis://host:port. Without it, the cache is in this
    /// process alone.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,

    /// The database: a path of SQLite, sqlite://PATH, :memory: for a database that ends with the
    /// process, or postgres://USER@HOST/NAME.
    ///
    /// A missing file is created and filled with 10,000 products and 10,000 users, the same on
    /// every machine. By default it is in the working directory. Several instances may use one
    /// file. A database of Postgres has to exist, and is filled if it is empty.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        hide_env_values = true,
        default_value = "shop.sqlite"
    )]
    pub database: Location,

    /// A delay for every query, to simulate a slow database: 100ms, 2s.
    #[arg(
        long,
        env = "SHOP_QUERY_DELAY",
        value_name = "DURATION",
        default_value = "0",
        value_parser = humantime::parse_duration,
    )]
    pub query_delay: Duration,

    /// The interval of the job that computes the recommendations on the first page.
    #[arg(
        long,
        env = "SHOP_RECOMMEND_EVERY",
        value_name = "DURATION",
        default_value = "1m",
        value_parser = humantime::parse_duration,
    )]
    pub recommend_every: Duration,

    /// How durable the write of a cart is in Redis before it is acknowledged.
    ///
    /// fsync needs a Redis with `appendonly yes` and `appendfsync always`; with another one, carts
    /// are not saved. Without Redis, carts wait in the memory of this process.
    #[arg(long, env = "SHOP_CART_DURABILITY", value_name = "WHAT", default_value = "fsync")]
    pub cart_durability: CartDurability,

    /// The approximate number of bytes that responses take in the memory of this process. The
    /// values of products take half as much.
    #[arg(long, env = "SHOP_MEMORY_BYTES", value_name = "BYTES", default_value_t = 64 * 1024 * 1024)]
    pub memory_bytes: u64,

    /// The token of the operations at /ops/cache, with 16 to 512 visible ASCII characters.
    ///
    /// Without it, a random token is printed at the start.
    #[arg(long, env = "SHOP_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub admin_token: Option<String>,

    /// Send requests of made-up clients to this shop, about 200 a second, to have something to see.
    #[arg(long, env = "SHOP_DEMO_LOAD", value_parser = BoolishValueParser::new())]
    pub demo_load: bool,

    /// Serve without a cache, for comparison. --redis then has no effect.
    #[arg(long, env = "SHOP_NO_CACHE", value_parser = BoolishValueParser::new())]
    pub no_cache: bool,
}

/// How durable the write of a cart is in Redis before it is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[non_exhaustive]
pub enum CartDurability {
    /// The disk: an acknowledged cart survives a crash of Redis.
    Fsync,
    /// Nothing: a crash of Redis may lose carts that are not in the database yet.
    Memory,
}

impl From<CartDurability> for Durability {
    fn from(durability: CartDurability) -> Self {
        match durability {
            CartDurability::Fsync => Self::Fsync,
            CartDurability::Memory => Self::Memory,
        }
    }
}
