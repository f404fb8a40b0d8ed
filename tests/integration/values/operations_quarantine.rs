//! Operations that the sink rejects, and those of their key, which wait.

use std::time::Duration;

use larder::values::Operation;
use larder::write_queue::{
    PartitionId, PushWrite, Pushed, QueueLimits, WriteId, WritePayload, WriteQueue as _,
};
use larder_redis::RedisStore;
use larder_tests::redis::eventually;

use crate::ledger_sink::{Entries, Ledger, drained, entries, ledger, push};
use crate::redis_instances::{instance, redis};
use crate::support::soon;

/// Waits until an operation of this key is in the quarantine.
async fn quarantined(entries: &Entries, key: u64) {
    eventually("it is in the quarantine", async || {
        let letters = entries.dead_letters(10).await.unwrap();
        letters.iter().any(|letter| letter.write.as_ref().is_some_and(|write| write.key == key))
    })
    .await;
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

/// One step of a retry moves some hundred operations. All of them leave the quarantine, in order.
#[tokio::test]
async fn a_retry_moves_more_operations_than_one_step_does() {
    let (redis, table) = (redis().await, Ledger::default());
    let cache = instance(&redis).await;
    let entries = ledger(&cache, &table).max_attempts(1).build().unwrap();
    table.reject(7, 0);
    push(&entries, 7, 0).await;
    quarantined(&entries, 7).await;
    for number in 1..600 {
        push(&entries, 7, number).await;
    }
    table.accept_all();
    let letters = entries.dead_letters(10).await.unwrap();
    assert_eq!(letters[0].held, 599);
    assert!(entries.retry_dead_letter(&letters[0]).await.unwrap());
    assert!(entries.dead_letters(10).await.unwrap().is_empty());
    drained(&entries).await;
    assert_eq!(table.row(7), (0..600).collect::<Vec<_>>());
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
