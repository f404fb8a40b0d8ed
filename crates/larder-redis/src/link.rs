//! One connection to Redis (to a cluster: one to each primary) that is kept up as long as the store lives.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::config::{Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, TcpConfig};
use fred::types::{ClusterHash, ConnectHandle};
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::advice;
use crate::answer;

/// How long making a connection, and each step of it, may take.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// How long a question may take that nobody waits for.
const ADVICE_LIMIT: Duration = Duration::from_secs(2);

/// Data that the peer's kernel has not acknowledged for this long ends the connection. Without it fred can hang in a
/// write to a peer that is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);

/// A connection is not renewed, and a client that gave up not replaced, more often than this.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(1);

/// A connection that is made, and made again, in the background.
pub(crate) struct Link {
    config: Config,
    runtime: Handle,
    client: RwLock<Client>,
    /// What the server said when it would not let us in, until it does.
    refusal: Mutex<Option<Box<str>>>,
    renewing: AtomicBool,
    closing: Notify,
}

/// Whether a link reads the server's memory settings once it is connected, and warns of bad ones. One of a store's links
/// does, so that each warning is given once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    Wanted,
    Given,
}

impl Link {
    /// A link that begins to connect at once, on `runtime`, and does so until it is closed.
    pub(crate) fn open(config: Config, runtime: &Handle, advice: Advice) -> Arc<Self> {
        let link = Arc::new(Self {
            client: RwLock::new(client(config.clone())),
            config,
            runtime: runtime.clone(),
            refusal: Mutex::new(None),
            renewing: AtomicBool::new(false),
            closing: Notify::new(),
        });
        runtime.spawn(Arc::clone(&link).keep(advice));
        link
    }

    /// Ends the connection, in the background. fred leaks the connections of clients that are merely dropped.
    pub(crate) fn close(&self) {
        self.closing.notify_one();
    }

    /// The client, for one command that has to end within `limit`, and at once if there is no connection.
    pub(crate) fn within(&self, limit: Duration) -> WithOptions<Client> {
        self.client().with_options(&self.options(limit))
    }

    /// The same for a custom command, whose key stands at `key` in its arguments. What a `CustomCommand` says of that
    /// itself is ignored by fred, and a cluster's wrong node is asked.
    pub(crate) fn within_at(&self, limit: Duration, key: usize) -> WithOptions<Client> {
        let options = Options { cluster_hash: Some(ClusterHash::Offset(key)), ..self.options(limit) };
        self.client().with_options(&options)
    }

    /// Gives up the connection for a new one, in the background: for a peer that hangs, or that is not the primary any
    /// more.
    pub(crate) fn renew(self: &Arc<Self>) {
        if !self.client().is_connected() || self.renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let link = Arc::clone(self);
        self.runtime.spawn(async move {
            let client = link.client();
            // A failure means that fred is at it already.
            let _ = timeout(BETWEEN_RENEWALS, client.force_reconnection()).await;
            sleep(BETWEEN_RENEWALS).await;
            link.renewing.store(false, Ordering::Relaxed);
        });
    }

    /// The store's error for fred's. A server that does not let us in looks like one that is away: here is the difference.
    pub(crate) fn explain(&self, error: &Error) -> StoreError {
        let plain = answer::store_error(error);
        if plain.kind() != StoreErrorKind::Unreachable {
            return plain;
        }
        match self.refusal().clone() {
            Some(refusal) => StoreError::new(StoreErrorKind::Refused, refusal),
            None => plain,
        }
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.config.server.is_clustered()
    }

    fn options(&self, limit: Duration) -> Options {
        // To fred, following a redirection is another attempt. A command that was in flight on a lost connection is not
        // sent again all the same, as it is one that fails fast.
        let redirections = if self.is_clustered() { 2 } else { 0 };
        Options {
            timeout: Some(limit),
            max_attempts: Some(1 + redirections),
            max_redirections: Some(redirections),
            fail_fast: true,
            ..Options::default()
        }
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refusal(&self) -> std::sync::MutexGuard<'_, Option<Box<str>>> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn keep(self: Arc<Self>, mut advice: Advice) {
        while self.run_client(&mut advice).await {
            // fred gave up, which it does for errors that it takes for lasting. Such a client stays broken.
            let fresh = client(self.config.clone());
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }

    /// Runs the present client until it ends. Says whether another is wanted.
    async fn run_client(&self, advice: &mut Advice) -> bool {
        let client = self.client();
        let (mut connections, mut errors) = (client.reconnect_rx(), client.error_rx());
        let mut running = client.connect();
        loop {
            tokio::select! {
                () = self.closing.notified() => {
                    quit(&client, &running).await;
                    return false;
                }
                ended = &mut running => {
                    if let Ok(Err(error)) = ended {
                        self.failed(&error);
                    }
                    break;
                }
                Ok(_) = connections.recv() => {
                    *self.refusal() = None;
                    if *advice == Advice::Wanted && advise(&client).await {
                        *advice = Advice::Given;
                    }
                }
                Ok((error, _)) = errors.recv() => self.failed(&error),
            }
        }
        tokio::select! {
            () = self.closing.notified() => false,
            () = sleep(BETWEEN_RENEWALS) => true,
        }
    }

    fn failed(&self, error: &Error) {
        if *error.kind() == ErrorKind::Auth {
            *self.refusal() = Some(error.details().into());
        }
        tracing::debug!("no connection to Redis: {error}");
    }
}

async fn advise(client: &Client) -> bool {
    // Not one that fails fast: fred announces a connection a moment before it lets those through.
    let patient = Options { timeout: Some(ADVICE_LIMIT), ..Options::default() };
    advice::give(&client.with_options(&patient)).await
}

async fn quit(client: &Client, running: &ConnectHandle) {
    // Whether or not the server hears of it, the task ends and closes its sockets.
    let _ = timeout(CONNECT_LIMIT, client.quit()).await;
    running.abort();
}

fn client(config: Config) -> Client {
    let performance =
        PerformanceConfig { default_command_timeout: CONNECT_LIMIT, ..PerformanceConfig::default() };
    let connection = ConnectionConfig {
        connection_timeout: CONNECT_LIMIT,
        internal_command_timeout: CONNECT_LIMIT,
        // What was sent twice may be done twice.
        max_command_attempts: 1,
        tcp: tcp(),
        ..ConnectionConfig::default()
    };
    // Without end: 5 ms at first, then up to 500 ms.
    let mut policy = ReconnectPolicy::new_exponential(0, 5, 500, 2);
    policy.set_jitter(25);
    Client::new(config, Some(performance), Some(connection), Some(policy))
}

fn tcp() -> TcpConfig {
    TcpConfig {
        nodelay: Some(true),
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        user_timeout: Some(UNACKNOWLEDGED),
        ..TcpConfig::default()
    }
}
