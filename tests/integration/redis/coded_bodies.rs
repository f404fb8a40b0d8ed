//! The coded forms of stored responses in Redis, for all instances.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use http::Method;
use larder::ContentCoding::{Br, Gzip, Zstd};
use larder::inspect::{ListPage, StoredFilter};
use larder::{Cache, ContentCoding, Invalidation, Policy, ttl};
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::store::SharedTier as _;
use larder_core::stored::wire::{BodyDigest, encode_coded_body};
use larder_redis::RedisStore;
use larder_testing::{Answer, Origin, RedisServer};
use larder_tests::http::{Page, Site};
use larder_tests::redis::eventually;
use tower::Layer as _;

const HOST: &str = "shop.example";
const KEY: &str = "u|http|shop.example|/a";

/// A Redis, and the version of the data that handlers read.
struct World {
    redis: RedisServer,
    version: Arc<AtomicUsize>,
}

/// An instance with its own handler.
struct Instance {
    cache: Cache,
    site: Site,
    origin: Origin,
}

fn json(version: usize) -> String {
    let items: Vec<_> =
        (0..200).map(|id| format!(r#"{{"id":{id},"name":"item","version":{version}}}"#)).collect();
    format!("[{}]", items.join(","))
}

impl World {
    async fn new() -> Self {
        Self { redis: RedisServer::start().await.unwrap(), version: Arc::default() }
    }

    async fn instance(&self) -> Instance {
        self.instance_with(64 * 1024 * 1024).await
    }

    async fn instance_with(&self, memory: u64) -> Instance {
        let timeout = std::time::Duration::from_secs(10);
        let store = RedisStore::builder(&self.redis.url()).command_timeout(timeout).connect().unwrap();
        // A coded body is written once. So its connection has to be there.
        eventually("the store writes", async || store.remove("{}").await.is_ok()).await;
        let cache = Cache::builder()
            .shared_store(store)
            .max_memory_bytes(memory)
            .max_staleness(timeout)
            .invalidation_timeout(timeout)
            .build();
        cache.ready(timeout).await.unwrap();
        let version = Arc::clone(&self.version);
        let origin = Origin::new(move |_, _| {
            let version = version.load(Ordering::Relaxed);
            Answer::ok(json(version)).header("content-type", "application/json")
        });
        let policy = Policy::ttl(ttl::STANDARD).encode([Br, Zstd, Gzip]);
        let router = Router::new().fallback_service(cache.layer(policy).layer(origin.clone()));
        Instance { cache, site: Site::of(router).await, origin }
    }

    async fn names(&self) -> Vec<String> {
        let reply = self.redis.command(&["KEYS", "*{*"]).await.unwrap();
        let names = reply.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
        let mut names: Vec<_> = names.filter(|name| name.contains(KEY) && !name.contains("lease")).collect();
        names.sort();
        names
    }

    /// Waits until Redis has the coded body, and returns its name there.
    async fn coded_body(&self, coding: ContentCoding) -> String {
        let mut found = None;
        eventually("the coded body is in Redis", async || {
            found = self.names().await.into_iter().find(|name| name.contains(&format!(":c:{coding}:")));
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    async fn bytes(&self, name: &str) -> Vec<u8> {
        self.redis.command(&["GET", name]).await.unwrap().as_bytes().unwrap().to_vec()
    }

    async fn put(&self, name: &str, value: &[u8]) {
        self.redis.command(&[&b"SET"[..], name.as_bytes(), value]).await.unwrap();
    }
}

impl Instance {
    async fn accepting(&self, codings: &str) -> Page {
        self.site.ask(Method::GET, "/a").with("host", HOST).with("accept-encoding", codings).send().await
    }

    /// Sends requests until one gets the coding.
    async fn coded(&self, coding: ContentCoding) -> Page {
        let mut page = self.accepting(coding.as_str()).await;
        eventually("a coded response", async || {
            page = self.accepting(coding.as_str()).await;
            page.field("content-encoding") == coding.as_str()
        })
        .await;
        page
    }

    async fn codings(&self) -> Vec<ContentCoding> {
        let listing = self.cache.stored_responses(&StoredFilter::default(), ListPage::default()).await;
        listing.entries.into_iter().flat_map(|entry| entry.codings).collect()
    }
}

fn decoded(page: &Page) -> String {
    let mut text = String::new();
    match page.field("content-encoding").as_str() {
        "" => text = page.text(),
        "br" => _ = brotli::Decompressor::new(&*page.body, 4096).read_to_string(&mut text).unwrap(),
        "gzip" => _ = flate2::read::GzDecoder::new(&*page.body).read_to_string(&mut text).unwrap(),
        other => unreachable!("an unknown coding {other}"),
    }
    text
}

/// Returns a body in gzip that is valid and not the one that the cache makes.
fn foreign_gzip(body: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(body.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// Returns a value of Redis with this coded body, made of that body.
fn value(coded: &[u8], made_of: &str) -> Vec<u8> {
    let log = LogId::from_be_bytes([0; 16]);
    let position =
        Position { incarnation: Incarnation::from_bytes([1; 16]), watermark: Watermark { log, local: 0 } };
    encode_coded_body(Gzip, BodyDigest::of(made_of.as_bytes()), coded, KEY, &position).to_vec()
}

#[tokio::test]
async fn the_coded_body_of_one_instance_serves_the_other() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let made = a.coded(Gzip).await;
    assert_eq!(decoded(&made), json(0));
    let name = world.coded_body(Gzip).await;
    // Another valid form, which only Redis has. So it shows where the form comes from.
    let foreign = foreign_gzip(&json(0));
    assert_ne!(made.body, foreign);
    world.put(&name, &value(&foreign, &json(0))).await;
    let read = b.coded(Gzip).await;
    assert_eq!((read.body.to_vec(), b.origin.calls()), (foreign, 0));
    assert_ne!(read.field("etag"), made.field("etag"), "other bytes have another tag");
    assert_eq!(world.names().await.len(), 2, "one response and one form");
}

#[tokio::test]
async fn a_form_of_another_body_is_not_used() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let made = a.coded(Gzip).await;
    let name = world.coded_body(Gzip).await;
    let (valid, old) = (world.bytes(&name).await, foreign_gzip(&json(7)));
    let mut flipped = valid.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for (what, bytes) in [
        ("of another body", value(&old, &json(7))),
        ("a changed byte", flipped),
        ("cut short", valid[..valid.len() - 1].to_vec()),
        ("no value", b"!".to_vec()),
    ] {
        b.cache.invalidate(Invalidation::all()).await.require_applied().unwrap();
        world.redis.command(&["DEL", &name]).await.unwrap();
        // The other instance may learn of the invalidation a moment later.
        eventually("the response is in Redis", async || {
            a.accepting("identity").await;
            !world.names().await.is_empty()
        })
        .await;
        world.put(&name, &bytes).await;
        let page = b.coded(Gzip).await;
        assert_eq!((decoded(&page), &page.body), (json(0), &made.body), "{what}");
    }
}

/// Neither instance serves the form of a response that was invalidated, or puts it beside another.
#[tokio::test]
async fn a_form_goes_with_its_response_everywhere() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    for version in 0..10 {
        for instance in [&a, &b] {
            for coding in [Br, Gzip] {
                assert_eq!(decoded(&instance.coded(coding).await), json(version));
            }
        }
        world.version.store(version + 1, Ordering::Relaxed);
        a.cache.invalidate(Invalidation::all()).await.require_applied().unwrap();
        assert_eq!(decoded(&a.accepting("br").await), json(version + 1));
        eventually("the other instance has the new version", async || {
            decoded(&b.accepting("gzip").await) == json(version + 1)
        })
        .await;
        // From now on, each answer has the new version, in whatever form.
        for codings in ["br", "gzip", "identity", "br, identity;q=0"] {
            assert_eq!(decoded(&b.accepting(codings).await), json(version + 1), "{codings}");
        }
    }
}

#[tokio::test]
async fn without_memory_the_forms_come_from_redis() {
    let world = World::new().await;
    let a = world.instance_with(0).await;
    assert_eq!(a.accepting("gzip").await.x_cache(), "MISS");
    world.coded_body(Gzip).await;
    let page = a.coded(Gzip).await;
    assert_eq!((decoded(&page), page.x_cache().as_str()), (json(0), "HIT"));
    let tag = page.field("etag");
    let unmodified = a.site.ask(Method::GET, "/a").with("host", HOST).with("accept-encoding", "gzip");
    assert_eq!(unmodified.with("if-none-match", &tag).send().await.status, 304);
    // One that is not there yet, and no alternative.
    let waited = a.accepting("br, identity;q=0").await;
    assert_eq!((waited.field("content-encoding").as_str(), decoded(&waited)), ("br", json(0)));
    world.version.store(1, Ordering::Relaxed);
    a.cache.invalidate(Invalidation::all()).await.require_applied().unwrap();
    for codings in ["gzip", "br", "gzip", "br, identity;q=0"] {
        assert_eq!(decoded(&a.accepting(codings).await), json(1));
    }
    assert_eq!(a.origin.calls(), 2);
}

/// Bytes that a coding makes no smaller are coded by one instance alone.
#[tokio::test]
async fn the_others_learn_that_a_coding_is_of_no_use() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.coded(Gzip).await;
    let name = world.coded_body(Gzip).await;
    world.put(&name, &value(b"", &json(0))).await;
    for _ in 0..20 {
        assert_eq!(b.accepting("gzip, identity;q=0").await.text(), json(0));
    }
    assert!(b.codings().await.is_empty());
    assert_eq!(world.bytes(&name).await, value(b"", &json(0)), "it was not made again");
}

/// The form expires with the response, and takes no memory after it.
#[tokio::test]
async fn a_form_in_redis_has_the_expiry_of_its_response() {
    let world = World::new().await;
    let a = world.instance().await;
    a.coded(Br).await;
    world.coded_body(Br).await;
    for name in world.names().await {
        let left = world.redis.command(&["TTL", &name]).await.unwrap().as_integer().unwrap();
        assert!((3_400..4_400).contains(&left), "{name}: {left}");
    }
}
