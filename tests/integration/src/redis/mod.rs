//! Several instances over one Redis and one set of values, each behind its own misbehaving proxy.

// Only tests use this, and a test fails with a panic.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod clock;
mod counting_store;
mod deployment;
mod instance;
mod origin;
mod phase;
mod traffic;
mod trial;

use std::time::Duration;

use larder_testing::RedisServer;

pub use client::{Answer, HOST, hang_up, send};
pub use clock::TickingClock;
pub use counting_store::CountingStore;
pub use deployment::Deployment;
pub use instance::{Instance, Setup};
pub use origin::{REPLICA_LAG, TOKEN, Truth, VALUES};
pub use phase::Phase;
pub use traffic::{Summary, Traffic};
pub use trial::{TRIAL_STALENESS, Trial, shares_and_invalidates};

/// The Stream of the log in the default namespace.
pub const EVENTS: &str = "larder:{larder:log}:events";
/// The record of the log's incarnation in the default namespace.
pub const INCARNATION: &str = "larder:{larder:log}:incarnation";

/// Returns bytes that are on the wire only when the invalidation of a value is appended to the log
/// or read from it.
#[must_use]
pub fn event(id: usize) -> String {
    format!("t:value:{id}\r\n")
}

/// Bytes that are on the wire only when a response is stored or read.
pub const RESPONSE: &[u8] = b"LR\x01\x01";

/// One Redis, and the values that the handlers of all instances read.
#[derive(Debug)]
pub struct World {
    /// The server behind the proxies.
    pub redis: RedisServer,
    /// The values that the handlers of all instances read.
    pub truth: Truth,
}

impl World {
    /// Creates a world with a Redis of its own.
    pub async fn new() -> Self {
        Self { redis: RedisServer::start().await.unwrap(), truth: Truth::default() }
    }

    /// Starts an instance, and waits until it is connected and has read the log.
    pub async fn instance(&self) -> Instance {
        self.joined(Setup::default()).await
    }

    /// Starts an instance with this setup, and waits until it is connected and has read the log.
    pub async fn joined(&self, setup: Setup) -> Instance {
        let instance = self.start(setup).await;
        instance.joins().await;
        instance
    }

    /// Starts an instance with this setup. It may not be connected yet.
    pub async fn start(&self, setup: Setup) -> Instance {
        Instance::start(&self.redis, &self.truth, setup).await
    }

    /// Sends Redis a command that must succeed.
    pub async fn command(&self, words: &[&str]) {
        self.redis.command(words).await.unwrap();
    }

    /// Returns the names of the stored responses in Redis, of all namespaces and schemas.
    pub async fn stored(&self) -> Vec<String> {
        let reply = self.redis.command(&["KEYS", "larder:*"]).await.unwrap();
        let names = reply.as_array().unwrap().iter();
        let names = names.map(|name| name.as_str().unwrap().to_owned());
        names.filter(|name| ![":log}:", ":lease", ":body"].iter().any(|part| name.contains(part))).collect()
    }

    /// Waits for the only stored response in Redis whose name contains `part`, and returns its
    /// name.
    pub async fn stored_as(&self, part: &str) -> String {
        let mut found = Vec::new();
        eventually("the response is stored in Redis", async || {
            found = self.stored().await;
            found.retain(|name| name.contains(part));
            !found.is_empty()
        })
        .await;
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }
}

/// Waits until the condition holds. The limit only ends failed tests.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let limit = Duration::from_secs(60);
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}
