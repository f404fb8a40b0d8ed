//! The counters and the metrics of typed values, and the reasons that only values have.

use std::collections::BTreeMap;
use std::time::Duration;

use larder::Cache;
use larder::values::{Values, ValuesBuilder};
use larder_core::outcome::{MissReason, NotStored};
use larder_testing::{Gate, ManualClock};

use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

fn squares(cache: &Cache) -> ValuesBuilder<u64, u64> {
    cache.values("square").ttl(MINUTE).jitter(0.0)
}

async fn square(values: &Values<u64, u64>, number: u64) -> Option<u64> {
    let load = async || match number {
        0 => Err("zero"),
        number => Ok((number < 100).then_some(number * number)),
    };
    values.get_or_load(&number, load).await.ok().flatten().map(|square| *square)
}

/// Asks for values with each outcome: three misses, two hits and a bypass.
async fn ask(cache: &Cache, clock: &ManualClock) -> Values<u64, u64> {
    let values = squares(cache).stale_if_error(MINUTE).negative_ttl(MINUTE).build().unwrap();
    assert_eq!(square(&values, 7).await, Some(49));
    assert_eq!(square(&values, 7).await, Some(49));
    assert_eq!(square(&values, 100).await, None);
    assert_eq!(square(&values, 100).await, None);
    assert_eq!(square(&values, 0).await, None);
    clock.advance(MINUTE);
    let failing = values.get_or_load(&7, async || Err::<u64, _>("away")).await;
    assert_eq!(*failing.unwrap().unwrap(), 49);
    values
}

fn words(counts: &BTreeMap<&'static str, u64>) -> Vec<(&'static str, u64)> {
    counts.iter().map(|(word, count)| (*word, *count)).collect()
}

#[tokio::test]
async fn stats_count_each_outcome_of_a_collection() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let values = ask(&cache, &clock).await;
    let stats = values.stats();
    assert_eq!(words(&stats.misses), [("never-stored", 3)]);
    assert_eq!(words(&stats.stale), [("stale-if-error", 1)]);
    assert_eq!((stats.hits_memory, stats.hits_shared, stats.hits()), (2, 0, 3));
    assert_eq!((stats.loads, stats.failed_loads, stats.stored), (4, 2, 2));
    assert_eq!(stats.memory_entries, 2);
    assert!(stats.memory_bytes > 100);
    let all = cache.stats();
    assert_eq!(all.values, BTreeMap::from([("square".to_owned(), stats)]));
    assert_eq!((all.hits(), all.fills, all.stored), (0, 0, 0), "these are for responses");
}

/// The clock of the test gives the load some time.
#[tokio::test]
async fn the_time_of_loads_adds_up() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let values = squares(&cache).build().unwrap();
    for number in 1..4 {
        let load = async || {
            clock.advance(Duration::from_millis(number));
            Ok::<_, ()>(number)
        };
        values.get_or_load(&number, load).await.unwrap();
    }
    assert_eq!(values.stats().load_time, Duration::from_millis(6));
    assert_eq!(values.entry(&3).await.unwrap().load_time, Duration::from_millis(3));
}

/// The clock of the test gives each load some time. The first hit is a sample.
#[tokio::test]
async fn a_hit_saves_the_time_of_the_load_and_has_an_age() {
    const COST: Duration = Duration::from_millis(5);
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let values = squares(&cache).stale_while_revalidate(MINUTE).build().unwrap();
    let load = async || {
        clock.advance(COST);
        Ok::<_, ()>(49)
    };
    values.get_or_load(&7, load).await.unwrap();
    clock.advance(10 * COST);
    for _ in 0..65 {
        values.get_or_load(&7, load).await.unwrap();
    }
    let stats = values.stats();
    assert_eq!((stats.hits_memory, stats.load_time_saved), (65, 65 * COST));
    assert_eq!((stats.loads, stats.load_times.count(), stats.load_times.sum()), (1, 1, COST));
    // The samples are the first hit and, for 64 hits, the last one.
    assert_eq!((stats.hit_times.count(), stats.hit_times.sum()), (65, Duration::ZERO));
    assert_eq!(stats.age_at_hit.count(), 65);
    let age = stats.age_at_hit.mean().unwrap();
    assert!((10 * COST..=11 * COST).contains(&age), "{age:?}");
    // A stale value saves the time too.
    clock.advance(MINUTE);
    assert!(values.get(&7).await.is_cached());
    assert_eq!((values.stats().load_time_saved, values.stats().age_at_hit.count()), (66 * COST, 65));
}

#[tokio::test]
async fn a_value_that_was_invalidated_during_its_load_is_not_stored() {
    let cache = Cache::default();
    let values = squares(&cache).build().unwrap();
    let gate = Gate::new();
    let load = async || {
        gate.pass().await;
        Ok::<_, ()>(49)
    };
    let invalidate = async {
        gate.arrived(1).await;
        let _ = values.invalidate(&7).await;
        gate.open();
    };
    let (loaded, ()) = tokio::join!(values.get_or_load(&7, load), invalidate);
    assert_eq!(loaded.unwrap().as_deref(), Some(&49));
    assert_eq!(words(&values.stats().not_stored), [(NotStored::Invalidated.as_str(), 1)]);
}

#[tokio::test]
async fn a_value_of_another_schema_is_a_miss_for_that_reason() {
    let store = MemoryStore::default();
    let cache = || Cache::builder().shared_store(store.clone()).build();
    let (one, other) = (cache(), cache());
    store.looked().await;
    let old = squares(&one).build().unwrap();
    square(&old, 7).await;
    crate::shop::eventually("it is stored", || store.holds() == 1).await;
    let new = squares(&other).schema(2).build().unwrap();
    store.looked().await;
    assert!(!new.get(&7).await.is_cached());
    assert_eq!(words(&new.stats().misses), [(MissReason::Schema.as_str(), 1)]);
}

#[cfg(feature = "metrics")]
#[test]
fn metrics_have_the_collection_the_outcome_and_the_reason() {
    let metrics = crate::metrics::after(ask_for_values);
    let counted = crate::metrics::counters(&metrics, "larder_value");
    let requests = |labels: &str| format!("larder_value_requests_total{{collection=square {labels}}}");
    let loads = |outcome: &str| format!("larder_value_loads_total{{collection=square outcome={outcome}}}");
    let saved = "larder_value_load_time_saved_nanoseconds_total{collection=square}";
    let expected = [
        (saved.to_owned(), 5_000_000),
        (loads("absence"), 1),
        (loads("error"), 2),
        (loads("value"), 2),
        (requests("outcome=hit tier=memory reason=none"), 3),
        (requests("outcome=miss tier=none reason=never-stored"), 4),
        (requests("outcome=stale tier=memory reason=stale-if-error"), 1),
    ];
    assert_eq!(counted, expected);
    assert!(metrics.contains_key("larder_value_load_seconds{collection=square}"));
}

/// Asks for values with each outcome, in a cache of their own. One hit saves the time of a load.
#[cfg(feature = "metrics")]
pub(crate) async fn ask_for_values() {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).build();
    let values = ask(&cache, &clock).await;
    let load = async || {
        clock.advance(Duration::from_millis(5));
        Ok::<_, ()>(64)
    };
    for _ in 0..2 {
        values.get_or_load(&8, load).await.unwrap();
    }
}
