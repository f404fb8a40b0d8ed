//! Starts, serves and stops the proxy.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use larder::Cache;
use larder::redis::{ConnectError, RedisStore};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

use crate::args::{Args, DEFAULT_MEMORY};
use crate::check_args;
use crate::open_error::OpenError;
use crate::service::ProxyService;
use crate::write_timeout::WriteTimeout;

const MIB: u64 = 1024 * 1024;
/// How long running requests may continue once the proxy is to stop.
const GRACE: Duration = Duration::from_secs(10);
/// The pause before the next attempt to accept, after an error such as too many open files.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// A proxy with its cache. Call [`close`](Self::close) once it serves no more requests.
#[derive(Debug, Clone)]
pub struct Proxy {
    service: ProxyService,
    cache: Cache,
    idle: Duration,
}

impl Proxy {
    /// Creates the proxy from the arguments. The caller binds `args.addr`. This does not wait for
    /// the origin or for Redis: they are connected when they become available.
    ///
    /// # Errors
    ///
    /// Fails if the URL of Redis, its namespace or the purge token is invalid, or if options
    /// contradict each other.
    pub fn open(args: &Args) -> Result<Self, OpenError> {
        check_args::check(args)?;
        let builder = Cache::builder()
            .max_memory_bytes(u64::from(args.memory) * MIB)
            .max_shared_body_bytes(u64::from(args.max_shared_body) * MIB)
            .max_abandoned_fills(abandoned_fills(args));
        let cache = match &args.redis {
            Some(url) => builder.shared_store(store(args, url)?).build(),
            None => builder.build(),
        };
        let service = ProxyService::new(&cache, args);
        Ok(Self { service, cache, idle: args.idle_timeout })
    }

    /// Serves until `stop` completes, then lets running requests end, for at most ten seconds.
    pub async fn serve(&self, listener: TcpListener, stop: impl Future<Output = ()> + Send) {
        let running = GracefulShutdown::new();
        tokio::pin!(stop);
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => self.connected(stream, peer, &running),
                    Err(error) => self.not_accepted(&error).await,
                },
                () = &mut stop => break,
            }
        }
        drop(listener);
        if timeout(GRACE, running.shutdown()).await.is_err() {
            tracing::warn!("some requests were cut off after {GRACE:?}");
        }
    }

    /// Lets the cache finish its background work. Logs a warning if work is left.
    pub async fn close(&self) {
        let closed = self.cache.close().await;
        if !closed.is_clean() {
            tracing::warn!("the cache was closed; {closed}");
        }
    }

    fn connected(&self, stream: TcpStream, peer: SocketAddr, running: &GracefulShutdown) {
        // Small responses must not wait for the acknowledgement of others. If the connection is
        // gone already, the next read or write reports that.
        let _ = stream.set_nodelay(true);
        let service = self.service.clone();
        let handler = service_fn(move |request| {
            let answer = service.clone().answer(request, peer);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(self.idle);
        let connection =
            running.watch(http.serve_connection(TokioIo::new(WriteTimeout::new(stream, self.idle)), handler));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%peer, %error, "a connection broke off");
            }
        });
    }

    async fn not_accepted(&self, error: &io::Error) {
        // These errors concern only the connection that was to be accepted.
        let of_the_peer = [io::ErrorKind::ConnectionAborted, io::ErrorKind::ConnectionReset];
        if !of_the_peer.contains(&error.kind()) {
            tracing::error!(%error, "cannot accept connections");
            sleep(ACCEPT_RETRY_DELAY).await;
        }
    }
}

/// Returns how many downloads may go on after their clients have left.
///
/// Their bodies are in memory until they are stored, and clients that come and go begin as many as
/// they like. Together, they take no more memory than the stored responses, or than one body.
fn abandoned_fills(args: &Args) -> usize {
    const MAX: u32 = 64;
    let fit = args.memory.max(DEFAULT_MEMORY) / u32::from(args.max_body);
    fit.clamp(1, MAX) as usize
}

fn store(args: &Args, url: &str) -> Result<RedisStore, ConnectError> {
    RedisStore::builder(url).namespace(&args.namespace).command_timeout(args.redis_timeout).connect()
}
