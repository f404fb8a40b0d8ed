//! A shared store that is slow, has values of another version, or outlives a runtime.

use std::sync::LazyLock;
use std::time::Duration;

use larder::{Cache, CacheBuilder, InvalidationOutcome, Policy, Tag};
use larder_testing::Answer;
use tokio::time::Instant;

use crate::shop::{Shop, get, method, with};
use crate::store::{LIMIT, MemoryStore};

const MINUTE: Duration = Duration::from_secs(60);
const FAR: Duration = Duration::from_millis(40);

fn shop(options: CacheBuilder, store: &MemoryStore, policy: Policy) -> Shop {
    Shop::of(options.shared_store(store.clone()), policy.jitter(0.0), |_| {
        Answer::ok("hello").header("vary", "accept-language")
    })
}

/// A miss takes three exchanges here: for the fields, for the variant, and for the lease.
#[tokio::test(start_paused = true)]
async fn all_exchanges_of_a_request_take_no_longer_than_one_may() {
    let store = MemoryStore::default();
    for policy in [Policy::ttl(MINUTE), Policy::ttl(MINUTE).tag("t")] {
        let one = shop(Cache::builder(), &store, policy);
        store.looked().await;
        one.send(with("/", "accept-language", "en")).await;
        let other = shop(Cache::builder(), &store, Policy::ttl(MINUTE));
        store.looked().await;
        store.move_away(FAR);
        for language in ["en", "de", "fr"] {
            let begun = Instant::now();
            other.send(with("/", "accept-language", language)).await;
            assert!(begun.elapsed() <= LIMIT, "{language}: {:?}", begun.elapsed());
        }
        store.move_away(Duration::ZERO);
    }
    // With the memory tier off, the lookup takes place before anything else.
    let bare = shop(Cache::builder().max_memory_bytes(0), &store, Policy::ttl(MINUTE));
    store.looked().await;
    store.move_away(FAR);
    let begun = Instant::now();
    bare.send(with("/", "accept-language", "it")).await;
    assert!(begun.elapsed() <= LIMIT, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_invalidation_waits_as_long_as_it_may_and_is_then_deferred() {
    let store = MemoryStore::default();
    let limit = Duration::from_millis(100);
    let shops = [Cache::builder(), Cache::builder().invalidation_timeout(limit * 2)]
        .map(|options| shop(options, &store, Policy::ttl(MINUTE).tag("t")));
    store.looked().await;
    store.move_away(Duration::from_millis(250));
    for (shop, limit) in shops.iter().zip([limit, limit * 2]) {
        shop.get("/").await;
        let begun = Instant::now();
        assert_eq!(shop.cache.invalidate(Tag::new("t")).await, InvalidationOutcome::Deferred);
        assert_eq!(begun.elapsed(), limit);
        let begun = Instant::now();
        shop.send(method(http::Method::POST, "/")).await;
        assert_eq!(begun.elapsed(), limit);
    }
    // It holds here at once, and elsewhere once the store has it.
    let runs = shops[0].origin.calls();
    shops[0].get("/").await;
    assert_eq!(shops[0].origin.calls(), runs + 1);
    store.move_away(Duration::ZERO);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(shops[0].cache.invalidate(Tag::new("u")).await, InvalidationOutcome::Applied);
}

/// During a deploy, another version of the program uses the same store.
#[tokio::test]
async fn a_value_of_another_version_is_not_taken_for_a_corrupt_one() {
    const VERSION_AT: usize = 2;
    let store = MemoryStore::default();
    let shops = [(); 3].map(|()| {
        Shop::of(Cache::builder().shared_store(store.clone()), Policy::ttl(MINUTE), |_| Answer::ok("hello"))
    });
    let [old, new, rolled_back] = &shops;
    store.looked().await;
    new.get("/").await;
    crate::shop::eventually("it is stored", || store.values().len() == 1).await;
    store.change_all(|value| value[VERSION_AT] = 9);
    let values = store.values();
    // The old version cannot use it. A request that may not fill leaves it where it is.
    let refused = with("/", "cache-control", "only-if-cached");
    let honoring = Policy::ttl(MINUTE).honor_request_directives();
    let reader = Shop::of(Cache::builder().shared_store(store.clone()), honoring, |_| Answer::ok("hello"));
    store.looked().await;
    assert_eq!(reader.send(refused).await.status(), 504);
    assert_eq!(store.values(), values);
    // A fill has a position that is at least as new. What it stores is read by all versions.
    old.get("/").await;
    crate::shop::eventually("it is replaced", || store.values() != values).await;
    assert_eq!(store.values()[0][VERSION_AT], 1);
    rolled_back.get("/").await;
    assert_eq!((old.origin.calls(), rolled_back.origin.calls()), (1, 0));
    assert_eq!(old.cache.stats().leases_acquired, 1, "one instance of the old version fills it");
}

#[tokio::test]
async fn a_body_over_the_limit_stays_in_memory_alone() {
    let store = MemoryStore::default();
    let shop = |limit: u64| {
        let options = Cache::builder().shared_store(store.clone()).max_shared_body_bytes(limit);
        Shop::of(options, Policy::ttl(MINUTE), |_| Answer::ok("hello"))
    };
    let (small, large) = (shop(5), shop(4));
    store.looked().await;
    large.get("/a").await;
    assert_eq!(large.get("/a").await.headers()["x-cache"], "HIT");
    assert_eq!(large.cache.stats().too_large_to_share, 1);
    crate::shop::eventually("its lease is released", || store.leases() == 0).await;
    assert_eq!(store.holds(), 0);
    small.get("/b").await;
    crate::shop::eventually("it is shared", || store.holds() == 1).await;
    assert_eq!(small.cache.stats().too_large_to_share, 0);
}

/// A body that no tier can store is not collected to be thrown away, and no field says that it was
/// stored.
#[tokio::test]
async fn a_body_that_no_tier_can_store_is_too_large() {
    const MEMORY: u64 = 1024 * 1024;
    let store = MemoryStore::default();
    let body = |bytes: usize| move |_| Answer::ok(vec![b'x'; bytes]);
    let policy = || Policy::ttl(MINUTE).max_body(8 * 1024 * 1024);
    let bare = Cache::builder().shared_store(store.clone()).max_memory_bytes(0).max_shared_body_bytes(4);
    let small = Cache::builder().max_memory_bytes(MEMORY);
    let bare = Shop::of(bare, policy(), body(5));
    store.looked().await;
    let small = Shop::of(small, policy(), body(usize::try_from(MEMORY).unwrap()));
    for shop in [bare, small] {
        for run in 1..=2 {
            let response = shop.get("/").await;
            let status = response.headers()["cache-status"].to_str().unwrap();
            assert!(status.contains("not stored: too-large") && !status.contains("; stored"), "{status}");
            assert_eq!(shop.origin.calls(), run);
        }
        assert_eq!(shop.cache.stats().not_stored.get("too-large"), Some(&2));
        assert_eq!(shop.cache.stats().too_large_to_share, 0, "it was not even tried");
    }
    assert_eq!(store.holds(), 0);
}

/// Many instances that start at once take turns, so each of them leaves the store alone for a
/// while.
#[tokio::test(start_paused = true)]
async fn an_instance_that_has_no_place_among_the_starts_pauses_between_polls() {
    let store = MemoryStore::default();
    store.has_no_place_for_starts();
    let begun = Instant::now();
    let _cache = Cache::builder().shared_store(store.clone()).build();
    store.polled(5).await;
    // The pauses double, and each is at least half as long as it may be.
    let least: Duration = [50, 100, 200, 400].map(Duration::from_millis).into_iter().sum::<Duration>() / 2;
    assert!(begun.elapsed() >= least, "{:?}", begun.elapsed());
}

/// Each test of a program has a runtime of its own, and a cache in a `static` outlives it.
#[test]
fn a_cache_that_outlives_its_runtime_follows_the_log_on_the_next() {
    static STORE: LazyLock<MemoryStore> = LazyLock::new(MemoryStore::default);
    static SHOP: LazyLock<Shop> = LazyLock::new(|| {
        let options = Cache::builder().shared_store(STORE.clone());
        Shop::of(options, Policy::ttl(MINUTE).tag("t"), |_| Answer::ok("hello"))
    });
    let run = |expected| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let request = get("/").into_parts().0.uri.to_string();
            SHOP.get("/other").await;
            STORE.looked().await;
            SHOP.get(&request).await;
            let outcome = SHOP.cache.invalidate(Tag::new("t")).await;
            assert_eq!(outcome, InvalidationOutcome::Applied);
            SHOP.get("/").await;
            assert_eq!(SHOP.get("/").await.headers()["x-cache"], "HIT");
            assert_eq!(SHOP.origin.calls(), expected);
        });
    };
    run(3);
    SHOP.clock.advance(Duration::from_secs(10));
    run(5);
}

/// Whatever is the first thing that a later runtime asks of the cache.
#[test]
fn each_use_of_a_cache_on_another_runtime_makes_it_follow_the_log_again() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // An invalidation, a miss, and a hit in the store. A hit in memory needs no runtime.
    for (memory, path) in [(1 << 20, None), (1 << 20, Some("/other")), (0, Some("/"))] {
        let store = MemoryStore::default();
        let shop = runtime().block_on(async {
            let options = Cache::builder().shared_store(store.clone()).max_memory_bytes(memory);
            let shop = Shop::of(options, Policy::ttl(MINUTE), |_| Answer::ok("hello"));
            store.looked().await;
            shop.get("/").await;
            store.has_response().await;
            shop
        });
        runtime().block_on(async {
            match path {
                None => {
                    let outcome = shop.cache.invalidate(Tag::new("t")).await;
                    assert_eq!(outcome, InvalidationOutcome::Applied);
                }
                Some(path) => drop(shop.get(path).await),
            }
            store.looked().await;
        });
    }
}
