//! Writes that the database rejects.

use std::time::Duration;

use larder::values::Write;
use larder::write_queue::WritePayload;
use larder_testing::MemoryStore;
use larder_tests::redis::eventually;

use crate::queued_writes::{over, payload, push_without_event};
use crate::support::soon;
use crate::table_sink::{Table, behind, carts, flushed, get, write};

/// A write that the database rejects goes to the quarantine, and blocks no other key.
#[tokio::test]
async fn a_poison_write_blocks_no_other_key_and_stays_the_value() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts = behind(&cache, &table).partitions(1).max_attempts(3).build().unwrap();
    write(&carts, 7, "before").await;
    flushed(&carts).await;
    table.reject(7);
    write(&carts, 7, "poison").await;
    for key in 0..5 {
        write(&carts, key, "good").await;
    }
    eventually("it is in the quarantine", async || carts.write_stats().quarantined == 1).await;
    flushed(&carts).await;
    assert!((0..5).all(|key| table.row(key).as_deref() == Some("good")));
    let letters = carts.dead_letters(10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let write = Write { key: 7, sequence: letters[0].sequence, value: Some("poison".to_owned()) };
    assert_eq!(letters[0].write, Some(write));
    assert_eq!(letters[0].error, "constraint violated");
    let _ = carts.invalidate(&7).await;
    assert_eq!(get(&carts, &table, 7).await.as_deref(), Some("poison"), "it is still the value");
    assert!(carts.discard_dead_letter(&letters[0]).await.unwrap().is_some());
    assert_eq!(get(&carts, &table, 7).await.as_deref(), Some("before"), "the database has the value");
    assert_eq!(carts.discard_dead_letter(&letters[0]).await.unwrap(), None);
}

/// A write that failed is left alone until its delay is over. Others go on.
#[tokio::test]
async fn a_rejected_write_is_not_tried_with_each_batch() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let slow = behind(&cache, &table).partitions(1).retry_delay(Duration::from_secs(20));
    let carts = slow.build().unwrap();
    table.reject(7);
    write(&carts, 7, "poison").await;
    eventually("it fails", async || carts.write_stats().failed == 1).await;
    for key in 0..5 {
        write(&carts, key, "good").await;
        eventually("others are flushed", async || table.row(key).is_some()).await;
    }
    assert_eq!(carts.write_stats().failed, 1);
}

#[tokio::test]
async fn a_dead_letter_that_is_retried_reaches_the_database() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts = behind(&cache, &table).max_attempts(2).build().unwrap();
    table.reject(7);
    write(&carts, 7, "late").await;
    eventually("it is in the quarantine", async || carts.write_stats().quarantined == 1).await;
    table.accept(7);
    let letters = carts.dead_letters(10).await.unwrap();
    assert!(carts.retry_dead_letter(&letters[0]).await.unwrap());
    eventually("it is flushed", async || table.row(7).as_deref() == Some("late")).await;
    assert!(carts.dead_letters(10).await.unwrap().is_empty());
    assert!(!carts.retry_dead_letter(&letters[0]).await.unwrap());
}

/// Writes that fail together are not to blame: the database is.
#[tokio::test]
async fn nothing_goes_to_the_quarantine_while_the_database_is_down() {
    let (store, table) = (MemoryStore::default(), Table::default());
    let cache = over(&store).await;
    let carts = behind(&cache, &table).partitions(1).max_attempts(1).build().unwrap();
    table.set_down(true);
    for key in 0..20 {
        write(&carts, key, "patient").await;
    }
    eventually("flushes fail", async || carts.write_stats().failed >= 5).await;
    table.set_down(false);
    flushed(&carts).await;
    assert!((0..20).all(|key| table.row(key).as_deref() == Some("patient")));
    // The same, for a sink that does not say that the database is down.
    let gate = table.hold();
    write(&carts, 0, "held").await;
    soon("a flush begins", gate.arrived(1)).await;
    for key in 0..20 {
        table.reject(key);
        write(&carts, key, "again").await;
    }
    let failed = carts.write_stats().failed;
    table.release();
    gate.open();
    eventually("all fail", async || carts.write_stats().failed >= failed + 20).await;
    (0..20).for_each(|key| table.accept(key));
    flushed(&carts).await;
    assert!((1..20).all(|key| table.row(key).as_deref() == Some("again")));
    assert!(carts.write_stats().quarantined <= 1, "the first one failed alone");
}

/// A payload that is of another form, or of another key, is not flushed and not dropped.
#[tokio::test]
async fn a_write_that_cannot_be_decoded_goes_to_the_quarantine() {
    for bad in [payload("1", "no json"), payload("2", "\"x\""), WritePayload::Value(vec![9; 40].into())] {
        let (store, table) = (MemoryStore::default(), Table::default());
        let cache = over(&store).await;
        let carts = carts(&cache, &table);
        push_without_event(&store, 1, bad).await;
        eventually("it is in the quarantine", async || carts.write_stats().quarantined == 1).await;
        let letters = carts.dead_letters(10).await.unwrap();
        assert_eq!((letters.len(), &*letters[0].key_text), (1, "v|cart|1"));
        write(&carts, 1, "replaced").await;
        flushed(&carts).await;
        assert_eq!(table.row(1).as_deref(), Some("replaced"));
        assert!(carts.dead_letters(10).await.unwrap().is_empty());
    }
}
