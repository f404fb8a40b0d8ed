//! Pushes that are sent together.

use larder_core::store::StoreErrorKind;
use larder_core::write_queue::{
    PartitionId, PushOutcome, PushWrite, Pushed, QuarantineReply, QueueLimits, WritePayload, WriteQueue,
};
use larder_testing::RedisServer;

use crate::gathering::{push_at_once, scripts};
use crate::helpers::{
    PARTITION, READER, UNLIMITED, name, new_id, operation, push, queued, read_all, texts, value, write,
};
use crate::support::store;

fn limited(key: &str, payload: WritePayload, limits: QueueLimits) -> PushWrite<'_> {
    PushWrite { limits, ..write(key, payload) }
}

#[tokio::test]
async fn pushes_at_the_same_moment_share_a_script_call() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    let before = scripts(&server).await;
    let keys: Vec<String> = (0..60).map(|number| format!("k{number}")).collect();
    let results = push_at_once(&store, keys.iter().map(|key| write(key, value(key))).collect()).await;
    let sequences: Vec<u64> = results.into_iter().map(|result| queued(result.unwrap())).collect();
    assert!(sequences.is_sorted_by(|one, next| one < next), "each has its own number, in order");
    let calls = scripts(&server).await - before;
    assert!((2..=4).contains(&calls), "{calls} calls");
    let expected: Vec<String> =
        ["warm=up".to_owned()].into_iter().chain(keys.iter().map(|key| format!("{key}={key}"))).collect();
    assert_eq!(texts(&read_all(&store).await), expected);
}

/// A batch has a maximum number of writes and of bytes.
#[tokio::test]
async fn a_batch_is_bounded() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    for (number, size, least) in [(200, 10, 5), (9, 60_000, 5), (3, 500_000, 3)] {
        let text = "x".repeat(size);
        let before = scripts(&server).await;
        let keys: Vec<String> = (0..number).map(|number| format!("k{number}")).collect();
        let results = push_at_once(&store, keys.iter().map(|key| write(key, value(&text))).collect()).await;
        assert!(results.into_iter().all(|result| matches!(result, Ok(Pushed::Queued(_)))));
        let calls = scripts(&server).await - before;
        assert!(calls >= least && calls < number.max(4), "{calls} calls for {number} of {size} bytes");
    }
}

#[tokio::test]
async fn each_write_of_a_batch_has_its_own_outcome() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let limits = QueueLimits { entries: 4, bytes: 1000 };
    let known = limited("known", value("0"), limits);
    let known_as = queued(store.push(known.clone()).await.unwrap());
    let twice = limited("twice", value("1"), limits);
    let large = "x".repeat(1000);
    let results = push_at_once(
        &store,
        vec![
            limited("a", value("1"), limits),
            twice.clone(),
            twice,
            limited("large", value(&large), limits),
            known,
            limited("b", value("1"), limits),
            limited("c", value("1"), limits),
            limited("a", value("2"), limits),
            limited("b", WritePayload::Deletion, limits),
        ],
    )
    .await;
    let results: Vec<Pushed> = results.into_iter().map(Result::unwrap).collect();
    let [a, first, again, large, dup, b, full, a_again, deleted] = results[..] else { panic!("{results:?}") };
    let (first, a) = (queued(first), queued(a));
    assert_eq!(again, Pushed::Duplicate(first));
    assert_eq!((large, full), (Pushed::Full, Pushed::Full));
    assert_eq!(dup, Pushed::Duplicate(known_as));
    assert!(a < first && first < queued(b) && queued(b) < queued(a_again));
    queued(deleted);
    assert_eq!(texts(&read_all(&store).await), ["known=0", "twice=1", "a=2", "b deleted"]);
    let stats = store.queue_stats(PARTITION).await.unwrap();
    assert_eq!((stats.entries, stats.bytes), (4, 6 + 6 + 2 + 1));
}

#[tokio::test]
async fn an_id_that_is_twice_in_a_batch_keeps_its_first_number() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    let twice = write("a", value("1"));
    let all = vec![write("b", value("1")), twice.clone(), twice.clone(), write("c", value("1"))];
    let results: Vec<Pushed> = push_at_once(&store, all).await.into_iter().map(Result::unwrap).collect();
    let first = queued(results[1]);
    assert_eq!(results[2], Pushed::Duplicate(first));
    assert!(queued(results[3]) > first);
    assert_eq!(store.push(twice).await.unwrap(), Pushed::Duplicate(first));
    assert_eq!(texts(&read_all(&store).await), ["warm=up", "b=1", "a=1", "c=1"]);
}

