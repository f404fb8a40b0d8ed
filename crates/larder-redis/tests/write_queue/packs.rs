//! Entries that several writes share.

use larder_core::write_queue::{PushWrite, Pushed, QueueLimits, QueueStats, ReadRequest, WriteQueue};
use larder_redis::RedisStore;
use larder_testing::RedisServer;

use crate::gathering::push_at_once;
use crate::helpers::{
    HOUR, PARTITION, READER, all, entries, name, operation, pending, push, queued, read, read_all, refs,
    state_fields, texts, value, write,
};
use crate::support::store;

/// Pushes values at once, under keys that begin with `k`. All but the first share an entry.
async fn push_values(store: &RedisStore, texts: &[&str]) {
    let keys: Vec<String> = (0..texts.len()).map(|number| format!("k{number}")).collect();
    let writes = keys.iter().zip(texts).map(|(key, text)| write(key, value(text))).collect();
    for result in push_at_once(store, writes).await {
        queued(result.unwrap());
    }
}

async fn stats(store: &RedisStore) -> QueueStats {
    store.queue_stats(PARTITION).await.unwrap()
}

#[tokio::test]
async fn the_writes_of_a_batch_share_an_entry_until_the_last_is_settled() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push_values(&store, &["0", "1", "2", "3"]).await;
    assert_eq!(entries(&server).await, 2);
    assert_eq!((stats(&store).await.entries, stats(&store).await.bytes), (4, 12));
    let writes = read_all(&store).await;
    assert_eq!(texts(&writes), ["k0=0", "k1=1", "k2=2", "k3=3"]);
    // The second and the last one.
    let completed = store.complete(PARTITION, &[writes[1].to_ref(), writes[3].to_ref()]).await.unwrap();
    assert_eq!((completed.removed, entries(&server).await), (2, 2));
    // The contents stay in memory until the whole entry goes.
    assert_eq!((stats(&store).await.entries, stats(&store).await.bytes), (2, 12));
    assert_eq!(pending(&store, "k3").await, None);
    assert_eq!(texts(&read_all(&store).await), ["k0=0", "k2=2"]);
    let again = store.complete(PARTITION, &refs(&writes)).await.unwrap();
    assert_eq!((again.removed, again.superseded, entries(&server).await), (2, 2, 0));
    assert_eq!((stats(&store).await.entries, stats(&store).await.bytes), (0, 0));
    let fields = state_fields(&server).await;
    assert!(!fields.iter().any(|field| field.starts_with('e') && field != "extra"), "{fields:?}");
}

#[tokio::test]
async fn a_write_that_is_completed_twice_counts_once() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push_values(&store, &["0", "1", "2"]).await;
    let writes = read_all(&store).await;
    for (at, left, bytes) in [(0, 2, 6), (1, 1, 6)] {
        let twice = [writes[at].to_ref(), writes[at].to_ref()];
        assert_eq!(store.complete(PARTITION, &twice).await.unwrap().removed, 1);
        assert_eq!((stats(&store).await.entries, stats(&store).await.bytes), (left, bytes));
    }
}

#[tokio::test]
async fn a_later_value_settles_the_one_in_a_shared_entry() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push_values(&store, &["0", "1", "2"]).await;
    push(&store, "k1", value("new")).await;
    assert_eq!((entries(&server).await, stats(&store).await.entries), (3, 3));
    assert_eq!(texts(&read_all(&store).await), ["k0=0", "k2=2", "k1=new"]);
    push(&store, "k2", value("newer")).await;
    assert_eq!((entries(&server).await, stats(&store).await.entries), (3, 3));
    let expected = [3 + 5 + 7, 3].map(u64::try_from).map(Result::unwrap);
    assert_eq!(stats(&store).await.bytes, expected[0]);
    // Both values of a key in one batch: the last one counts.
    let writes = ["a", "b", "b"].map(|key| write(key, value(key))).to_vec();
    push_at_once(&store, writes).await;
    let left = read_all(&store).await;
    assert_eq!(texts(&left), ["k0=0", "k1=new", "k2=newer", "a=a", "b=b"]);
    assert_eq!(store.complete(PARTITION, &refs(&left)).await.unwrap().removed, 5);
    assert_eq!((entries(&server).await, stats(&store).await.bytes), (0, 0));
}

