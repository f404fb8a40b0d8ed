//! Operations, and readers that end, stall or take over.

use std::time::Duration;

use larder_testing::Proxy;
use larder_tests::redis::eventually;

use crate::ledger_sink::{Ledger, drained, entries, ledger, push};
use crate::redis_instances::{at, instance, redis};
use crate::support::soon;

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
