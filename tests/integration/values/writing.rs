//! Write-through: the database commits, then the cache has the new value.

use std::io;
use std::time::Duration;

use larder::values::Cached;
use larder::{Cache, Invalidation, InvalidationOutcome, Tag};
use larder_testing::MemoryStore;

use crate::support::{Database, Names, TTL, builder, get, names, over, settle, soon, spawn_get};

impl Database {
    /// Commits a row, and returns it as its transaction has left it.
    async fn save(&self, id: u64, name: &str) -> io::Result<String> {
        self.set(id, name);
        Ok(name.to_owned())
    }
}

fn value(cached: Cached<String>) -> Option<String> {
    cached.into_value().map(|name| (*name).clone())
}

#[tokio::test]
async fn a_written_value_is_a_hit_and_no_load() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    get(&names, &database, 1).await;
    let written = names.write_through(&1, || database.save(1, "Grace")).await.unwrap();
    assert!(written.is_cached());
    assert_eq!(written.invalidation(), InvalidationOutcome::Applied);
    let written = written.require_applied().unwrap().unwrap();
    assert_eq!(*written, "Grace");
    let Cached::Value(hit) = names.get_cached(&1) else { panic!("it is stored") };
    assert!(std::sync::Arc::ptr_eq(&hit, &written), "the same allocation");
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("Grace"));
    assert_eq!(database.loads(), 1);
    let stats = names.stats();
    assert_eq!((stats.writes, stats.cached_writes, stats.stored), (1, 1, 2));
}

/// The other instance has the old value in memory, and gets the new one from the store.
#[tokio::test]
async fn a_written_value_reaches_the_other_instances() {
    let (store, database) = (MemoryStore::new(), Database::with(1, "Ada"));
    let (a, b) = (names(&over(&store).await), names(&over(&store).await));
    get(&b, &database, 1).await;
    let written = a.write_through(&1, || database.save(1, "Grace")).await.unwrap();
    assert!(written.is_cached());
    soon("the other instance has the new value", async {
        while value(b.get(&1).await).as_deref() != Some("Grace") {
            settle().await;
        }
    })
    .await;
    assert_eq!(database.loads(), 1);
    // It has the new tags as well.
    let _ = a.invalidate(&2).await;
    assert_eq!(b.entry(&1).await.unwrap().tags, [Tag::new("initial:G"), Tag::new("name:1")]);
}

/// Rule 18: whichever of two writes was committed last, an old value never replaces a new one.
#[tokio::test]
async fn of_two_writes_that_overlap_the_second_to_finish_stores_nothing() {
    let (cache, database) = (Cache::default(), Database::with(1, "old"));
    let names = names(&cache);
    let (first, second) = (names.begin_write(&1), names.begin_write(&1));
    let second = second.finish(database.save(1, "second").await.unwrap()).await;
    assert!(second.is_cached());
    let first = first.finish("first".to_owned()).await;
    assert!(!first.is_cached());
    assert_eq!(first.invalidation(), InvalidationOutcome::Applied);
    assert_eq!(names.get_cached(&1), Cached::Nothing);
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("second"));
    let after = names.write_through(&1, || database.save(1, "third")).await.unwrap();
    assert!(after.is_cached(), "it overlaps with none");
    assert_eq!(names.stats().cached_writes, 2);
}

#[tokio::test]
async fn writes_on_two_instances_overlap_likewise() {
    let (store, database) = (MemoryStore::new(), Database::with(1, "old"));
    let (a, b) = (names(&over(&store).await), names(&over(&store).await));
    let (first, second) = (a.begin_write(&1), b.begin_write(&1));
    assert!(second.finish(database.save(1, "second").await.unwrap()).await.is_cached());
    assert!(!first.finish("first".to_owned()).await.is_cached());
    for names in [&a, &b] {
        assert_eq!(get(names, &database, 1).await.as_deref(), Some("second"));
    }
}

/// "no other event, hard or soft, that names the value".
#[tokio::test]
async fn an_invalidation_during_the_write_keeps_the_value_out() {
    let (cache, database) = (Cache::default(), Database::default());
    let names = names(&cache);
    let during: [(Invalidation, bool); 6] = [
        (Tag::new("name:1").into(), false),
        (Invalidation::tag("initial:G").soft(), false),
        (Invalidation::of(names.selector(&1)).soft(), false),
        (Invalidation::all(), false),
        (Tag::new("name:2").into(), true),
        // A tag of the old value, which the new one does not have.
        (Tag::new("initial:A").into(), true),
    ];
    for (what, expected) in during {
        let write = names.begin_write(&1);
        let text = format!("{what:?}");
        let _ = cache.invalidate(what).await;
        let written = write.finish(database.save(1, "Grace").await.unwrap()).await;
        assert_eq!(written.is_cached(), expected, "{text}");
        assert_eq!(names.get_cached(&1).is_cached(), expected, "{text}");
    }
}

