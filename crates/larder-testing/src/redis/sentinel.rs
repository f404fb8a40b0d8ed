//! A primary, its replicas and the sentinels that watch them, for one test.

use std::io;
use std::sync::Arc;

use super::builder::{Part, RedisBuilder};
use super::server::{RedisServer, blocking};
use super::wait::until;

const SENTINELS: usize = 3;

/// The name that the sentinels have for the primary and its replicas.
const NAME: &str = "larder";

/// The users as which the servers and the sentinels connect to each other.
///
/// They have users of their own, so that a server can be cut off from all of them and from no
/// client.
const REPLICA: &str = "kit-replica";
const WATCHER: &str = "kit-sentinel";
const SECRET: &str = "kit";

/// A primary with replicas, watched by three sentinels, on free ports of the loopback interface.
///
/// A primary that is gone for a second is replaced by a replica, some seconds after it went. All
/// processes end when this value is dropped.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use larder_testing::RedisServer;
///
/// let deployment = RedisServer::builder().start_sentinel(1).await?;
/// let before = deployment.primary().await?;
/// before.kill();
/// let after = deployment.successor_of(before).await?;
/// assert_ne!(before.address(), after.address());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedisSentinel {
    servers: Arc<[RedisServer]>,
    sentinels: Arc<[RedisServer]>,
}

impl RedisSentinel {
    /// Returns the servers. The first of them began as the primary.
    #[must_use]
    pub fn servers(&self) -> &[RedisServer] {
        &self.servers
    }

    /// Returns the three sentinels, which accept commands as servers do.
    #[must_use]
    pub fn sentinels(&self) -> &[RedisServer] {
        &self.sentinels
    }

    /// Returns the URL, which names all sentinels and has the servers' password.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> =
            self.sentinels.iter().map(|sentinel| sentinel.address().to_string()).collect();
        let hosts = hosts.join("&node=").replacen("&node", "?node", 1);
        self.servers[0].builder_of().url("-sentinel", &format!("{hosts}&sentinelServiceName={NAME}"))
    }

    /// Returns the primary that all sentinels name now.
    ///
    /// # Errors
    ///
    /// Returns an error if the sentinels do not agree, or if one does not answer.
    pub async fn primary(&self) -> io::Result<&RedisServer> {
        let (servers, sentinels) = (Arc::clone(&self.servers), Arc::clone(&self.sentinels));
        let index = blocking(move || primary(&servers, &sentinels)).await?;
        Ok(&self.servers[index])
    }

    /// Waits until all sentinels name a primary other than `old`, and returns that primary.
    ///
    /// The new primary accepts writes then.
    ///
    /// # Errors
    ///
    /// Returns an error if this takes longer than a minute.
    pub async fn successor_of(&self, old: &RedisServer) -> io::Result<&RedisServer> {
        let (servers, sentinels) = (Arc::clone(&self.servers), Arc::clone(&self.sentinels));
        let old = old.address();
        let index = blocking(move || {
            let mut found = 0;
            until("there is another primary", || {
                found = primary(&servers, &sentinels)?;
                let role = servers[found].ask(&["ROLE"])?;
                let role = role.as_array().and_then(<[_]>::first).and_then(|role| role.as_str());
                Ok(servers[found].address() != old && role == Some("master"))
            })?;
            Ok(found)
        })
        .await?;
        Ok(&self.servers[index])
    }

    /// Cuts a server off from the sentinels and its replicas. Its clients still reach it.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not do its part.
    pub async fn isolate(&self, server: &RedisServer) -> io::Result<()> {
        for user in [REPLICA, WATCHER] {
            server.command(&["ACL", "SETUSER", user, "off"]).await?;
            server.command(&["CLIENT", "KILL", "USER", user]).await?;
        }
        Ok(())
    }

    /// Ends [`isolate`](Self::isolate).
    ///
    /// If there is another primary by now, the sentinels make the server a replica after about ten
    /// seconds.
    ///
    /// # Errors
    ///
    /// Returns an error if the server does not do its part.
    pub async fn rejoin(&self, server: &RedisServer) -> io::Result<()> {
        for user in [REPLICA, WATCHER] {
            server.command(&["ACL", "SETUSER", user, "on"]).await?;
        }
        Ok(())
    }
}

pub(super) fn start(builder: &RedisBuilder, replicas: usize) -> io::Result<RedisSentinel> {
    let builder = match builder.secret() {
        Some(_) => builder.clone(),
        // Without a password, a process that may not connect as the kit's user could connect as the
        // default user.
        None => builder.clone().password("larder"),
    };
    let builder = builder
        .user(&format!("{REPLICA} on >{SECRET} +psync +replconf +ping"))
        .user(&format!("{WATCHER} on >{SECRET} allchannels +@all"))
        .config(format!("masteruser {REPLICA}"))
        .config(format!("masterauth {SECRET}"));
    let primary = builder.start_blocking()?;
    let (host, port) = (primary.address().ip().to_string(), primary.address().port().to_string());
    let replica = builder.config(format!("replicaof {host} {port}"));
    let others: Vec<_> = (0..replicas).map(|_| replica.start_blocking()).collect::<io::Result<_>>()?;

    let sentinel = RedisServer::builder()
        .part(Part::Sentinel)
        .config(format!("sentinel monitor {NAME} {host} {port} 2"))
        .config(format!("sentinel auth-user {NAME} {WATCHER}"))
        .config(format!("sentinel auth-pass {NAME} {SECRET}"))
        .config(format!("sentinel down-after-milliseconds {NAME} 1000"))
        // The pause after an election without a winner is twice this time.
        .config(format!("sentinel failover-timeout {NAME} 2000"));
    let sentinels: Arc<[_]> = (0..SENTINELS).map(|_| sentinel.start_blocking()).collect::<io::Result<_>>()?;
    until("the sentinels know everybody", || {
        for sentinel in &*sentinels {
            if !knows(sentinel, "SENTINELS", SENTINELS - 1)? || !knows(sentinel, "REPLICAS", replicas)? {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    Ok(RedisSentinel { servers: std::iter::once(primary).chain(others).collect(), sentinels })
}

/// Returns whether the sentinel has found this many of these, and reaches them.
fn knows(sentinel: &RedisServer, which: &str, many: usize) -> io::Result<bool> {
    let reply = sentinel.ask(&["SENTINEL", which, NAME])?;
    let found = reply.as_array().unwrap_or_default();
    let reached = found.iter().filter(|one| {
        let words = one.as_array().unwrap_or_default().chunks_exact(2);
        let mut flags = words.filter(|pair| pair[0].as_str() == Some("flags"));
        flags.next().and_then(|pair| pair[1].as_str()).is_some_and(|flags| !flags.contains(','))
    });
    Ok(found.len() == many && reached.count() == many)
}

fn primary(servers: &[RedisServer], sentinels: &[RedisServer]) -> io::Result<usize> {
    let mut named = None;
    for sentinel in sentinels {
        let reply = sentinel.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME])?;
        let words = reply.as_array().unwrap_or_default();
        let port = words.get(1).and_then(|port| port.as_str()).and_then(|port| port.parse::<u16>().ok());
        let index = servers.iter().position(|server| Some(server.address().port()) == port);
        let index = index.ok_or_else(|| io::Error::other("a sentinel names no server of ours"))?;
        if named.is_some_and(|named| named != index) {
            return Err(io::Error::other("the sentinels do not agree"));
        }
        named = Some(index);
    }
    named.ok_or_else(|| io::Error::other("no sentinel"))
}
