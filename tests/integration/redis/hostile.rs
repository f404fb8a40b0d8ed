//! Attacks on the shared tier: unlimited variants and keys, and keys that look like its own.

use std::time::Duration;

use http::Method;
use larder::{Cache, Policy, ttl};
use larder_core::stored::address::VARIANTS;
use larder_redis::RedisStore;
use larder_testing::{Answer, ManualClock, Origin, RedisServer, Reply};
use larder_tests::http::Site;
use larder_tests::redis::eventually;
use tower::Layer as _;

/// Starts an instance with a site of this policy.
async fn instance(redis: &RedisServer, policy: Policy, memory: u64) -> (Cache, Site) {
    // With a stopped clock, no minute ends. The long timeout keeps a slow machine from giving up.
    let store = RedisStore::builder(&redis.url()).command_timeout(Duration::from_secs(10)).connect().unwrap();
    let cache =
        Cache::builder().shared_store(store).max_memory_bytes(memory).clock(ManualClock::new()).build();
    let origin = Origin::new(|request, _| {
        let accepted = request.headers.get("accept").map_or("-", |accepted| accepted.to_str().unwrap());
        let answer = Answer::ok(format!("{} {accepted}", request.uri));
        if request.uri.path() == "/varying" { answer.header("vary", "accept") } else { answer }
    });
    let around = |policy, origin: &Origin| {
        axum::Router::new().fallback_service(cache.layer(policy).layer(origin.clone()))
    };
    let site = Site::of(around(policy, &origin)).await;
    // Nothing is stored for other instances until Redis and the log are available.
    let no_store = Origin::always(Answer::ok("probe").header("cache-control", "no-store"));
    let probe = Site::of(around(Policy::ttl(ttl::STANDARD), &no_store)).await;
    let mut probes = 0;
    eventually("the shared tier is trusted", async || {
        probes += 1;
        probe.get(&format!("/probe/{probes}")).await.cache_status().contains("never-stored")
    })
    .await;
    (cache, site)
}

/// Returns the names of the stored responses, which end with the key, and of the variants.
async fn responses(redis: &RedisServer) -> Vec<String> {
    let reply = redis.command(&["KEYS", "larder:larder:v*"]).await.unwrap();
    let name = |reply: &Reply| String::from_utf8_lossy(reply.as_bytes().unwrap()).into_owned();
    let is_response = |name: &String| name.ends_with('}') || name.contains("}:v:");
    let names = reply.as_array().unwrap().iter().map(name);
    names.filter(|name| is_response(name) && !name.contains("/probe/")).collect()
}

/// One page is requested with twice as many made-up values as it may have variants.
#[tokio::test]
async fn variants_of_one_key_are_bounded_in_redis() {
    let redis = RedisServer::start().await.unwrap();
    let (cache, site) = instance(&redis, Policy::ttl(ttl::STANDARD), 64 * 1024 * 1024).await;
    let places = usize::try_from(VARIANTS).unwrap();
    let mut stored = 0;
    for nth in 0..2 * places {
        let value = format!("made/up-{nth}");
        let page = site.ask(Method::GET, "/varying").with("accept", &value).send().await;
        assert_eq!(page.text(), format!("/varying {value}"));
        stored += 1;
        assert_eq!(cache.stats().stored, stored);
    }
    let names = responses(&redis).await;
    assert!(names.len() <= places + 1, "{}", names.len());
    assert!(names.len() > places / 2, "{}", names.len());
    assert!(cache.stats().memory_entries <= 65 + 100, "{}", cache.stats().memory_entries);
    // A variant never receives the response of another one that shares its slot.
    let (_, other) = instance(&redis, Policy::ttl(ttl::STANDARD), 0).await;
    for nth in (0..2 * places).step_by(7) {
        let value = format!("made/up-{nth}");
        let page = other.ask(Method::GET, "/varying").with("accept", &value).send().await;
        assert_eq!(page.text(), format!("/varying {value}"));
    }
}

/// Anyone can invent keys of this route.
#[tokio::test]
async fn new_keys_beyond_the_budget_stay_out_of_redis() {
    let redis = RedisServer::start().await.unwrap();
    let policy = Policy::ttl(ttl::STANDARD).max_new_keys_per_minute(5);
    let (cache, site) = instance(&redis, policy, 64 * 1024 * 1024).await;
    for nth in 0..100 {
        assert_eq!(site.get(&format!("/search?q={nth}")).await.x_cache(), "MISS");
    }
    eventually("all is judged", async || cache.stats().stored == 100).await;
    assert_eq!(cache.stats().not_shared, 95);
    eventually("the rest is stored", async || responses(&redis).await.len() == 5).await;
    // Above the limit, responses are still stored in memory.
    for nth in 0..100 {
        assert_eq!(site.get(&format!("/search?q={nth}")).await.x_cache(), "HIT");
    }
    // Responses that were stored before may be stored again.
    let shared = responses(&redis).await;
    let _ = cache.invalidate(larder::Invalidation::all()).await;
    for name in &shared {
        let path = name.split('|').skip(3).collect::<String>().replace('}', "");
        assert_eq!(site.get(&path).await.x_cache(), "MISS", "{name}");
    }
    assert_eq!(cache.stats().not_shared, 95);
}

/// Paths, hosts and queries that look like keys of the store and of its log.
#[tokio::test]
async fn a_key_that_looks_like_ours_touches_nothing_of_ours() {
    const PATHS: [&str; 8] = [
        "/{larder:log}:events",
        "/}:v:001",
        "/a}{b",
        "/larder:%7Blarder:log%7D:events",
        "/*",
        "/[a-z]?larder:*",
        "/|k|x",
        "/^7Clarder",
    ];
    let redis = RedisServer::start().await.unwrap();
    let (cache, site) = instance(&redis, Policy::ttl(ttl::STANDARD), 0).await;
    let log =
        async || redis.command(&["KEYS", "larder:{larder:log}:*"]).await.unwrap().as_array().unwrap().len();
    let before = log().await;
    for host in ["x", "{larder:log}", "larder:{larder:log}:events"] {
        for path in PATHS {
            let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            for x_cache in ["x-cache: MISS", "x-cache: HIT"] {
                eventually(path, async || site.raw(&request).await.to_end().await.contains(x_cache)).await;
            }
        }
    }
    let names = responses(&redis).await;
    assert_eq!(names.len(), 3 * PATHS.len());
    for name in &names {
        let key = name.strip_prefix("larder:larder:v1:{").and_then(|key| key.strip_suffix('}')).unwrap();
        assert!(!key.contains(['{', '}', ' ']), "{key}: one hash tag, and it is the whole key");
    }
    assert_eq!(log().await, before);
    assert!(cache.invalidate(larder::Prefix::new("/").unwrap()).await.require_applied().is_ok());
    tokio::time::timeout(Duration::from_secs(30), async {
        for path in PATHS {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
            assert!(site.raw(&request).await.to_end().await.contains("x-cache: MISS"), "{path}");
        }
    })
    .await
    .unwrap();
}
