//! Lookups at the same moment, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use larder_core::store::{InvalidationLog, SharedTier, StoreErrorKind};
use larder_redis::RedisStore;
use larder_testing::{Direction, Proxy, RedisServer};
use support::{brief, eventually, joined, start, store};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::timeout;

const HOUR: Duration = Duration::from_secs(3600);

/// A time limit for operations that take milliseconds.
const LONG: Duration = Duration::from_secs(3);

/// The number of lookups that are sent at once, before others wait for the next batch.
const AT_ONCE: usize = 8;

fn key(number: usize) -> String {
    format!("{{u|/{number}}}")
}

/// Returns how often the server has run this command.
async fn calls(server: &RedisServer, command: &str) -> usize {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let line = stats
        .as_str()
        .unwrap()
        .lines()
        .find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// Looks up this many keys at once, and checks that each lookup gets its own value.
///
/// Every third key does not exist.
async fn ask_for(store: &RedisStore, values: usize) {
    let mut asked = JoinSet::new();
    for number in 0..values {
        let store = store.clone();
        asked.spawn(async move { (number, store.get(&key(number)).await.unwrap()) });
    }
    for (number, value) in asked.join_all().await {
        let expected = (number % 3 != 0).then(|| Bytes::from(number.to_string()));
        assert_eq!(value, expected, "{number}");
    }
}

async fn join_all<T>(futures: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut all = Vec::with_capacity(futures.len());
    for future in futures {
        all.push(future.await);
    }
    all
}

async fn filled(values: usize) -> (RedisServer, RedisStore) {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in (0..values).filter(|number| number % 3 != 0) {
        store.set(&key(number), number.to_string().into(), HOUR).await.unwrap();
    }
    (server, store)
}

#[tokio::test]
async fn each_gets_its_own_and_redis_few_commands() {
    let (server, store) = filled(100).await;
    let alone = calls(&server, "get").await;
    ask_for(&store, 100).await;
    // A few lookups are sent at once, one command each. The others go 32 at a time.
    assert_eq!(calls(&server, "get").await, alone + AT_ONCE);
    assert_eq!(calls(&server, "mget").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_gets_its_own_on_many_threads() {
    let (_server, store) = filled(500).await;
    for _ in 0..20 {
        ask_for(&store, 500).await;
    }
}

#[tokio::test]
async fn a_single_lookup_sends_a_get() {
    let (server, store) = filled(3).await;
    let (alone, together) = (calls(&server, "get").await, calls(&server, "mget").await);
    for _ in 0..5 {
        assert_eq!(store.get(&key(1)).await.unwrap().unwrap(), "1");
    }
    assert_eq!((calls(&server, "get").await, calls(&server, "mget").await), (alone + 5, together));
}

/// Waiting lookups are sent when earlier ones complete.
///
/// The callers of the earlier lookups may stop waiting before that.
#[tokio::test]
async fn cancelled_lookups_delay_no_other() {
    let (_server, store) = filled(3).await;
    let (first, second) = (key(1), key(2));
    let mut answered = pin!(store.get(&second));
    {
        let mut leaving: Vec<_> = (0..AT_ONCE).map(|_| Box::pin(store.get(&first))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for leaving in &mut leaving {
            assert!(leaving.as_mut().poll(&mut context).is_pending());
        }
        assert!(answered.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(answered.await.unwrap().unwrap(), "2");
}

/// A `select!` polls a lookup once, and then keeps it while the code of another branch runs.
#[tokio::test]
async fn lookups_that_are_not_polled_again_hold_up_no_others() {
    let (_server, store) = filled(3).await;
    for round in 0..3 {
        let first = key(1);
        let mut held: Vec<_> = (0..AT_ONCE).map(|_| Box::pin(store.get(&first))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for held in &mut held {
            assert!(held.as_mut().poll(&mut context).is_pending());
        }
        for _ in 0..2 * AT_ONCE {
            let answer = timeout(LONG, store.get(&key(2))).await;
            assert_eq!(answer.unwrap_or_else(|_| panic!("round {round}: it waits")).unwrap().unwrap(), "2");
        }
        // The held lookups complete late, while others are in flight.
        let (_, late) = tokio::join!(ask_for(&store, 3), join_all(held));
        assert!(late.into_iter().all(|value| value.unwrap().unwrap() == "1"));
    }
}

/// Lookups that wait for the next command may not be polled again, either.
#[tokio::test]
async fn lookups_that_wait_and_are_not_polled_again_hold_up_no_others() {
    let (server, store) = filled(3).await;
    let together = calls(&server, "mget").await;
    let first = key(1);
    let mut held: Vec<_> = (0..100).map(|_| Box::pin(store.get(&first))).collect();
    let mut context = Context::from_waker(Waker::noop());
    for held in &mut held {
        assert!(held.as_mut().poll(&mut context).is_pending());
    }
    // They are sent 32 at a time, and this lookup with the last of them.
    assert_eq!(timeout(LONG, store.get(&key(2))).await.unwrap().unwrap().unwrap(), "2");
    assert_eq!(calls(&server, "mget").await, together + 3);
    assert!(join_all(held).await.into_iter().all(|value| value.unwrap().unwrap() == "1"));
}

/// The runtime that the store was opened on may end before the store.
#[test]
fn calls_do_not_wait_for_a_runtime_that_has_ended_or_stands_still() {
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let other = runtime();
    for ends in [false, true] {
        let opened_on = runtime();
        let server = opened_on.block_on(RedisServer::start()).unwrap();
        let store = opened_on.block_on(joined(brief(&server.url())));
        // No thread drives this runtime from now on.
        let still = (!ends).then_some(opened_on);
        other.block_on(async {
            let (first, context) = (key(1), &mut Context::from_waker(Waker::noop()));
            let mut held: Vec<_> = (0..AT_ONCE).map(|_| Box::pin(store.get(&first))).collect();
            for held in &mut held {
                let _ = held.as_mut().poll(context);
            }
            for _ in 0..AT_ONCE {
                timeout(LONG, store.get(&key(2))).await.expect("an end").unwrap_err();
            }
            timeout(LONG, store.wait_for_news(start(), Duration::from_millis(50)))
                .await
                .expect("an end")
                .unwrap_err();
            timeout(2 * LONG, store.close()).await.expect("an end");
        });
        drop(still);
    }
}

#[tokio::test]
async fn a_slow_network_delays_no_batch() {
    let (server, _store) = filled(3).await;
    let proxy = Proxy::start(server.address()).unwrap();
    let hour = RedisStore::builder(&format!("redis://{}", proxy.address())).command_timeout(HOUR);
    let store = joined(hour).await;
    let (alone, together) = (calls(&server, "get").await, calls(&server, "mget").await);
    proxy.delay(Direction::ToClient, HOUR);
    let mut asked = JoinSet::new();
    for _ in 0..=AT_ONCE {
        let store = store.clone();
        asked.spawn(async move { store.get(&key(1)).await.is_ok() });
    }
    eventually("all were sent", async || {
        calls(&server, "get").await == alone + AT_ONCE && calls(&server, "mget").await == together + 1
    })
    .await;
    asked.abort_all();
}

/// Redis works on one batch while this process works on the results of another.
///
/// This has to hold on a single thread, too, where one caller that continues keeps all others from
/// doing so.
#[tokio::test]
async fn the_next_batch_is_sent_before_those_of_the_last_go_on() {
    // The last 20 are too few to be sent together with the first batch.
    let values = AT_ONCE + 32 + 20;
    let (server, store) = filled(values).await;
    let (together, server) = (calls(&server, "mget").await, Arc::new(server));
    let mut asked = JoinSet::new();
    for number in 0..values {
        let (store, server) = (store.clone(), Arc::clone(&server));
        asked.spawn(async move {
            store.get(&key(number)).await.unwrap();
            // The first lookup of the first batch.
            if number == AT_ONCE {
                let sent = async || calls(&server, "mget").await >= together + 2;
                on_another_thread(eventually("the second was sent", sent));
            }
        });
    }
    asked.join_all().await;
}

/// Runs a future on another thread, and blocks this thread with all its tasks until it ends.
fn on_another_thread(what: impl Future<Output = ()> + Send) {
    let other = || Builder::new_current_thread().enable_all().build().unwrap().block_on(what);
    std::thread::scope(|scope| scope.spawn(other).join()).unwrap();
}

#[tokio::test]
async fn large_values_come_one_by_one() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in 0..10 {
        store.set(&key(number), vec![b'x'; 1 << 20].into(), HOUR).await.unwrap();
        assert!(store.get(&key(number)).await.unwrap().is_some());
    }
    let together = calls(&server, "mget").await;
    let all =
        async |number: usize| assert_eq!(store.get(&key(number)).await.unwrap().unwrap().len(), 1 << 20);
    tokio::join!(all(0), all(1), all(2), all(3));
    assert_eq!(calls(&server, "mget").await, together);
}

#[tokio::test]
async fn a_hung_redis_costs_all_of_them_one_time_limit() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    server.pause().unwrap();
    let mut asked = JoinSet::new();
    for number in 0..40 {
        let store = store.clone();
        asked.spawn(async move { store.get(&key(number)).await.unwrap_err().kind() });
    }
    for kind in asked.join_all().await {
        assert!(matches!(kind, StoreErrorKind::Timeout | StoreErrorKind::CircuitOpen), "{kind:?}");
    }
    server.resume().unwrap();
}
