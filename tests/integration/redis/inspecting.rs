//! The view of operators on the shared store, and on the invalidations of other instances.

use std::time::Duration;

use http::Request;
use larder::feed::{FeedEvent, FeedItem, FeedStatus, InvalidationFeed};
use larder::inspect::{KeyInspection, StoreInspection, StoredInfo, StoredState};
use larder::values::Values;
use larder::warm::{RefillOptions, WarmOptions};
use larder::{Cache, Invalidation, InvalidationOutcome, Tag};
use larder_tests::redis::{EVENTS, HOST, Instance, Setup, TickingClock, World, eventually};

fn key(path: &str) -> String {
    format!("u|http|{HOST}|{path}")
}

async fn in_store(cache: &Cache, key: &str) -> (KeyInspection, StoreInspection) {
    let mut found = cache.inspect(key).await;
    let store = found.store.take().expect("a store");
    assert!(store.error.is_none() && store.unreadable == 0, "{store:?}");
    (found, store)
}

#[tokio::test]
async fn a_key_is_inspected_in_memory_and_in_the_shared_store() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/values/1").await;
    world.stored_as("/values/1").await;
    let (in_a, of_a) = in_store(&a.cache, &key("/values/1")).await;
    let (in_b, of_b) = in_store(&b.cache, &key("/values/1")).await;
    assert_eq!((in_a.responses.len(), in_b.responses.len()), (1, 0));
    let ([of_a], [of_b]) = (&of_a.responses[..], &of_b.responses[..]) else { panic!("one response each") };
    let own = &in_a.responses[0];
    assert_eq!(
        (&of_a.key, &of_a.path, &of_a.tags, &of_a.position),
        (&own.key, &own.path, &own.tags, &own.position)
    );
    assert_eq!((of_a.status, of_a.body_bytes, of_a.state), (own.status, own.body_bytes, StoredState::Fresh));
    assert!(of_a.stored_bytes > of_a.body_bytes && !of_a.remaining.is_zero());
    assert_eq!(of_b.state, StoredState::Fresh);

    // Another instance invalidates. The store may still have the response.
    assert_eq!(b.cache.invalidate(own.tags[0].clone()).await, InvalidationOutcome::Applied);
    a.catches_up().await;
    let (in_a, of_a) = in_store(&a.cache, &key("/values/1")).await;
    assert_eq!(in_a.responses[0].state, StoredState::Invalidated);
    assert!(of_a.responses.iter().all(|info| info.state == StoredState::Invalidated), "{of_a:?}");
    assert_eq!(a.cache.inspect(&key("/values/40")).await.store.unwrap().responses.len(), 0);
}

#[tokio::test]
async fn the_variants_in_memory_are_found_in_the_store() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    for language in ["en", "de"] {
        a.send(Request::get("/languages/1").header("accept-language", language)).await;
    }
    eventually("they are stored", async || {
        in_store(&a.cache, &key("/languages/1")).await.1.responses.len() == 2
    })
    .await;
    let (found, of_a) = in_store(&a.cache, &key("/languages/1")).await;
    assert_eq!((found.responses.len(), of_a.vary.clone()), (2, vec![http::header::ACCEPT_LANGUAGE]));
    let languages = |store: &StoreInspection| {
        let value = |info: &StoredInfo| info.variant[0].value.clone().unwrap();
        let mut all: Vec<_> = store.responses.iter().map(value).collect();
        all.sort();
        all
    };
    assert_eq!(languages(&of_a), ["de", "en"]);
    // Another instance knows that they vary, and has no variant to look for.
    let (_, of_b) = in_store(&b.cache, &key("/languages/1")).await;
    assert_eq!((of_b.vary, of_b.responses.len()), (of_a.vary, 0));
}

#[tokio::test]
async fn a_value_and_an_unreadable_entry_are_told_apart() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let names: Values<u64, String> = a.cache.values("name").build().unwrap();
    let load = async || Ok::<_, std::io::Error>(Some("Ada".to_owned()));
    names.get_or_load(&7, load).await.unwrap();
    eventually("it is stored", async || in_store(&b.cache, "v|name|7").await.1.value.is_some()).await;
    // The other instance needs no such collection.
    let value = in_store(&b.cache, "v|name|7").await.1.value.unwrap();
    assert_eq!((&*value.key, value.is_absence, value.state), ("v|name|7", false, StoredState::Fresh));
    assert_eq!(in_store(&a.cache, "v|name|7").await.0.values.len(), 1);

    let stored = world.stored().await;
    let name = stored.iter().find(|name| name.contains("v|name|7")).expect("its name");
    world.command(&["SET", name, "garbage"]).await;
    let store = b.cache.inspect("v|name|7").await.store.unwrap();
    assert_eq!((store.unreadable, store.value), (1, None));
}

#[tokio::test]
async fn while_the_store_is_away_its_error_is_shown_and_entries_are_unconfirmed() {
    let world = World::new().await;
    let clock = TickingClock::default();
    let setup =
        Setup { command_timeout: Duration::from_millis(50), clock: Some(clock.clone()), ..Setup::default() };
    let a = world.joined(setup).await;
    a.hits("/values/1").await;
    a.proxy.blackhole();
    clock.advance(Duration::from_millis(2_001));
    let found = a.cache.inspect(&key("/values/1")).await;
    assert_eq!(found.responses[0].state, StoredState::Unconfirmed);
    assert!(found.store.unwrap().error.is_some());
}

async fn item(feed: &mut InvalidationFeed) -> FeedItem {
    tokio::time::timeout(Duration::from_secs(30), feed.next()).await.expect("an item").expect("a cache")
}

