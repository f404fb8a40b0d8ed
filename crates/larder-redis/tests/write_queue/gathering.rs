//! Helpers for pushes that are sent together.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use larder_core::write_queue::{PushError, PushWrite, Pushed, WriteQueue};
use larder_redis::RedisStore;
use larder_testing::{Direction, Gate, Proxy, RedisServer};

pub(crate) type Pushing<'a> = Pin<Box<dyn Future<Output = Result<Pushed, PushError>> + Send + 'a>>;

/// Returns how many times the server has run a script that is known to it.
pub(crate) async fn scripts(server: &RedisServer) -> u64 {
    calls(server, "evalsha").await
}

/// Returns how many times the server has run a command.
pub(crate) async fn calls(server: &RedisServer, command: &str) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let start = format!("cmdstat_{command}:calls=");
    let line = stats.as_str().unwrap().lines().find_map(|line| line.strip_prefix(&*start));
    line.unwrap().split(',').next().unwrap().parse().unwrap()
}

/// Starts the push, as far as it gets without an answer.
pub(crate) fn start<'a>(store: &'a RedisStore, write: PushWrite<'a>) -> Pushing<'a> {
    let mut pushing: Pushing<'a> = Box::pin(store.push(write));
    assert!(pushing.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    pushing
}

/// Pushes all writes at once: the first one alone, and the others as one batch.
pub(crate) async fn push_at_once(
    queue: &impl WriteQueue,
    writes: Vec<PushWrite<'_>>,
) -> Vec<Result<Pushed, PushError>> {
    let mut pushing = Vec::new();
    for write in writes {
        let mut one = Box::pin(queue.push(write));
        let polled = one.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        pushing.push((one, polled));
    }
    let mut results = Vec::new();
    for (one, polled) in pushing {
        results.push(match polled {
            Poll::Ready(result) => result,
            Poll::Pending => one.await,
        });
    }
    results
}

/// A connected server, and a gate through which the answers of some pushes go.
pub(crate) struct Held {
    pub(crate) server: RedisServer,
    proxy: Proxy,
}

impl Held {
    pub(crate) async fn new() -> Self {
        let server = RedisServer::start().await.unwrap();
        let proxy = Proxy::start(server.address()).unwrap();
        Self { server, proxy }
    }

    pub(crate) fn url(&self) -> String {
        self.server.url_at(self.proxy.address())
    }

    /// Holds what goes to the server from the first text of this kind on.
    pub(crate) fn hold(&self, text: &str) -> Gate {
        self.proxy.hold(Direction::ToServer, text)
    }
}
