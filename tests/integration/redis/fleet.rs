//! The handle of operators, which is no instance, over a real Redis.

use std::time::Duration;

use larder::advice::AdviceKind;
use larder::feed::FeedItem;
use larder::fleet::Fleet;
use larder::inspect::StoredState;
use larder::store::StoreErrorKind;
use larder::{Glob, Invalidation, Prefix, SwitchScope, Tag, UriName};
use larder_redis::{RedisStore, RedisStoreBuilder};
use larder_testing::RedisServer;
use larder_tests::redis::{EVENTS, HOST, Instance, Setup, World, eventually};

const HOUR: Duration = Duration::from_secs(3600);

fn settings(world: &World) -> RedisStoreBuilder {
    RedisStore::builder(&world.redis.url()).command_timeout(Duration::from_secs(10))
}

async fn connected(store: RedisStoreBuilder) -> Fleet {
    let fleet = Fleet::new(store.connect().unwrap());
    fleet.ready(Duration::from_secs(60)).await.unwrap();
    fleet
}

async fn connections(world: &World) -> usize {
    let list = world.redis.command(&["CLIENT", "LIST"]).await.unwrap();
    list.as_str().unwrap().lines().count()
}

/// Waits until the instance no longer serves what it served.
async fn refuses(instance: &Instance, path: &str) {
    eventually("the instance refuses the response", async || instance.get(path).await.text() != "v1").await;
}

#[tokio::test]
async fn it_invalidates_on_all_instances_and_is_none_itself() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    for instance in [&a, &b] {
        for path in ["/values/1", "/values/2"] {
            instance.hits(path).await;
        }
    }
    eventually("both are listed", async || a.cache.instances().await.unwrap().len() == 2).await;
    let before = connections(&world).await;
    let fleet = connected(settings(&world)).await;
    let _ = world.truth.change(1);
    let appended = fleet.invalidate(Tag::new("value:1")).await.unwrap();
    assert_eq!(appended.selectors, 1);
    for instance in [&a, &b] {
        refuses(instance, "/values/1").await;
        assert_eq!(instance.get("/values/2").await.outcome(), "HIT memory");
    }
    assert_eq!(fleet.log_end().await.unwrap().last, appended.log_id);
    assert_eq!(fleet.instances().await.unwrap().len(), 2, "the handle is not listed");
    assert!(fleet.store_stats().await.unwrap().log_length.is_some_and(|length| length >= 2));
    fleet.close().await;
    eventually("its connections are closed", async || connections(&world).await <= before).await;
    assert!(fleet.invalidate(Tag::new("value:2")).await.is_err());
}

#[tokio::test]
async fn it_says_in_time_that_redis_cannot_be_used() {
    let away = Fleet::new(RedisStore::connect("redis://127.0.0.1:1").unwrap());
    let error = away.ready(Duration::from_millis(50)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unreachable);
    let server = RedisServer::builder().user("app on >secret resetchannels ~* -@all").start().await.unwrap();
    let url = format!("redis://app:secret@{}", server.address());
    let refused = Fleet::new(RedisStore::connect(&url).unwrap());
    let error = refused.ready(HOUR).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("NOPERM"), "{error}");
}

#[tokio::test]
async fn it_counts_and_removes_what_keys_show() {
    let world = World::new().await;
    let a = world.instance().await;
    for path in ["/values/1", "/values/2", "/bodies/1"] {
        a.hits(path).await;
        world.stored_as(path).await;
    }
    let fleet = connected(settings(&world)).await;
    let glob = Invalidation::of(Glob::new("/*/1").unwrap());
    let both = glob.clone().and(Prefix::new("/values").unwrap()).and_tag("value:1");
    let preview = fleet.preview(both, 100).await.unwrap();
    assert_eq!((preview.entries, preview.is_complete), (3, true));
    assert_eq!(preview.uncounted, ["t:value:1"], "the keys do not show tags");
    assert!(preview.keys.contains(&format!("u|http|{HOST}|/values/2")), "{preview:?}");
    assert!(!fleet.preview(glob.clone(), 0).await.unwrap().is_complete);
    assert_eq!(world.stored().await.len(), 4, "with that of the probe");

    let soft = fleet.invalidate(glob.clone().soft()).await.unwrap();
    assert_eq!(fleet.reclaim(&soft, HOUR).await.unwrap().removed, 0, "it is still of use");
    let hard = fleet.invalidate(glob).await.unwrap();
    let done = fleet.reclaim(&hard, HOUR).await.unwrap();
    assert_eq!((done.removed, done.is_complete), (2, true));
    world.stored_as("/values/2").await;
}

