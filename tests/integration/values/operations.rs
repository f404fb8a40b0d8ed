//! Operations over a real Redis: order, effect, quarantine, invalidation.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get as get_route;
use http::Request;
use larder::values::{Operation, WriteErrorKind};
use larder::write_queue::{
    PartitionId, PushWrite, Pushed, QueueLimits, WriteId, WritePayload, WriteQueue as _,
};
use larder::{Cache, ConfigErrorKind, Policy, Tag};
use larder_redis::RedisStore;
use larder_testing::{Proxy, RedisServer};
use larder_tests::redis::eventually;
use tower::ServiceExt as _;

use crate::ledger_sink::{Entries, Ledger, drained, entries, ledger, push};
use crate::support::{joins, names, ready, soon};
use crate::table_sink::Table;

async fn at(url: &str, timeout: Duration) -> Cache {
    let store = RedisStore::builder(url).command_timeout(timeout).connect().unwrap();
    let cache = ready(Cache::builder().write_queue(store.clone()).shared_store(store)).await;
    joins(&cache.values("probe").build().unwrap()).await;
    cache
}

async fn instance(redis: &RedisServer) -> Cache {
    at(&redis.url(), Duration::from_secs(10)).await
}

async fn redis() -> RedisServer {
    RedisServer::start().await.unwrap()
}

/// Waits until an operation of this key is in the quarantine.
async fn quarantined(entries: &Entries, key: u64) {
    eventually("it is in the quarantine", async || {
        let letters = entries.dead_letters(10).await.unwrap();
        letters.iter().any(|letter| letter.write.as_ref().is_some_and(|write| write.key == key))
    })
    .await;
}

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

/// The worker ends after the sink's commit. Another one flushes again, and nothing changes.
#[tokio::test]
async fn a_worker_that_ends_after_the_commit_makes_a_flush_that_is_ignored() {
    let (redis, table) = (redis().await, Ledger::default());
    let (url, sink) = (redis.url(), table.clone());
    let committed = table.hold_committed();
    let reached = committed.clone();
    let killed = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let cache = at(&url, Duration::from_secs(10)).await;
            let entries = entries(&cache, &sink);
            for number in 0..5 {
                push(&entries, 1, number).await;
            }
            soon("the sink has committed", reached.arrived(1)).await;
        });
        // All tasks end where they are, as in a process that is killed.
        runtime.shutdown_background();
    });
    tokio::task::spawn_blocking(move || killed.join().unwrap()).await.unwrap();
    let committed_before = table.row(1).len();
    assert!(committed_before > 0);
    table.release();
    let survivor = instance(&redis).await;
    let entries = entries(&survivor, &table);
    drained(&entries).await;
    assert_eq!(table.row(1), [0, 1, 2, 3, 4]);
    eventually("all are counted", async || entries.write_stats().flushed == 5).await;
    assert_eq!(entries.write_stats().ignored, committed_before as u64);
}

/// An operation that is rejected holds the later ones of its key, and nothing else.
#[tokio::test]
async fn a_poison_operation_blocks_its_key_only() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let entries = ledger(&cache, &table).max_attempts(3).build().unwrap();
    table.reject(7, 1);
    for number in 0..4 {
        push(&entries, 7, number).await;
        push(&entries, 8, number).await;
    }
    quarantined(&entries, 7).await;
    push(&entries, 7, 4).await;
    push(&entries, 8, 4).await;
    drained(&entries).await;
    assert_eq!((table.row(7), table.row(8)), (vec![0], vec![0, 1, 2, 3, 4]));
    let letters = entries.dead_letters(10).await.unwrap();
    let Some(Operation { key: 7, operation: 1, .. }) = letters[0].write else { panic!("{letters:?}") };
    assert_eq!((letters.len(), letters[0].held), (1, 3));
    assert_eq!(letters[0].error, "constraint violated");
    eventually("it is counted", async || entries.write_stats().quarantined == 1).await;
    table.accept_all();
    assert!(entries.retry_dead_letter(&letters[0]).await.unwrap());
    eventually("all are applied", async || table.row(7) == [0, 1, 2, 3, 4]).await;
    assert!(!entries.retry_dead_letter(&letters[0]).await.unwrap());
    drained(&entries).await;
    assert!(entries.dead_letters(10).await.unwrap().is_empty());
}

/// While an operation waits for its next attempt, the later ones of its key wait too.
#[tokio::test]
async fn operations_wait_for_the_retry_of_an_earlier_one() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let slow = ledger(&cache, &table).retry_delay(Duration::from_secs(20));
    let entries = slow.build().unwrap();
    table.reject(7, 0);
    push(&entries, 7, 0).await;
    eventually("it fails", async || entries.write_stats().failed == 1).await;
    table.accept_all();
    for number in 1..5 {
        push(&entries, 7, number).await;
        push(&entries, 8, number).await;
        eventually("other keys go on", async || table.row(8).last() == Some(&number)).await;
    }
    assert_eq!(table.row(7), [0_u32; 0]);
}

/// After a discard, the operations that were held go on.
#[tokio::test]
async fn operations_behind_a_discarded_one_go_on() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let entries = ledger(&cache, &table).max_attempts(2).build().unwrap();
    table.reject(7, 0);
    push(&entries, 7, 0).await;
    quarantined(&entries, 7).await;
    for number in 1..4 {
        push(&entries, 7, number).await;
    }
    drained(&entries).await;
    let letters = entries.dead_letters(10).await.unwrap();
    assert_eq!(letters[0].held, 3);
    let shown = cache.values::<u64, String>("shown").tags(|key, _| [format!("ledger:{key}")]);
    let shown = shown.build().unwrap();
    shown.get_or_load(&7, || table.load(7)).await.unwrap();
    assert!(shown.get_cached(&7).is_cached());
    assert!(entries.discard_dead_letter(&letters[0]).await.unwrap().is_some());
    assert!(!shown.get_cached(&7).is_cached(), "a flush that failed may have been committed");
    eventually("the others are applied", async || table.row(7) == [1, 2, 3]).await;
    assert_eq!(entries.discard_dead_letter(&letters[0]).await.unwrap(), None);
}

