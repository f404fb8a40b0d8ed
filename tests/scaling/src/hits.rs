//! Hits in memory of a response with many tags, with and without invalidations of other tags.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use anyhow::{Context as _, Result};
use axum::body::Body;
use axum::http::{Request, Response};
use clap::{Args, ValueEnum};
use larder::{Cache, Policy, Tag, ttl};
use tower::{Layer, ServiceExt, service_fn};

/// One measured step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Turn {
    /// A hit.
    Hit,
    /// An invalidation of another tag, then a hit. The response is checked against the table again.
    InvalidateAndHit,
    /// The invalidation alone.
    Invalidate,
}

/// Steps for a process that counts instructions.
#[derive(Debug, Args)]
pub(crate) struct Child {
    #[arg(long, value_enum)]
    turn: Turn,
    #[arg(long)]
    tags: usize,
    #[arg(long)]
    number: u64,
}

impl Child {
    pub(crate) fn run(&self) -> Result<()> {
        // The number of rows does not change the number of instructions.
        let mut turns = Turns::new(self.tags, 1_000)?;
        for _ in 0..self.number {
            turns.run_turn(self.turn)?;
        }
        Ok(())
    }
}

/// A cache with one response, and the service that answers with it.
pub(crate) struct Turns {
    cache: Cache,
    hit: Box<dyn Fn() -> Option<()>>,
    others: Vec<Tag>,
    next: usize,
}

impl Turns {
    /// Creates a response with this many tags, and a table with this many names of other responses.
    pub(crate) fn new(tags: usize, others: usize) -> Result<Self> {
        let cache = Cache::default();
        let policy =
            (0..tags).fold(Policy::ttl(ttl::STANDARD), |policy, tag| policy.tag(format!("tag:{tag}")));
        let service = cache.layer(policy).layer(service_fn(respond));
        // The first request fills, and the second one hits.
        for _ in 0..2 {
            tokio::runtime::Handle::current().block_on(service.clone().oneshot(request()?))?;
        }
        let hit = Box::new(move || {
            let response = ready(service.clone().oneshot(request().ok()?));
            response.map(|response| drop(black_box(response)))
        });
        let others = (0..others).map(|other| Tag::new(format!("other:{other}"))).collect::<Vec<_>>();
        let mut turns = Self { cache, hit, others, next: 0 };
        for _ in 0..turns.others.len() {
            turns.run_turn(Turn::Invalidate)?;
        }
        Ok(turns)
    }

    pub(crate) fn run_turn(&mut self, turn: Turn) -> Result<()> {
        if turn != Turn::Hit {
            let other = self.others[self.next].clone();
            self.next = (self.next + 1) % self.others.len();
            let _ = ready(self.cache.invalidate(other)).context("an invalidation had to wait")?;
        }
        if turn != Turn::Invalidate {
            (self.hit)().context("a hit had to wait")?;
        }
        Ok(())
    }

    /// Returns how many requests were answered from memory.
    pub(crate) fn hits(&self) -> u64 {
        self.cache.stats().hits_memory
    }
}

fn request() -> Result<Request<Body>> {
    Ok(Request::get("/products/42").body(Body::empty())?)
}

async fn respond(_: Request<Body>) -> Result<Response<Body>, Infallible> {
    Ok(Response::new(Body::from("x".repeat(1024))))
}

/// Returns the output of a future that completes immediately.
fn ready<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_hit_is_one_whatever_else_is_invalidated() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let _entered = runtime.enter();
        let mut turns = Turns::new(3, 2).unwrap();
        let before = turns.hits();
        for turn in [Turn::Hit, Turn::InvalidateAndHit, Turn::Invalidate, Turn::Hit] {
            turns.run_turn(turn).unwrap();
        }
        assert_eq!(turns.hits() - before, 3);
        turns.others = vec![Tag::new("tag:2")];
        turns.next = 0;
        let before = turns.hits();
        // The result does not matter: another thread may fill the entry first.
        let _ = turns.run_turn(Turn::InvalidateAndHit);
        assert_eq!(turns.hits(), before, "it was not tagged");
    }
}
