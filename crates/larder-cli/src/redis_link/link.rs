//! Opens a connection, and sends commands that end in time.

use std::time::Duration;

use fred::clients::{Client, WithOptions};
use fred::error::{Error, ErrorKind};
use fred::interfaces::{ClientLike, ClusterInterface};
use fred::types::cluster::ClusterRouting;
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, Server, ServerConfig, TcpConfig, TlsConfig,
    TlsConnector,
};
use fred::types::{ClusterHash, CustomCommand, Value};
use tokio::time::{Instant, timeout};

use crate::cli_error::CliError;
use crate::target::{RedisTarget, is_loopback};
use crate::transport::tls;

/// A connection to a Redis, or one to each primary of a cluster. It never connects again.
pub(crate) struct Link {
    client: Client,
    config: Config,
    /// The limit of one command.
    limit: Duration,
    /// From then on, every command fails at once.
    deadline: Instant,
}

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkError {
    /// The server answered with this error.
    Refused(String),
    /// There was no answer in time, or no connection.
    Silent(String),
}

impl LinkError {
    /// Returns the error as it is shown.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Refused(text) | Self::Silent(text) => text,
        }
    }
}

impl Link {
    /// Connects. All commands together have `total`, and each of them at most `limit`.
    pub(crate) async fn open(
        target: &RedisTarget,
        limit: Duration,
        total: Duration,
    ) -> Result<Self, CliError> {
        let config = config(target)?;
        let client = connect(target, limit).await?;
        Ok(Self { client, config, limit, deadline: Instant::now() + total })
    }

    /// Sends a command that no key belongs to.
    pub(crate) async fn send(&self, words: &[&str]) -> Result<Value, LinkError> {
        self.send_with(Options::default(), words).await
    }

    /// Sends a command to the server that has this key.
    pub(crate) async fn send_for(&self, key: &str, words: &[&str]) -> Result<Value, LinkError> {
        let slot = ClusterRouting::hash_key(key.as_bytes());
        let options = Options { cluster_hash: Some(ClusterHash::Custom(slot)), ..Options::default() };
        self.send_with(options, words).await
    }

    /// Sends a command to one of [`nodes`](Self::nodes).
    pub(crate) async fn send_to(&self, node: Option<&Server>, words: &[&str]) -> Result<Value, LinkError> {
        self.send_with(Options { cluster_node: node.cloned(), ..Options::default() }, words).await
    }

    async fn send_with(&self, options: Options, words: &[&str]) -> Result<Value, LinkError> {
        let left = self.deadline.saturating_duration_since(Instant::now()).min(self.limit);
        let Some((name, arguments)) = words.split_first().filter(|_| !left.is_zero()) else {
            return Err(LinkError::Silent("the time for this command is over".to_owned()));
        };
        let redirections = if self.is_clustered() { 2 } else { 0 };
        let options = Options {
            timeout: Some(left),
            max_attempts: Some(1 + redirections),
            max_redirections: Some(redirections),
            fail_fast: true,
            ..options
        };
        let client: WithOptions<Client> = self.client.with_options(&options);
        let command = CustomCommand::new(*name, ClusterHash::Random, false);
        let arguments: Vec<Value> = arguments.iter().map(|word| Value::from(*word)).collect();
        // A connection that the server does not read from keeps fred from noticing its own limit.
        match timeout(left + Duration::from_millis(100), client.custom(command, arguments)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(link_error(&error)),
            Err(_) => Err(LinkError::Silent("Request timed out.".to_owned())),
        }
    }

    /// Returns the primaries of a cluster. Otherwise, the only element stands for the one server.
    pub(crate) fn nodes(&self) -> Vec<Option<Server>> {
        if !self.is_clustered() {
            return vec![None];
        }
        let routing = self.client.cached_cluster_state();
        routing.iter().flat_map(ClusterRouting::unique_primary_nodes).map(Some).collect()
    }

    /// Returns the host and the port of a node, or else of the URL.
    pub(crate) fn address(&self, node: Option<&Server>) -> String {
        match node {
            Some(node) => node.to_string(),
            None => self.config.server.hosts().first().map(ToString::to_string).unwrap_or_default(),
        }
    }