/// A load that has read the old row must not be served after the write, and not replace its value.
#[tokio::test]
async fn a_load_that_the_write_overtook_does_not_come_back() {
    let (cache, database) = (Cache::default(), Database::with(1, "old"));
    let names = names(&cache);
    let gate = database.hold();
    let before = spawn_get(&names, &database, 1);
    gate.arrived(1).await;
    let written = names.write_through(&1, || database.save(1, "new")).await.unwrap();
    assert!(written.is_cached());
    gate.open();
    assert_eq!(before.await.unwrap().as_deref(), Some("old"));
    assert_eq!(value(names.get_cached(&1)).as_deref(), Some("new"));
    assert_eq!(database.loads(), 1);
}

/// The write may have been committed before it failed.
#[tokio::test]
async fn a_write_without_a_result_invalidates_the_value() {
    type Write = fn(&Names) -> std::pin::Pin<Box<dyn Future<Output = ()> + '_>>;
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let writes: [(&str, Write); 4] = [
        ("an error", |names| {
            Box::pin(async {
                let write = || async { Err::<String, _>(io::Error::other("lost")) };
                assert_eq!(names.write_through(&1, write).await.unwrap_err().to_string(), "lost");
            })
        }),
        ("a panic", |names| {
            Box::pin(async {
                let names = names.clone();
                let write = || async { panic!("the driver has a bug") };
                let write = async move { names.write_through::<_, _, String, io::Error>(&1, write).await };
                assert!(tokio::spawn(write).await.unwrap_err().is_panic());
            })
        }),
        ("a client that leaves", |names| {
            Box::pin(async {
                let write = names.write_through::<_, _, String, io::Error>(&1, std::future::pending);
                assert!(tokio::time::timeout(Duration::ZERO, write).await.is_err());
            })
        }),
        ("a transaction that is given up", |names| Box::pin(async { drop(names.begin_write(&1)) })),
    ];
    for (name, write) in writes {
        get(&names, &database, 1).await;
        assert!(names.get_cached(&1).is_cached(), "{name}");
        write(&names).await;
        assert_eq!(names.get_cached(&1), Cached::Nothing, "{name}");
    }
    assert_eq!((names.stats().writes, database.loads()), (0, 4));
}

/// Dropping cannot wait. The other instance learns of it even so.
#[tokio::test]
async fn a_dropped_write_is_appended_to_the_log() {
    let (store, database) = (MemoryStore::new(), Database::with(1, "Ada"));
    let (a, b) = (names(&over(&store).await), names(&over(&store).await));
    get(&b, &database, 1).await;
    drop(a.begin_write(&1));
    soon("the other instance learns of it", async {
        while b.get(&1).await.is_cached() {
            settle().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_write_invalidates_what_the_collection_names() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = builder(&cache).invalidates(|id| [format!("page:{id}"), "top".to_owned()]).build().unwrap();
    let pages = cache.values::<u64, String>("page").tags(|id, _| [format!("page:{id}")]).build().unwrap();
    let load = |id: u64| async move { Ok::<_, io::Error>(format!("page {id}")) };
    for id in [1, 2] {
        pages.get_or_load(&id, || load(id)).await.unwrap();
    }
    let written = names.write_through(&1, || database.save(1, "Grace")).await.unwrap();
    assert!(written.is_cached(), "its own entry has the other names, too");
    assert_eq!([1, 2].map(|id| pages.get_cached(&id).is_cached()), [false, true]);
}

/// A deletion leaves an absence.
#[tokio::test]
async fn a_deletion_stores_an_absence_if_absences_are_stored() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    for (names, expected) in [
        (names(&cache), Cached::Nothing),
        (builder(&cache).negative_ttl(TTL).build().unwrap(), Cached::Absence),
    ] {
        get(&names, &database, 1).await;
        let delete = || async { Ok::<_, io::Error>(None) };
        let written = names.write_through(&1, delete).await.unwrap();
        assert_eq!(written.is_cached(), expected == Cached::Absence);
        assert_eq!(names.get_cached(&1), expected);
        assert_eq!(written.into_value(), None);
    }
}

#[tokio::test]
async fn a_value_that_is_too_large_for_the_memory_is_not_cached() {
    let texts = Cache::default().values::<u64, String>("text").max_memory_bytes(1_000).build().unwrap();
    let written = texts.begin_write(&1).finish("x".repeat(10_000)).await;
    assert!(!written.is_cached());
    let stats = texts.stats();
    assert_eq!((stats.cached_writes, stats.stored, stats.not_stored.get("too-large")), (0, 0, Some(&1)));
}

#[tokio::test]
async fn a_value_whose_key_is_too_long_is_only_written() {
    let cache = Cache::default();
    let texts = cache.values::<String, String>("text").build().unwrap();
    let write = || async { Ok::<_, io::Error>("x".to_owned()) };
    let written = texts.write_through(&"k".repeat(10_000), write).await.unwrap();
    assert!(!written.is_cached());
    assert_eq!(written.into_value().as_deref().map(String::as_str), Some("x"));
}
