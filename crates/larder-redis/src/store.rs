//! The store: its connections, and what each call has in common.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use fred::error::Error;
use fred::types::config::Config;
use larder_core::store::StoreError;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::answer;
use crate::builder::RedisStoreBuilder;
use crate::circuit::Leave;
use crate::error::ConnectError;
use crate::gather::{Gather, Way};
use crate::health::{Health, Opened};
use crate::keys::Keys;
use crate::link::{Advice, Link};
use crate::look_budget::LookBudget;
use crate::replicas::{Replicas, Wanted};
use crate::script::Scripts;
use crate::stats::{self, RedisStats};
use crate::url;

/// A shared tier and a log in Redis. Clones share their connections, which end when the last clone is dropped.
#[derive(Clone)]
pub struct RedisStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
    pub(crate) command_timeout: Duration,
    pub(crate) log_size: LogSize,
    pub(crate) look_budget: LookBudget,
    pub(crate) runtime: Handle,
    pub(crate) gather: Arc<Gather>,
    /// For what is gathered.
    pub(crate) way: Way,
    /// For stored responses.
    pub(crate) data: Arc<Link>,
    /// For looks and appends, which may not wait behind large responses.
    pub(crate) log: Arc<Link>,
    /// For the alarm, which blocks its connection.
    pub(crate) alarm: Arc<Link>,
    /// For appends, if replicas have to have them.
    pub(crate) replicas: Option<Replicas>,
    /// One alarm at a time: the server works off those of one connection one after the other.
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) weak_log_told: AtomicBool,
    pub(crate) health: Arc<Health>,
    address: String,
}

/// About how large the log's Stream may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSize {
    /// In entries.
    pub(crate) length: u64,
    pub(crate) bytes: u64,
}

impl std::fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStore")
            .field("address", &self.inner.address)
            .field("keys", &self.inner.keys)
            .finish_non_exhaustive()
    }
}

impl RedisStore {
    /// A store in the Redis at `url`, with every setting at its default. It returns at once, connects in the background,
    /// and joins whenever Redis can be reached.
    ///
    /// The schemes are `redis`, `redis-cluster` and `redis-sentinel`; with the feature `tls` also `rediss`,
    /// `rediss-cluster` and `rediss-sentinel`, and with the feature `unix-sockets` also `redis+unix`:
    ///
    /// ```text
    /// redis://user:password@host:6379/0
    /// redis-cluster://host1:6379?node=host2:6379&node=host3:6379
    /// redis-sentinel://host1:26379?node=host2:26379&sentinelServiceName=mymaster
    /// redis+unix://user:password@any/run/redis.sock
    /// ```
    ///
    /// # Errors
    /// If the URL cannot be right, or outside of a Tokio runtime; never because Redis is away.
    pub fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder(url).connect()
    }

    /// A store in the Redis at `url`, with settings of one's own.
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    pub(crate) fn open(
        config: Config,
        runtime: &Handle,
        keys: Keys,
        command_timeout: Duration,
        (log_size, replicas): (LogSize, Option<Wanted>),
    ) -> Self {
        let address = url::address(&config);
        let health = Arc::new(Health::new());
        let watched = config.server.is_clustered().then(|| Arc::clone(&health));
        let data = Link::open(config.clone(), runtime, Advice::Wanted, watched);
        let inner = Inner {
            keys,
            scripts: Scripts::new(),
            command_timeout,
            log_size,
            look_budget: LookBudget::default(),
            runtime: runtime.clone(),
            gather: Arc::default(),
            way: Way { link: Arc::clone(&data), runtime: runtime.clone(), limit: command_timeout },
            replicas: replicas.map(|wanted| Replicas::open(wanted, config.clone(), runtime)),
            data,
            log: Link::open(config.clone(), runtime, Advice::Given, None),
            alarm: Link::open(config, runtime, Advice::Given, None),
            waiting: Arc::new(Semaphore::new(1)),
            weak_log_told: AtomicBool::new(false),
            health,
            address,
        };
        Self { inner: Arc::new(inner) }
    }

    /// What the server says of its hits and misses.
    ///
    /// # Errors
    /// If the server cannot be reached, refuses, or does not answer within the command timeout.
    pub async fn stats(&self) -> Result<RedisStats, StoreError> {
        stats::read(&self.inner.data, self.inner.command_timeout).await
    }
}

impl Inner {
    /// Takes in how a call for `key` on the data connection went that the circuit had let through.
    pub(crate) fn settle<T>(
        &self,
        key: &str,
        leave: Leave,
        result: Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.settle_on(&self.data, key, Some(leave), result)
    }

    /// All connections.
    pub(crate) fn links(&self) -> impl Iterator<Item = &Arc<Link>> {
        let appends = self.replicas.iter().map(|replicas| &replicas.link);
        [&self.data, &self.log, &self.alarm].into_iter().chain(appends)
    }

    /// Takes in how a call for `key` on `link` went.
    pub(crate) fn settle_on<T>(
        &self,
        link: &Arc<Link>,
        key: &str,
        leave: Option<Leave>,
        result: Result<T, Error>,
    ) -> Result<T, StoreError> {
        match result {
            Ok(answer) => {
                if let Some(leave) = leave {
                    self.health.settle(key, leave, None);
                }
                Ok(answer)
            }
            Err(error) => Err(self.failed(link, key, leave, &error)),
        }
    }

    fn failed(&self, link: &Arc<Link>, key: &str, leave: Option<Leave>, error: &Error) -> StoreError {
        let explained = link.explain(error);
        let opened = leave.and_then(|leave| self.health.settle(key, leave, Some(&explained)));
        if let Some(Opened(node)) = opened {
            // What hangs is left; a Redis that is merely slow costs a reconnection.
            self.data.leave(node);
        }
        if answer::may_be_replaced(error) {
            // All of them: one that only reads would not find out by itself.
            for link in self.links() {
                link.ask_for_the_primary();
            }
        }
        explained
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for link in self.links() {
            link.close();
        }
    }
}
