//! Several instances over one Redis and one truth, each behind a proxy of its own that can
//! misbehave.

// It is only ever part of a test, where failing loudly is the point; the lints do not know that of
// a library.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod client;
mod clock;
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
pub use deployment::Deployment;
pub use instance::{Instance, Setup};
pub use origin::{TOKEN, Truth, VALUES};
pub use phase::Phase;
pub use traffic::{Summary, Traffic};
pub use trial::{TRIAL_STALENESS, Trial, shares_and_invalidates};

/// The log's Stream in the default namespace.
pub const EVENTS: &str = "larder:{larder:log}:events";
/// The record of the log's incarnation in the default namespace.
pub const INCARNATION: &str = "larder:{larder:log}:incarnation";

/// What goes over the wire where the invalidation of a value is appended to the log or read from
/// it, and nowhere else.
#[must_use]
pub fn event(id: usize) -> String {
    format!("t:value:{id}\r\n")
}

/// What goes over the wire where a response is stored or read, and nowhere else.
pub const RESPONSE: &[u8] = b"LR\x01\x01";

/// One Redis, and what the handlers of all instances read.
#[derive(Debug)]
pub struct World {
    /// The server that the proxies lead to.
    pub redis: RedisServer,
    /// What the handlers of all instances read.
    pub truth: Truth,
}

impl World {
    /// A world with a Redis of its own.
    pub async fn new() -> Self {
        Self { redis: RedisServer::start().await.unwrap(), truth: Truth::default() }
    }

    /// An instance that is connected and has read the log.
    pub async fn instance(&self) -> Instance {
        self.joined(Setup::default()).await
    }

    /// An instance of this kind that is connected and has read the log.
    pub async fn joined(&self, setup: Setup) -> Instance {
        let instance = self.start(setup).await;
        instance.joins().await;
        instance
    }

    /// An instance of this kind, which may not have reached Redis yet.
    pub async fn start(&self, setup: Setup) -> Instance {
        Instance::start(&self.redis, &self.truth, setup).await
    }

    /// Sends Redis a command that it has to take.
    pub async fn command(&self, words: &[&str]) {
        self.redis.command(words).await.unwrap();
    }

    /// The names of the stored responses in Redis, of all namespaces and schemas.
    pub async fn stored(&self) -> Vec<String> {
        let reply = self.redis.command(&["KEYS", "larder:*"]).await.unwrap();
        let names = reply.as_array().unwrap().iter();
        let names = names.map(|name| name.as_str().unwrap().to_owned());
        names.filter(|name| !name.contains(":log}:") && !name.contains(":lease")).collect()
    }

    /// The name of the one stored response in Redis whose name contains `part`, once it is there.
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

/// Waits until it is so. The limit is only there so that a failure ends.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let limit = Duration::from_secs(60);
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}
