//! How a store is set up.

use std::time::Duration;

use tokio::runtime::Handle;

use crate::error::{ConnectError, ConnectErrorKind};
use crate::keys::{Keys, is_namespace};
use crate::replicas::Wanted;
use crate::store::{LogSize, RedisStore};
use crate::url;

const SHORTEST_WAIT: Duration = Duration::from_millis(1);
/// Whoever follows the log waits that long between two looks, and looks have to come often enough.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

const MIN_LOG_BYTES: u64 = 64 * 1024;

/// A store in the making, from [`RedisStore::builder`].
#[derive(Clone)]
#[must_use = "nothing is connected before `connect` is called"]
pub struct RedisStoreBuilder {
    url: String,
    namespace: String,
    schema: u32,
    command_timeout: Duration,
    log_size: LogSize,
    roots_pem: Option<Vec<u8>>,
    replicas: Option<Wanted>,
}

impl std::fmt::Debug for RedisStoreBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedisStoreBuilder")
            .field("url", &url::masked(&self.url))
            .field("namespace", &self.namespace)
            .field("schema", &self.schema)
            .field("command_timeout", &self.command_timeout)
            .field("log_size", &self.log_size)
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
            roots_pem: None,
            replicas: None,
        }
    }

    /// What the names of all keys begin with after `larder:`. Applications that share a server need one each; it is
    /// `larder` by default. It may not be empty nor contain `:`, `{`, `}` or control characters.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// The version of what handlers put into responses, 1 by default. A deploy that changes their meaning changes it, and
    /// sees none of the old ones; those expire by themselves. Invalidations reach all versions.
    pub fn schema(mut self, schema: u32) -> Self {
        self.schema = schema;
        self
    }

    /// The longest that a request waits for Redis, 50 ms by default. May not be zero.
    pub fn command_timeout(mut self, timeout: Duration) -> Self {
        self.command_timeout = timeout;
        self
    }

    /// Sets about how many entries the log keeps.
    ///
    /// Each is one write or one call of `invalidate`, and takes about thirty bytes of Redis's memory, and its names: of a URI at most 512 bytes, of a tag or key all of it. An
    /// instance that starts, or was away for more than that many, refuses what is older than the log. Default: 200,000. May
    /// not be zero.
    pub fn log_length(mut self, events: u64) -> Self {
        self.log_size.length = events;
        self
    }

    /// Sets about how many bytes of Redis's memory the log takes.
    ///
    /// An append that finds more than that there removes the oldest entries, as [`log_length`](Self::log_length) does, until
    /// about three quarters are left. The Stream is measured with `MEMORY USAGE`, on average once per 64th part of this that
    /// is appended, so that it can be larger by a few such parts and by one append, which is 256 KiB or a single event.
    /// Where an ACL does not let scripts use `MEMORY USAGE`, only `log_length` counts. Default: 16 MiB. Minimum: 64 KiB.
    pub fn log_bytes(mut self, bytes: u64) -> Self {
        self.log_size.bytes = bytes;
        self
    }

    /// Trusts the authorities in this PEM, and not the system's: for a Redis whose certificate is from a private one.
    ///
    /// [`connect`](Self::connect) refuses a PEM without a certificate, or with one that cannot be read, and a URL that does not ask
    /// for TLS.
    ///
    /// ```no_run
    /// # async fn store() -> Result<larder_redis::RedisStore, Box<dyn std::error::Error>> {
    /// let store = larder_redis::RedisStore::builder("rediss://cache.internal")
    ///     .tls_roots_pem(std::fs::read("/etc/ssl/private-ca.pem")?)
    ///     .connect()?;
    /// # Ok(store)
    /// # }
    /// ```
    #[cfg(feature = "tls")]
    pub fn tls_roots_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots_pem = Some(pem.into());
        self
    }

    /// Counts an invalidation as appended only once this many replicas have it as well, within this time; by default none
    /// has to. An invalidation that fewer have is *deferred*: it holds on all instances all the same, and is
    /// appended once more when there are enough again. `count` may not be zero, and `within` has to be between 1 ms and
    /// 500 ms. It is a fourth connection, and a round trip from primary to replica for each invalidation.
    ///
    /// Without it nothing is lost either where Larder can tell servers apart: a failover begins a new incarnation of the
    /// log, which refuses all that is older. It is for servers that forbid scripts to ask for `INFO`, and for those who want
    /// to know.
    ///
    /// While replicas are missing for long, an instance that has deferred something does not trust Redis with
    /// responses and serves from memory and its handlers; others are not affected. Ask for fewer replicas than there are.
    pub fn replicas(mut self, count: u16, within: Duration) -> Self {
        self.replicas = Some(Wanted { count, within });
        self
    }

    /// The store. It returns at once, connects in the background, and joins whenever Redis can be reached.
    ///
    /// # Errors
    /// If the URL or a setting cannot be right, or outside of a Tokio runtime; never because Redis is away.
    pub fn connect(self) -> Result<RedisStore, ConnectError> {
        let config = url::parse(&self.url, self.roots_pem.as_deref())?;
        self.check()?;
        let runtime = Handle::try_current().map_err(|_| {
            ConnectError::new(
                ConnectErrorKind::NoRuntime,
                "a RedisStore can only be made inside of a Tokio runtime",
            )
        })?;
        let keys = Keys::new(&self.namespace, self.schema);
        let log = (self.log_size, self.replicas);
        Ok(RedisStore::open(config, &runtime, keys, self.command_timeout, log))
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
        if let Some(Wanted { count, within }) = self.replicas {
            if count == 0 {
                return wrong("0 cannot be the number of replicas to wait for".to_owned());
            }
            if !(SHORTEST_WAIT..=LONGEST_WAIT).contains(&within) {
                return wrong(format!(
                    "{within:?} cannot be how long to wait for replicas: it has to be between 1 ms and 500 ms"
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(builder: RedisStoreBuilder) -> ConnectError {
        builder.connect().unwrap_err()
    }

    #[tokio::test]
    async fn settings_that_cannot_be_right_are_named() {
        let builder = || RedisStore::builder("redis://127.0.0.1:1");
        for (wrong, named) in [
            (builder().namespace("a:b"), "\"a:b\""),
            (builder().namespace(""), "\"\""),
            (builder().command_timeout(Duration::ZERO), "0ns"),
            (builder().log_length(0), "0 cannot"),
            (builder().log_bytes(MIN_LOG_BYTES - 1), "65535 bytes cannot"),
            (builder().replicas(0, Duration::from_millis(100)), "0 cannot be the number of replicas"),
            (builder().replicas(1, Duration::ZERO), "0ns"),
            (builder().replicas(1, Duration::from_millis(501)), "501ms"),
        ] {
            let error = error(wrong);
            assert_eq!(error.kind(), ConnectErrorKind::Setting);
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn without_a_runtime_there_is_an_error_and_no_panic() {
        let error = error(RedisStore::builder("redis://127.0.0.1:1"));
        assert_eq!(error.kind(), ConnectErrorKind::NoRuntime);
    }

    #[test]
    fn debug_output_has_no_password() {
        let shown = format!("{:?}", RedisStore::builder("redis://:secret@host"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