/// The numbers of the Stream are ahead of those in the state, which was lost.
#[tokio::test]
async fn a_batch_continues_behind_the_stream() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    server.command(&["XADD", &name("writes"), "8000000000000000-0", "k", "x", "v", "1"]).await.unwrap();
    let all: Vec<_> = ["a", "b", "c", "d"].into_iter().map(|key| write(key, value("1"))).collect();
    let mut last = 8_000_000_000_000_000;
    let mut numbers = Vec::new();
    for result in push_at_once(&store, all.clone()).await {
        numbers.push(queued(result.unwrap()));
        assert!(numbers.last() > Some(&last), "{numbers:?}");
        last = numbers[numbers.len() - 1];
    }
    for (write, number) in all.into_iter().zip(numbers) {
        assert_eq!(store.push(write).await.unwrap(), Pushed::Duplicate(number));
    }
    assert_eq!(texts(&read_all(&store).await), ["warm=up", "x=1", "a=1", "b=1", "c=1", "d=1"]);
}

/// Operations of a key in quarantine are held, and those of other keys are not.
#[tokio::test]
async fn a_batch_of_operations_holds_those_of_a_key_in_quarantine() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "bad", operation("1")).await;
    let writes = read_all(&store).await;
    let reply = store.quarantine(PARTITION, READER, writes[0].to_ref(), "refused").await.unwrap();
    assert_eq!(reply, QuarantineReply::Moved);
    let all = [("a", "1"), ("bad", "2"), ("a", "2"), ("bad", "3")];
    let all = all.into_iter().map(|(key, text)| write(key, operation(text))).collect();
    for result in push_at_once(&store, all).await {
        queued(result.unwrap());
    }
    assert_eq!(texts(&read_all(&store).await), ["a=1", "a=2"]);
    let letters = store.dead_letters(PARTITION, None, 10).await.unwrap().letters;
    assert_eq!((&*letters[0].key, letters[0].waiting), ("bad", 2));
}

/// A failure in the middle is that of one write. Those after it are queued.
#[tokio::test]
async fn a_write_that_fails_in_a_batch_concerns_no_other() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "bad", operation("1")).await;
    let writes = read_all(&store).await;
    store.quarantine(PARTITION, READER, writes[0].to_ref(), "refused").await.unwrap();
    // The dead letters of the key cannot be added to.
    server.command(&["DEL", &name("dead:bad")]).await.unwrap();
    server.command(&["RPUSH", &name("dead:bad"), "a list"]).await.unwrap();
    let bad = write("bad", operation("2"));
    let all = vec![write("a", operation("1")), bad.clone(), write("b", operation("1"))];
    let mut all = push_at_once(&store, all).await.into_iter();
    queued(all.next().unwrap().unwrap());
    let error = all.next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
    queued(all.next().unwrap().unwrap());
    assert_eq!(texts(&read_all(&store).await), ["a=1", "b=1"]);
    server.command(&["DEL", &name("dead:bad")]).await.unwrap();
    queued(store.push(bad).await.unwrap());
}

/// A write whose effects are half done may be queued, and its id finds out.
#[tokio::test]
async fn a_write_that_fails_after_it_was_added_is_unknown() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    server.command(&["ACL", "SETUSER", "default", "-hset"]).await.unwrap();
    let all: Vec<_> = ["a", "b", "c"].into_iter().map(|key| write(key, value("1"))).collect();
    for result in push_at_once(&store, all.clone()).await {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::Unknown));
    }
    server.command(&["ACL", "SETUSER", "default", "+hset"]).await.unwrap();
    for result in push_at_once(&store, all).await {
        assert!(matches!(result, Ok(Pushed::Duplicate(_))), "{result:?}");
    }
}

/// A server without memory refuses a batch as a whole, and nothing of it is queued.
#[tokio::test]
async fn a_full_server_queues_nothing_of_a_batch() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    let all: Vec<_> = ["a", "b", "c"].into_iter().map(|key| write(key, value("1"))).collect();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    for result in push_at_once(&store, all.clone()).await {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
    }
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    assert_eq!(texts(&read_all(&store).await), ["warm=up"]);
    for result in push_at_once(&store, all).await {
        queued(result.unwrap());
    }
    assert_eq!(texts(&read_all(&store).await), ["warm=up", "a=1", "b=1", "c=1"]);
}

