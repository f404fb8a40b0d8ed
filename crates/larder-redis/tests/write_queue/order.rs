//! The order of writes, and their sequence numbers.

use larder_core::store::StoreErrorKind;
use larder_core::write_queue::{
    PartitionId, PushOutcome, PushWrite, Pushed, WriteId, WritePayload, WriteQueue,
};
use larder_testing::RedisServer;

use crate::helpers::{
    HOUR, PARTITION, READER, keys_that_stay, name, operation, pending, push, queued, read_all, refs, texts,
    value, write,
};
use crate::support::store;

#[tokio::test]
async fn the_last_value_of_a_key_counts_and_operations_are_all_kept() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (key, text) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
        push(&store, key, value(text)).await;
    }
    push(&store, "c", WritePayload::Deletion).await;
    assert_eq!(texts(&read_all(&store).await), ["b=2", "a=3", "c deleted"]);
    assert_eq!(pending(&store, "a").await.as_deref(), Some("3"));
    assert_eq!(pending(&store, "c").await.as_deref(), Some("deleted"));
    assert_eq!(pending(&store, "d").await, None);

    let views = PartitionId { collection: "views", ..PARTITION };
    for (key, text) in [("a", "1"), ("b", "2"), ("a", "3")] {
        let write = PushWrite { partition: views, ..write(key, operation(text)) };
        queued(store.push(write).await.unwrap());
    }
    assert!(store.claim_reader(views, READER, HOUR).await.unwrap());
    let request = larder_core::write_queue::ReadRequest { partition: views, ..crate::helpers::all() };
    let batch = crate::helpers::read(&store, request).await;
    assert_eq!(texts(&batch.writes), ["a=1", "b=2", "a=3"]);
    let states = store.pending(views, &["a"]).await.unwrap();
    assert_eq!(states[0].value, None, "operations are not pending");
}

#[tokio::test]
async fn nothing_expires() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    server.command(&["FLUSHALL"]).await.unwrap();
    push(&store, "a", value("1")).await;
    read_all(&store).await;
    let stay: Vec<String> =
        keys_that_stay(&server).await.into_iter().filter(|key| key.contains("queue")).collect();
    let setup = "larder:{larder:queue:cart}:setup".to_owned();
    let mut expected = vec![name("ids"), name("reader"), name("state"), name("writes"), setup];
    expected.sort();
    assert_eq!(stay, expected);
}

/// The server's clock goes back, and then the server loses everything.
#[tokio::test]
async fn sequence_numbers_only_grow() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let first = push(&store, "a", value("1")).await;
    let seconds = first / 1_000_000;
    let time = server.command(&["TIME"]).await.unwrap();
    let now: u64 = time.as_array().unwrap()[0].as_str().unwrap().parse().unwrap();
    assert!(now - seconds < 60, "it is the time of the server in microseconds");
    let second = push(&store, "a", value("2")).await;
    assert!(second > first);

    let ahead = first + 3_600_000_000;
    server.command(&["HSET", &name("state"), "last", &ahead.to_string()]).await.unwrap();
    assert_eq!(push(&store, "a", value("3")).await, ahead + 1);
    assert_eq!(push(&store, "b", value("4")).await, ahead + 2);

    // Only the state is lost. The Stream takes no lower place.
    server.command(&["DEL", &name("state")]).await.unwrap();
    assert_eq!(push(&store, "c", value("5")).await, ahead + 3);
    assert_eq!(texts(&read_all(&store).await), ["a=3", "b=4", "c=5"]);

    server.command(&["FLUSHALL"]).await.unwrap();
    assert!(push(&store, "a", value("6")).await > second);
    assert_eq!(texts(&read_all(&store).await), ["a=6"]);
}

#[tokio::test]
async fn a_sequence_number_that_lua_cannot_count_is_refused() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "a", value("1")).await;
    server.command(&["HSET", &name("state"), "last", "9007199254740991"]).await.unwrap();
    let error = store.push(write("b", value("2"))).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
    assert_eq!(texts(&read_all(&store).await), ["a=1"]);
}

