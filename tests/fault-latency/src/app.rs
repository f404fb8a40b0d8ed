//! The measured server: one cached route over a handler that answers immediately.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use clap::ValueEnum;
use larder::{Cache, Policy, ttl};
use larder_redis::RedisStore;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Where responses are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Tiers {
    /// In memory and in Redis, as by default.
    Both,
    /// In Redis alone, so that every request uses it.
    Redis,
}

impl Tiers {
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Both => "Responses in memory and in Redis, with every setting at its default",
            Self::Redis => "Responses in Redis alone (`max_memory_bytes(0)`): every request uses it",
        }
    }
}

/// A running server. It stops when dropped.
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    runs: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

/// About the size of a product as JSON.
const BODY: usize = 1024;

impl App {
    pub(crate) async fn start(redis: &str, tiers: Tiers) -> Result<Self> {
        let cache = Cache::builder().shared_store(RedisStore::connect(redis)?);
        let cache = match tiers {
            Tiers::Both => cache,
            Tiers::Redis => cache.max_memory_bytes(0),
        };
        let layer = cache.build().layer(Policy::ttl(ttl::STANDARD).tag("product:{id}"));
        let runs = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&runs);
        let show = async move |Path(id): Path<String>| {
            counted.fetch_add(1, Ordering::Relaxed);
            format!("{id:x>BODY$}")
        };
        let router = Router::new().route("/products/{id}", get(show).layer(layer));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                eprintln!("the server ended: {error}");
            }
        });
        Ok(Self { address, runs, server })
    }

    /// Returns how often the handler ran.
    pub(crate) fn runs(&self) -> u64 {
        self.runs.load(Ordering::Relaxed)
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.server.abort();
    }
}
