//! The builder of a [`RedisStore`].

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::runtime::Handle;

use crate::error::{ConnectError, ConnectErrorKind};
use crate::keys::{Keys, is_namespace};
use crate::replicas::ReplicaRequirement;
use crate::store::{LogSize, RedisStore, StoreOptions};
use crate::url;

const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// The maximum wait for replicas.
///
/// The task that follows the log waits up to this long between two polls, and it has to poll often
/// enough.
const MAX_REPLICA_WAIT: Duration = Duration::from_millis(500);

const MIN_LOG_BYTES: u64 = 64 * 1024;

/// Configures a [`RedisStore`] and connects it.
///
/// [`RedisStore::builder`] creates it.
///
/// # Examples
///
/// ```no_run
/// # fn open() -> Result<(), larder_redis::ConnectError> {
/// use std::time::Duration;
///
/// use larder_redis::RedisStore;
///
/// let store = RedisStore::builder("redis://127.0.0.1:6379")
///     .namespace("shop")
///     .command_timeout(Duration::from_millis(30))
///     .connect()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is connected before `connect` is called"]
pub struct RedisStoreBuilder {
    url: String,
    namespace: String,
    schema: u32,
    command_timeout: Duration,
    log_size: LogSize,
    compress_over: Option<usize>,
    roots_pem: Option<Vec<u8>>,
    replicas: Option<ReplicaRequirement>,
}

impl std::fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("url", &url::masked(&self.url))
            .field("namespace", &self.namespace)
            .field("schema", &self.schema)
            .field("command_timeout", &self.command_timeout)
            .field("log_size", &self.log_size)
            .field("compress_over", &self.compress_over)
            .field("replicas", &self.replicas)
            .finish_non_exhaustive()
    }
}

