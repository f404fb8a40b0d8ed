//! Readers of a partition, and what they remove.

use std::time::Duration;

use larder_core::write_queue::{Completed, QuarantineReply, ReadReply, ReadRequest, WriteQueue};
use larder_testing::RedisServer;

use crate::helpers::{
    HOUR, OTHER, PARTITION, READER, all, name, operation, pending, push, read, read_all, refs, texts, value,
};
use crate::support::{eventually, store};

#[tokio::test]
async fn a_partition_has_one_reader_at_a_time() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "a", value("1")).await;
    assert_eq!(store.read(all()).await.unwrap(), ReadReply::NotReader, "it is not claimed");
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap(), "it has the right already");
    assert!(!store.claim_reader(PARTITION, OTHER, HOUR).await.unwrap());
    assert!(!store.extend_reader(PARTITION, OTHER, HOUR).await.unwrap());
    store.release_reader(PARTITION, OTHER).await.unwrap();
    assert_eq!(store.queue_stats(PARTITION).await.unwrap().reader, Some(READER));
    store.release_reader(PARTITION, READER).await.unwrap();
    assert_eq!(store.queue_stats(PARTITION).await.unwrap().reader, None);
    assert!(store.claim_reader(PARTITION, OTHER, HOUR).await.unwrap());
    assert!(!store.extend_reader(PARTITION, READER, HOUR).await.unwrap());
}

#[tokio::test]
async fn the_right_to_read_expires() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    let record =
        async || server.command(&["GET", &name("reader")]).await.unwrap().as_bytes().unwrap().to_vec();
    let before = record().await;
    assert!(store.extend_reader(PARTITION, READER, Duration::from_micros(1)).await.unwrap());
    eventually("it is free", async || store.claim_reader(PARTITION, OTHER, HOUR).await.unwrap()).await;
    // The clock of the server went back by an hour.
    assert!(!store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    let text = String::from_utf8(before[16..].to_vec()).unwrap();
    let numbers: Vec<u64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    assert_eq!(numbers[1], 3_600_000_000);
    let ahead = format!(" {} {}", numbers[0] + numbers[1], numbers[1]);
    let ahead = [&OTHER.to_bytes()[..], ahead.as_bytes()].concat();
    server.command(&[&b"SET"[..], name("reader").as_bytes(), &ahead]).await.unwrap();
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap(), "the old lease is not waited for");
    assert!(store.extend_reader(PARTITION, READER, Duration::from_micros(1)).await.unwrap());
    eventually("it is free", async || store.claim_reader(PARTITION, OTHER, HOUR).await.unwrap()).await;
    assert_eq!(store.read(all()).await.unwrap(), ReadReply::NotReader);
}

/// Its writes are in the database, whichever instance reads now.
#[tokio::test]
async fn a_reader_that_lost_its_right_completes_what_it_flushed_and_nothing_else() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for key in ["a", "b", "c"] {
        push(&store, key, value("old")).await;
    }
    let stalled = read_all(&store).await;
    server.command(&["DEL", &name("reader")]).await.unwrap();
    assert!(store.claim_reader(PARTITION, OTHER, HOUR).await.unwrap());
    push(&store, "b", value("new")).await;
    let reply = store.quarantine(PARTITION, READER, stalled[0].to_ref(), "stale").await.unwrap();
    assert_eq!(reply, QuarantineReply::NotReader);
    let reply = store.quarantine(PARTITION, OTHER, stalled[2].to_ref(), "no").await.unwrap();
    assert_eq!(reply, QuarantineReply::Moved);

    let completed = store.complete(PARTITION, &refs(&stalled)).await.unwrap();
    assert_eq!(completed, Completed { removed: 1, superseded: 2 });
    assert_eq!(pending(&store, "a").await, None);
    assert_eq!(pending(&store, "b").await.as_deref(), Some("new"));
    assert_eq!(pending(&store, "c").await.as_deref(), Some("old"), "the quarantine keeps it");
    let batch = read(&store, ReadRequest { reader: OTHER, ..all() }).await;
    assert_eq!(texts(&batch.writes), ["b=new"]);
}

