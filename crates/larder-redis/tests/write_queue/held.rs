//! The quarantine.

use larder_core::write_queue::{
    DeadLetter, QuarantineReply, QueuedWrite, RetryProgress, WritePayload, WriteQueue,
};
use larder_redis::RedisStore;
use larder_testing::RedisServer;

use crate::helpers::{
    HOUR, PARTITION, READER, all, name, operation, pending, push, read, read_all, refs, texts, value,
};
use crate::support::store;

async fn quarantine(store: &RedisStore, write: &QueuedWrite) {
    let reply = store.quarantine(PARTITION, READER, write.to_ref(), "no such row").await.unwrap();
    assert_eq!(reply, QuarantineReply::Moved);
}

async fn letters(store: &RedisStore) -> Vec<DeadLetter> {
    store.dead_letters(PARTITION, None, 100).await.unwrap().letters
}

#[tokio::test]
async fn a_value_in_quarantine_stays_pending_and_blocks_nothing() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for key in ["bad", "good"] {
        push(&store, key, value(key)).await;
    }
    let writes = read_all(&store).await;
    quarantine(&store, &writes[0]).await;
    let again = store.quarantine(PARTITION, READER, writes[0].to_ref(), "again").await.unwrap();
    assert_eq!(again, QuarantineReply::Gone);
    assert_eq!(texts(&read_all(&store).await), ["good=good"]);
    assert_eq!(pending(&store, "bad").await.as_deref(), Some("bad"));
    let states = store.pending(PARTITION, &["good", "bad", "none"]).await.unwrap();
    assert_eq!(states.iter().map(|state| state.is_quarantined).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(states[1].value.as_ref().unwrap().sequence, writes[0].sequence);
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes, stats.dead, stats.dead_bytes), (1, 8, 1, 6));
    let letter = DeadLetter {
        key: "bad".to_owned(),
        sequence: writes[0].sequence,
        payload: WritePayload::Value("bad".into()),
        error: "no such row".to_owned(),
        waiting: 0,
    };
    assert_eq!(letters(&store).await, [letter]);
}

/// The first attempt may have been committed, so that its sequence number has to stay.
#[tokio::test]
async fn a_retry_keeps_the_sequence_number_at_a_new_place() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for key in ["bad", "good"] {
        push(&store, key, value(key)).await;
    }
    let before = read_all(&store).await;
    quarantine(&store, &before[0]).await;
    let progress = store.retry_dead_letter(PARTITION, "bad").await.unwrap();
    assert_eq!(progress, RetryProgress { moved: 1, is_done: true });
    let after = read_all(&store).await;
    assert_eq!(texts(&after), ["good=good", "bad=bad"]);
    assert_eq!(after[1].sequence, before[0].sequence);
    assert!(after[1].place > after[0].place);
    let state = store.pending(PARTITION, &["bad"]).await.unwrap().pop().unwrap();
    assert_eq!((state.value.unwrap().sequence, state.is_quarantined), (before[0].sequence, false));
    assert!(letters(&store).await.is_empty());
    // The name from before the quarantine no longer fits.
    assert_eq!(store.complete(PARTITION, &refs(&before[..1])).await.unwrap().superseded, 1);
    assert_eq!(store.complete(PARTITION, &refs(&after)).await.unwrap().removed, 2);
    assert_eq!(pending(&store, "bad").await, None);
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes, stats.dead, stats.dead_bytes), (0, 0, 0, 0));
    let nothing = store.retry_dead_letter(PARTITION, "bad").await.unwrap();
    assert_eq!(nothing, RetryProgress { moved: 0, is_done: true });
}

#[tokio::test]
async fn a_later_value_replaces_the_dead_letter() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "bad", value("old")).await;
    let writes = read_all(&store).await;
    quarantine(&store, &writes[0]).await;
    push(&store, "bad", value("new")).await;
    assert!(letters(&store).await.is_empty());
    assert_eq!(pending(&store, "bad").await.as_deref(), Some("new"));
    assert_eq!(texts(&read_all(&store).await), ["bad=new"]);
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes, stats.dead, stats.dead_bytes), (1, 6, 0, 0));
    let left = server.command(&["KEYS", &name("dead:*")]).await.unwrap();
    assert_eq!(left.as_array().unwrap().len(), 0);
}

#[tokio::test]
async fn a_dead_letter_is_discarded_by_its_sequence_number() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let sequence = push(&store, "bad", value("1")).await;
    assert!(!store.discard_dead_letter(PARTITION, "bad", sequence).await.unwrap(), "it is in the queue");
    quarantine(&store, &read_all(&store).await[0]).await;
    assert!(!store.discard_dead_letter(PARTITION, "bad", sequence + 1).await.unwrap());
    assert!(!store.discard_dead_letter(PARTITION, "other", sequence).await.unwrap());
    assert!(store.discard_dead_letter(PARTITION, "bad", sequence).await.unwrap());
    assert_eq!(pending(&store, "bad").await, None);
    assert!(letters(&store).await.is_empty());
    assert!(!store.discard_dead_letter(PARTITION, "bad", sequence).await.unwrap());
    assert_eq!(store.queue_stats(PARTITION).await.unwrap().dead, 0);
}

