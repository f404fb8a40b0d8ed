//! Instances over servers that their stores find by themselves.

use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::Proxy;

use super::instance::{Instance, Setup};
use super::origin::Truth;

/// A Redis that is not one server on a TCP port, and what the handlers of all instances read.
#[derive(Debug)]
pub struct Deployment {
    /// What the handlers of all instances read.
    pub truth: Truth,
    store: RedisStoreBuilder,
}

impl Deployment {
    /// The Redis at this URL.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self::of(RedisStore::builder(url))
    }

    /// The Redis that such stores reach.
    #[must_use]
    pub fn of(store: RedisStoreBuilder) -> Self {
        Self { truth: Truth::default(), store }
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
        let nowhere = Proxy::start(([127, 0, 0, 1], 1).into()).unwrap();
        Instance::over(self.store.clone(), nowhere, &self.truth, setup).await
    }
}
