//! Responses and values that are compressed in Redis, on instances with different settings.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use http::Method;
use larder::fleet::Fleet;
use larder::values::Values;
use larder::{Cache, Invalidation, Policy, ttl};
use larder_core::store::SharedTier as _;
use larder_redis::RedisStore;
use larder_testing::{Answer, Origin, RedisServer};
use larder_tests::http::{Page, Site};
use larder_tests::redis::eventually;
use tower::Layer as _;

const HOST: &str = "shop.example";
const KEY: &str = "u|http|shop.example|/a";
const NAME: &str = "larder:larder:v1:{u|http|shop.example|/a}";
const LIMIT: usize = 1_000;
const LONG: Duration = Duration::from_secs(10);

struct World {
    redis: RedisServer,
    version: Arc<AtomicUsize>,
    length: usize,
}

struct Instance {
    cache: Cache,
    site: Site,
    origin: Origin,
}

fn json(version: usize, length: usize) -> String {
    let items = (0..length / 40).map(|id| format!(r#"{{"id":{id},"name":"item","version":{version}}}"#));
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

impl World {
    async fn with_length(length: usize) -> Self {
        Self { redis: RedisServer::start().await.unwrap(), version: Arc::default(), length }
    }

    fn now(&self) -> String {
        json(self.version.load(Ordering::Relaxed), self.length)
    }

    /// Starts an instance that compresses values of more than `over` bytes, if there is a limit.
    async fn instance(&self, over: Option<usize>, memory: u64) -> Instance {
        let store = RedisStore::builder(&self.redis.url()).command_timeout(LONG);
        let store =
            over.into_iter().fold(store, larder_redis::RedisStoreBuilder::compress_over).connect().unwrap();
        eventually("the store writes", async || store.remove("{}").await.is_ok()).await;
        let cache = Cache::builder()
            .shared_store(store)
            .max_memory_bytes(memory)
            .max_staleness(LONG)
            .invalidation_timeout(LONG)
            .build();
        cache.ready(LONG).await.unwrap();
        let (version, length) = (Arc::clone(&self.version), self.length);
        let origin = Origin::new(move |_, _| {
            Answer::ok(json(version.load(Ordering::Relaxed), length))
                .header("content-type", "application/json")
        });
        let router = Router::new().fallback_service(
            cache.layer(Policy::ttl(ttl::STANDARD).max_body(1 << 24)).layer(origin.clone()),
        );
        Instance { cache, site: Site::of(router).await, origin }
    }

    /// Waits until the response is in Redis, and returns its bytes there.
    async fn stored(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        eventually("the response is in Redis", async || {
            let reply = self.redis.command(&["GET", NAME]).await.unwrap();
            bytes = reply.as_bytes().map(<[u8]>::to_vec).unwrap_or_default();
            !bytes.is_empty()
        })
        .await;
        bytes
    }

    async fn put(&self, value: &[u8]) {
        self.redis.command(&[&b"SET"[..], NAME.as_bytes(), value]).await.unwrap();
    }
}

impl Instance {
    async fn get(&self) -> Page {
        self.site.ask(Method::GET, "/a").with("host", HOST).send().await
    }
}

#[tokio::test]
async fn instances_with_different_settings_share_responses() {
    for length in [300, 5_000, 60_000, 400_000, 4_000_000] {
        let world = World::with_length(length).await;
        for (writer, reader) in [(Some(LIMIT), None), (None, Some(LIMIT)), (Some(LIMIT), Some(LIMIT * 100))] {
            // One reader keeps the response in memory, and the other one passes it on.
            let writer = world.instance(writer, 0).await;
            let readers = [world.instance(reader, 0).await, world.instance(reader, 1 << 30).await];
            world.version.fetch_add(1, Ordering::Relaxed);
            writer.cache.invalidate(Invalidation::all()).await.require_applied().unwrap();
            assert_eq!(writer.get().await.text(), world.now());
            world.stored().await;
            for reader in &readers {
                for _ in 0..2 {
                    let page = reader.get().await;
                    assert_eq!(page.text(), world.now(), "{length}");
                    assert!(page.x_cache().starts_with("HIT"), "{length}: {}", page.x_cache());
                }
                assert_eq!(reader.origin.calls(), 0);
            }
        }
    }
}

#[tokio::test]
async fn an_operator_sees_the_size_in_redis() {
    let world = World::with_length(20_000).await;
    let (a, plain) = (world.instance(Some(LIMIT), 1 << 24).await, world.instance(None, 1 << 24).await);
    a.get().await;
    let stored = world.stored().await.len() as u64;
    let in_store = plain.cache.inspect(KEY).await.store.unwrap().responses;
    assert_eq!((in_store[0].stored_bytes, in_store[0].body_bytes), (stored, world.now().len() as u64));
    assert!(stored < world.now().len() as u64 / 4, "{stored}");
    let fleet = Fleet::new(RedisStore::connect(&world.redis.url()).unwrap());
    eventually("the fleet's store is connected", async || fleet.inspect(KEY).await.is_ok()).await;
    let found = fleet.inspect(KEY).await.unwrap();
    assert_eq!((found.responses[0].stored_bytes, found.unreadable), (stored, 0));
}

/// A frame that is broken is removed, so that the next fill replaces it whatever its position is.
#[tokio::test]
async fn a_broken_compressed_response_is_a_miss_and_is_replaced() {
    let world = World::with_length(20_000).await;
    let (a, b) = (world.instance(Some(LIMIT), 0).await, world.instance(None, 0).await);
    a.get().await;
    let stored = world.stored().await;
    let changed = |at: usize| {
        let mut bytes = stored.clone();
        bytes[at] = !bytes[at];
        bytes
    };
    let cases = [
        // The highest position of all, in this incarnation.
        ("a changed position", changed(20)),
        ("a changed length", changed(38)),
        ("a length of 16 EiB", changed(45)),
        ("a changed frame", changed(stored.len() / 2)),
        ("a changed fingerprint", changed(stored.len() - 1)),
        ("cut short", stored[..stored.len() / 2].to_vec()),
    ];
    for (what, bytes) in cases {
        world.put(&bytes).await;
        let calls = b.origin.calls();
        let page = b.get().await;
        assert_eq!((page.text(), page.x_cache()), (world.now(), "MISS".to_owned()), "{what}");
        assert_eq!(b.origin.calls(), calls + 1, "{what}");
        eventually("it is replaced", async || b.get().await.x_cache().starts_with("HIT")).await;
    }
}

#[tokio::test]
async fn values_are_compressed_too() {
    let world = World::with_length(0).await;
    let (a, b) = (world.instance(Some(LIMIT), 1 << 24).await, world.instance(None, 1 << 24).await);
    let collections = [&a, &b].map(|instance| {
        let names: Values<u64, String> = instance.cache.values("text").build().unwrap();
        names
    });
    let text = |key: u64| format!("value {key}, ").repeat(2_000);
    let keys: Vec<u64> = (0..20).collect();
    for key in &keys {
        let load = async || Ok::<_, std::io::Error>(Some(text(*key)));
        collections[0].get_or_load(key, load).await.unwrap();
    }
    let name = |key: &u64| format!("larder:larder:v1:{{v|text|{key}}}");
    for key in &keys {
        let name = name(key);
        eventually("it is stored", async || {
            let length = world.redis.command(&["STRLEN", &name]).await.unwrap().as_integer().unwrap();
            (1..2_000).contains(&length)
        })
        .await;
    }
    let none = async || -> Result<Option<String>, std::io::Error> { panic!("it is in Redis") };
    let one = collections[1].get_or_load(&3, none).await.unwrap();
    assert_eq!(one.as_deref().map(String::as_str), Some(&*text(3)));
    let none = async |missing: Vec<u64>| -> Result<Vec<(u64, String)>, std::io::Error> {
        panic!("{missing:?} are in Redis")
    };
    let many = collections[1].get_many_or_load(&keys, none).await.unwrap();
    assert!(many.into_iter().zip(&keys).all(|(value, key)| *value.unwrap() == text(*key)));
}