    pub(crate) fn is_clustered(&self) -> bool {
        self.config.server.is_clustered()
    }

    pub(crate) fn is_behind_sentinel(&self) -> bool {
        matches!(self.config.server, ServerConfig::Sentinel { .. })
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.config.tls.is_some()
    }

    /// Returns the name of the user of the URL.
    pub(crate) fn user(&self) -> Option<&str> {
        self.config.username.as_deref()
    }

    pub(crate) fn has_credentials(&self) -> bool {
        self.config.password.is_some()
    }

    /// Whether all servers of the URL are on this machine.
    pub(crate) fn is_local(&self) -> bool {
        is_local(&self.config.server)
    }

    /// Ends the connection. fred leaks one that is only dropped.
    pub(crate) async fn close(self) {
        let _ = timeout(Duration::from_millis(500), self.client.quit()).await;
    }
}

/// Connects a client whose commands have this limit.
pub(crate) async fn connect(target: &RedisTarget, limit: Duration) -> Result<Client, CliError> {
    let performance = PerformanceConfig { default_command_timeout: limit, ..PerformanceConfig::default() };
    let connection = ConnectionConfig {
        connection_timeout: target.timeout,
        internal_command_timeout: target.timeout,
        max_command_attempts: 1,
        tcp: TcpConfig { nodelay: Some(true), ..TcpConfig::default() },
        ..ConnectionConfig::default()
    };
    let client = Client::new(config(target)?, Some(performance), Some(connection), None);
    let shown = target.shown_url();
    match timeout(target.timeout, client.init()).await {
        Ok(Ok(_)) => Ok(client),
        Ok(Err(error)) => Err(connect_error(&shown, &error)),
        Err(_) => Err(CliError::unreachable(format!("{shown} does not answer within {:?}", target.timeout))),
    }
}

/// Whether all servers of a target are on this machine, by their names alone.
pub(crate) fn target_is_local(target: &RedisTarget) -> Result<bool, CliError> {
    Ok(is_local(&config(target)?.server))
}

fn is_local(server: &ServerConfig) -> bool {
    match server {
        ServerConfig::Unix { .. } => true,
        server => server.hosts().iter().all(|server| is_loopback(&server.host)),
    }
}

fn config(target: &RedisTarget) -> Result<Config, CliError> {
    let url = target.url.reveal();
    let (plain, has_tls) = match url.strip_prefix("rediss") {
        Some(rest) => (format!("redis{rest}"), true),
        None => (url.to_owned(), false),
    };
    let known = ["redis://", "redis-cluster://", "redis-sentinel://", "redis+unix://"];
    if !known.iter().any(|scheme| plain.starts_with(scheme)) {
        return Err(CliError::usage(format!("`{}` is no Redis URL", target.shown_url())));
    }
    let config = Config::from_url(&plain).map_err(|error| {
        CliError::usage(format!("`{}` is no Redis URL: {}", target.shown_url(), error.details()))
    })?;
    let tls = has_tls.then(|| tls::config(target.ca_pem.as_deref())).transpose()?;
    // fred's own setup lets rustls choose the cryptography, which panics in a program with two.
    let tls = tls.map(|tls| TlsConfig::from(TlsConnector::from(tls)));
    Ok(Config { tls, fail_fast: true, ..config })
}

fn connect_error(shown: &str, error: &Error) -> CliError {
    let text = format!("{shown} cannot be used: {}", error.details());
    match error.kind() {
        ErrorKind::Auth => CliError::refused(text),
        _ => CliError::unreachable(text),
    }
}

/// fred reports the errors of a server under several kinds. Their texts begin with a word in
/// capitals.
fn link_error(error: &Error) -> LinkError {
    let text = error.details().to_owned();
    let word = text.split(' ').next().unwrap_or_default();
    let is_reply = word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    match error.kind() {
        ErrorKind::Timeout | ErrorKind::IO | ErrorKind::Canceled | ErrorKind::Backpressure => {
            LinkError::Silent(text)
        }
        ErrorKind::Auth | ErrorKind::InvalidArgument | ErrorKind::InvalidCommand | ErrorKind::NotFound => {
            LinkError::Refused(text)
        }
        _ if is_reply => LinkError::Refused(text),
        _ => LinkError::Silent(text),
    }
}
