//! The store: its connections, and the code that all calls share.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fred::error::Error;
use fred::types::config::Config;
use larder_core::invalidation::position::Incarnation;
use larder_core::store::StoreError;
use larder_core::write_queue::StoreId;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::append_queue::AppendQueue;
use crate::barrier::Barrier;
use crate::batch::{BatchTarget, GetBatcher};
use crate::builder::RedisStoreBuilder;
use crate::circuit::Permit;
use crate::compression::Compression;
use crate::config_check::ConfigCheck;
use crate::connection::Connection;
use crate::error::ConnectError;
use crate::health::{Call, Health, HungNode};
use crate::home::Home;
use crate::instance_scripts::InstanceScripts;
use crate::keys::Keys;
use crate::large_value::LargeValues;
use crate::patience::Waited;
use crate::poll_budget::PollBudget;
use crate::poll_link::PollLink;
use crate::push_partitions::PushPartitions;
use crate::queue_scripts::QueueScripts;
use crate::random_id::random;
use crate::replicas::{ReplicaRequirement, ReplicaWaiter};
use crate::reply;
use crate::script::Scripts;
use crate::server_clock::ServerClocks;
use crate::url;
use crate::usual_size::SizesByKind;

/// A shared tier and an invalidation log in Redis.
///
/// Clones share their connections, which end when the last clone is dropped.
///
/// # Examples
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), larder_redis::ConnectError> {
/// use larder_redis::RedisStore;
///
/// let store = RedisStore::connect("redis://127.0.0.1:6379")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) id: StoreId,
    pub(crate) keys: Keys,
    pub(crate) scripts: Scripts,
    pub(crate) queue: QueueScripts,
    pub(crate) instance_scripts: InstanceScripts,
    pub(crate) pushes: PushPartitions,
    pub(crate) appending: AppendQueue,
    pub(crate) clocks: ServerClocks,
    pub(crate) command_timeout: Duration,
    pub(crate) log_size: LogSize,
    pub(crate) poll_budget: PollBudget,
    /// Identifies this store among those that start at the same time.
    pub(crate) token: Incarnation,
    pub(crate) home: Arc<Home>,
    pub(crate) batcher: Arc<GetBatcher>,
    pub(crate) many_sizes: SizesByKind,
    pub(crate) compression: Compression,
    /// Connection, runtime and time limit of batched lookups.
    pub(crate) batch_target: BatchTarget,
    /// Connection for stored responses.
    pub(crate) data: Arc<Connection>,
    /// Connection for large responses, which others must not wait behind.
    pub(crate) large: LargeValues,
    /// Connection for polls and appends, which must not wait behind large responses.
    pub(crate) log: Arc<Connection>,
    /// Connection for the alarm, which blocks it.
    pub(crate) alarm: Arc<Connection>,
    /// Connection for appends, if replicas have to acknowledge them.
    pub(crate) replicas: Option<ReplicaWaiter>,
    /// Connection for waits until a write is durable. Opened by the first of them.
    barrier: OnceLock<Barrier>,
    /// Connection for polls that are transactions. Opened by the first large page.
    pub(crate) poll_link: PollLink,
    config: Config,
    /// Admits one alarm at a time.
    ///
    /// The server executes the alarms of one connection one after the other.
    pub(crate) waiting: Arc<Semaphore>,
    pub(crate) weak_log_warned: AtomicBool,
    /// The number of instances at the last announcement. Zero if it is not known.
    pub(crate) instance_count: AtomicU64,
    pub(crate) health: Arc<Health>,
    address: String,
}

/// The settings of a store, apart from those of its connections.
pub(crate) struct StoreOptions {
    pub(crate) keys: Keys,
    pub(crate) command_timeout: Duration,
    pub(crate) log_size: LogSize,
    /// Longer values are compressed, in bytes. `None` if none are.
    pub(crate) compress_over: Option<usize>,
    /// The replicas that have to acknowledge an append, if any.
    pub(crate) replicas: Option<ReplicaRequirement>,
}

