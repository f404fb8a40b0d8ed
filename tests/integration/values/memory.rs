//! Values in the memory of one process.

use std::sync::Arc;
use std::time::Duration;

use larder::values::{Cached, Values};
use larder::{Cache, ConfigErrorKind};
use larder_testing::ManualClock;

use crate::support::{Database, TTL, builder, cache, get, misses, names};

#[tokio::test]
async fn a_hit_returns_the_value_itself_until_its_lifetime_is_over() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let names = names(&cache(&clock));
    assert_eq!(names.get_cached(&1), Cached::Nothing);
    let load = async || names.get_or_load(&1, || database.load(1)).await.unwrap().unwrap();
    let first = load().await;
    clock.advance(TTL - Duration::from_nanos(1));
    assert!(Arc::ptr_eq(&first, &load().await));
    assert!(Arc::ptr_eq(&first, &names.get_cached(&1).into_value().unwrap()));
    assert!(Arc::ptr_eq(&first, &names.get(&1).await.into_value().unwrap()));
    clock.advance(Duration::from_nanos(1));
    assert_eq!(names.get_cached(&1), Cached::Nothing);
    assert_eq!(names.get(&1).await, Cached::Nothing);
    assert!(!Arc::ptr_eq(&first, &load().await));
    let stats = names.stats();
    assert_eq!((database.loads(), stats.loads, stats.hits_memory, stats.stored), (2, 2, 3, 2));
    // `get` missed as well.
    assert_eq!(misses(&stats), "expired 2, never-stored 1");
}

#[tokio::test]
async fn an_absence_is_cached_only_if_the_collection_says_so() {
    let (clock, database) = (ManualClock::new(), Database::default());
    let cache = cache(&clock);
    let plain = names(&cache);
    for loads in 1..3 {
        assert_eq!(get(&plain, &database, 1).await, None);
        assert_eq!(database.loads(), loads);
        assert_eq!(plain.get(&1).await, Cached::Nothing);
    }
    assert_eq!(plain.stats().not_stored["no-lifetime"], 2);

    let negative = builder(&cache).negative_ttl(Duration::from_secs(3)).build().unwrap();
    for _ in 0..2 {
        assert_eq!(get(&negative, &database, 1).await, None);
        assert_eq!(database.loads(), 3);
        assert_eq!(negative.get_cached(&1), Cached::Absence);
    }
    database.set(1, "Ada");
    clock.advance(Duration::from_secs(3));
    assert_eq!(get(&negative, &database, 1).await.as_deref(), Some("Ada"));
    // The value has the lifetime of a value.
    clock.advance(Duration::from_secs(3));
    assert!(negative.contains(&1).await);
}

#[tokio::test]
async fn an_entry_tells_its_age_its_rest_and_its_tags() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let names = names(&cache(&clock));
    assert!(names.entry(&1).await.is_none());
    assert_eq!(names.ttl_of(&1).await, None);
    get(&names, &database, 1).await;
    clock.advance(Duration::from_secs(30));
    let entry = names.entry(&1).await.unwrap();
    assert_eq!((entry.age, entry.remaining), (Duration::from_secs(30), TTL - Duration::from_secs(30)));
    assert_eq!(entry.tier, larder::outcome::Tier::Memory);
    assert_eq!(entry.tags.iter().map(larder::Tag::as_str).collect::<Vec<_>>(), ["initial:A", "name:1"]);
    assert!(!entry.is_absence);
    assert_eq!(names.ttl_of(&1).await, Some(TTL - Duration::from_secs(30)));
    clock.advance(TTL);
    assert_eq!(names.entry(&1).await.unwrap().remaining, Duration::ZERO);
    assert_eq!(names.ttl_of(&1).await, None);
    assert!(!names.contains(&1).await);
    // Looking at an entry is no use of it.
    assert_eq!(names.stats().hits(), 0);
}

