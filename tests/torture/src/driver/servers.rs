//! The redis-servers: a primary, and two replicas that follow it through a proxy.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, bail};
use larder_testing::{Proxy, RedisServer};
use tokio::time::{Instant, sleep};

use crate::plan::Flush;

/// How long the servers may take to be in sync again.
const MAX_SYNC_TIME: Duration = Duration::from_secs(60);

const EVENTS: &str = "larder:{larder:log}:events";
const RECORD: &str = "larder:{larder:log}:incarnation";

pub(super) struct Servers {
    servers: [RedisServer; 3],
    primary: usize,
    /// The address that the replicas follow. It leads to the primary.
    replication: Proxy,
}

/// A deposed primary. It does not know that it is deposed if the link to its replicas is dead.
pub(super) struct Deposed {
    server: usize,
    /// If this proxy were dropped, the deposed primary would notice the loss of its replicas.
    _replication: Proxy,
}

impl Servers {
    /// Starts the servers. For a queue, they force each write to the disk.
    pub(super) async fn start(has_queue: bool) -> Result<Self> {
        let servers = [server(has_queue).await?, server(has_queue).await?, server(has_queue).await?];
        let replication = Proxy::start(servers[0].address())?;
        let servers = Self { servers, primary: 0, replication };
        servers.follow(1).await?;
        servers.follow(2).await?;
        servers.in_sync().await?;
        Ok(servers)
    }

    pub(super) const fn primary(&self) -> &RedisServer {
        &self.servers[self.primary]
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.primary().address()
    }

    /// Stops replication. The servers do not notice this immediately.
    pub(super) fn stop_replication(&self) {
        self.replication.blackhole();
    }

    /// Returns the replica that has the most of what the primary sent, as Sentinel chooses it.
    async fn most_advanced_replica(&self) -> Result<usize> {
        let (one, other) = ((self.primary + 1) % 3, (self.primary + 2) % 3);
        let ahead = self.offset(one).await? >= self.offset(other).await?;
        Ok(if ahead { one } else { other })
    }

    async fn offset(&self, replica: usize) -> Result<u64> {
        let info = self.servers[replica].command(&["INFO", "replication"]).await?;
        let field = |line: &str| line.strip_prefix("slave_repl_offset:")?.trim().parse().ok();
        let offset = info.as_str().and_then(|info| info.lines().find_map(field));
        Ok(offset.unwrap_or_default())
    }

    /// Makes one of the replicas the primary. The other replica follows it.
    pub(super) async fn promote(&mut self) -> Result<Deposed> {
        let deposed = self.primary;
        let promoted = self.most_advanced_replica().await?;
        self.servers[promoted].command(&["REPLICAOF", "NO", "ONE"]).await?;
        let replication = Proxy::start(self.servers[promoted].address())?;
        let replication = std::mem::replace(&mut self.replication, replication);
        self.primary = promoted;
        self.follow(3 - deposed - promoted).await?;
        Ok(Deposed { server: deposed, _replication: replication })
    }

    /// Whether the deposed primary still accepts writes.
    pub(super) async fn takes_writes(&self, deposed: &Deposed) -> bool {
        self.servers[deposed.server].command(&["SET", "torture:probe", "1"]).await.is_ok()
    }

    /// Brings the deposed primary back as a replica. Restarts it if it is dead.
    pub(super) async fn rejoin(&self, deposed: Deposed, is_dead: bool) -> Result<()> {
        if is_dead {
            self.servers[deposed.server].restart().await?;
        }
        self.follow(deposed.server).await
    }

    /// Restarts the primary after a kill, with its last dump or empty.
    pub(super) async fn restart(&self, with_dump: bool) -> Result<()> {
        if !with_dump {
            match fs::remove_file(self.primary().directory().join("dump.rdb")) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(self.primary().restart().await?)
    }

    pub(super) async fn flush(&self, what: Flush) {
        let command: Vec<String> = match what {
            Flush::All => vec!["FLUSHALL".into()],
            Flush::Events => vec!["DEL".into(), EVENTS.into()],
            Flush::Record => vec!["DEL".into(), RECORD.into()],
            Flush::Log => vec!["DEL".into(), EVENTS.into(), RECORD.into()],
            Flush::Trim(left) => vec!["XTRIM".into(), EVENTS.into(), "MAXLEN".into(), left.to_string()],
        };
        // A primary that has just lost its replicas refuses this command, like all writes.
        let _ = self.primary().command(&command).await;
    }

    /// Waits until the primary accepts writes and has both replicas.
    pub(super) async fn in_sync(&self) -> Result<()> {
        let begun = Instant::now();
        loop {
            let info = self.primary().command(&["INFO", "replication"]).await;
            let good = |info: &str| info.lines().any(|line| line == "min_slaves_good_slaves:2");
            match info {
                Ok(info) if info.as_str().is_some_and(good) => return Ok(()),
                _ if begun.elapsed() > MAX_SYNC_TIME => bail!("the servers do not get in sync: {info:?}"),
                _ => sleep(Duration::from_millis(10)).await,
            }
        }
    }

    async fn follow(&self, replica: usize) -> Result<()> {
        let address = self.replication.address();
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        self.servers[replica].command(&["REPLICAOF", &host, &port]).await?;
        Ok(())
    }
}

/// Starts a server with the settings that the bound requires: a primary without replicas accepts no
/// writes.
async fn server(has_queue: bool) -> Result<RedisServer> {
    let mut builder = RedisServer::builder()
        .config("min-replicas-to-write 1")
        .config("min-replicas-max-lag 2")
        .config("repl-diskless-sync yes")
        .config("repl-ping-replica-period 1");
    if has_queue {
        builder = builder
            .config("appendonly yes")
            .config("appendfsync always")
            .config("no-appendfsync-on-rewrite no");
    }
    Ok(builder.start().await?)
}
