//! Instances over servers that their stores discover.

use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::Proxy;

use super::instance::{Instance, Setup};
use super::origin::Truth;

/// A Redis that is not a single server on a TCP port, and the values that the handlers read.
#[derive(Debug)]
pub struct Deployment {
    /// The values that the handlers of all instances read.
    pub truth: Truth,
    store: RedisStoreBuilder,
}

impl Deployment {
    /// Uses the Redis at this URL.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self::of(RedisStore::builder(url))
    }

    /// Uses the Redis of such a store.
    #[must_use]
    pub fn of(store: RedisStoreBuilder) -> Self {
        Self { truth: Truth::default(), store }
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
        let nowhere = Proxy::start(([127, 0, 0, 1], 1).into()).unwrap();
        Instance::over(self.store.clone(), nowhere, &self.truth, setup).await
    }
}
