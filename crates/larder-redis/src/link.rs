//! A connection to Redis that is kept up as long as the store lives.
//!
//! To a cluster, it is one connection to each primary.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, ClusterInterface, EventInterface};
use fred::types::cluster::ClusterRouting;
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, Server, TcpConfig,
};
use fred::types::{ClusterHash, ConnectHandle};
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::advice;
use crate::answer;
use crate::health::Health;
use crate::successor;

/// The time limit for establishing a connection, and for each step of it.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// The time limit for a command that no caller waits for.
const ADVICE_LIMIT: Duration = Duration::from_secs(2);

/// The maximum wait for the end of all connections.
///
/// Their tasks may first have to finish a command and to send `QUIT`.
pub(crate) const CLOSE_LIMIT: Duration = ADVICE_LIMIT.saturating_add(CONNECT_LIMIT.saturating_mul(2));

/// The time after which a connection ends if the peer's kernel has not acknowledged its data.
///
/// Without this limit, fred can hang in a write to a peer that is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);

/// The same limit for stored responses in a cluster.
///
/// fred serves none of a cluster's nodes while it cannot connect to one of them. So it is better to
/// keep the connection to a peer that is out of reach: the circuit of that peer is open, and the
/// other nodes are served. The limit is longer than a cluster takes by default to promote a
/// replica.
const UNACKNOWLEDGED_BY_ONE_OF_MANY: Duration = Duration::from_secs(30);

/// The minimum time between two renewals of a connection, or two replacements of its client.
///
/// A client is replaced after it gave up.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(1);

/// A connection that is established, and established again after a loss, in the background.
pub(crate) struct Link {
    config: Config,
    runtime: Handle,
    client: RwLock<Client>,
    /// The reason why the server rejects this client, or why it is not trusted, until that ends.
    refusal: Mutex<Option<Box<str>>>,
    /// Gets the current slots of each primary. Set only for stored responses in a cluster.
    health: Option<Arc<Health>>,
    renewing: AtomicBool,
    closing: Notify,
    closed: watch::Sender<bool>,
}

/// Whether a connection still has to check the server's memory settings.
///
/// The check runs once the connection is up, and warns of bad settings. Only one of a store's
/// connections does it, so that each warning is given once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advice {
    Wanted,
    Given,
}

impl Link {
    /// Opens a connection in the background, on `runtime`.
    ///
    /// It begins to connect at once, and reconnects until it is closed.
    pub(crate) fn open(
        config: Config,
        runtime: &Handle,
        advice: Advice,
        health: Option<Arc<Health>>,
    ) -> Arc<Self> {
        let link = Arc::new(Self {
            client: RwLock::new(client(config.clone(), patience(health.as_ref()))),
            config,
            runtime: runtime.clone(),
            refusal: Mutex::new(None),
            health,
            renewing: AtomicBool::new(false),
            closing: Notify::new(),
            closed: watch::Sender::new(false),
        });
        runtime.spawn(Arc::clone(&link).keep(advice));
        link
    }

    /// Ends the connection in the background.
    ///
    /// fred leaks the connections of clients that are only dropped.
    pub(crate) fn close(&self) {
        self.closing.notify_one();
    }

