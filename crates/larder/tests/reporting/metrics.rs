//! Metrics that the cache reports through the `metrics` facade.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use larder::store::StoreErrorKind;
use larder::{Cache, Invalidation, PathName, Policy};
use larder_testing::{Answer, Gate, ManualClock};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use crate::shop::{COST, Shop, eventually, get, method, with};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

/// Runs `action` and returns all metrics, each as `name{label=value …}`.
pub(crate) fn after(action: impl AsyncFnOnce()) -> BTreeMap<String, DebugValue> {
    let recorder = DebuggingRecorder::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    metrics::with_local_recorder(&recorder, || runtime.block_on(action()));
    let snapshot = recorder.snapshotter().snapshot().into_vec();
    snapshot
        .into_iter()
        .map(|(key, _, _, value)| {
            let labels = key.key().labels().map(|label| format!("{}={}", label.key(), label.value()));
            let labels = labels.collect::<Vec<_>>().join(" ");
            (format!("{}{{{labels}}}", key.key().name()), value)
        })
        .collect()
}

/// Returns the counters whose names begin with `prefix`.
pub(crate) fn counters(metrics: &BTreeMap<String, DebugValue>, prefix: &str) -> Vec<(String, u64)> {
    let counted = |(name, value): (&String, &DebugValue)| match value {
        DebugValue::Counter(count) if name.starts_with(prefix) => Some((name.clone(), *count)),
        _ => None,
    };
    metrics.iter().filter_map(counted).collect()
}

fn expected(counters: &[(&str, u64)]) -> Vec<(String, u64)> {
    counters.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

#[test]
fn requests_by_route_outcome_tier_and_reason() {
    let metrics = after(async || {
        let policy = Policy::ttl(MINUTE).jitter(0.0).stale_while_revalidate(MINUTE).name("products");
        let shop = Shop::new(policy, |_| Answer::ok("hello"));
        shop.get("/1").await;
        for _ in 0..3 {
            shop.get("/1").await;
        }
        shop.clock.advance(MINUTE);
        shop.get("/1").await;
        eventually("it is refreshed", || shop.cache.stats().stored == 2).await;
        shop.get("/2").await;
        shop.send(with("/1", "range", "items=0-1")).await;
        shop.send(method(Method::PUT, "/1")).await;
        shop.get("/1").await;
    });
    let requests = [
        ("bypass tier=none reason=method", 1),
        ("bypass tier=none reason=range", 1),
        ("hit tier=memory reason=none", 3),
        ("miss tier=none reason=invalidated", 1),
        ("miss tier=none reason=never-stored", 2),
        ("stale tier=memory reason=stale-while-revalidate", 1),
    ];
    let requests: Vec<_> = requests
        .into_iter()
        .map(|(labels, count)| {
            (format!("larder_requests_total{{route=products class=custom outcome={labels}}}"), count)
        })
        .collect();
    assert_eq!(counters(&metrics, "larder_requests_total"), requests);
    assert_eq!(
        counters(&metrics, "larder_misses_total"),
        expected(&[
            ("larder_misses_total{reason=invalidated}", 1),
            ("larder_misses_total{reason=never-stored}", 2),
        ])
    );
}

#[test]
fn fills_and_what_hits_have_saved() {
    let metrics = after(fill_hit_and_invalidate);
    for (name, count) in [
        ("larder_fills_total{route=unnamed class=custom}", 2),
        ("larder_stored_total{route=unnamed class=custom}", 1),
        ("larder_not_stored_total{route=unnamed class=custom reason=no-store}", 1),
        ("larder_handler_time_saved_nanoseconds_total{}", 2 * 40_000_000),
        ("larder_invalidations_total{}", 2),
    ] {
        assert_eq!(metrics.get(name), Some(&DebugValue::Counter(count)), "{name}");
    }
    let times = vec![COST.as_secs_f64().into(); 2];
    assert_eq!(metrics["larder_fill_seconds{route=unnamed class=custom}"], DebugValue::Histogram(times));
}

/// Fills two responses, one of which is stored, and serves it twice.
pub(crate) async fn fill_hit_and_invalidate() {
    let shop = Shop::new(Policy::ttl(MINUTE).jitter(0.0), |call| match call {
        1 => Answer::ok("hello"),
        _ => Answer::ok("hello").header("cache-control", "no-store"),
    });
    shop.get("/1").await;
    shop.get("/1").await;
    shop.get("/1").await;
    shop.get("/2").await;
    let _ = shop.cache.invalidate(Invalidation::tag("a").and_tag("b")).await;
}

/// At least 2,048 tags and 512 paths are remembered.
#[test]
fn forgotten_invalidations() {
    let metrics = after(forget_invalidations);
    for (name, count) in [("larder_floor_raises_total{}", 1), ("larder_folded_names_total{}", 64)] {
        assert_eq!(metrics.get(name), Some(&DebugValue::Counter(count)), "{name}");
    }
}

/// Invalidates one tag and one path more than are remembered.
pub(crate) async fn forget_invalidations() {
    let shop =
        Shop::of(Cache::builder().invalidation_capacity(0), Policy::ttl(MINUTE), |_| Answer::ok("hello"));
    for number in 0..2_049 {
        let _ = shop.cache.invalidate(Invalidation::tag(number.to_string())).await;
    }
    for number in 0..513 {
        let path = PathName::new(&format!("/a/{number}")).unwrap();
        let _ = shop.cache.invalidate(path).await;
    }
    let stats = shop.cache.stats();
    assert_eq!((stats.floor_raises, stats.folded_names), (1, 64));
}

#[test]
fn refreshes_in_the_background_and_those_left_out() {
    let metrics = after(refresh_one_and_skip_two);
    assert_eq!(metrics["larder_refreshes_total{}"], DebugValue::Counter(1));
    assert_eq!(metrics["larder_refreshes_skipped_total{}"], DebugValue::Counter(2));
}

/// Refreshes one response in the background, and skips two refreshes.
pub(crate) async fn refresh_one_and_skip_two() {
    let policy = Policy::ttl(MINUTE).jitter(0.0).stale_while_revalidate(MINUTE);
    let gate = Gate::new();
    let handler_gate = gate.clone();
    let shop = Shop::of(Cache::builder().max_concurrent_refreshes(1), policy, move |call| match call {
        1 | 2 => Answer::ok("hello"),
        _ => Answer::ok("hello").held_at(&handler_gate),
    });
    shop.get("/1").await;
    shop.get("/2").await;
    shop.clock.advance(MINUTE);
    for path in ["/1", "/2", "/2"] {
        shop.get(path).await;
    }
    gate.open();
}

#[test]
fn freed_responses() {
    let metrics = after(free_responses);
    assert_eq!(metrics["larder_reclaimed_total{}"], DebugValue::Counter(2));
    assert_eq!(metrics["larder_reclaim_scans_total{}"], DebugValue::Counter(1));
}

/// Invalidates everything, and waits until the store is freed of it.
pub(crate) async fn free_responses() {
    let store = MemoryStore::default();
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, Policy::ttl(MINUTE), |_| Answer::ok("hello"));
    store.looked().await;
    shop.get("/1").await;
    shop.get("/2").await;
    eventually("they are stored", || store.holds() == 2).await;
    let _ = shop.cache.invalidate(Invalidation::all()).await;
    eventually("they are freed", || shop.cache.stats().reclaim_scans == 1).await;
}

