//! Queues and servers that are full.

use larder_core::store::StoreErrorKind;
use larder_core::write_queue::{
    PushOutcome, PushWrite, Pushed, QuarantineReply, QueueLimits, WritePayload, WriteQueue,
};
use larder_testing::RedisServer;

use crate::helpers::{
    HOUR, PARTITION, READER, operation, pending, push, queued, read_all, refs, texts, value, write,
};
use crate::support::store;

fn limited(key: &str, payload: WritePayload, limits: QueueLimits) -> PushWrite<'_> {
    PushWrite { limits, ..write(key, payload) }
}

#[tokio::test]
async fn a_queue_is_full_by_entries_until_it_is_drained() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let limits = QueueLimits { entries: 2, bytes: 1000 };
    let first = limited("a", value("1"), limits);
    let sequence = queued(store.push(first.clone()).await.unwrap());
    queued(store.push(limited("b", value("2"), limits)).await.unwrap());
    assert_eq!(store.push(limited("c", value("3"), limits)).await.unwrap(), Pushed::Full);
    assert_eq!(pending(&store, "c").await, None);
    assert_eq!(
        store.push(first).await.unwrap(),
        Pushed::Duplicate(sequence),
        "a repeated push is recognized"
    );
    queued(store.push(limited("b", value("4"), limits)).await.unwrap());
    let writes = read_all(&store).await;
    assert_eq!(texts(&writes), ["a=1", "b=4"]);
    store.complete(PARTITION, &refs(&writes[..1])).await.unwrap();
    queued(store.push(limited("c", value("5"), limits)).await.unwrap());
    assert_eq!(texts(&read_all(&store).await), ["b=4", "c=5"]);
}

#[tokio::test]
async fn a_queue_is_full_by_bytes_until_it_is_drained() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let limits = QueueLimits { entries: 100, bytes: 10 };
    queued(store.push(limited("a", value("1234"), limits)).await.unwrap());
    queued(store.push(limited("b", value("1234"), limits)).await.unwrap());
    assert_eq!(store.push(limited("c", value(""), limits)).await.unwrap(), Pushed::Full);
    assert_eq!(store.push(limited("b", value("12345"), limits)).await.unwrap(), Pushed::Full);
    queued(store.push(limited("b", value("12"), limits)).await.unwrap());
    queued(store.push(limited("c", value("3"), limits)).await.unwrap());
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes), (3, 10));
    // Lower limits than those of the earlier pushes.
    let lower = QueueLimits { entries: 1, bytes: 3 };
    queued(store.push(limited("b", value("34"), lower)).await.unwrap());
    let writes = read_all(&store).await;
    let completed = store.complete(PARTITION, &refs(&writes)).await.unwrap();
    assert_eq!(completed.removed, 3);
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes, stats.oldest_sequence), (0, 0, None));
    queued(store.push(limited("d", value("123456789"), limits)).await.unwrap());
}

/// A key whose operations fail does not use up the room of the others.
#[tokio::test]
async fn a_key_in_quarantine_is_full_before_the_others_are() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let limits = QueueLimits { entries: 4, bytes: 1000 };
    queued(store.push(limited("bad", operation("1"), limits)).await.unwrap());
    let writes = read_all(&store).await;
    let reply = store.quarantine(PARTITION, READER, writes[0].to_ref(), "refused").await.unwrap();
    assert_eq!(reply, QuarantineReply::Moved);
    queued(store.push(limited("bad", operation("2"), limits)).await.unwrap());
    assert_eq!(store.push(limited("bad", operation("3"), limits)).await.unwrap(), Pushed::Full);
    for key in ["a", "b", "c", "d"] {
        queued(store.push(limited(key, operation("1"), limits)).await.unwrap());
    }
    assert_eq!(store.push(limited("e", operation("1"), limits)).await.unwrap(), Pushed::Full);
    for write in &read_all(&store).await[..2] {
        store.quarantine(PARTITION, READER, write.to_ref(), "refused").await.unwrap();
    }
    // If all keys fail, writers get an error.
    assert_eq!(store.push(limited("f", operation("1"), limits)).await.unwrap(), Pushed::Full);
    assert!(store.discard_dead_letter(PARTITION, "bad", writes[0].sequence).await.unwrap());
    queued(store.push(limited("f", operation("1"), limits)).await.unwrap());
}

/// A full server takes no writes. Everything that makes room goes on.
#[tokio::test]
async fn a_full_server_is_drained() {
    let server = RedisServer::builder().config("maxmemory-policy noeviction").start().await.unwrap();
    let store = store(&server).await;
    for key in ["a", "b", "c", "d"] {
        push(&store, key, value(key)).await;
    }
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    let error = store.push(write("e", value("e"))).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
    assert_eq!(pending(&store, "e").await, None);
    assert_eq!(pending(&store, "a").await.as_deref(), Some("a"));

    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    assert!(store.extend_reader(PARTITION, READER, HOUR).await.unwrap());
    let writes = read_all(&store).await;
    assert_eq!(texts(&writes), ["a=a", "b=b", "c=c", "d=d"]);
    assert_eq!(store.complete(PARTITION, &refs(&writes[..1])).await.unwrap().removed, 1);
    for write in &writes[1..3] {
        let reply = store.quarantine(PARTITION, READER, write.to_ref(), "refused").await.unwrap();
        assert_eq!(reply, QuarantineReply::Moved);
    }
    assert_eq!(store.dead_letters(PARTITION, None, 10).await.unwrap().letters.len(), 2);
    assert!(store.retry_dead_letter(PARTITION, "b").await.unwrap().is_done);
    assert!(store.discard_dead_letter(PARTITION, "c", writes[2].sequence).await.unwrap());
    let writes = read_all(&store).await;
    assert_eq!(texts(&writes), ["d=d", "b=b"]);
    assert_eq!(store.complete(PARTITION, &refs(&writes)).await.unwrap().removed, 2);
    assert_eq!(store.queue_stats(PARTITION).await.unwrap().entries, 0);
    store.release_reader(PARTITION, READER).await.unwrap();
    assert!(store.push(write("e", value("e"))).await.is_err());
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    push(&store, "e", value("e")).await;
}