#[tokio::test]
async fn it_reads_the_log_as_it_grows_and_skips_nothing() {
    let world = World::new().await;
    let fleet = connected(settings(&world)).await;
    let append = async |numbers: std::ops::Range<usize>| {
        for number in numbers {
            world.command(&["XADD", EVENTS, "*", "h", &format!("t:{number}")]).await;
        }
    };
    append(0..5_000).await;
    let mut all = fleet.follow(HOUR).await.unwrap();
    let mut new = fleet.follow(Duration::ZERO).await.unwrap();
    append(5_000..5_010).await;
    for (reader, first) in [(&mut all, 0), (&mut new, 5_000)] {
        let mut last = None;
        for number in first..5_010 {
            let FeedItem::Invalidation(event) = reader.next().await.unwrap() else { panic!("{number}") };
            assert_eq!((event.selector, event.is_soft), (format!("t:{number}"), false));
            assert!(event.log_id > last);
            last = event.log_id;
        }
    }
    let soft = Invalidation::of(UriName::new("/a?access_token=secret").unwrap()).soft();
    fleet.invalidate(soft).await.unwrap();
    let FeedItem::Invalidation(event) = new.next().await.unwrap() else { panic!() };
    assert!(event.is_soft && !event.selector.contains("secret"), "{event:?}");

    world.command(&["DEL", EVENTS]).await;
    assert_eq!(new.next().await.unwrap(), FeedItem::LogReset);
    fleet.invalidate(Tag::new("after")).await.unwrap();
    let FeedItem::Invalidation(event) = new.next().await.unwrap() else { panic!() };
    assert_eq!(event.selector, "t:after");
}

#[tokio::test]
async fn it_says_that_entries_of_the_log_were_trimmed() {
    let world = World::new().await;
    let fleet = connected(settings(&world)).await;
    let mut reader = fleet.follow(Duration::ZERO).await.unwrap();
    for tag in ["a", "b", "c"] {
        fleet.invalidate(Tag::new(tag)).await.unwrap();
    }
    world.command(&["XTRIM", EVENTS, "MAXLEN", "=", "1"]).await;
    assert_eq!(reader.next().await.unwrap(), FeedItem::LogReset);
    let FeedItem::Invalidation(event) = reader.next().await.unwrap() else { panic!() };
    assert_eq!(event.selector, "t:c");
}

