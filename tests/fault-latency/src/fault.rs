//! The kinds of faults.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use larder_testing::{Direction, Proxy, RedisServer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// No fault, for comparison.
    None,
    /// The server is killed and restarted empty.
    Kill,
    /// The server hangs (`SIGSTOP`) and continues.
    Stop,
    /// The network drops everything.
    Blackhole,
    /// Every exchange takes 200 ms longer.
    Delay,
    /// All connections are cut every 100 ms.
    Cut,
    /// The server is full and may not evict: it rejects writes.
    Oom,
    /// The server was restarted and loads its data.
    Loading,
    /// The server became a replica.
    Readonly,
    /// The server requires an unknown password.
    Noauth,
    /// Each key holds a list.
    WrongType,
    /// Each key holds garbage.
    Garbage,
    /// Every reply announces half a gigabyte, and no data follows.
    BogusLength,
}

/// Redis, and the proxy in front of it.
pub(crate) struct Redis {
    pub(crate) server: RedisServer,
    pub(crate) proxy: Proxy,
}

impl Redis {
    pub(crate) async fn start() -> Result<Self> {
        // These settings are for `Loading`: the time to load each key, and how often the server
        // handles other events meanwhile.
        let slow = RedisServer::builder().config("key-load-delay 500");
        let server = slow.config("loading-process-events-interval-bytes 1024").start().await?;
        let proxy = Proxy::start(server.address())?;
        Ok(Self { server, proxy })
    }

    pub(crate) fn url(&self) -> String {
        self.server.url_at(self.proxy.address())
    }

    async fn run(&self, words: &[&str]) -> Result<()> {
        self.server.command(words).await.with_context(|| words.join(" "))?;
        Ok(())
    }

    /// Replaces each stored response.
    async fn replace_all(&self, replace: &str) -> Result<()> {
        let script = format!(
            "for _, key in ipairs(redis.call('KEYS', 'larder:larder:v*')) do redis.call('UNLINK', key) {replace} end"
        );
        self.run(&["EVAL", &script, "0"]).await
    }

    /// Sends a command to a server that requires this password.
    async fn with_password(&self, password: &str, command: &str) -> Result<()> {
        let mut stream = TcpStream::connect(self.server.address()).await?;
        stream.write_all(format!("AUTH {password}\r\n{command}\r\nQUIT\r\n").as_bytes()).await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        anyhow::ensure!(!said.contains('-'), "{said}");
        Ok(())
    }
}

const PASSWORD: &str = "changed";

impl Fault {
    /// Injects the fault until this time, and repairs it. Returns after the repair.
    pub(crate) async fn inject(self, redis: &Redis, until: Instant) -> Result<()> {
        let Redis { server, proxy } = redis;
        match self {
            Self::None => sleep_until(until).await,
            Self::Kill => {
                server.kill();
                sleep_until(until).await;
                server.restart().await?;
            }
            Self::Stop => {
                server.pause()?;
                sleep_until(until).await;
                server.resume()?;
            }
            Self::Blackhole => {
                proxy.blackhole();
                sleep_until(until).await;
                proxy.pass();
            }
            Self::Delay => {
                for direction in [Direction::ToServer, Direction::ToClient] {
                    proxy.delay(direction, Duration::from_millis(100));
                }
                sleep_until(until).await;
                proxy.pass();
            }
            Self::Cut => {
                while Instant::now() < until {
                    proxy.cut().await;
                    sleep(Duration::from_millis(100)).await;
                }
            }
            Self::BogusLength => {
                proxy.rewrite(Direction::ToClient, |chunk| *chunk = b"$536870912\r\n".to_vec());
                sleep_until(until).await;
                proxy.pass();
                // These connections wait for the announced data.
                proxy.cut().await;
            }
            _ => self.inject_by_command(redis, until).await?,
        }
        Ok(())
    }

    /// Injects the faults that the server itself is configured for.
    async fn inject_by_command(self, redis: &Redis, until: Instant) -> Result<()> {
        match self {
            Self::Oom => {
                redis.run(&["CONFIG", "SET", "maxmemory", "1mb"]).await?;
                sleep_until(until).await;
                redis.run(&["CONFIG", "SET", "maxmemory", "0"]).await
            }
            Self::Loading => {
                // The fault ends when all data is loaded.
                redis.run(&["SAVE"]).await?;
                Ok(redis.server.restart().await?)
            }
            Self::Readonly => {
                redis.run(&["REPLICAOF", "127.0.0.1", "1"]).await?;
                sleep_until(until).await;
                redis.run(&["REPLICAOF", "NO", "ONE"]).await
            }
            Self::Noauth => {
                redis.run(&["CONFIG", "SET", "requirepass", PASSWORD]).await?;
                // Existing connections would stay authenticated.
                redis.with_password(PASSWORD, "CLIENT KILL TYPE normal SKIPME yes").await?;
                sleep_until(until).await;
                redis.with_password(PASSWORD, "CONFIG SET requirepass \"\"").await
            }
            Self::WrongType => {
                redis.replace_all("redis.call('RPUSH', key, 'a list')").await?;
                sleep_until(until).await;
                Ok(())
            }
            _ => {
                redis.replace_all("redis.call('SET', key, string.rep('garbage', 100))").await?;
                sleep_until(until).await;
                Ok(())
            }
        }
    }
}