/// The approximate maximum size of the log's Stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogSize {
    /// Number of entries.
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
    /// Creates a store in the Redis at `url`, with default settings.
    ///
    /// This returns at once. The store connects in the background. It begins to use Redis as soon
    /// as it can reach the server, and again after each interruption.
    ///
    /// The schemes are `redis`, `redis-cluster` and `redis-sentinel`. The feature `tls` adds
    /// `rediss`, `rediss-cluster` and `rediss-sentinel`, and the feature `unix-sockets` adds
    /// `redis+unix`:
    ///
    /// ```text
    /// redis://user:password@host:6379/0
    /// redis-cluster://host1:6379?node=host2:6379&node=host3:6379
    /// redis-sentinel://host1:26379?node=host2:26379&sentinelServiceName=mymaster
    /// redis+unix://user:password@any/run/redis.sock
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is invalid, or if it is called outside a Tokio runtime. It never
    /// fails because Redis is unreachable.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder_redis::ConnectError> {
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::connect("redis://127.0.0.1:6379")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(url: &str) -> Result<Self, ConnectError> {
        Self::builder(url).connect()
    }

    /// Returns a builder for a store in the Redis at `url`.
    ///
    /// The schemes of the URL are those of [`connect`](Self::connect).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), larder_redis::ConnectError> {
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://127.0.0.1:6379").namespace("shop").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(url: &str) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url)
    }

    pub(crate) fn open(config: Config, runtime: &Handle, options: StoreOptions) -> Self {
        let StoreOptions { keys, command_timeout, log_size, compress_over, replicas } = options;
        let address = url::address(&config);
        let home = Arc::new(Home::new(runtime.clone()));
        let health = Arc::new(Health::new());
        let watched = config.server.is_clustered().then(|| Arc::clone(&health));
        let data = Connection::open(config.clone(), &home, ConfigCheck::Pending, watched);
        let inner = Inner {
            id: StoreId::unique(),
            keys,
            scripts: Scripts::new(),
            queue: QueueScripts::new(),
            instance_scripts: InstanceScripts::new(),
            pushes: PushPartitions::new(data.is_clustered()),
            appending: AppendQueue::default(),
            clocks: ServerClocks::new(),
            command_timeout,
            log_size,
            poll_budget: PollBudget::default(),
            token: random(),
            home: Arc::clone(&home),
            batcher: Arc::default(),
            many_sizes: SizesByKind::default(),
            compression: Compression::new(compress_over, command_timeout),
            batch_target: BatchTarget {
                link: Arc::clone(&data),
                home: Arc::clone(&home),
                limit: command_timeout,
            },
            large: LargeValues::new(
                Connection::open(config.clone(), &home, ConfigCheck::Done, None),
                command_timeout,
            ),
            replicas: replicas.map(|wanted| ReplicaWaiter::open(wanted, config.clone(), &home)),
            data,
            log: Connection::open(config.clone(), &home, ConfigCheck::Done, None),
            alarm: Connection::open(config.clone(), &home, ConfigCheck::Done, None),
            barrier: OnceLock::new(),
            poll_link: PollLink::default(),
            config,
            waiting: Arc::new(Semaphore::new(1)),
            weak_log_warned: AtomicBool::new(false),
            instance_count: AtomicU64::new(0),
            health,
            address,
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Inner {
    /// Records the result of a call for `key` that the circuit admitted to the data connection.
    pub(crate) fn settle<T>(&self, key: &str, permit: Permit, waited: Waited<T>) -> Result<T, StoreError> {
        self.settle_on(&self.data, key, Some(permit), waited)
    }

    /// Moves the store to the present runtime if its own has ended.
    pub(crate) fn leave_ended_runtime(&self) {
        if !self.data.is_orphaned() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else { return };
        self.home.move_to(runtime);
        for link in self.links().filter(|link| link.is_orphaned()) {
            link.restart();
        }
    }

    /// Returns the connection for waits until a write is durable.
    pub(crate) fn barrier(&self) -> &Barrier {
        self.barrier.get_or_init(|| Barrier::open(self.config.clone(), &self.home))
    }

    /// Opens a connection in the background.
    pub(crate) fn open_another(&self) -> Arc<Connection> {
        Connection::open(self.config.clone(), &self.home, ConfigCheck::Done, None)
    }

    /// Returns all connections.
    pub(crate) fn links(&self) -> impl Iterator<Item = Arc<Connection>> {
        let appends = self.replicas.iter().map(|replicas| &replicas.link);
        let waits = self.barrier.get().map(|barrier| &barrier.link);
        let always = [&self.data, &self.large.link, &self.log, &self.alarm];
        always.into_iter().chain(appends).chain(waits).cloned().chain(self.poll_link.connection())
    }

    /// Records the result of a call for `key` on `link`.
    pub(crate) fn settle_on<T>(
        &self,
        link: &Arc<Connection>,
        key: &str,
        permit: Option<Permit>,
        waited: Waited<T>,
    ) -> Result<T, StoreError> {
        let Waited { result, wait } = waited;
        let call = permit.map(|permit| Call { permit, wait });
        match result {
            Ok(answer) => {
                if let Some(call) = call {
                    self.health.record(key, call, None);
                }
                Ok(answer)
            }
            Err(error) => Err(self.failed(link, key, call, &error)),
        }
    }

    fn failed(&self, link: &Arc<Connection>, key: &str, call: Option<Call>, error: &Error) -> StoreError {
        let explained = link.to_store_error(error);
        let hung = call.and_then(|call| self.health.record(key, call, Some(&explained)));
        if let Some(HungNode(node)) = hung {
            self.data.abandon_node(node);
        }
        if reply::may_be_replaced(error) {
            // All connections: a connection that only reads never gets such an error itself.
            for link in self.links() {
                link.rediscover_primary();
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
