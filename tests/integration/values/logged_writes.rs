//! Queued writes whose events reach the log together with them.

use std::time::Duration;

use larder::feed::{FeedItem, FeedStatus};
use larder::values::WriteErrorKind;
use larder::write_queue::Durability;
use larder_testing::{Direction, Proxy, RedisServer};
use larder_tests::redis::eventually;

use crate::redis_instances::{at, instance, redis};
use crate::support::soon;
use crate::table_sink::{Carts, Table, carts, get};

const EVENTS: &str = "larder:{larder:log}:events";

async fn write(carts: &Carts, key: u64, value: &str) {
    carts.write(&key, value.to_owned()).await.unwrap();
}

fn cached(carts: &Carts, key: u64) -> Option<String> {
    carts.get_cached(&key).into_value().map(|value| (*value).clone())
}

/// Returns the number of entries that were ever added to the log.
async fn added(redis: &RedisServer) -> i64 {
    let info = redis.command(&["XINFO", "STREAM", EVENTS]).await.unwrap();
    let parts = info.as_array().unwrap();
    let at = parts.iter().position(|part| part.as_str() == Some("entries-added")).unwrap();
    parts[at + 1].as_integer().unwrap()
}

#[tokio::test]
async fn a_write_is_one_entry_and_its_value_is_served_from_memory() {
    let (redis, table) = (redis().await, Table::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let (carts_a, carts_b) = (carts(&a, &table), carts(&b, &table));
    let _gate = table.hold();
    write(&carts_a, 1, "cheese").await;
    assert_eq!(get(&carts_b, &table, 1).await.as_deref(), Some("cheese"));
    let before = added(&redis).await;
    write(&carts_a, 1, "bread").await;
    assert_eq!(added(&redis).await - before, 1);
    assert_eq!(cached(&carts_a, 1).as_deref(), Some("bread"));
    eventually("the other instance reads it", async || {
        get(&carts_b, &table, 1).await.as_deref() == Some("bread")
    })
    .await;
}

/// The entry does not show which of the two was the last one.
#[tokio::test]
async fn writes_of_one_key_in_one_entry_are_not_cached() {
    let (redis, table) = (redis().await, Table::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let (carts_b, carts) = (carts(&b, &table), carts(&a, &table));
    let _gate = table.hold();
    write(&carts, 0, "warm").await;
    let mut shared = 0;
    for _ in 0..20 {
        let before = added(&redis).await;
        // The first one is sent alone, and the others together.
        tokio::join!(
            write(&carts, 1, "x"),
            write(&carts, 2, "a"),
            write(&carts, 3, "y"),
            write(&carts, 2, "b")
        );
        if added(&redis).await - before == 2 {
            shared += 1;
            assert!(cached(&carts, 1).is_some() && cached(&carts, 3).is_some());
            assert_eq!(cached(&carts, 2), None);
        }
        let value = get(&carts, &table, 2).await;
        assert!(value.is_some());
        eventually("the other instance reads the same", async || get(&carts_b, &table, 2).await == value)
            .await;
    }
    assert!(shared > 0, "on an overloaded machine, some are sent one by one");
}

/// The push has appended the event, although its answer is lost.
#[tokio::test]
async fn a_write_whose_answer_is_lost_is_invalidated() {
    let (redis, table) = (redis().await, Table::default());
    let proxy = Proxy::start(redis.address()).unwrap();
    let a = at(&redis.url_at(proxy.address()), Duration::from_millis(200)).await;
    let b = instance(&redis).await;
    let (carts_a, carts_b) = (carts(&a, &table), carts(&b, &table));
    let _gate = table.hold();
    write(&carts_a, 1, "cheese").await;
    assert_eq!(get(&carts_b, &table, 1).await.as_deref(), Some("cheese"));
    let gate = proxy.hold(Direction::ToClient, "q1");
    let error = carts_a.write(&1, "bread".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), WriteErrorKind::Unknown);
    gate.open();
    eventually("the other instance reads it", async || {
        get(&carts_b, &table, 1).await.as_deref() == Some("bread")
    })
    .await;
    eventually("so does the writer", async || cached(&carts_a, 1).is_none_or(|value| value == "bread")).await;
}

/// The event goes to the new incarnation, and the tail learns of that from its own polls.
#[tokio::test]
async fn a_write_to_a_log_that_was_lost_is_acknowledged_and_read() {
    let (redis, table) = (redis().await, Table::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let (carts_a, carts_b) = (carts(&a, &table), carts(&b, &table));
    let _gate = table.hold();
    for round in 0..10 {
        let (old, new) = (format!("old {round}"), format!("new {round}"));
        write(&carts_a, 1, &old).await;
        assert_eq!(get(&carts_a, &table, 1).await, Some(old));
        redis.command(&["DEL", EVENTS]).await.unwrap();
        write(&carts_a, 1, &new).await;
        assert_eq!(get(&carts_a, &table, 1).await.as_ref(), Some(&new));
        eventually("the other instance reads it", async || {
            get(&carts_b, &table, 1).await.as_ref() == Some(&new)
        })
        .await;
    }
}

#[tokio::test]
async fn the_feed_shows_the_event_of_a_write_as_an_own_one() {
    let (redis, table) = (redis().await, Table::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let carts = carts(&a, &table);
    let _gate = table.hold();
    let (mut own, mut other) = (a.invalidations(), b.invalidations());
    write(&carts, 1, "cheese").await;
    for (feed, expected) in [(&mut own, true), (&mut other, false)] {
        let Some(FeedItem::Invalidation(event)) = soon("an item", feed.next()).await else { panic!() };
        assert_eq!((event.status, event.is_own), (FeedStatus::Applied, expected));
        assert!(event.selector.starts_with("k:") && event.log_id.is_some(), "{event:?}");
    }
}

/// A write that names more than its key appends all of that by itself.
#[tokio::test]
async fn a_write_that_names_a_tag_is_one_entry_too() {
    let (redis, table) = (redis().await, Table::default());
    let cache = instance(&redis).await;
    let carts: Carts = {
        let values = cache.values::<u64, String>("cart").invalidates(|key| vec![format!("cart {key}")]);
        values.write_behind(table.clone()).durability(Durability::Memory).build().unwrap()
    };
    let _gate = table.hold();
    write(&carts, 1, "warm").await;
    let before = added(&redis).await;
    write(&carts, 1, "cheese").await;
    assert_eq!(added(&redis).await - before, 1);
    assert_eq!(cached(&carts, 1).as_deref(), Some("cheese"));
}
