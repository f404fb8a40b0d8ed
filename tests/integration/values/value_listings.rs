//! The view of operators on cached values.

use std::collections::HashSet;
use std::time::Duration;

use larder::inspect::{ListPage, StoredFilter, StoredState, ValueInfo};
use larder::values::Values;
use larder::write_queue::Durability;
use larder::{Cache, Invalidation, Prefix, Tag};
use larder_testing::ManualClock;

use crate::support::{Database, TTL, builder, cache, get, names};
use crate::table_sink::{Table, in_process};

/// A type without `Debug`, as many values are.
struct Opaque;

async fn all(cache: &Cache, name: &str) -> Vec<ValueInfo> {
    let listing = cache.stored_values(name, &StoredFilter::default(), ListPage::default()).await;
    let mut entries = listing.expect("a collection").entries;
    entries.sort_by(|one, other| one.key.cmp(&other.key));
    entries
}

#[tokio::test]
async fn each_value_is_described_without_the_value() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let cache = cache(&clock);
    let names = builder(&cache).negative_ttl(Duration::from_secs(30)).build().unwrap();
    get(&names, &database, 1).await;
    clock.advance(Duration::from_secs(10));
    get(&names, &database, 2).await;
    clock.advance(Duration::from_secs(5));
    let [ada, absence] = &all(&cache, "name").await[..] else { panic!("two entries") };
    assert_eq!((&*ada.key, ada.is_absence, ada.state), ("v|name|1", false, StoredState::Fresh));
    assert_eq!((ada.age, ada.remaining), (Duration::from_secs(15), TTL - Duration::from_secs(15)));
    assert_eq!(ada.tags, [Tag::new("initial:A"), Tag::new("name:1")]);
    assert!(ada.stored_bytes > 50 && ada.stored_bytes < 1_000, "{}", ada.stored_bytes);
    assert_eq!((&*absence.key, absence.is_absence), ("v|name|2", true));
    assert_eq!((absence.age, absence.remaining), (Duration::from_secs(5), Duration::from_secs(25)));
    assert!(!format!("{ada:?}").contains("Ada"));
    clock.advance(Duration::from_secs(25));
    let _ = cache.invalidate(Tag::new("initial:A")).await;
    let states: Vec<_> = all(&cache, "name").await.iter().map(|entry| entry.state).collect();
    assert_eq!(states, [StoredState::Invalidated, StoredState::Stale]);
    assert_eq!(names.stats().hits_memory, 0);
}

#[tokio::test]
async fn each_collection_is_listed_by_its_name() {
    let cache = cache(&ManualClock::new());
    assert!(cache.collections().is_empty());
    let opaque: Values<(u64, String), Opaque> =
        cache.values("opaque").codec(NoCodec).weigh(|_| 1_000).build().unwrap();
    let names = names(&cache);
    let _operations = cache.operations::<u64, u64>("views");
    assert_eq!(cache.collections(), ["name", "opaque"]);
    opaque.get_or_load(&(7, "a|b".into()), async || Ok::<_, std::io::Error>(Some(Opaque))).await.unwrap();
    get(&names, &Database::with(1, "Ada"), 1).await;
    let [entry] = &all(&cache, "opaque").await[..] else { panic!("one entry") };
    assert_eq!(entry.key, "v|opaque|7|a^7Cb");
    assert!(entry.stored_bytes >= 1_000);
    let page = cache.stored_values("other", &StoredFilter::default(), ListPage::default()).await;
    assert!(page.is_none());
}

#[tokio::test]
async fn the_options_of_the_collections_that_exist_are_described() {
    let cache = cache(&ManualClock::new());
    assert_eq!(cache.collection_policies(), []);
    let names = names(&cache);
    let small: Values<u64, String> =
        cache.values("small").ttl(Duration::from_secs(9)).max_memory_bytes(1_000).build().unwrap();
    let carts = in_process(&cache, &Table::default()).partitions(3).build().unwrap();
    let _operations = cache.operations::<u64, u64>("views");
    let [cart, name, other] = &cache.collection_policies()[..] else { panic!("three collections") };
    assert_eq!((&*cart.name, &*name.name, &*other.name), ("cart", "name", "small"));
    assert_eq!((name.ttl, name.has_tags, name.write_behind), (TTL, true, None));
    assert_eq!((other.ttl, other.max_memory_bytes, other.has_tags), (Duration::from_secs(9), 1_000, false));
    let writes = cart.write_behind.expect("queued writes");
    assert_eq!((writes.is_in_process, writes.partitions, writes.durability), (true, 3, Durability::Memory));
    drop((names, small));
    assert_eq!(cache.collection_policies().len(), 1);
    drop(carts);
}

