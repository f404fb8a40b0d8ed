//! Operations over a real Redis: order, effect, invalidation, and what is refused.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get as get_route;
use http::Request;
use larder::values::WriteErrorKind;
use larder::{Cache, ConfigErrorKind, Policy, Tag};
use larder_testing::Proxy;
use larder_tests::redis::eventually;
use tower::ServiceExt as _;

use crate::ledger_sink::{Ledger, drained, entries, ledger, push};
use crate::redis_instances::{at, instance, redis};
use crate::support::{names, soon};
use crate::table_sink::Table;

/// A batch has all operations of a key, in the order of their pushes on two instances.
#[tokio::test]
async fn operations_of_a_key_are_not_merged_and_keep_their_order() {
    let (redis, table) = (redis().await, Ledger::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let (a, b) = (entries(&a, &table), entries(&b, &table));
    let gate = table.hold();
    push(&a, 1, 0).await;
    soon("a flush begins", gate.arrived(1)).await;
    for number in 1..20 {
        push(if number % 2 == 0 { &a } else { &b }, 1, number).await;
    }
    assert_eq!(table.row(1), [0_u32; 0], "nothing is in the database yet");
    table.release();
    gate.open();
    drained(&a).await;
    assert_eq!(table.row(1), (0..20).collect::<Vec<_>>());
    assert_eq!(table.batches()[1], (1..20).map(|number| (1, number)).collect::<Vec<_>>());
    assert_eq!(table.flushes(), [Some(1), Some(19)]);
    let flushed = async || a.write_stats().flushed + b.write_stats().flushed == 20;
    eventually("all are counted", flushed).await;
    assert_eq!(a.write_stats().ignored + b.write_stats().ignored, 0);
    assert_eq!((a.write_stats().queued, b.write_stats().queued), (10, 10));
}

/// Each second flush commits a half of its batch and fails. The halves are not applied again.
#[tokio::test]
async fn each_operation_has_its_effect_once_over_a_sink_that_fails_midway() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let entries = ledger(&cache, &table).max_attempts(1_000).build().unwrap();
    let gate = table.hold();
    table.break_in_the_middle();
    for number in 0..40 {
        push(&entries, u64::from(number % 4), number).await;
    }
    table.release();
    gate.open();
    drained(&entries).await;
    for key in 0..4 {
        assert_eq!(table.row(key), (0..40).filter(|number| u64::from(number % 4) == key).collect::<Vec<_>>());
    }
    eventually("all are counted", async || entries.write_stats().flushed == 40).await;
    let stats = entries.write_stats();
    assert!(stats.failed > 0 && stats.ignored > 0, "{stats:?}");
}

async fn body(route: &Router) -> String {
    let request = Request::get("/ledger/1").body(Body::empty()).unwrap();
    let response = route.clone().oneshot(request).await.unwrap();
    String::from_utf8(to_bytes(response.into_body(), 1000).await.unwrap().to_vec()).unwrap()
}

/// A push changes nothing that is cached. Its flush does, on all instances.
#[tokio::test]
async fn a_flush_invalidates_values_and_routes_on_other_instances() {
    let (redis, table) = (redis().await, Ledger::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let a_names = names(&a);
    let pushing = a
        .operations("ledger")
        .invalidates(move |key| {
            larder::Invalidation::of(a_names.selector(key)).and_tag(format!("page:{key}"))
        })
        .sink(table.clone())
        .durability(larder::write_queue::Durability::Memory);
    let entries = pushing.build().unwrap();
    let (totals, shown) = (names(&b), table.clone());
    let show = get_route(async move || shown.load(1).await.unwrap().unwrap());
    let policy = Policy::ttl(Duration::from_secs(100)).tag("page:1");
    let route = Router::new().route("/ledger/1", show).layer(b.layer(policy));
    let total = async || totals.get_or_load(&1, || table.load(1)).await.unwrap().unwrap().to_string();
    assert_eq!((total().await, body(&route).await), ("[]".to_owned(), "[]".to_owned()));
    let gate = table.hold();
    push(&entries, 1, 5).await;
    soon("a flush begins", gate.arrived(1)).await;
    // An event after the push, which would be applied after one of the push.
    let _ = a.invalidate(Tag::new("name:2")).await;
    let _ = b.invalidate(Tag::new("name:3")).await;
    assert_eq!((total().await, body(&route).await), ("[]".to_owned(), "[]".to_owned()));
    assert_eq!(table.loads(), 2, "a push invalidates nothing");
    table.release();
    gate.open();
    drained(&entries).await;
    eventually("the value is new", async || total().await == "[5]").await;
    eventually("the route is new", async || body(&route).await == "[5]").await;
}

#[tokio::test]
async fn a_full_queue_refuses_operations() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let entries = ledger(&cache, &table).max_queued(3).build().unwrap();
    let gate = table.hold();
    for number in 0..3 {
        push(&entries, 1, number).await;
    }
    let error = entries.push(&1, &3).await.unwrap_err();
    assert_eq!((error.kind(), error.id()), (WriteErrorKind::Full, None));
    assert_eq!(entries.write_stats().refused, 1);
    table.release();
    gate.open();
    drained(&entries).await;
    push(&entries, 1, 4).await;
    drained(&entries).await;
    assert_eq!(table.row(1), [0, 1, 2, 4]);
}

