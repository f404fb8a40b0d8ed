//! The setups that are compared: without a cache, in memory, and with Redis.

use std::future::pending;
use std::time::Duration;

use clap::Parser;
use larder_testing::RedisServer;
use shop::{Args, Shop};
use tokio::net::TcpListener;

use crate::client::Client;
use crate::support::postgres::Postgres;

/// The shops of one column, on a database of their own.
pub(crate) struct Setup {
    pub(crate) name: &'static str,
    pub(crate) here: Client,
    /// Another instance, which shares the Redis.
    pub(crate) there: Option<Client>,
}

impl Setup {
    /// Opens all setups. `prefix` distinguishes their databases from others of this server.
    pub(crate) async fn open_all(
        postgres: &Postgres,
        redis: &RedisServer,
        prefix: &str,
        delay: Duration,
    ) -> Vec<Self> {
        let (redis, delay) = (redis.url(), format!("{}us", delay.as_micros()));
        let database = |name: &str| postgres.create(&format!("{prefix}_{name}"));
        let mut setups = Vec::new();
        for (name, url, more) in [
            ("no cache", database("none"), &["--no-cache"][..]),
            ("in memory", database("memory"), &[]),
            ("with Redis", database("redis"), &["--redis", &redis]),
        ] {
            let arguments = ["shop", "--query-delay", &delay, "--database", &url];
            let args = Args::try_parse_from(arguments.iter().chain(more)).unwrap();
            let here = open(&args).await;
            let there = if args.redis.is_some() { Some(open(&args).await) } else { None };
            setups.push(Self { name, here, there });
        }
        setups
    }

    /// Whether routes are cached.
    pub(crate) fn is_cached(&self) -> bool {
        self.name != "no cache"
    }
}

/// Starts a shop that serves until the program ends.
async fn open(args: &Args) -> Client {
    let shop = Shop::open(args).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { shop::serve(listener, shop.router(), pending()).await });
    Client::connect(addr).await
}
