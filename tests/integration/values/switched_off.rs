//! Collections of values while the whole cache is switched off.

use larder::{Cache, SwitchScope};
use larder_testing::ManualClock;

use crate::support::{Database, TTL, cache};

const ANN: &str = "ann@example.com";

#[tokio::test]
async fn loads_run_and_nothing_is_stored_until_the_switch_ends() {
    let clock = ManualClock::new();
    let (cache, database) = (cache(&clock), Database::with(1, "one"));
    let names = cache.values::<u64, String>("name").ttl(TTL * 100).build().unwrap();
    let get = async || names.get_or_load(&1, || database.load(1)).await.unwrap();
    get().await;
    get().await;
    assert_eq!(database.loads(), 1);
    cache.bypass(SwitchScope::All, TTL, ANN).unwrap();
    database.set(1, "another");
    assert_eq!(get().await.unwrap().as_str(), "another");
    assert!(matches!(names.get(&1).await, larder::values::Cached::Nothing));
    let many = names.get_many_or_load(&[1], async |ids| {
        assert_eq!(ids, [1]);
        Ok::<_, std::io::Error>([(1, "many".to_owned())])
    });
    assert_eq!(many.await.unwrap()[0].as_ref().unwrap().as_str(), "many");
    assert_eq!(database.loads(), 2);
    assert!(names.stats().bypasses.get("switched-off").is_some_and(|count| *count >= 2));
    clock.advance(TTL);
    assert_eq!(get().await.unwrap().as_str(), "one", "what was stored before");
    assert_eq!(database.loads(), 2);
}

#[tokio::test]
async fn a_write_through_invalidates_and_stores_nothing() {
    let clock = ManualClock::new();
    let (cache, database) = (cache(&clock), Database::with(1, "one"));
    let names = cache.values::<u64, String>("name").ttl(TTL * 100).build().unwrap();
    let get = async || names.get_or_load(&1, || database.load(1)).await.unwrap();
    get().await;
    cache.bypass(SwitchScope::All, TTL, ANN).unwrap();
    let save = || async {
        database.set(1, "two");
        Ok::<_, std::io::Error>("two".to_owned())
    };
    let written = names.write_through(&1, save).await.unwrap();
    assert!(!written.is_cached());
    clock.advance(TTL);
    assert_eq!(get().await.unwrap().as_str(), "two");
    assert_eq!(database.loads(), 2, "the old value was invalidated");
}

/// A switch for a route or a class is not one for values.
#[tokio::test]
async fn other_switches_do_not_concern_values() {
    let (cache, database) = (Cache::default(), Database::with(1, "one"));
    let names = cache.values::<u64, String>("name").ttl(TTL).build().unwrap();
    cache.bypass(SwitchScope::route("name"), TTL, ANN).unwrap();
    cache.bypass(SwitchScope::class("custom"), TTL, ANN).unwrap();
    for _ in 0..2 {
        names.get_or_load(&1, || database.load(1)).await.unwrap();
    }
    assert_eq!(database.loads(), 1);
}
