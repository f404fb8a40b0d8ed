//! A connection to Redis that reconnects for as long as the store lives.
//!
//! In a cluster, it consists of one connection to each primary.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, ClusterInterface, EventInterface};
use fred::types::cluster::ClusterRouting;
use fred::types::config::{Config, Options, Server};
use fred::types::{ClusterHash, ConnectHandle};
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use crate::config_check::{self, ConfigCheck};
use crate::failover;
use crate::fred_client::{CONNECT_LIMIT, new_client};
use crate::health::Health;
use crate::home::Home;
use crate::reply;

/// The time limit for a command that no caller waits for.
const ADVICE_LIMIT: Duration = Duration::from_secs(2);

/// The maximum time to wait until all connections have ended.
///
/// The task of each connection may first have to finish a command and then send `QUIT`.
pub(crate) const CLOSE_LIMIT: Duration = ADVICE_LIMIT.saturating_add(CONNECT_LIMIT.saturating_mul(2));

/// The minimum time between two renewals of a connection or two replacements of its client.
///
/// A client that gives up is replaced with a new one.
const BETWEEN_RENEWALS: Duration = Duration::from_secs(1);

/// A connection that a background task establishes, and re-establishes after a loss.
pub(crate) struct Connection {
    config: Config,
    home: Arc<Home>,
    /// The task that runs the client. It ends with its runtime.
    task: Mutex<Option<AbortHandle>>,
    client: RwLock<Client>,
    /// The reason why the server rejects this client, or why the client does not trust the server.
    ///
    /// `None` again once a connection is up.
    refusal: Mutex<Option<Box<str>>>,
    /// Receives the current slots of each primary. Set only for stored responses in a cluster.
    health: Option<Arc<Health>>,
    renewing: AtomicBool,
    closing: Notify,
    closed: watch::Sender<bool>,
}

impl Connection {
    /// Opens a connection in the background.
    ///
    /// The connection is established at once, and re-established until it is closed.
    pub(crate) fn open(
        config: Config,
        home: &Arc<Home>,
        advice: ConfigCheck,
        health: Option<Arc<Health>>,
    ) -> Arc<Self> {
        let link = Arc::new(Self {
            client: RwLock::new(new_client(config.clone(), health.as_ref())),
            config,
            home: Arc::clone(home),
            task: Mutex::new(None),
            refusal: Mutex::new(None),
            health,
            renewing: AtomicBool::new(false),
            closing: Notify::new(),
            closed: watch::Sender::new(false),
        });
        link.start(advice);
        link
    }

    fn start(self: &Arc<Self>, advice: ConfigCheck) {
        let task = self.home.runtime().spawn(Arc::clone(self).run(advice));
        *self.task() = Some(task.abort_handle());
    }

    /// Whether the connection has ended with its runtime, and was not closed.
    pub(crate) fn is_orphaned(&self) -> bool {
        !*self.closed.borrow() && self.task().as_ref().is_some_and(AbortHandle::is_finished)
    }

    /// Connects again, on the present runtime, with a new client.
    ///
    /// The tasks of the old client have ended, and a client cannot be started twice.
    pub(crate) fn restart(self: &Arc<Self>) {
        self.replace_client();
        self.renewing.store(false, Ordering::Relaxed);
        self.start(ConfigCheck::Done);
    }

    fn task(&self) -> MutexGuard<'_, Option<AbortHandle>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection in the background.
    ///
    /// Dropping a client is not enough, because fred then leaks its connections.
    pub(crate) fn close(&self) {
        self.closing.notify_one();
    }

    /// Ends the connection, and waits until it has ended.
    ///
    /// This takes about half a second for a server that hangs. It can wait forever if the task that
    /// ends the connection is gone, or if its runtime no longer runs. So the caller has to apply a
    /// time limit: [`CLOSE_LIMIT`].
    pub(crate) async fn closed(&self) {
        self.close();
        // This cannot fail, because `self` owns the sender.
        let _ = self.closed.subscribe().wait_for(|closed| *closed).await;
    }

    /// Whether the connection is up, as far as this process knows.
    pub(crate) fn is_connected(&self) -> bool {
        self.client().is_connected()
    }

    /// Returns the client for one command that has to end within `limit`.
    ///
    /// The command fails at once if there is no connection.
    pub(crate) fn within(&self, limit: Duration) -> WithOptions<Client> {
        self.with(&self.options(limit))
    }

    /// Returns the same client for a custom command whose key is argument number `key`.
    ///
    /// fred ignores the key position in a `CustomCommand`. Without this method, it would send the
    /// command to the wrong node of a cluster.
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
    /// In a cluster, these are the primaries, in a fixed order. Outside a cluster, the only element
    /// is `None`, which stands for the one server.
    pub(crate) fn primaries(&self) -> Vec<Option<Server>> {
        if !self.is_clustered() {
            return vec![None];
        }
        let routing = self.client().cached_cluster_state();
        routing.iter().flat_map(ClusterRouting::unique_primary_nodes).map(Some).collect()
    }