#[tokio::test]
async fn it_inspects_a_key_and_what_the_log_says_of_it() {
    let world = World::new().await;
    // The handle has no manual clock.
    let a = world.joined(Setup { clock: None, ..Setup::default() }).await;
    a.hits("/values/1").await;
    world.stored_as("/values/1").await;
    let fleet = connected(settings(&world)).await;
    let key = format!("u|http|{HOST}|/values/1");
    let state = async || {
        let found = fleet.inspect(&key).await.unwrap();
        assert_eq!((found.responses.len(), found.unreadable), (1, 0));
        let (state, by) = (found.responses[0].state, found.invalidated_by);
        (state, by.into_iter().map(|by| by.name).collect::<Vec<_>>())
    };
    assert_eq!(state().await, (StoredState::Fresh, vec![]));
    let found = fleet.inspect(&key).await.unwrap();
    let response = &found.responses[0];
    assert_eq!((response.status.as_u16(), response.body_bytes, &*response.path), (200, 2, "/values/1"));
    assert_eq!(response.tags, [Tag::new("value:1")]);
    assert!(response.stored_bytes > 2 && response.remaining > Duration::from_secs(60), "{response:?}");
    assert_eq!(found.lease, None);

    fleet.invalidate(Tag::new("value:2")).await.unwrap();
    assert_eq!(state().await, (StoredState::Fresh, vec![]));
    fleet.invalidate(Invalidation::tag("value:1").soft()).await.unwrap();
    assert_eq!(state().await, (StoredState::SoftlyInvalidated, vec!["tag value:1".to_owned()]));
    fleet.invalidate(Invalidation::of(Prefix::new("/values").unwrap())).await.unwrap();
    let (refused, by) = state().await;
    assert_eq!(refused, StoredState::Invalidated);
    assert!(by.contains(&"prefix /values".to_owned()), "{by:?}");
    world.command(&["DEL", EVENTS]).await;
    assert_eq!(state().await, (StoredState::Invalidated, vec!["incarnation".to_owned()]));

    let absent = fleet.inspect("nothing").await.unwrap();
    assert_eq!((&*absent.key, absent.responses.len()), ("k|nothing", 0));
}

#[tokio::test]
async fn it_inspects_variants_that_no_instance_names() {
    let world = World::new().await;
    let a = world.instance().await;
    for language in ["de", "fr"] {
        let request = || http::Request::get("/languages/1").header("accept-language", language);
        eventually("the variant is stored", async || a.send(request()).await.field("x-cache") == "HIT").await;
    }
    let fleet = connected(settings(&world)).await;
    let mut found = Default::default();
    eventually("both variants are in Redis", async || {
        found = fleet.inspect(&format!("u|http|{HOST}|/languages/1")).await.unwrap();
        found.responses.len() == 2
    })
    .await;
    let larder::fleet::FleetInspection { vary, variants, .. } = found;
    assert_eq!((vary[0].as_str(), variants), ("accept-language", 2));
}

#[tokio::test]
async fn it_switches_all_instances_off_and_on() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let fleet = connected(settings(&world)).await;
    assert_eq!(fleet.switches().await.unwrap(), []);
    fleet.bypass(SwitchScope::All, HOUR, "ann@host").await.unwrap();
    for instance in [&a, &b] {
        eventually("the instance bypasses", async || {
            instance.get("/values/1").await.outcome() == "BYPASS switched-off"
        })
        .await;
    }
    let switches = fleet.switches().await.unwrap();
    assert_eq!((switches.len(), &*switches[0].who), (1, "ann@host"));
    assert_eq!(fleet.resume(&SwitchScope::route("/other"), "bob").await, Ok(false));
    assert_eq!(fleet.resume(&SwitchScope::All, "bob").await, Ok(true));
    for instance in [&a, &b] {
        eventually("the instance caches again", async || {
            instance.get("/values/1").await.field("x-cache") == "HIT"
        })
        .await;
    }
    assert!(fleet.bypass(SwitchScope::All, 25 * HOUR, "ann").await.is_err(), "longer than a day");
}

#[tokio::test]
async fn it_advises_on_the_store_and_on_each_instance() {
    let world = World::new().await;
    let fleet = connected(settings(&world)).await;
    let kinds = async || fleet.advice().await.unwrap().into_iter().map(|one| one.kind).collect::<Vec<_>>();
    assert_eq!(kinds().await, [AdviceKind::NoMaxmemory]);
    world.command(&["CONFIG", "SET", "maxmemory", "1gb"]).await;
    world.command(&["CONFIG", "SET", "maxmemory-policy", "volatile-lfu"]).await;
    let a = world.instance().await;
    eventually("it is listed and follows", async || {
        let listed = fleet.instances().await.unwrap();
        listed.len() == 1 && kinds().await.is_empty()
    })
    .await;
    drop(a);
}
