//! Two shops on one Redis, in this process.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use clap::Parser;
use larder_testing::RedisServer;
use shop::{Args, Shop};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Two shops with the same token, and the Redis that they share.
#[derive(Debug)]
pub struct Site {
    /// The addresses of the shops.
    pub addrs: [SocketAddr; 2],
    /// The Redis.
    pub redis: RedisServer,
    shops: [Shop; 2],
}

impl Site {
    /// The token of the operations.
    pub const TOKEN: &str = "a-token-for-the-browser";

    /// Starts Redis and the shops.
    ///
    /// # Errors
    ///
    /// Fails if one of them does not start.
    pub async fn start() -> Result<Self> {
        let redis = RedisServer::builder().config("maxmemory 256mb").config("maxmemory-policy volatile-lfu");
        let redis = redis.start().await?;
        let shops = [open(&redis).await?, open(&redis).await?];
        let addrs = [serve(&shops[0]).await?, serve(&shops[1]).await?];
        Ok(Self { addrs, redis, shops })
    }

    /// Sends requests of made-up clients to the first shop until the task is aborted.
    #[must_use]
    pub fn load(&self) -> JoinHandle<()> {
        tokio::spawn(self.shops[0].demo_load())
    }

    /// Closes the shops.
    pub async fn close(self) {
        for shop in self.shops {
            shop.close().await;
        }
    }
}

async fn open(redis: &RedisServer) -> Result<Shop> {
    let url = redis.url();
    let arguments = ["shop", "--redis", &url, "--database", ":memory:", "--admin-token", Site::TOKEN];
    let args = Args::try_parse_from(arguments.iter().chain(&["--cart-durability", "memory"]))?;
    let shop = Shop::open(&args).await.context("the shop does not open")?;
    shop.ready().await;
    Ok(shop)
}

async fn serve(shop: &Shop) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(shop::serve(listener, shop.router(), std::future::pending()));
    Ok(addr)
}