async fn next(feed: &mut InvalidationFeed) -> FeedEvent {
    let event = match item(feed).await {
        FeedItem::Invalidation(event) => Ok(event),
        other => Err(other),
    };
    event.expect("an invalidation")
}

/// Waits until the tag is in the feed as applied. Attempts that were deferred may come before it.
async fn shows(feed: &mut InvalidationFeed, tag: &str) -> FeedEvent {
    loop {
        let event = next(feed).await;
        if event.selector == format!("t:{tag}") && event.status == FeedStatus::Applied {
            return event;
        }
    }
}

/// Invalidates a tag until it is applied. Returns whether the first attempt was.
async fn applied(a: &Instance, tag: &str) -> bool {
    let mut at_once = true;
    while a.cache.invalidate(Invalidation::tag(tag)).await == InvalidationOutcome::Deferred {
        at_once = false;
        a.joins().await;
    }
    at_once
}

#[tokio::test]
async fn each_instance_sees_the_invalidations_of_all() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    applied(&a, "before").await;
    b.catches_up().await;
    let (mut of_a, mut of_b) = (a.cache.invalidations(), b.cache.invalidations());
    for round in 0..20 {
        let is_a = round % 2 == 0;
        let (issuer, tag) = if is_a { (&a, format!("a{round}")) } else { (&b, format!("b{round}")) };
        let at_once = applied(issuer, &tag).await;
        for (feed, is_own) in [(&mut of_a, is_a), (&mut of_b, !is_a)] {
            let event = shows(feed, &tag).await;
            // On a busy machine, an append may time out although the store executed it.
            assert!(event.is_own == is_own || !at_once, "{event:?}");
            assert!(event.log_id.is_some() && event.at.unix_millis() > 0);
        }
    }
}

/// Many at once: some are read from the log before their appends have an answer.
#[tokio::test]
async fn own_invalidations_are_recognized_however_fast_they_are() {
    let world = World::new().await;
    let a = world.instance().await;
    let mut feed = a.cache.invalidations();
    let tasks: Vec<_> = (0..200)
        .map(|n| {
            let cache = a.cache.clone();
            tokio::spawn(async move { cache.invalidate(Tag::new(format!("t{n}"))).await })
        })
        .collect();
    let mut deferred = 0;
    for task in tasks {
        deferred += u32::from(task.await.unwrap() == InvalidationOutcome::Deferred);
    }
    let mut seen = std::collections::HashSet::new();
    while seen.len() < 200 {
        let event = next(&mut feed).await;
        // On a busy machine, an append may time out although the store executed it.
        assert!(event.is_own || deferred > 0, "{event:?}");
        seen.insert(event.selector);
    }
}

#[tokio::test]
async fn a_deferred_invalidation_comes_again_once_it_is_appended() {
    let world = World::new().await;
    let setup = Setup {
        command_timeout: Duration::from_millis(50),
        invalidation_timeout: Duration::from_millis(100),
        ..Setup::default()
    };
    let a = world.joined(setup).await;
    let mut feed = a.cache.invalidations();
    a.proxy.blackhole();
    let what = Invalidation::tag("t").soft();
    assert_eq!(a.cache.invalidate(what).await, InvalidationOutcome::Deferred);
    let event = next(&mut feed).await;
    assert_eq!((&*event.selector, event.status, event.log_id), ("t:t", FeedStatus::Deferred, None));
    assert!(event.is_own && event.is_soft);
    a.proxy.cut().await;
    a.proxy.pass();
    let event = shows(&mut feed, "t").await;
    assert!(event.is_soft && event.log_id.is_some());
}

/// The log is lost, or has entries that the instance did not read in time.
#[tokio::test]
async fn a_reset_of_the_log_is_in_the_feed() {
    for command in [["DEL", EVENTS, "", ""], ["XTRIM", EVENTS, "MAXLEN", "0"]] {
        let world = World::new().await;
        let (a, b) = (world.instance().await, world.instance().await);
        b.proxy.blackhole();
        applied(&a, "missed").await;
        let command: Vec<_> = command.into_iter().filter(|word| !word.is_empty()).collect();
        world.command(&command).await;
        let mut feed = b.cache.invalidations();
        b.proxy.cut().await;
        b.proxy.pass();
        assert_eq!(item(&mut feed).await, FeedItem::LogReset, "{command:?}");
        b.joins().await;
        applied(&b, "after").await;
        // The first entry of a log that was trimmed to nothing raises the floor once more.
        loop {
            match item(&mut feed).await {
                FeedItem::Invalidation(event) if event.selector == "t:after" => break,
                FeedItem::Invalidation(_) | FeedItem::LogReset => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// The instance that fills again shares the new response with the others.
#[tokio::test]
async fn a_refill_reaches_the_shared_store() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    a.hits("/values/1").await;
    world.stored_as("/values/1").await;
    let _ = world.truth.change(1);
    let options = RefillOptions::default().warm(WarmOptions::default().per_second(1_000));
    let what = Invalidation::tag("value:1");
    let mut refill = a.cache.invalidate_and_refill::<_, axum::body::Body, _>(what, a.router(), options).await;
    let progress = refill.warming.finished().await;
    assert_eq!((progress.filled, refill.outcome), (1, InvalidationOutcome::Applied), "{progress:?}");
    let answer = a.get("/values/1").await;
    assert_eq!((answer.outcome().as_str(), answer.text()), ("HIT memory", "v2"));
    eventually("the other instance finds it", async || b.get("/values/1").await.outcome() == "HIT shared")
        .await;
    assert_eq!(b.get("/values/1").await.text(), "v2");
}