#[test]
fn collapsed_requests() {
    let metrics = after(collapse_requests);
    assert_eq!(metrics["larder_collapsed_total{}"], DebugValue::Counter(2));
}

/// Sends three requests for one response at the same time.
pub(crate) async fn collapse_requests() {
    let shop = Shop::minute();
    tokio::join!(shop.get("/"), shop.get("/"), shop.get("/"));
}

#[test]
fn leases_by_event() {
    let metrics = after(crate::leases::take_await_and_take_over);
    assert_eq!(
        counters(&metrics, "larder_leases_total"),
        expected(&[
            ("larder_leases_total{event=acquired}", 2),
            ("larder_leases_total{event=awaited}", 1),
            ("larder_leases_total{event=taken-over}", 1),
        ])
    );
}

#[test]
fn responses_beyond_the_budget_of_new_keys() {
    let metrics = after(exceed_new_keys);
    assert_eq!(metrics["larder_not_shared_total{reason=new-keys}"], DebugValue::Counter(2));
}

/// Stores more responses than may be shared.
pub(crate) async fn exceed_new_keys() {
    let store = MemoryStore::default();
    let options = Cache::builder().shared_store(store.clone());
    let policy = Policy::ttl(Duration::from_secs(60)).max_new_keys_per_minute(1);
    let shop = Shop::of(options, policy, |_| Answer::ok("hello"));
    store.looked().await;
    for path in ["/1", "/2", "/3"] {
        shop.get(path).await;
    }
    eventually("one is shared", || store.holds() == 1).await;
    assert_eq!((shop.cache.stats().stored, shop.cache.stats().not_shared), (3, 2));
    // A refresh is for a key that exists already.
    shop.clock.advance(Duration::from_secs(61));
    shop.get("/2").await;
    assert_eq!(shop.cache.stats().not_shared, 2);
    eventually("it is shared", || store.holds() == 2).await;
}