/// The reply is lost. The same id queues the operation once, however often it is pushed.
#[tokio::test]
async fn an_unknown_push_is_repeated_under_its_id() {
    let (redis, table) = (redis().await, Ledger::default());
    let proxy = Proxy::start(redis.address()).unwrap();
    let cache = at(&redis.url_at(proxy.address()), Duration::from_millis(200)).await;
    let entries = entries(&cache, &table);
    push(&entries, 1, 0).await;
    drained(&entries).await;
    proxy.blackhole();
    let unknown = entries.push(&1, &1).await.unwrap_err();
    assert_eq!(unknown.kind(), WriteErrorKind::Unknown);
    proxy.pass();
    proxy.cut().await;
    let id = unknown.id().unwrap();
    eventually("it is pushed", async || entries.push_with_id(id, &1, &1).await.is_ok()).await;
    for _ in 0..3 {
        entries.push_with_id(id, &1, &1).await.unwrap();
    }
    push(&entries, 1, 2).await;
    drained(&entries).await;
    entries.push_with_id(id, &1, &1).await.unwrap();
    drained(&entries).await;
    assert_eq!(table.row(1), [0, 1, 2]);
}

#[tokio::test]
async fn a_name_is_used_for_values_or_for_operations() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let _entries = entries(&cache, &table);
    let taken = cache.values::<u64, u32>("ledger").build().unwrap_err();
    assert_eq!(taken.kind(), ConfigErrorKind::Collection);
    let carts = cache.values::<u64, String>("cart").write_behind(Table::default()).build().unwrap();
    let taken = cache.operations::<u64, u32>(carts.name()).sink(table.clone()).build().unwrap_err();
    assert_eq!(taken.kind(), ConfigErrorKind::Collection);
    assert!(cache.stats().values.contains_key("cart") && !cache.stats().values.contains_key("ledger"));
    // Another process that uses the name for values is refused by the queue.
    let other = instance(&redis).await;
    push(&_entries, 1, 1).await;
    let values = other.values::<u64, String>("ledger").write_behind(Table::default());
    let values = values.durability(larder::write_queue::Durability::Memory).partitions(1).build().unwrap();
    let error = values.write(&1, "cheese".to_owned()).await.unwrap_err();
    assert_eq!(error.kind(), WriteErrorKind::NotQueued);
}

#[tokio::test]
async fn an_operation_that_cannot_be_queued_is_an_error() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let small = cache.operations::<u64, u32>("small").max_operation_bytes(2).sink(table.clone());
    let small = small.durability(larder::write_queue::Durability::Memory).build().unwrap();
    assert_eq!(small.push(&1, &100).await.unwrap_err().kind(), WriteErrorKind::Invalid);
    small.push(&1, &10).await.unwrap();
    let durable = cache.operations::<u64, u32>("durable").sink(table.clone()).build().unwrap();
    assert_eq!(durable.push(&1, &1).await.unwrap_err().kind(), WriteErrorKind::NotDurable);
    let error = Cache::default().operations::<u64, u32>("none").sink(table.clone()).build().unwrap_err();
    assert_eq!(error.kind(), ConfigErrorKind::WriteQueue);
    let zero = ledger(&cache, &table).partitions(0).build().unwrap_err();
    assert_eq!(zero.kind(), ConfigErrorKind::Limit);
    assert!(cache.close().await.is_clean());
    assert_eq!(small.push(&1, &1).await.unwrap_err().kind(), WriteErrorKind::NotQueued);
}