#[tokio::test]
async fn a_push_that_is_repeated_is_a_duplicate_whatever_became_of_it() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let old = write("a", value("old"));
    let sequence = queued(store.push(old.clone()).await.unwrap());
    assert_eq!(store.push(old.clone()).await.unwrap(), Pushed::Duplicate(sequence));
    push(&store, "a", value("new")).await;
    assert_eq!(store.push(old.clone()).await.unwrap(), Pushed::Duplicate(sequence), "it was replaced");
    assert_eq!(pending(&store, "a").await.as_deref(), Some("new"), "it does not come back");
    let writes = read_all(&store).await;
    store.complete(PARTITION, &refs(&writes)).await.unwrap();
    assert_eq!(store.push(old).await.unwrap(), Pushed::Duplicate(sequence), "all was flushed");
    assert_eq!(store.queue_stats(PARTITION).await.unwrap().entries, 0);
}

#[tokio::test]
async fn the_newest_ids_are_remembered_and_their_number_is_limited() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let known = write("a", value("1"));
    push(&store, "a", value("0")).await;
    let sequence = queued(store.push(known.clone()).await.unwrap());
    let add = "for i = 1, 20000 do redis.call('ZADD', KEYS[1], ARGV[1] - i, 'old' .. i) end";
    server.command(&["EVAL", add, "1", &name("ids"), &sequence.to_string()]).await.unwrap();
    // Such an id makes the push remove old ids.
    let write = PushWrite { id: WriteId::from_bytes([64; 16]), ..write("b", value("2")) };
    queued(store.push(write).await.unwrap());
    let ids = server.command(&["ZCARD", &name("ids")]).await.unwrap();
    assert_eq!(ids.as_integer(), Some(16_385), "the new one is added to those that are kept");
    assert_eq!(store.push(known).await.unwrap(), Pushed::Duplicate(sequence));

    let age = "local ids = redis.call('ZRANGE', KEYS[1], 0, -1) for i = 1, #ids do redis.call('ZADD', KEYS[1], i, ids[i]) end";
    server.command(&["EVAL", age, "1", &name("ids")]).await.unwrap();
    let write = PushWrite { id: WriteId::from_bytes([128; 16]), ..crate::helpers::write("b", value("3")) };
    queued(store.push(write).await.unwrap());
    let ids = server.command(&["ZCARD", &name("ids")]).await.unwrap();
    assert_eq!(ids.as_integer(), Some(1), "ids from long ago are forgotten");
}

/// With another number of partitions, a key would be in two of them.
#[tokio::test]
async fn another_number_of_partitions_or_another_kind_is_refused() {
    let server = RedisServer::start().await.unwrap();
    let (store, other) = (store(&server).await, store(&server).await);
    let of = |count, number| PartitionId { collection: "cart", number, count };
    let first = PushWrite { partition: of(16, 3), ..write("a", value("1")) };
    queued(store.push(first).await.unwrap());
    for partition in [of(32, 3), of(32, 20)] {
        let error = other.push(PushWrite { partition, ..write("a", value("2")) }).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("it has 16 partitions, and not 32"), "{why}");
        let error = other.pending(partition, &["a"]).await.unwrap_err();
        assert!(error.to_string().contains("it has 16 partitions, and not 32"), "{error}");
        let error = other.claim_reader(partition, READER, HOUR).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Refused);
    }
    for partition in [of(16, 3), of(16, 4)] {
        let error = other.push(PushWrite { partition, ..write("a", operation("2")) }).await.unwrap_err();
        let why = std::error::Error::source(&error).unwrap().to_string();
        assert!(why.contains("it has values, and no operations"), "{why}");
    }
    assert_eq!(other.pending(of(16, 4), &["b"]).await.unwrap(), [Default::default()]);
    assert!(other.claim_reader(of(16, 4), READER, HOUR).await.unwrap());
    queued(other.push(PushWrite { partition: of(16, 4), ..write("b", value("2")) }).await.unwrap());
}

#[tokio::test]
async fn an_impossible_partition_is_refused() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (collection, number, count) in [("a:b", 0, 1), ("", 0, 1), ("a}", 0, 1), ("a", 1, 1), ("a", 0, 0)] {
        let partition = PartitionId { collection, number, count };
        let error = store.push(PushWrite { partition, ..write("a", value("1")) }).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
        assert_eq!(store.queue_stats(partition).await.unwrap_err().kind(), StoreErrorKind::Refused);
    }
}
