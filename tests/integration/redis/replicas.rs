//! Invalidations that must reach replicas.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use larder::{Cache, InvalidationOutcome, Policy, Tag, ttl};
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::RedisServer;
use larder_tests::redis::{EVENTS, eventually};
use tower::{Layer as _, ServiceExt as _};

async fn pair() -> (RedisServer, RedisServer) {
    let primary = RedisServer::builder().config("repl-diskless-sync-delay 0").start().await.unwrap();
    let replica = RedisServer::builder().replica_of(&primary).start().await.unwrap();
    eventually("the replica is in step", async || {
        let state = primary.command(&["INFO", "replication"]).await.unwrap();
        state.as_str().unwrap().contains("state=online")
    })
    .await;
    (primary, replica)
}

fn store(primary: &RedisServer) -> RedisStoreBuilder {
    RedisStore::builder(&primary.url()).command_timeout(Duration::from_secs(10))
}

/// A cache in front of a handler that counts its runs. A response contains the number of its run.
struct Instance {
    cache: Cache,
    runs: Arc<AtomicUsize>,
}

impl Instance {
    fn over(store: RedisStore) -> Self {
        // Longer than the wait for replicas. Otherwise an invalidation is deferred before it ends.
        let options = Cache::builder().invalidation_timeout(Duration::from_secs(2));
        Self { cache: options.shared_store(store).build(), runs: Arc::default() }
    }

    async fn runs_for_a_request(&self) -> usize {
        let before = self.runs.load(Ordering::SeqCst);
        let runs = Arc::clone(&self.runs);
        let handler = tower::service_fn(move |_: Request<()>| {
            runs.fetch_add(1, Ordering::SeqCst);
            async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello")))) }
        });
        let layer = self.cache.layer(Policy::ttl(ttl::STANDARD).tag("product:1"));
        let request = Request::get("/").header("host", "shop").body(()).unwrap();
        layer.layer(handler).oneshot(request).await.unwrap();
        self.runs.load(Ordering::SeqCst) - before
    }

    async fn invalidate(&self) -> InvalidationOutcome {
        self.cache.invalidate(Tag::new("product:1")).await
    }
}

#[tokio::test]
async fn an_invalidation_that_no_replica_has_is_deferred_and_applied_when_one_is_back() {
    let (primary, replica) = pair().await;
    let careful =
        Instance::over(store(&primary).wait_for_replicas(1, Duration::from_millis(500)).connect().unwrap());
    let other = Instance::over(store(&primary).connect().unwrap());
    for instance in [&careful, &other] {
        eventually("it joins", async || instance.invalidate().await == InvalidationOutcome::Applied).await;
        eventually("it keeps", async || instance.runs_for_a_request().await == 0).await;
    }

    replica.pause().unwrap();
    assert_eq!(careful.invalidate().await, InvalidationOutcome::Deferred);
    eventually("the other instance still learns of it", async || other.runs_for_a_request().await == 1).await;
    // It may not use the other instance's response from Redis, although that is new.
    assert_eq!(careful.runs_for_a_request().await, 1, "here it holds at once");
    eventually("an instance that requires no replicas needs none", async || {
        other.invalidate().await == InvalidationOutcome::Applied
    })
    .await;

    // Repeated checks for replicas do not fill the log.
    let entries = async || primary.command(&["XLEN", EVENTS]).await.unwrap();
    let waits = async || {
        let stats = primary.command(&["INFO", "commandstats"]).await.unwrap();
        let line = stats.as_str().unwrap().lines().find_map(|line| line.strip_prefix("cmdstat_wait:calls="));
        line.unwrap().split(',').next().unwrap().parse::<u64>().unwrap()
    };
    let (before, asked) = (entries().await, waits().await);
    eventually("it was asked three times", async || waits().await >= asked + 3).await;
    assert_eq!(entries().await, before);

    replica.resume().unwrap();
    eventually("it is applied", async || careful.invalidate().await == InvalidationOutcome::Applied).await;
    let before = careful.cache.stats().hits_shared;
    eventually("Redis is trusted again", async || {
        let _ = other.invalidate().await;
        other.runs_for_a_request().await;
        careful.runs_for_a_request().await;
        careful.cache.stats().hits_shared > before
    })
    .await;
}