/// A codec for values that stay in this process.
struct NoCodec;

impl larder::values::Codec<Opaque> for NoCodec {
    const FORMAT: u8 = 200;

    fn encode(&self, _: &Opaque) -> Result<Vec<u8>, larder::values::CodecError> {
        Ok(Vec::new())
    }

    fn decode(&self, _: &[u8]) -> Result<Opaque, larder::values::CodecError> {
        Ok(Opaque)
    }
}

#[tokio::test]
async fn the_pages_of_a_collection_have_each_value_once() {
    let cache = cache(&ManualClock::new());
    let names = names(&cache);
    for id in 0..500 {
        get(&names, &Database::with(id, if id % 2 == 0 { "Ada" } else { "Grace" }), id).await;
    }
    let (filter, mut page) = (StoredFilter::default().tag("initial:A"), ListPage::default().limit(64));
    let mut keys = HashSet::new();
    loop {
        let listing = cache.stored_values("name", &filter, page).await.unwrap();
        assert_eq!(listing.matched, 250);
        for entry in listing.entries {
            assert!(keys.insert(entry.key));
        }
        let Some(next) = listing.next else { break };
        page = page.after(next);
    }
    assert_eq!(keys.len(), 250);
    let by_key = StoredFilter::default().key_contains("|49");
    let listing = cache.stored_values("name", &by_key, ListPage::default()).await.unwrap();
    assert_eq!(listing.matched, 11, "49 and 490 to 499");
    let by_path = StoredFilter::default().path_prefix("");
    assert_eq!(cache.stored_values("name", &by_path, ListPage::default()).await.unwrap().matched, 0);
}

#[tokio::test]
async fn a_preview_counts_the_values_that_it_names() {
    let cache = cache(&ManualClock::new());
    let names = names(&cache);
    for (id, name) in [(1, "Ada"), (2, "Alan"), (3, "Grace")] {
        get(&names, &Database::with(id, name), id).await;
    }
    let sizes: Vec<_> = all(&cache, "name").await.iter().map(|entry| entry.stored_bytes).collect();
    let cases = [
        (Invalidation::tag("initial:A"), vec![0, 1]),
        (Invalidation::of(names.selector(&3)), vec![2]),
        (Prefix::new("/").unwrap().into(), vec![]),
        (Invalidation::all().soft(), vec![0, 1, 2]),
    ];
    for (what, expected) in cases {
        let preview = cache.preview(what.clone()).await;
        assert_eq!((preview.values, preview.responses), (expected.len() as u64, 0), "{what:?}");
        assert_eq!(preview.bytes, expected.iter().map(|at| sizes[*at]).sum::<u64>());
        let keys: HashSet<_> = preview.keys.into_iter().collect();
        assert_eq!(keys, expected.iter().map(|at| format!("v|name|{}", at + 1)).collect());
    }
    let _ = cache.invalidate(Tag::new("name:1")).await;
    let preview = cache.preview(Tag::new("initial:A")).await;
    assert_eq!((preview.values, preview.already_invalidated), (1, 1));
}

#[tokio::test]
async fn the_key_of_a_value_is_inspected() {
    let cache = cache(&ManualClock::new());
    let names = names(&cache);
    get(&names, &Database::with(1, "Ada"), 1).await;
    let found = cache.inspect("v|name|1").await;
    assert_eq!((&*found.key, found.values.len(), found.responses.len()), ("v|name|1", 1, 0));
    assert_eq!(found.values, all(&cache, "name").await);
    assert!(cache.inspect("v|name|2").await.values.is_empty());
    assert!(cache.inspect("v|other|1").await.values.is_empty());
}
