//! Responses and values that are evicted from memory, and the misses after that.

use std::collections::BTreeMap;
use std::time::Duration;

use larder::values::Values;
use larder::{Cache, CacheBuilder, Policy};
use larder_testing::{Answer, ManualClock};

use crate::shop::{COST, Shop, eventually};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);
/// The number of responses. A few of them have room in memory.
const MANY: usize = 40;
/// The size of each.
const SIZE: usize = 64 * 1024;

fn small() -> CacheBuilder {
    Cache::builder().max_memory_bytes(1024 * 1024)
}

fn shop(options: CacheBuilder) -> Shop {
    let policy = Policy::ttl(MINUTE).jitter(0.0).early_refresh(0.0).name("pages");
    Shop::of(options, policy, |_| Answer::ok(vec![b'x'; SIZE]))
}

/// Requests each response once. Returns the reasons of the misses, with their number.
async fn get_all(shop: &Shop) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for number in 0..MANY {
        let response = shop.get(&format!("/{number}")).await;
        let status = response.headers()["cache-status"].to_str().unwrap();
        if response.headers()["x-cache"] != "HIT" {
            let reason = status.split("detail=").nth(1).unwrap();
            *reasons.entry(reason.to_owned()).or_default() += 1;
        }
    }
    reasons
}

fn one(reason: &str, count: usize) -> BTreeMap<String, usize> {
    BTreeMap::from([(reason.to_owned(), count)])
}

#[tokio::test]
async fn a_response_that_was_evicted_is_a_miss_for_that_reason() {
    let shop = shop(small());
    assert_eq!(get_all(&shop).await, one("never-stored", MANY));
    let evicted = shop.cache.stats().evictions;
    assert!(evicted > 20, "{evicted}");
    let reasons = get_all(&shop).await;
    assert_eq!(reasons.keys().collect::<Vec<_>>(), ["evicted"]);
    let stats = shop.cache.stats();
    assert_eq!(stats.misses["evicted"], reasons["evicted"] as u64);
    // What has expired meanwhile would be a miss even with more memory.
    shop.clock.advance(MINUTE);
    assert_eq!(get_all(&shop).await, one("expired", MANY));
}

#[tokio::test]
async fn a_route_counts_its_evictions_and_their_ages() {
    let shop = shop(small());
    get_all(&shop).await;
    let stats = shop.cache.stats();
    let route = &stats.routes[0];
    assert_eq!((route.route.as_str(), route.evictions), ("pages", stats.evictions));
    assert_eq!(route.age_at_eviction.count(), stats.evictions);
    // Each fill takes some time, so the ages are those of a few fills.
    let mean = route.age_at_eviction.mean().unwrap();
    assert!(mean >= COST && mean <= COST * 40, "{mean:?}");
    assert_eq!(stats.classes()["custom"].evictions, stats.evictions);
}

/// A response in the shared store is no miss. Its loss there is only seen as an eviction here.
#[tokio::test]
async fn a_response_that_both_tiers_have_lost_was_evicted() {
    let store = MemoryStore::default();
    // The fills take longer than the usual limit, and the log may be read only after them.
    let shop = shop(small().shared_store(store.clone()).max_staleness(MINUTE));
    store.looked().await;
    get_all(&shop).await;
    eventually("all are shared", || store.holds() == MANY).await;
    assert!(shop.cache.stats().evictions > 20);
    assert_eq!(get_all(&shop).await, BTreeMap::new());
    assert!(shop.cache.stats().hits_shared > 20);
    store.drop_responses();
    let reasons = get_all(&shop).await;
    assert_eq!(reasons.keys().collect::<Vec<_>>(), ["evicted"]);
}

fn pages(cache: &Cache) -> Values<usize, String> {
    let pages = cache
        .values::<usize, String>("page")
        .ttl(MINUTE)
        .jitter(0.0)
        .early_refresh(0.0)
        .max_memory_bytes(1024 * 1024);
    pages.weigh(|page: &String| page.len() as u64).build().unwrap()
}

async fn load_all(pages: &Values<usize, String>, clock: &ManualClock) {
    for number in 0..MANY {
        let load = async || {
            clock.advance(COST);
            Ok::<_, ()>("x".repeat(SIZE))
        };
        pages.get_or_load(&number, load).await.unwrap();
    }
}

#[tokio::test]
async fn a_value_that_was_evicted_is_a_miss_for_that_reason() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let pages = pages(&cache);
    load_all(&pages, &clock).await;
    let first = pages.stats();
    assert_eq!(first.misses, BTreeMap::from([("never-stored", MANY as u64)]));
    assert!(first.evictions > 20, "{}", first.evictions);
    assert_eq!(first.age_at_eviction.count(), first.evictions);
    let mean = first.age_at_eviction.mean().unwrap();
    assert!(mean >= COST && mean <= COST * 40, "{mean:?}");
    load_all(&pages, &clock).await;
    let second = pages.stats();
    assert_eq!(second.misses.keys().collect::<Vec<_>>(), [&"evicted", &"never-stored"]);
    clock.advance(MINUTE);
    load_all(&pages, &clock).await;
    assert_eq!(pages.stats().misses["evicted"], second.misses["evicted"]);
    assert_eq!(pages.stats().misses["expired"], MANY as u64);
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_count_evictions_and_have_their_ages() {
    use metrics_util::debugging::DebugValue;

    let metrics = crate::metrics::after(evict_responses_and_values);
    for (counter, histogram, labels) in [
        ("larder_evictions_total", "larder_eviction_age_seconds", "route=pages class=custom"),
        ("larder_value_evictions_total", "larder_value_eviction_age_seconds", "collection=page"),
    ] {
        let DebugValue::Counter(count) = metrics[&format!("{counter}{{{labels}}}")] else {
            panic!("{counter} is no counter");
        };
        let DebugValue::Histogram(ages) = &metrics[&format!("{histogram}{{{labels}}}")] else {
            panic!("{histogram} is no histogram");
        };
        assert!(count > 20);
        assert_eq!(ages.len() as u64, count);
    }
}

/// Fills more responses and values than there is room for in memory.
#[cfg(feature = "metrics")]
pub(crate) async fn evict_responses_and_values() {
    get_all(&shop(small())).await;
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    load_all(&pages(&cache), &clock).await;
}