/// The weight of each value is a megabyte, so few of them fit.
#[tokio::test]
async fn memory_is_bounded_by_the_weight_of_values() {
    let cache = Cache::default();
    let blocks = cache
        .values::<u64, [u8; 4]>("block")
        .max_memory_bytes(8 << 20)
        .weigh(|_: &[u8; 4]| 1 << 20)
        .build()
        .unwrap();
    for id in 0..100 {
        blocks.get_or_load(&id, async || Ok::<_, ()>([7; 4])).await.unwrap();
    }
    let stats = blocks.stats();
    assert!((2..8).contains(&stats.memory_entries), "{stats:?}");
    assert!(stats.memory_bytes <= 8 << 20, "{stats:?}");
    assert_eq!(cache.stats().values["block"], stats);
    // Values do not count as responses.
    assert_eq!((cache.stats().memory_entries, cache.stats().fills), (0, 0));
}

#[tokio::test]
async fn without_memory_nothing_is_kept() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = builder(&cache).max_memory_bytes(0).build().unwrap();
    for loads in 1..4 {
        assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
        assert_eq!(database.loads(), loads);
    }
}

#[tokio::test]
async fn a_disabled_cache_loads_each_time() {
    let (cache, database) = (Cache::disabled(), Database::with(1, "Ada"));
    let names = names(&cache);
    for loads in 1..4 {
        assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Ada"));
        assert_eq!(database.loads(), loads);
    }
    assert_eq!(names.get(&1).await, Cached::Nothing);
    assert_eq!(names.stats().bypasses["disabled"], 4);
}

#[test]
fn an_invalid_option_is_an_error_that_names_it() {
    let cache = Cache::default();
    let fine = || cache.values::<u64, String>("name");
    let long = Duration::from_secs(601);
    let cases = [
        (fine().ttl(Duration::ZERO).build(), ConfigErrorKind::Lifetime, "a freshness lifetime of 0ns"),
        (fine().negative_ttl(Duration::MAX).build(), ConfigErrorKind::Lifetime, "a lifetime of an absence"),
        (fine().stale_if_error(Duration::ZERO).build(), ConfigErrorKind::Lifetime, "a stale-if-error window"),
        (
            fine().stale_while_revalidate(Duration::ZERO).build(),
            ConfigErrorKind::Lifetime,
            "a stale-while-revalidate window",
        ),
        (fine().error_ttl(Duration::ZERO).build(), ConfigErrorKind::Lifetime, "a lifetime of an error"),
        (fine().jitter(0.6).build(), ConfigErrorKind::Jitter, "a jitter of 0.6"),
        (fine().early_refresh(-1.0).build(), ConfigErrorKind::EarlyRefresh, "a beta of -1"),
        (fine().load_timeout(long).build(), ConfigErrorKind::Timeout, "a load_timeout of 601s"),
        (fine().serve_stale_after(long).build(), ConfigErrorKind::Timeout, "a serve_stale_after of 601s"),
        (fine().retry_after_error(long).build(), ConfigErrorKind::Timeout, "a retry_after_error of 601s"),
        (fine().max_value_bytes(0).build(), ConfigErrorKind::Limit, "max_value_bytes 0"),
        (fine().max_reruns(0).build(), ConfigErrorKind::Limit, "max_reruns 0"),
        (cache.values::<u64, String>("").build(), ConfigErrorKind::Collection, "needs a name"),
    ];
    for (built, kind, text) in cases {
        let error = built.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn two_collections_of_one_name_must_be_of_one_form() {
    let cache = Cache::default();
    let first: Values<u64, String> = cache.values("name").build().unwrap();
    let second: Values<u64, String> = cache.values("name").build().unwrap();
    assert_eq!((first.name(), second.name()), ("name", "name"));
    let taken = [
        cache.values::<u32, String>("name").build().unwrap_err(),
        cache.values::<u64, u64>("name").build().unwrap_err(),
        cache.values::<u64, String>("name").schema(2).build().unwrap_err(),
    ];
    for error in taken {
        assert_eq!(error.kind(), ConfigErrorKind::Collection);
        assert!(error.to_string().contains("\"name\""), "{error}");
    }
    assert!(Cache::default().values::<u32, String>("name").build().is_ok(), "another cache");
}
