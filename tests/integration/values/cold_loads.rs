//! The exchanges with Redis before a load, and what the claim of a lease finds there.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::{Cache, InvalidationOutcome, Tag};
use larder_testing::RedisServer;
use larder_tests::redis::{CountingStore, TickingClock, eventually};

use crate::support::{Database, Names, TTL, joins, misses, names, ready};

/// One instance.
struct Node {
    cache: Cache,
    clock: TickingClock,
    store: CountingStore,
    names: Names,
}

impl Node {
    async fn start(redis: &RedisServer) -> Self {
        let (store, clock) = (CountingStore::connect(redis), TickingClock::default());
        let cache = Cache::builder().shared_store(store.clone()).clock(clock.clone());
        let cache = ready(cache.invalidation_timeout(Duration::from_secs(10))).await;
        joins(&cache.values("probe").build().unwrap()).await;
        Self { names: names(&cache), cache, clock, store }
    }

    /// Returns the name, and the exchanges before its load, or all of them without a load.
    async fn get(&self, database: &Database) -> (String, usize) {
        let (before, at_load) = (self.store.trips(), AtomicUsize::new(usize::MAX));
        let load = || {
            at_load.store(self.store.trips(), Ordering::SeqCst);
            database.load(1)
        };
        let name = self.names.get_or_load(&1, load).await.unwrap().unwrap();
        let until = at_load.load(Ordering::SeqCst).min(self.store.trips());
        (name.to_string(), until - before)
    }

    async fn invalidates(&self, tag: &str) {
        eventually("it is applied", async || {
            self.cache.invalidate(Tag::new(tag)).await == InvalidationOutcome::Applied
        })
        .await;
    }

    async fn expires(&self) {
        self.clock.advance(TTL + Duration::from_secs(1));
        joins(&self.cache.values("probe").build().unwrap()).await;
    }
}

async fn is_quiet(redis: &RedisServer) {
    eventually("no value is being stored", async || {
        redis.command(&["KEYS", "*:lease"]).await.unwrap().as_array().unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_value_that_memory_knows_to_be_of_no_use_takes_one_exchange() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let (a, b) = (Node::start(&redis).await, Node::start(&redis).await);
    assert_eq!(a.get(&database).await, ("Ada".to_owned(), 2));
    is_quiet(&redis).await;
    assert_eq!(b.get(&database).await, ("Ada".to_owned(), 1));
    database.set(1, "Grace");
    a.invalidates("name:1").await;
    b.invalidates("marker").await;
    assert_eq!(a.get(&database).await, ("Grace".to_owned(), 1), "invalidated");
    is_quiet(&redis).await;
    assert_eq!(b.get(&database).await, ("Grace".to_owned(), 1), "found by the claim");
    assert_eq!((database.loads(), b.names.stats().hits_shared), (2, 2));
    database.set(1, "Hedy");
    a.expires().await;
    b.expires().await;
    assert_eq!(b.get(&database).await, ("Hedy".to_owned(), 1), "expired");
    is_quiet(&redis).await;
    assert_eq!(a.get(&database).await, ("Hedy".to_owned(), 1), "found by the claim");
    assert_eq!(database.loads(), 3);
    assert_eq!(misses(&b.names.stats()), "expired 1");
}

/// Rule 3 holds for what the claim returns, as for what a lookup returns.
#[tokio::test]
async fn a_value_that_was_invalidated_since_is_loaded_again() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let (a, b) = (Node::start(&redis).await, Node::start(&redis).await);
    a.get(&database).await;
    is_quiet(&redis).await;
    b.get(&database).await;
    for name in ["Grace", "Hedy"] {
        database.set(1, name);
        a.invalidates("name:1").await;
        if name == "Grace" {
            a.get(&database).await;
            is_quiet(&redis).await;
        }
    }
    b.invalidates("marker").await;
    assert_eq!(b.get(&database).await, ("Hedy".to_owned(), 2));
}

/// An unreadable value with a high position would never be replaced, so it is removed.
#[tokio::test]
async fn an_unreadable_value_is_removed() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let a = Node::start(&redis).await;
    a.get(&database).await;
    is_quiet(&redis).await;
    let keys = redis.command(&["KEYS", "*name|*"]).await.unwrap();
    let key = keys.as_array().unwrap()[0].as_str().unwrap().to_owned();
    redis.command(&["SETRANGE", &key, "20", "\u{7f}\u{7f}\u{7f}\u{7f}"]).await.unwrap();
    redis.command(&["APPEND", &key, "damaged!"]).await.unwrap();
    a.invalidates("name:1").await;
    a.get(&database).await;
    is_quiet(&redis).await;
    let b = Node::start(&redis).await;
    assert_eq!(b.get(&database).await, ("Ada".to_owned(), 1));
    assert_eq!(database.loads(), 2);
}

#[tokio::test]
async fn a_claim_that_fails_is_counted_like_a_lookup_that_fails() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let a = Node::start(&redis).await;
    a.get(&database).await;
    is_quiet(&redis).await;
    database.set(1, "Grace");
    a.invalidates("name:1").await;
    a.store.fails_claims.store(true, Ordering::SeqCst);
    assert_eq!(a.get(&database).await, ("Grace".to_owned(), 1));
    assert_eq!(misses(&a.names.stats()), "never-stored 1, store-error 1");
}
