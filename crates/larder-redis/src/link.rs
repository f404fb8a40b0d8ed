//! One connection to Redis (to a cluster: one to each primary) that is kept up as long as the store lives.

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

/// How long making a connection, and each step of it, may take.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);

/// How long a question may take that nobody waits for.
const ADVICE_LIMIT: Duration = Duration::from_secs(2);

/// How long the end of all connections is waited for. Their tasks may have to end a question and to send `QUIT` first.
pub(crate) const CLOSE_LIMIT: Duration = ADVICE_LIMIT.saturating_add(CONNECT_LIMIT.saturating_mul(2));

/// Data that the peer's kernel has not acknowledged for this long ends the connection. Without it fred can hang in a
/// write to a peer that is gone.
const UNACKNOWLEDGED: Duration = Duration::from_secs(1);

/// The same for stored responses in a cluster. fred serves none of its nodes for as long as it cannot connect to one, so
/// a connection whose peer is out of reach is better kept: its circuit is open, and the other nodes are served. Longer
/// than it takes a cluster by default to promote a replica.
const UNACKNOWLEDGED_BY_ONE_OF_MANY: Duration = Duration::from_secs(30);

/// A connection is not renewed, and a client that gave up not replaced, more often than this.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(1);

/// A connection that is made, and made again, in the background.
pub(crate) struct Link {
    config: Config,
    runtime: Handle,
    client: RwLock<Client>,
    /// What was said when the server would not let us in, or we did not trust it, until that ends.
    refusal: Mutex<Option<Box<str>>>,
    /// Who wants to know which primary has which slots.
    health: Option<Arc<Health>>,
    renewing: AtomicBool,
    closing: Notify,
    closed: watch::Sender<bool>,
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

    /// Ends the connection, in the background. fred leaks the connections of clients that are merely dropped.
    pub(crate) fn close(&self) {
        self.closing.notify_one();
    }

    /// Ends the connection, and waits until it has ended: about half a second for a server that hangs.
    ///
    /// The task that ends it may be gone or stand still with its runtime. So this takes a limit: [`CLOSE_LIMIT`].
    pub(crate) async fn closed(&self) {
        self.close();
        // The sender is here, so that it does not fail.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// The client, for one command that has to end within `limit`, and at once if there is no connection.
    pub(crate) fn within(&self, limit: Duration) -> WithOptions<Client> {
        self.with(&self.options(limit))
    }

    /// The same for a custom command, whose key stands at `key` in its arguments. What a `CustomCommand` says of that
    /// itself is ignored by fred, and a cluster's wrong node is asked.
    pub(crate) fn within_at(&self, limit: Duration, key: usize) -> WithOptions<Client> {
        let options = Options { cluster_hash: Some(ClusterHash::Offset(key)), ..self.options(limit) };
        self.with(&options)
    }

    /// The client, for commands with these options.
    pub(crate) fn with(&self, options: &Options) -> WithOptions<Client> {
        self.client().with_options(options)
    }

    /// Whether it leads to a cluster.
    pub(crate) fn is_clustered(&self) -> bool {
        self.config.server.is_clustered()
    }

    /// The nodes that have stored responses: the primaries of a cluster in a fixed order, or the one server, unnamed.
    pub(crate) fn primaries(&self) -> Vec<Option<Server>> {
        if !self.is_clustered() {
            return vec![None];
        }
        let routing = self.client().cached_cluster_state();
        routing.iter().flat_map(ClusterRouting::unique_primary_nodes).map(Some).collect()
    }

    /// Connects anew to what the address, or the sentinels, now call the primary. A cluster tells of a successor itself.
    pub(crate) fn ask_for_the_primary(self: &Arc<Self>) {
        if !self.config.server.is_clustered() {
            self.renew();
        }
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
            link.renewed().await;
        });
    }

    /// Leaves a node that hangs: by a new connection, or, in a cluster, for the node that has taken its place.
    ///
    /// fred has one task for all nodes of a cluster, which serves none of them while it connects to one. As long as there
    /// is no other to go to, the connections stay as they are.
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

    /// The store's error for fred's. A server that does not let us in, or is not trusted, looks like one that is away: here is
    /// the difference.
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

    /// Options for one command: it has to end within `limit`, and at once if there is no connection.
    pub(crate) fn options(&self, limit: Duration) -> Options {
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
            let fresh = client(self.config.clone(), patience(self.health.as_ref()));
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
        self.closed.send_replace(true);
    }

    /// Runs the present client until it ends. Says whether another is wanted.
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
                // Whether it is told what changed or that it was late: what is asked for is what is.
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

/// Why we are kept out, if it is a matter of passwords or certificates: those do not mend themselves.
fn refusal(error: &Error) -> Option<Box<str>> {
    #[cfg(feature = "tls")]
    if let Some(why) = crate::tls::distrust(error.details()) {
        return Some(why.into());
    }
    (*error.kind() == ErrorKind::Auth).then(|| error.details().into())
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

/// For how long data may go unacknowledged.
fn patience(health: Option<&Arc<Health>>) -> Duration {
    // Who wants to know the nodes has a circuit for each.
    if health.is_some() { UNACKNOWLEDGED_BY_ONE_OF_MANY } else { UNACKNOWLEDGED }
}

fn client(config: Config, unacknowledged: Duration) -> Client {
    let performance =
        PerformanceConfig { default_command_timeout: CONNECT_LIMIT, ..PerformanceConfig::default() };
    let connection = ConnectionConfig {
        connection_timeout: CONNECT_LIMIT,
        internal_command_timeout: CONNECT_LIMIT,
        // What was sent twice may be done twice.
        max_command_attempts: 1,
        tcp: tcp(unacknowledged),
        ..ConnectionConfig::default()
    };
    // Without end: 5 ms at first, then up to 500 ms.
    let mut policy = ReconnectPolicy::new_exponential(0, 5, 500, 2);
    policy.set_jitter(25);
    Client::new(config, Some(performance), Some(connection), Some(policy))
}

#[cfg_attr(
    not(any(target_os = "android", target_os = "fuchsia", target_os = "linux")),
    allow(unused_variables) // There is no such option there.
)]
fn tcp(unacknowledged: Duration) -> TcpConfig {
    TcpConfig {
        nodelay: Some(true),
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        user_timeout: Some(unacknowledged),
        ..TcpConfig::default()
    }
}