#[test]
fn responses_and_bytes_in_memory() {
    let gauge_of =
        |all: &BTreeMap<String, DebugValue>, what: &str| match all[&format!("larder_memory_{what}{{}}")] {
            DebugValue::Gauge(gauge) => gauge.into_inner(),
            ref other => panic!("{other:?}"),
        };
    let metrics = after(async || {
        let shop = Shop::minute();
        shop.get("/1").await;
        shop.get("/2").await;
        // This clone keeps the cache alive until the recorder is read.
        std::mem::forget(shop.cache.clone());
    });
    assert_eq!(gauge_of(&metrics, "entries"), 2.0);
    assert!(gauge_of(&metrics, "bytes") > 10.0);

    let metrics = after(async || {
        Shop::minute().get("/1").await;
    });
    assert_eq!((gauge_of(&metrics, "entries"), gauge_of(&metrics, "bytes")), (0.0, 0.0), "the cache is gone");
}

#[test]
fn store_errors_by_exchange_and_kind() {
    let metrics = after(fail_store_operations);
    let names: Vec<_> =
        counters(&metrics, "larder_store_errors_total").into_iter().map(|(name, _)| name).collect();
    let expected = ["append", "poll", "read", "write"]
        .map(|operation| format!("larder_store_errors_total{{operation={operation} kind=refused}}"));
    assert_eq!(names, expected);
}

#[test]
fn the_instance_and_the_shared_store_have_gauges() {
    let metrics = after(async || {
        tokio::time::pause();
        let (store, clock) = (larder_testing::MemoryStore::new(), ManualClock::new());
        let cache = Cache::builder().shared_store(store.clone()).clock(clock.clone()).build();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let _ = cache.invalidate(Invalidation::all()).await;
        tokio::time::sleep(Duration::from_secs(20)).await;
        store.fail(StoreErrorKind::Timeout);
        let _ = cache.invalidate(Invalidation::tag("x")).await;
        // The bound on staleness is two seconds.
        clock.advance(Duration::from_secs(3));
        tokio::time::sleep(Duration::from_secs(20)).await;
        // The cache stays until the recorder is read.
        std::mem::forget(cache);
    });
    let gauge = |name: &str| match &metrics[&format!("{name}{{}}")] {
        DebugValue::Gauge(value) => value.into_inner(),
        other => panic!("{name} is {other:?}"),
    };
    assert_eq!((gauge("larder_redis_up"), gauge("larder_redis_log_entries")), (0.0, 1.0));
    assert!(!metrics.contains_key("larder_redis_memory_used_bytes{}"), "it is not known");
    assert_eq!(gauge("larder_instance_deferred_invalidations"), 1.0);
    let [detached, ratio] =
        ["detached", "confirmation_age_ratio"].map(|name| format!("larder_instance_{name}"));
    assert_eq!((gauge(&detached), gauge(&ratio)), (1.0, 1.5));
    assert_eq!(gauge("larder_instance_open_circuits"), 0.0, "this store has none");
    let info = format!("larder_build_info{{version={}}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(metrics[&info], DebugValue::Gauge(1.0.into()));
    let announced = "larder_store_errors_total{operation=announce kind=timeout}";
    assert!(matches!(metrics[announced], DebugValue::Counter(1..)), "{metrics:?}");
}

#[test]
fn an_open_circuit_has_a_gauge() {
    let metrics = after(async || {
        tokio::time::pause();
        let store = MemoryStore::default();
        let cache = Cache::builder().shared_store(store.clone()).build();
        store.fail(StoreErrorKind::CircuitOpen);
        tokio::time::sleep(Duration::from_secs(20)).await;
        // The cache stays until the recorder is read.
        std::mem::forget(cache);
    });
    assert_eq!(metrics["larder_instance_open_circuits{}"], DebugValue::Gauge(1.0.into()));
}

/// Makes the operations of a store fail.
pub(crate) async fn fail_store_operations() {
    let store = MemoryStore::default();
    let options = Cache::builder().shared_store(store.clone());
    let shop = Shop::of(options, Policy::ttl(MINUTE).jitter(0.0), |_| Answer::ok("hello"));
    store.looked().await;
    store.fail(StoreErrorKind::Refused);
    let before = shop.cache.stats().store_errors;
    shop.send(get("/1")).await;
    let _ = shop.cache.invalidate(Invalidation::all()).await;
    eventually("all fail", || shop.cache.stats().store_errors > before + 4).await;
}