/// Order per key: what was pushed after a dead letter waits behind it.
#[tokio::test]
async fn operations_wait_behind_the_dead_letter_of_their_key() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (key, text) in [("bad", "1"), ("good", "1"), ("bad", "2"), ("bad", "3"), ("good", "2")] {
        push(&store, key, operation(text)).await;
    }
    let writes = read_all(&store).await;
    quarantine(&store, &writes[0]).await;
    push(&store, "bad", operation("4")).await;
    let batch = read(&store, all()).await;
    assert_eq!((texts(&batch.writes), batch.held), (vec!["good=1".to_owned(), "good=2".to_owned()], 2));
    let letter = letters(&store).await.pop().unwrap();
    assert_eq!((letter.sequence, letter.waiting), (writes[0].sequence, 3));

    let progress = store.retry_dead_letter(PARTITION, "bad").await.unwrap();
    assert_eq!(progress, RetryProgress { moved: 4, is_done: true });
    push(&store, "bad", operation("5")).await;
    let writes = read_all(&store).await;
    let expected = ["good=1", "good=2", "bad=1", "bad=2", "bad=3", "bad=4", "bad=5"];
    assert_eq!(texts(&writes), expected);
    assert!(writes[2..].is_sorted_by_key(|write| write.sequence));
    assert_eq!(store.complete(PARTITION, &refs(&writes)).await.unwrap().removed, 7);
    assert_eq!(store.queue_stats(PARTITION).await.unwrap().bytes, 0);
}

/// A retry comes before the reader has seen the operations behind the dead letter.
#[tokio::test]
async fn a_retry_keeps_the_order_even_if_the_reader_is_slow() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "bad", operation("1")).await;
    let writes = read_all(&store).await;
    // More than one call looks through.
    for number in 0..2500 {
        push(&store, "good", operation(&number.to_string())).await;
    }
    for text in ["2", "3"] {
        push(&store, "bad", operation(text)).await;
    }
    quarantine(&store, &writes[0]).await;
    push(&store, "bad", operation("4")).await;
    let first = store.retry_dead_letter(PARTITION, "bad").await.unwrap();
    assert_eq!(first, RetryProgress { moved: 0, is_done: false });
    let second = store.retry_dead_letter(PARTITION, "bad").await.unwrap();
    assert_eq!(second, RetryProgress { moved: 4, is_done: true });
    let writes = read_all(&store).await;
    let bad: Vec<QueuedWrite> = writes.into_iter().filter(|write| write.key == "bad").collect();
    assert_eq!(texts(&bad), ["bad=1", "bad=2", "bad=3", "bad=4"]);
}

#[tokio::test]
async fn a_long_row_of_dead_letters_is_retried_in_parts_and_in_order() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in 0..600 {
        push(&store, "bad", operation(&format!("{number:03}"))).await;
    }
    let writes = read_all(&store).await;
    quarantine(&store, &writes[0]).await;
    assert_eq!(read(&store, all()).await.held, 500, "a script moves a limited number");
    let first = store.retry_dead_letter(PARTITION, "bad").await.unwrap();
    assert_eq!(first, RetryProgress { moved: 250, is_done: false });
    // The first one fails again, and all that follows it waits again.
    let writes = read_all(&store).await;
    assert_eq!(writes.len(), 250);
    quarantine(&store, &writes[0]).await;
    push(&store, "bad", operation("600")).await;
    loop {
        if store.retry_dead_letter(PARTITION, "bad").await.unwrap().is_done {
            break;
        }
    }
    let writes = read_all(&store).await;
    assert_eq!(texts(&writes), (0..=600).map(|number| format!("bad={number:03}")).collect::<Vec<_>>());
    assert!(writes.is_sorted_by_key(|write| write.sequence));
}

/// The operations behind a dropped one may be flushed, in their order.
#[tokio::test]
async fn the_other_operations_go_on_after_a_discard() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for text in ["1", "2", "3"] {
        push(&store, "bad", operation(text)).await;
    }
    let writes = read_all(&store).await;
    quarantine(&store, &writes[0]).await;
    push(&store, "bad", operation("4")).await;
    assert!(store.discard_dead_letter(PARTITION, "bad", writes[0].sequence).await.unwrap());
    assert_eq!(texts(&read_all(&store).await), ["bad=2", "bad=3"], "they are older than the one that waits");
    assert!(store.retry_dead_letter(PARTITION, "bad").await.unwrap().is_done);
    assert_eq!(texts(&read_all(&store).await), ["bad=2", "bad=3", "bad=4"]);
}

#[tokio::test]
async fn dead_letters_come_in_pages() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for number in 0..5 {
        push(&store, &format!("k{number}"), value("x")).await;
    }
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    for write in &read(&store, all()).await.writes {
        quarantine(&store, write).await;
    }
    let (mut keys, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.dead_letters(PARTITION, after, 2).await.unwrap();
        keys.extend(page.letters.into_iter().map(|letter| letter.key));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((keys, pages), ((0..5).map(|number| format!("k{number}")).collect(), 3));
}