    /// Reconnects to the server that is now the primary, according to the address or the sentinels.
    ///
    /// Does nothing in a cluster, because the nodes of a cluster announce a new primary themselves.
    pub(crate) fn rediscover_primary(self: &Arc<Self>) {
        if !self.config.server.is_clustered() {
            self.reconnect();
        }
    }

    /// Replaces the connection with a new one, in the background.
    ///
    /// Call this if the peer hangs or is no longer the primary.
    pub(crate) fn reconnect(self: &Arc<Self>) {
        if !self.is_connected() || self.renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let link = Arc::clone(self);
        self.home.runtime().spawn(async move {
            let client = link.client();
            // An error means that fred is already reconnecting.
            let _ = timeout(BETWEEN_RENEWALS, client.force_reconnection()).await;
            link.renewed().await;
        });
    }

    /// Abandons a node that hangs.
    ///
    /// Outside a cluster, this replaces the connection. In a cluster, it connects to the node that
    /// has replaced the hung one.
    ///
    /// fred runs one task for all nodes of a cluster. While this task connects to one node, it
    /// serves none of the others. So the connections are not changed until the hung node has been
    /// replaced.
    pub(crate) fn abandon_node(self: &Arc<Self>, node: Option<Server>) {
        let Some(node) = node else {
            return self.reconnect();
        };
        if self.renewing.swap(true, Ordering::Relaxed) {
            return;
        }
        let link = Arc::clone(self);
        self.home.runtime().spawn(async move {
            if failover::was_replaced(&node, &link.within(CONNECT_LIMIT)).await {
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
    /// fred reports a server that rejects this client, or that the client does not trust, as
    /// unreachable. This method returns [`StoreErrorKind::Refused`] for such a server.
    pub(crate) fn to_store_error(&self, error: &Error) -> StoreError {
        let plain = reply::store_error(error);
        if plain.kind() != StoreErrorKind::Unreachable {
            return plain;
        }
        match self.rejection().clone() {
            Some(refusal) => StoreError::new(StoreErrorKind::Refused, refusal),
            None => plain,
        }
    }

    /// Returns options for one command that has to end within `limit`.
    ///
    /// The command fails at once if there is no connection.
    pub(crate) fn options(&self, limit: Duration) -> Options {
        // fred counts a redirection as another attempt. Because of `fail_fast`, it still does not
        // resend a command that was in flight on a lost connection.
        let redirections = if self.is_clustered() { 2 } else { 0 };
        Options {
            timeout: Some(limit),
            max_attempts: Some(1 + redirections),
            max_redirections: Some(redirections),
            fail_fast: true,
            ..Options::default()
        }
    }

    fn replace_client(&self) {
        let fresh = new_client(self.config.clone(), self.health.as_ref());
        *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    fn client(&self) -> Client {
        self.client.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn rejection(&self) -> MutexGuard<'_, Option<Box<str>>> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn run(self: Arc<Self>, mut advice: ConfigCheck) {
        while self.run_client(&mut advice).await {
            // fred gives up after an error that it considers permanent. The client is then
            // unusable, so a new one replaces it.
            self.replace_client();
        }
        self.closed.send_replace(true);
    }

    /// Runs the current client until it ends. Returns whether another one is needed.
    async fn run_client(&self, advice: &mut ConfigCheck) -> bool {
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
                    *self.rejection() = None;
                    if *advice == ConfigCheck::Pending && advise(&client).await {
                        *advice = ConfigCheck::Done;
                    }
                }
                Ok((error, _)) = errors.recv() => self.failed(&error),
                // The content of the message does not matter, and neither does a missed message:
                // `publish_routing` reads the current state from the client.
                _ = changes.recv(), if self.health.is_some() => self.publish_routing(&client),
            }
        }
        tokio::select! {
            () = self.closing.notified() => false,
            () = sleep(BETWEEN_RENEWALS) => true,
        }
    }

    fn publish_routing(&self, client: &Client) {
        if let Some(health) = &self.health {
            health.take_routing(client.cached_cluster_state());
        }
    }

    fn failed(&self, error: &Error) {
        if let Some(refusal) = rejected_by_server(error) {
            *self.rejection() = Some(refusal);
        }
        tracing::debug!("no connection to Redis: {error}");
    }
}

/// Returns the reason if the error is due to a password or a certificate.
///
/// Such a problem does not go away by itself.
fn rejected_by_server(error: &Error) -> Option<Box<str>> {
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
    config_check::warn_about_memory(&client.with_options(&patient)).await
}

async fn quit(client: &Client, running: &ConnectHandle) {
    // While a connection is being opened, fred would keep `QUIT` until it is open.
    if client.is_connected() {
        let _ = timeout(CONNECT_LIMIT, client.quit()).await;
    }
    // This ends the task and closes its sockets, even if the server does not receive `QUIT`.
    running.abort();
}