/// Memory that is full from the middle of a batch on stops no script that has begun to write.
#[tokio::test]
async fn a_batch_that_fills_the_memory_is_queued_as_a_whole_or_not_at_all() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    let used = server.command(&["INFO", "memory"]).await.unwrap();
    let used = used.as_str().unwrap().lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let limit = (used.trim().parse::<u64>().unwrap() + 300_000).to_string();
    server.command(&["CONFIG", "SET", "maxmemory", &limit]).await.unwrap();
    let text = "x".repeat(20_000);
    let keys: Vec<String> = (0..60).map(|number| format!("k{number:02}")).collect();
    let results = push_at_once(&store, keys.iter().map(|key| write(key, value(&text))).collect()).await;
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    let there: Vec<String> = read_all(&store).await.into_iter().map(|write| write.key).collect();
    assert!(results.iter().any(Result::is_ok) && results.iter().any(Result::is_err));
    for (key, result) in keys.iter().zip(results) {
        match result {
            Ok(pushed) => assert!(queued(pushed) > 0 && there.contains(key), "{key}"),
            Err(error) => {
                assert_eq!(error.outcome(), PushOutcome::NotQueued, "{error:?}");
                assert!(!there.contains(key), "{key}");
            }
        }
    }
}

/// Pushes to all partitions share a script call, and each partition has its own outcome.
#[tokio::test]
async fn pushes_to_several_partitions_share_a_script_call() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let partition = |number| PartitionId { collection: "cart", number, count: 4 };
    let keys: Vec<String> = (0..48_u16).map(|number| format!("k{number:02}")).collect();
    let to = |number: u16, key| PushWrite { partition: partition(number % 4), ..write(key, value(key)) };
    for number in 0..4 {
        queued(store.push(to(number, "warm")).await.unwrap());
    }
    // One of the partitions cannot be used.
    let broken = name("state").replace(":0}", ":3}");
    server.command(&["DEL", &broken]).await.unwrap();
    server.command(&["RPUSH", &broken, "a list"]).await.unwrap();
    let before = scripts(&server).await;
    let results = push_at_once(&store, (0..).zip(&keys).map(|(number, key)| to(number, key)).collect()).await;
    let calls = scripts(&server).await - before;
    assert!((2..=4).contains(&calls), "{calls} calls");
    for (number, result) in results.into_iter().enumerate() {
        match result {
            Ok(pushed) => assert!(number % 4 < 3 && queued(pushed) > 0, "{number}"),
            Err(error) => assert!(number % 4 == 3 && error.outcome() == PushOutcome::NotQueued, "{error:?}"),
        }
    }
    for number in 0..3 {
        let expected = keys.iter().skip(number).step_by(4);
        let states: Vec<&str> = expected.map(String::as_str).collect();
        let number = u16::try_from(number).unwrap();
        let pending = store.pending(partition(number), &states).await.unwrap();
        assert!(
            pending.iter().zip(&states).all(|(state, key)| {
                state.value.as_ref().is_some_and(|there| there.payload == value(key))
            })
        );
        assert_eq!(store.queue_stats(partition(number)).await.unwrap().entries, 13);
    }
}

/// Other partitions, kinds and limits have outcomes of their own.
#[tokio::test]
async fn pushes_of_several_kinds_have_their_own_outcomes() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let views = PartitionId { collection: "views", ..PARTITION };
    let second = PartitionId { collection: "two", number: 1, count: 2 };
    let small = QueueLimits { entries: 1, bytes: 100 };
    let to = |partition, payload, limits| PushWrite { partition, key: "k", payload, id: new_id(), limits };
    let all = vec![
        to(PARTITION, value("1"), UNLIMITED),
        to(views, operation("1"), UNLIMITED),
        to(second, value("1"), UNLIMITED),
        to(views, operation("2"), small),
        to(views, operation("3"), UNLIMITED),
    ];
    let results = push_at_once(&store, all).await;
    let is_queued: Vec<bool> =
        results.into_iter().map(|result| matches!(result, Ok(Pushed::Queued(_)))).collect();
    assert_eq!(is_queued, [true, true, true, false, true]);
    // A collection of values refuses operations, also in the middle of others.
    let all = vec![write("a", value("1")), write("a", operation("1")), write("a", value("2"))];
    let mut results = push_at_once(&store, all).await.into_iter();
    queued(results.next().unwrap().unwrap());
    let error = results.next().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
    queued(results.next().unwrap().unwrap());
}