    /// Ends the connection, and waits until it has ended.
    ///
    /// This takes about half a second for a server that hangs. The task that ends the connection
    /// may be gone, or may stand still with its runtime. So the caller needs a time limit:
    /// [`CLOSE_LIMIT`].
    pub(crate) async fn closed(&self) {
        self.close();
        // This cannot fail, because `self` owns the sender.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Returns the client for one command that has to end within `limit`.
    ///
    /// The command fails at once if there is no connection.
    pub(crate) fn within(&self, limit: Duration) -> WithOptions<Client> {
        self.with(&self.options(limit))
    }

    /// Returns the same client for a custom command whose key is argument number `key`.
    ///
    /// fred ignores the position of the key in a `CustomCommand`, and would send the command to the
    /// wrong node of a cluster.
    pub(crate) fn within_at(&self, limit: Duration, key: usize) -> WithOptions<Client> {
        let options = Options { cluster_hash: Some(ClusterHash::Offset(key)), ..self.options(limit) };
        self.with(&options)
    }

    /// Returns the client for commands with these options.
    pub(crate) fn with(&self, options: &Options) -> WithOptions<Client> {
        self.client().with_options(options)
    }

    /// Whether the connection leads to a cluster.
    pub(crate) fn is_clustered(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// Returns the nodes that have stored responses.
    ///
    /// These are the primaries of a cluster, in a fixed order. Outside a cluster it is the one
    /// server, as `None`.
    pub(crate) fn primaries(&self) -> Vec<Option<Server>> {
        if !self.is_clustered() {
            return vec![None];
        }
        let routing = self.client().cached_cluster_state();
        routing.iter().flat_map(ClusterRouting::unique_primary_nodes).map(Some).collect()
    }

    /// Connects to the server that the address, or the sentinels, now call the primary.
    ///
    /// Does nothing in a cluster, because a cluster reports a successor itself.
    pub(crate) fn ask_for_the_primary(self: &Arc<Self>) {
        if !self.config.server.is_clustered() {
            self.renew();
        }
    }

    /// Replaces the connection with a new one, in the background.
    ///
    /// This is for a peer that hangs, or that is no longer the primary.
    pub(crate) fn renew(self: &Arc<Self>) {
        if !self.client().is_connected() || self.renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let link = Arc::clone(self);
        self.runtime.spawn(async move {
            let client = link.client();
            // An error means that fred is reconnecting already.
            let _ = timeout(BETWEEN_RENEWALS, client.force_reconnection()).await;
            link.renewed().await;
        });
    }

    /// Abandons a node that hangs.
    ///
    /// Outside a cluster, this replaces the connection. In a cluster, it moves to the node that has
    /// replaced the hung one.
    ///
    /// fred has one task for all nodes of a cluster, which serves none of them while it connects to
    /// one. So the connections stay as they are until there is another node to go to.
    pub(crate) fn leave(self: &Arc<Self>, node: Option<Server>) {
        let Some(node) = node else {
            return self.renew();
        };
        if self.renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let link = Arc::clone(self);
        self.runtime.spawn(async move {
            if successor::has(&node, &link.within(CONNECT_LIMIT)).await {
                let client = link.client();
                let _ = timeout(BETWEEN_RENEWALS, client.sync_cluster()).await;
            }
            link.renewed().await;
        });
    }

    async fn renewed(&self) {
        sleep(BETWEEN_RENEWALS).await;
        self.renewing.store(false, Ordering::Relaxed);
    }

    /// Converts fred's error into the store's.
    ///
    /// To fred, a server that rejects this client, or that is not trusted, looks like an
    /// unreachable one. This method distinguishes the two cases.
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

    /// Returns options for one command that has to end within `limit`.
    ///
    /// The command fails at once if there is no connection.
    pub(crate) fn options(&self, limit: Duration) -> Options {
        // fred counts a redirection as another attempt. A command in flight on a lost connection is
        // still not sent again, because it has `fail_fast`.
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
            // fred gave up, as it does after errors that it considers permanent. Such a client
            // stays broken.
            let fresh = client(self.config.clone(), patience(self.health.as_ref()));
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        self.closed.send_replace(true);
    }

    /// Runs the current client until it ends. Returns whether another one is needed.
    async fn run_client(&self, advice: &mut Advice) -> bool {
        let client = self.client();
        let (mut connections, mut errors) = (client.reconnect_rx(), client.error_rx());
        let mut changes = client.cluster_change_rx();
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
                // The message itself does not matter, and a missed one does no harm: this passes on
                // the current state.
                _ = changes.recv(), if self.health.is_some() => self.tell_routing(&client),
            }
        }
        tokio::select! {
            () = self.closing.notified() => false,
            () = sleep(BETWEEN_RENEWALS) => true,
        }
    }

    fn tell_routing(&self, client: &Client) {
        if let Some(health) = &self.health {
            health.take_routing(client.cached_cluster_state());
        }
    }

    fn failed(&self, error: &Error) {
        if let Some(refusal) = refusal(error) {
            *self.refusal() = Some(refusal);
        }
        tracing::debug!("no connection to Redis: {error}");
    }
}

/// Returns the reason for a rejection that is due to a password or a certificate.
///
/// Such a problem does not go away by itself.
fn refusal(error: &Error) -> Option<Box<str>> {
    #[cfg(feature = "tls")]
    if let Some(why) = crate::tls::distrust(error.details()) {
        return Some(why.into());
    }
    (*error.kind() == ErrorKind::Auth).then(|| error.details().into())
}

async fn advise(client: &Client) -> bool {
    // `fail_fast` is off: fred announces a connection a moment before it lets commands with
    // `fail_fast` through.
    let patient = Options { timeout: Some(ADVICE_LIMIT), ..Options::default() };
    advice::give(&client.with_options(&patient)).await
}

async fn quit(client: &Client, running: &ConnectHandle) {
    // Even if the server does not get the `QUIT`, the task ends and closes its sockets.
    let _ = timeout(CONNECT_LIMIT, client.quit()).await;
    running.abort();
}

/// Returns how long data may stay unacknowledged.
fn patience(health: Option<&Arc<Health>>) -> Duration {
    // A connection with `health` has a circuit for each node.
    if health.is_some() { UNACKNOWLEDGED_BY_ONE_OF_MANY } else { UNACKNOWLEDGED }
}

fn client(config: Config, unacknowledged: Duration) -> Client {
    let performance =
        PerformanceConfig { default_command_timeout: CONNECT_LIMIT, ..PerformanceConfig::default() };
    let connection = ConnectionConfig {
        connection_timeout: CONNECT_LIMIT,
        internal_command_timeout: CONNECT_LIMIT,
        // A command that is sent twice may be executed twice.
        max_command_attempts: 1,
        tcp: tcp(unacknowledged),
        ..ConnectionConfig::default()
    };
    // Unlimited attempts: after 5 ms at first, then after up to 500 ms.
    let mut policy = ReconnectPolicy::new_exponential(0, 5, 500, 2);
    policy.set_jitter(25);
    Client::new(config, Some(performance), Some(connection), Some(policy))
}

#[cfg_attr(
    not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")),
    allow(unused_variables) // Other systems have no such option.
)]
fn tcp(unacknowledged: Duration) -> TcpConfig {
    TcpConfig {
        nodelay: Some(true),
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        user_timeout: Some(unacknowledged),
        ..TcpConfig::default()
    }
}
