//! The builder of servers, clusters and sentinel deployments.

use std::io;

#[cfg(feature = "tls")]
use super::authority::CertificateAuthority;
use super::cluster::RedisCluster;
use super::sentinel::RedisSentinel;
use super::server::{RedisServer, blocking};
use super::settings::Settings;

/// Settings of a [`RedisServer`], [`RedisCluster`] or [`RedisSentinel`] that is not started yet.
///
/// The settings of a cluster or a sentinel deployment apply to each of its servers.
#[derive(Debug, Clone, Default)]
pub struct RedisBuilder {
    settings: Settings,
}

impl RedisServer {
    /// Returns a builder with the default settings of a server.
    #[must_use]
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }
}

impl RedisBuilder {
    /// Adds a line of `redis.conf`, such as `maxmemory 10mb`.
    ///
    /// Later lines override earlier ones and the defaults.
    #[must_use]
    pub fn config(self, line: impl Into<String>) -> Self {
        Self { settings: self.settings.config(line) }
    }

    /// Requires this password from all clients but ACL users.
    ///
    /// [`RedisServer::url`] contains the password. It may have letters and digits only.
    #[must_use]
    pub fn password(self, password: impl Into<String>) -> Self {
        Self { settings: self.settings.password(password) }
    }

    /// Adds an ACL user in Redis's own syntax: `app on >secret ~larder:* +@all`.
    #[must_use]
    pub fn user(self, rule: &str) -> Self {
        Self { settings: self.settings.user(rule) }
    }

    /// Makes the server a replica of `primary`. Starting then waits until it is in sync.
    #[must_use]
    pub fn replica_of(self, primary: &RedisServer) -> Self {
        let address = primary.address();
        let replica = self.config(format!("replicaof {} {}", address.ip(), address.port()));
        match primary.settings().secret() {
            Some(password) => replica.config(format!("masterauth {password}")),
            None => replica,
        }
    }

    /// Makes the server speak only TLS, with a certificate from this authority.
    ///
    /// The certificate is for `localhost` and 127.0.0.1. [`RedisServer::url`] then begins with
    /// `rediss://`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, authority: &CertificateAuthority) -> Self {
        Self { settings: self.settings.identity(authority.server()) }
    }

    /// Starts the server on a free port, and waits until it answers.
    ///
    /// # Errors
    ///
    /// Returns [`io::ErrorKind::NotFound`] if there is no `redis-server` on the `PATH`. If the
    /// server does not start with these settings, or is not ready within thirty seconds, the error
    /// contains what it logged.
    pub async fn start(self) -> io::Result<RedisServer> {
        blocking(move || RedisServer::start_blocking(&self.settings)).await
    }

    /// Starts a cluster of servers with these settings: three primaries, each with a replica.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`start`](Self::start), and an error if the servers have not
    /// become a cluster within a minute.
    pub async fn start_cluster(self) -> io::Result<RedisCluster> {
        blocking(move || RedisCluster::start_blocking(self.settings)).await
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
        blocking(move || RedisSentinel::start_blocking(self.settings, replicas)).await
    }
}
