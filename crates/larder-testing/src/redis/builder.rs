//! The settings with which a server is started.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use super::authority::{CertificateAuthority, Identity};
use super::cluster::{self, RedisCluster};
use super::config::{self, Ports};
use super::process::Process;
use super::resp::Door;
use super::scratch::Scratch;
use super::sentinel::{self, RedisSentinel};
use super::server::{RedisServer, blocking};

/// The maximum number of attempts, if ports that looked free turn out to be taken.
const ATTEMPTS: u32 = 10;

/// Settings of a [`RedisServer`], [`RedisCluster`] or [`RedisSentinel`] that is not started yet.
///
/// The settings of a cluster or a sentinel deployment apply to each of its servers.
#[derive(Debug, Clone, Default)]
pub struct RedisBuilder {
    lines: Vec<String>,
    password: Option<String>,
    part: Part,
    #[cfg(feature = "tls")]
    identity: Option<Arc<Identity>>,
}

/// The role of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Part {
    #[default]
    Server,
    ClusterNode,
    Sentinel,
}

impl RedisBuilder {
    /// Adds a line of `redis.conf`, such as `maxmemory 10mb`.
    ///
    /// Later lines override earlier ones and the defaults.
    #[must_use]
    pub fn config(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Requires this password from all clients but ACL users.
    ///
    /// [`RedisServer::url`] contains the password. It may have letters and digits only.
    #[must_use]
    pub fn password(mut self, password: impl Into<String>) -> Self {
        let password = password.into();
        self.lines.push(format!("requirepass {password}"));
        self.password = Some(password);
        self
    }

    /// Adds an ACL user in Redis's own syntax: `app on >secret ~larder:* +@all`.
    #[must_use]
    pub fn user(self, rule: &str) -> Self {
        self.config(format!("user {rule}"))
    }

    /// Makes the server a replica of `primary`. Starting then waits until it is in sync.
    #[must_use]
    pub fn replica_of(mut self, primary: &RedisServer) -> Self {
        let address = primary.address();
        self.lines.push(format!("replicaof {} {}", address.ip(), address.port()));
        if let Some(password) = primary.builder_of().secret() {
            self.lines.push(format!("masterauth {password}"));
        }
        self
    }

    /// Makes the server speak only TLS, with a certificate from this authority.
    ///
    /// The certificate is for `localhost` and 127.0.0.1. [`RedisServer::url`] then begins with
    /// `rediss://`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, authority: &CertificateAuthority) -> Self {
        self.identity = Some(authority.server());
        self
    }

    /// Starts the server on a free port, and waits until it answers.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::NotFound`] if there is no `redis-server` on the `PATH`. If the
    /// server does not start with these settings, or is not ready within thirty seconds, the error
    /// contains what it logged.
    pub async fn start(self) -> io::Result<RedisServer> {
        blocking(move || self.start_blocking()).await
    }

    /// Starts a cluster of servers with these settings: three primaries, each with a replica.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`start`](Self::start), and an error if the servers have not
    /// become a cluster within a minute.
    pub async fn start_cluster(self) -> io::Result<RedisCluster> {
        blocking(move || cluster::start(&self)).await
    }

    /// Starts a primary with these settings, its replicas, and three sentinels that watch them.
    ///
    /// `replicas` is the number of replicas. The servers have a password: `larder`, unless another
    /// one was set.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`start`](Self::start), and an error if the sentinels have not
    /// found all of the servers within a minute.
    pub async fn start_sentinel(self, replicas: usize) -> io::Result<RedisSentinel> {
        blocking(move || sentinel::start(&self, replicas)).await
    }

    pub(super) fn part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    pub(super) fn start_blocking(&self) -> io::Result<RedisServer> {
        let directory = Scratch::new()?;
        let mut attempt = 1;
        loop {
            let ports = Ports::choose()?;
            fs::write(config::file(directory.path()), self.config_for(&ports, directory.path())?)?;
            match self.ready(ports.main, directory.path()) {
                Ok(process) => return Ok(RedisServer::new(self.clone(), ports.main, directory, process)),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// Runs a server in a directory that has its configuration, and waits until it can be used.
    pub(super) fn ready(&self, address: SocketAddr, directory: &Path) -> io::Result<Process> {
        let arguments: &[&str] = if self.part == Part::Sentinel { &["--sentinel"] } else { &[] };
        let mut process = Process::spawn(directory, &config::file(directory), arguments)?;
        process.wait_until_ready(&self.door(address, directory), self.secret())?;
        Ok(process)
    }

    pub(super) fn secret(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// Returns a URL for this kind of deployment, such as `-cluster`, at these hosts.
    pub(super) fn url(&self, kind: &str, hosts: &str) -> String {
        let secure = if self.speaks_tls() { "s" } else { "" };
        let password = self.secret().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis{secure}{kind}://{password}{hosts}")
    }

    pub(super) fn door(&self, address: SocketAddr, directory: &Path) -> Door {
        if self.speaks_tls() { Door::Unix(config::socket(directory)) } else { Door::Tcp(address) }
    }

    #[cfg(feature = "tls")]
    fn speaks_tls(&self) -> bool {
        self.identity.is_some()
    }

    #[cfg(not(feature = "tls"))]
    fn speaks_tls(&self) -> bool {
        false
    }

    fn config_for(&self, ports: &Ports, directory: &Path) -> io::Result<String> {
        let mut lines = config::basics(self.part, ports, directory);
        #[cfg(feature = "tls")]
        if let Some(identity) = &self.identity {
            lines.extend(identity.config(ports.main.port(), directory)?);
        }
        lines.extend_from_slice(&self.lines);
        lines.push(String::new());
        Ok(lines.join("\n"))
    }
}