impl RedisStoreBuilder {
    pub(crate) fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            namespace: "larder".to_owned(),
            schema: 1,
            command_timeout: Duration::from_millis(50),
            log_size: LogSize { length: 200_000, bytes: 16 * 1024 * 1024 },
            compress_over: None,
            roots_pem: None,
            replicas: None,
        }
    }

    /// Sets the namespace: the part of all key names that follows `larder:`.
    ///
    /// Applications that share a server need one namespace each. A namespace must not be empty, and
    /// must not contain `:`, `{`, `}` or control characters.
    ///
    /// Default: `larder`.
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
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Sets the version of the content that handlers put into responses.
    ///
    /// Change it with a deploy that changes the meaning of this content. The new version then sees
    /// none of the old responses, which expire by themselves. Invalidations reach all versions.
    ///
    /// Default: 1.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), larder_redis::ConnectError> {
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://127.0.0.1:6379").schema(2).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn schema(mut self, schema: u32) -> Self {
        self.schema = schema;
        self
    }

    /// Sets the maximum time that a request waits for Redis.
    ///
    /// Default: 50 ms. Minimum: 1 ms.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), larder_redis::ConnectError> {
    /// use std::time::Duration;
    ///
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://127.0.0.1:6379")
    ///     .command_timeout(Duration::from_millis(20))
    ///     .connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// Sets the approximate number of entries that the log keeps.
    ///
    /// An entry is one write or one call of `invalidate`. It takes about thirty bytes of Redis's
    /// memory plus its names: at most 512 bytes for a URI, the full length for a tag or a key. An
    /// instance that starts, or that missed more entries than the log keeps, refuses stored
    /// responses that are older than the log.
    ///
    /// Default: 200,000. Minimum: 1.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), larder_redis::ConnectError> {
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://127.0.0.1:6379").log_length(50_000).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn log_length(mut self, events: u64) -> Self {
        self.log_size.length = events;
        self
    }

    /// Sets the approximate number of bytes of Redis's memory that the log takes.
    ///
    /// If an append finds that the log is larger, it removes the oldest entries, as
    /// [`log_length`](Self::log_length) does, until about three quarters of this size are left.
    /// Appends measure the Stream with `MEMORY USAGE`, on average once for each 64th of this size
    /// that is appended. The log can therefore exceed this size by a few such parts and by one
    /// append, which is 256 KiB or a single event.
    ///
    /// If an ACL does not let scripts use `MEMORY USAGE`, only `log_length` applies.
    ///
    /// Default: 16 MiB. Minimum: 64 KiB.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), larder_redis::ConnectError> {
    /// use larder_redis::RedisStore;
    ///
    /// let store =
    ///     RedisStore::builder("redis://127.0.0.1:6379").log_bytes(4 * 1024 * 1024).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn log_bytes(mut self, bytes: u64) -> Self {
        self.log_size.bytes = bytes;
        self
    }

    /// Compresses values of more than this number of bytes with zstd, in Redis alone.
    ///
    /// Use it if Redis is short of memory or the network is slow, and if the responses are not
    /// coded already: [`Policy::encode`] stores coded bodies, which clients get as they are. A
    /// value is compressed once for each write, and decompressed each time it is read from Redis.
    /// In the memory of an instance, values are not compressed. Values of more than 16 KiB are
    /// compressed in threads for blocking work, and those of more than 64 KiB are decompressed
    /// there.
    ///
    /// A value is stored as it is if that saves less than an eighth, as with images, or if it has
    /// more than 64 MiB. All instances with the feature `compress` read compressed values, whatever
    /// their own setting is. For an instance without the feature, a compressed value is a miss,
    /// which it replaces. So add the feature in one deploy, and the setting in the next one.
    ///
    /// Default: nothing is compressed. A useful value is 1,024.
    ///
    /// [`Policy::encode`]: https://docs.rs/larder/latest/larder/struct.Policy.html#method.encode
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), larder_redis::ConnectError> {
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://127.0.0.1:6379").compress_over(1024).connect()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "compress")]
    pub fn compress_over(mut self, bytes: usize) -> Self {
        self.compress_over = Some(bytes);
        self
    }

    /// Trusts the certificate authorities in this PEM instead of the system's.
    ///
    /// Use it for a Redis server whose certificate comes from a private authority.
    /// [`connect`](Self::connect) returns an error if the PEM has no certificate or one that cannot
    /// be read, or if the URL does not ask for TLS.
    ///
    /// Default: the system's authorities.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("rediss://cache.internal")
    ///     .tls_roots_pem(std::fs::read("/etc/ssl/private-ca.pem")?)
    ///     .connect()?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls_roots_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots_pem = Some(pem.into());
        self
    }

    /// Requires `count` replicas to acknowledge an invalidation before it counts as appended.
    ///
    /// An append waits up to `within` for the replicas. If too few of them acknowledge in time, the
    /// invalidation is *deferred*: it still takes effect on all instances, and it is appended once
    /// more when enough replicas are back. Appends then use a fourth connection, and each
    /// invalidation takes a round trip from the primary to a replica.
    ///
    /// Even without this setting, no invalidation is lost where Larder can tell servers apart: a
    /// failover begins a new incarnation of the log, which refuses all older stored responses. The
    /// setting is for servers that do not let scripts use `INFO`, and for applications that need to
    /// know whether the replicas have an invalidation.
    ///
    /// A cache waits for an invalidation only as long as its `invalidation_timeout`, which is 100
    /// ms by default. Set that to more than `within`. Otherwise an invalidation whose replicas take
    /// longer is deferred early, and is in the log twice.
    ///
    /// If replicas are missing for a long time, an instance that has deferred an invalidation does
    /// not trust the responses in Redis. It serves from memory and from its handlers. Other
    /// instances are not affected. Require fewer replicas than there are.
    ///
    /// Default: no replica has to acknowledge. Minimum: 1 replica, 1 ms. Maximum: 500 ms.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # fn open() -> Result<(), larder_redis::ConnectError> {
    /// use std::time::Duration;
    ///
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://127.0.0.1:6379")
    ///     .wait_for_replicas(1, Duration::from_millis(100))
    ///     .connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wait_for_replicas(mut self, count: u16, within: Duration) -> Self {
        self.replicas = Some(ReplicaRequirement { count, within });
        self
    }

    /// Creates the store, which connects in the background.
    ///
    /// This returns at once. The store begins to use Redis as soon as it can reach the server, and
    /// again after each interruption.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL or a setting is invalid, or if it is called outside a Tokio
    /// runtime. It never fails because Redis is unreachable.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), larder_redis::ConnectError> {
    /// use larder_redis::RedisStore;
    ///
    /// let store = RedisStore::builder("redis://127.0.0.1:6379").connect()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(self) -> Result<RedisStore, ConnectError> {
        let config = url::parse(&self.url, self.roots_pem.as_deref())?;
        self.check()?;
        let runtime = Handle::try_current().map_err(|_| {
            ConnectError::new(
                ConnectErrorKind::NoRuntime,
                "a RedisStore can only be made inside of a Tokio runtime",
            )
        })?;
        let options = StoreOptions {
            keys: Keys::new(&self.namespace, self.schema),
            command_timeout: self.command_timeout,
            log_size: self.log_size,
            compress_over: self.compress_over,
            replicas: self.replicas,
        };
        Ok(RedisStore::open(config, &runtime, options))
    }

    fn check(&self) -> Result<(), ConnectError> {
        let wrong = |why: String| Err(ConnectError::new(ConnectErrorKind::Setting, why));
        if !is_namespace(&self.namespace) {
            return wrong(format!(
                "{:?} cannot be a namespace: it may not be empty nor contain `:`, `{{`, `}}` or control characters",
                self.namespace
            ));
        }
        if self.command_timeout < Duration::from_millis(1) {
            return wrong(format!(
                "{:?} cannot be a command timeout: it may not be less than 1 ms",
                self.command_timeout
            ));
        }
        if self.log_size.length == 0 {
            return wrong("0 cannot be the length of the log".to_owned());
        }
        if self.log_size.bytes < MIN_LOG_BYTES {
            return wrong(format!("{} bytes cannot be the size of the log", self.log_size.bytes));
        }
        if let Some(ReplicaRequirement { count, within }) = self.replicas {
            if count == 0 {
                return wrong("0 cannot be the number of replicas to wait for".to_owned());
            }
            if !(SHORTEST_WAIT..=MAX_REPLICA_WAIT).contains(&within) {
                return wrong(format!(
                    "{within:?} cannot be how long to wait for replicas: it has to be between 1 ms and 500 ms"
                ));
            }
        }
        Ok(())
    }
}