/// A retry takes several steps if the queue is long.
#[tokio::test]
async fn a_retry_finds_held_operations_behind_many_others() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let entries = ledger(&cache, &table).max_attempts(1).max_batch(1).build().unwrap();
    table.reject(7, 0);
    push(&entries, 7, 0).await;
    quarantined(&entries, 7).await;
    let gate = table.hold();
    push(&entries, 8, 0).await;
    soon("a flush begins", gate.arrived(1)).await;
    for number in 1..2500 {
        push(&entries, 8, number).await;
    }
    table.accept_all();
    let letters = entries.dead_letters(10).await.unwrap();
    assert!(entries.retry_dead_letter(&letters[0]).await.unwrap());
    assert!(entries.dead_letters(10).await.unwrap().is_empty());
    table.release();
    gate.open();
    eventually("it is applied", async || table.row(7) == [0]).await;
}

/// The payload of an operation in the queue, which all versions must be able to read.
fn payload(key: u8, entry: u8) -> Vec<u8> {
    [&[1, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1][..], &[b'0' + key, b'0' + entry]].concat()
}

/// Bytes that are no operation go to the quarantine, and the later ones of the key wait.
#[tokio::test]
async fn operations_wait_behind_one_that_cannot_be_decoded() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let store = RedisStore::connect(&redis.url()).unwrap();
    eventually("it is connected", async || store.durability().await.is_ok()).await;
    let partition = PartitionId { collection: "ledger", number: 0, count: 1 };
    // All of them are in the queue before it is read.
    for (key, payload) in [
        // Of another version.
        (7, vec![9; 40]),
        // Without an operation, as a deletion.
        (8, [&[1, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1][..], b"8"].concat()),
        // Of another key.
        (9, payload(2, 5)),
        (7, payload(7, 1)),
        (8, payload(8, 1)),
        (9, payload(9, 1)),
        (5, payload(5, 1)),
    ] {
        let (text, payload) = (format!("v|ledger|{key}"), WritePayload::Operation(payload.into()));
        let limits = QueueLimits { entries: 10, bytes: 10_000 };
        let id = WriteId::from_bytes(fastrand::u128(..).to_be_bytes());
        let pushed = store.push(PushWrite { partition, key: &text, payload, id, limits }).await;
        assert!(matches!(pushed, Ok(Pushed::Queued(_))), "{pushed:?}");
    }
    let entries = entries(&cache, &table);
    eventually("they are in the quarantine", async || entries.write_stats().quarantined == 3).await;
    drained(&entries).await;
    assert_eq!([7, 8, 9, 5].map(|key| table.row(key).len()), [0, 0, 0, 1]);
    let letters = entries.dead_letters(10).await.unwrap();
    assert!(letters.iter().all(|letter| letter.write.is_none() && letter.held == 1), "{letters:?}");
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

/// Two instances push, and the first one reads. When it closes, the second one goes on.
#[tokio::test]
async fn one_instance_reads_and_another_one_takes_over() {
    let (redis, table) = (redis().await, Ledger::default());
    let (a, b) = (instance(&redis).await, instance(&redis).await);
    let with_long_lease = |cache| ledger(cache, &table).reader_lease(Duration::from_secs(3)).build().unwrap();
    let entries_a = with_long_lease(&a);
    push(&entries_a, 1, 0).await;
    drained(&entries_a).await;
    let entries_b = with_long_lease(&b);
    let gate = table.hold();
    for number in 1..20 {
        push(if number % 2 == 0 { &entries_a } else { &entries_b }, 1, number).await;
    }
    soon("a flush begins", gate.arrived(1)).await;
    let closing = tokio::spawn(async move { a.close().await });
    table.release();
    gate.open();
    assert!(soon("it is closed", closing).await.unwrap().is_clean());
    for number in 20..40 {
        push(&entries_b, 1, number).await;
    }
    drained(&entries_b).await;
    assert_eq!(table.row(1), (0..40).collect::<Vec<_>>());
    assert_eq!(table.most_running(), 1, "two instances read at once");
    assert!(entries_a.write_stats().flushed > 1);
    eventually("all are counted", async || entries_b.write_stats().flushed >= 20).await;
}

/// A reader that stalled comes back with a batch that another one has flushed, and more.
#[tokio::test]
async fn a_reader_that_comes_back_applies_nothing_twice() {
    let (redis, table) = (redis().await, Ledger::default());
    let proxy = Proxy::start(redis.address()).unwrap();
    let stalled = at(&redis.url_at(proxy.address()), Duration::from_millis(200)).await;
    let entries_a = entries(&stalled, &table);
    let gate = table.hold();
    push(&entries_a, 1, 0).await;
    soon("a flush begins", gate.arrived(1)).await;
    table.release();
    proxy.refuse();
    proxy.cut().await;
    let other = instance(&redis).await;
    let entries_b = entries(&other, &table);
    push(&entries_b, 1, 1).await;
    drained(&entries_b).await;
    assert_eq!(table.row(1), [0, 1]);
    gate.open();
    eventually("the old flush is ignored", async || entries_a.write_stats().ignored == 1).await;
    proxy.pass();
    push(&entries_b, 1, 2).await;
    drained(&entries_b).await;
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