#[tokio::test]
async fn a_read_continues_within_a_shared_entry() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push_values(&store, &["0", "1", "2", "3", "4"]).await;
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    let (mut after, mut found) = (None, Vec::new());
    for has_more in [true, true, false] {
        let batch = read(&store, ReadRequest { after, max_entries: 2, ..all() }).await;
        found.extend(texts(&batch.writes));
        after = batch.last_place;
        assert_eq!(batch.has_more, has_more);
    }
    assert_eq!(found, ["k0=0", "k1=1", "k2=2", "k3=3", "k4=4"]);
    let writes = read_all(&store).await;
    assert!(writes[1..].is_sorted_by(|one, next| one.place + 1 == next.place), "{writes:?}");
}

#[tokio::test]
async fn an_entry_has_a_maximum_number_of_writes_and_of_bytes() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push_values(&store, &["x"; 1 + 32 + 20]).await;
    assert_eq!(entries(&server).await, 3);
    let large = "x".repeat(5000);
    push_values(&store, &[&*large; 1 + 3 + 3 + 1]).await;
    // The values from before are settled, but one of their entries has others as well.
    let sizes = server.command(&["XRANGE", &name("writes"), "-", "+"]).await.unwrap();
    let size = |entry: &larder_testing::Reply| {
        let fields = &entry.as_array().unwrap()[1];
        fields.as_array().unwrap().iter().map(|field| field.as_str().unwrap().len()).sum::<usize>()
    };
    assert!(sizes.as_array().unwrap().iter().all(|entry| size(entry) < 17 * 1024));
    assert_eq!(read_all(&store).await.len(), 53);
}

/// Nothing that was acknowledged is lost with the state: at worst, a write is flushed again.
#[tokio::test]
async fn without_the_state_all_writes_of_an_entry_are_pending_again() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push_values(&store, &["0", "1", "2"]).await;
    let writes = read_all(&store).await;
    store.complete(PARTITION, &refs(&writes[..2])).await.unwrap();
    server.command(&["DEL", &name("state")]).await.unwrap();
    let writes = read_all(&store).await;
    assert_eq!(texts(&writes), ["k1=1", "k2=2"]);
    assert_eq!(store.complete(PARTITION, &refs(&writes)).await.unwrap().removed, 2);
    assert_eq!((entries(&server).await, stats(&store).await.entries), (0, 0));
}

#[tokio::test]
async fn writes_that_share_an_entry_do_not_pass_the_limits() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let limits = QueueLimits { entries: 3, bytes: 1000 };
    let limited = |key| PushWrite { limits, ..write(key, value("x")) };
    let results = push_at_once(&store, ["a", "b", "c", "d", "e"].map(limited).to_vec()).await;
    let is_full: Vec<bool> = results.iter().map(|result| *result.as_ref().unwrap() == Pushed::Full).collect();
    assert_eq!(is_full, [false, false, false, true, true]);
    let limits = QueueLimits { entries: 100, bytes: 10 };
    let limited = |key| PushWrite { limits, ..write(key, value("x")) };
    let results = push_at_once(&store, ["f", "g", "h", "i"].map(limited).to_vec()).await;
    let is_full: Vec<bool> = results.iter().map(|result| *result.as_ref().unwrap() == Pushed::Full).collect();
    assert_eq!(is_full, [false, false, true, true]);
    assert_eq!(texts(&read_all(&store).await).len(), 5);
}

#[tokio::test]
async fn operations_that_share_an_entry_wait_behind_a_dead_letter() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let all = [("good", "0"), ("bad", "1"), ("good", "2"), ("bad", "3"), ("good", "4")];
    let writes = all.map(|(key, text)| write(key, operation(text))).to_vec();
    push_at_once(&store, writes).await;
    let writes = read_all(&store).await;
    assert_eq!(entries(&server).await, 2);
    store.quarantine(PARTITION, READER, writes[1].to_ref(), "no such row").await.unwrap();
    assert_eq!(texts(&read_all(&store).await), ["good=0", "good=2", "good=4"]);
    let retried = store.retry_dead_letter(PARTITION, "bad").await.unwrap();
    assert_eq!((retried.moved, retried.is_done), (2, true));
    let writes = read_all(&store).await;
    assert_eq!(texts(&writes), ["good=0", "good=2", "good=4", "bad=1", "bad=3"]);
    assert_eq!(store.complete(PARTITION, &refs(&writes)).await.unwrap().removed, 5);
    assert_eq!((entries(&server).await, stats(&store).await.bytes), (0, 0));
}