#[tokio::test]
async fn a_completion_has_to_name_the_write_in_full() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for key in ["a", "b"] {
        push(&store, key, operation("1")).await;
    }
    let writes = read_all(&store).await;
    let (one, other) = (writes[0].to_ref(), writes[1].to_ref());
    let mut wrong = [one; 3];
    wrong[0].key = "b";
    wrong[1].sequence += 1;
    wrong[2].place = other.place;
    let completed = store.complete(PARTITION, &wrong).await.unwrap();
    assert_eq!(completed, Completed { removed: 0, superseded: 3 });
    let completed = store.complete(PARTITION, &[one, one, other]).await.unwrap();
    assert_eq!(completed, Completed { removed: 2, superseded: 1 });
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes), (0, 0));
    assert_eq!(store.complete(PARTITION, &[]).await.unwrap(), Completed::default());
}

#[tokio::test]
async fn a_long_queue_is_read_and_completed_in_parts() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let keys: Vec<String> = (0..1500).map(|number| format!("k{number}")).collect();
    for key in &keys {
        push(&store, key, value(key)).await;
    }
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    let (mut found, mut after) = (Vec::new(), None);
    for part in 0.. {
        let batch = read(&store, ReadRequest { after, max_entries: 700, ..all() }).await;
        found.extend(batch.writes);
        after = batch.last_place;
        if !batch.has_more {
            assert_eq!(part, 2);
            break;
        }
    }
    assert_eq!(texts(&found), keys.iter().map(|key| format!("{key}={key}")).collect::<Vec<_>>());
    let empty = read(&store, ReadRequest { after, ..all() }).await;
    assert_eq!((empty.writes.len(), empty.last_place, empty.has_more), (0, after, false));
    let completed = store.complete(PARTITION, &refs(&found)).await.unwrap();
    assert_eq!(completed, Completed { removed: 1500, superseded: 0 });
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes), (0, 0));
}

#[tokio::test]
async fn a_batch_is_limited_by_bytes_but_has_one_write_at_least() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for key in ["a", "b", "c"] {
        push(&store, key, value("123456789")).await;
    }
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    for (max_bytes, expected) in [(1, 1), (19, 1), (20, 2), (30, 3)] {
        let batch = read(&store, ReadRequest { max_bytes, ..all() }).await;
        assert_eq!((batch.writes.len(), batch.has_more), (expected, expected < 3), "{max_bytes} bytes");
    }
}

/// Other versions of Larder, or other programs, may have added them.
#[tokio::test]
async fn foreign_entries_are_reported_and_do_not_stop_the_reader() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let first = push(&store, "a", value("1")).await;
    let writes = name("writes");
    // The Stream is ahead of the time in milliseconds, so this gets the same place.
    server.command(&["XADD", &writes, "*", "who", "knows"]).await.unwrap();
    let last = push(&store, "b", value("2")).await;
    let id = |add: u64, part: u64| format!("{}-{part}", last + add);
    for (id, fields) in [
        (id(1, 0), vec!["who", "knows"]),
        (id(1, 7), vec!["k", "c", "v", "3"]),
        (id(2, 0), vec!["k", "c", "x", "3"]),
        (id(3, 0), vec!["k", "c", "v", "3", "s", "many"]),
        (id(4, 0), vec!["p", "v1,1", "c", "abc"]),
        (id(5, 0), vec!["p", "", "c", ""]),
        (id(6, 0), vec!["p", "v1,1", "d", "ab"]),
    ] {
        let mut words = vec!["XADD", &writes, &id];
        words.extend(fields);
        server.command(&words).await.unwrap();
    }
    push(&store, "d", value("4")).await;
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    let batch = read(&store, all()).await;
    assert_eq!(texts(&batch.writes), ["a=1", "b=2", "d=4"]);
    assert_eq!(
        batch.unreadable,
        [first, last + 1, last + 1, last + 2, last + 3, last + 4, last + 5, last + 6]
    );
    let next = read(&store, ReadRequest { after: batch.last_place, ..all() }).await;
    assert_eq!((next.writes.len(), next.unreadable.len()), (0, 0));
    let mut after = None;
    for _ in 0..9 {
        let one = read(&store, ReadRequest { after, max_entries: 1, ..all() }).await;
        assert!(one.last_place > after, "each read gets on");
        after = one.last_place;
    }
    assert_eq!(after, batch.last_place);
    assert_eq!(store.complete(PARTITION, &refs(&batch.writes)).await.unwrap().removed, 3);
}
