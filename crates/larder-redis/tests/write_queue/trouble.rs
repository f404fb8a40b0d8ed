//! Servers that are away, hang, lie, or are not the primary.

use larder_core::store::StoreErrorKind;
use larder_core::write_queue::{PartitionId, PushOutcome, PushWrite, Pushed, WriteQueue};
use larder_redis::RedisStore;
use larder_testing::{Direction, Proxy, RedisServer};

use crate::gathering::push_at_once;
use crate::helpers::{
    HOUR, OTHER, PARTITION, READER, all, name, operation, pending, push, queued, read_all, refs, texts,
    value, write,
};
use crate::support::cluster::three_primaries;
use crate::support::{brief, eventually, joined, patient, store};

#[tokio::test]
async fn a_push_that_was_not_sent_is_not_queued() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    eventually("a first push", async || store.push(write("a", value("1"))).await.is_ok()).await;
    server.pause().unwrap();
    let late = write("a", value("2"));
    let error = store.push(late.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Timeout, PushOutcome::Unknown));
    // The circuit opens.
    loop {
        let error = store.push(write("b", value("x"))).await.unwrap_err();
        if error.kind() == StoreErrorKind::CircuitOpen {
            assert_eq!(error.outcome(), PushOutcome::NotQueued);
            break;
        }
        assert_eq!(error.outcome(), PushOutcome::Unknown);
    }
    server.resume().unwrap();
    eventually("it answers", async || store.queue_stats(PARTITION).await.is_ok()).await;
    eventually("it takes writes", async || store.push(write("c", value("1"))).await.is_ok()).await;

    server.kill();
    eventually("the loss is noticed", async || {
        let error = store.push(write("c", value("1"))).await.unwrap_err();
        error.kind() == StoreErrorKind::Unreachable && error.outcome() == PushOutcome::NotQueued
    })
    .await;
}

/// Returns how many scripts the server has run.
async fn scripts_run(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let line = stats.as_str().unwrap().lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    line.unwrap().split(',').next().unwrap().parse().unwrap()
}

/// A push that arrives after its caller has given up must not replace a later value.
#[tokio::test]
async fn a_push_that_timed_out_has_no_effect_later() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(brief(&server.url_at(proxy.address()))).await;
    let other = joined(patient(&server.url())).await;
    eventually("a first push", async || store.push(write("a", value("1"))).await.is_ok()).await;
    let gate = proxy.hold(Direction::ToServer, "overtaken");
    let late = write("a", value("overtaken"));
    let error = store.push(late.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Timeout, PushOutcome::Unknown));
    push(&other, "a", value("new")).await;
    let before = scripts_run(&server).await;
    gate.open();
    eventually("it has arrived", async || scripts_run(&server).await > before).await;
    assert_eq!(pending(&other, "a").await.as_deref(), Some("new"));
    queued(other.push(late).await.unwrap());
    assert_eq!(pending(&other, "a").await.as_deref(), Some("overtaken"), "its caller wants it still");
}

/// The beginning of the answer to a write that is queued: a text of a letter and 16 digits.
const QUEUED: &str = "$17\r\nq";

/// The same id finds out.
#[tokio::test]
async fn a_push_whose_answer_is_lost_is_unknown() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(brief(&server.url_at(proxy.address()))).await;
    eventually("a first push", async || store.push(write("a", value("1"))).await.is_ok()).await;
    let gate = proxy.hold(Direction::ToClient, QUEUED);
    let one = write("a", value("2"));
    let error = store.push(one.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Timeout, PushOutcome::Unknown));
    gate.open();
    proxy.pass();
    eventually("it is known", async || matches!(store.push(one.clone()).await, Ok(Pushed::Duplicate(_))))
        .await;

    let slow = joined(patient(&server.url_at(proxy.address()))).await;
    eventually("a first push", async || slow.push(write("b", value("1"))).await.is_ok()).await;
    let gate = proxy.hold(Direction::ToClient, QUEUED);
    let two = write("b", value("2"));
    let (error, ()) = tokio::join!(slow.push(two.clone()), async {
        gate.arrived(1).await;
        proxy.cut().await;
    });
    assert_eq!(error.unwrap_err().outcome(), PushOutcome::Unknown);
    proxy.pass();
    eventually("it is known", async || matches!(slow.push(two.clone()).await, Ok(Pushed::Duplicate(_))))
        .await;
}

/// A server whose clock jumps ahead of the estimate costs one push, which is not queued.
#[tokio::test]
async fn the_clock_of_the_server_is_learned_again() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    // The first answer has a time from long ago.
    proxy.rewrite(Direction::ToClient, |bytes| {
        let text = b"clock\r\n$16\r\n1";
        if let Some(at) = bytes.windows(text.len()).position(|window| window == text) {
            bytes[at + text.len() - 1] = b'0';
        }
    });
    let error = store.push(write("a", value("1"))).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Timeout, PushOutcome::NotQueued));
    assert_eq!(pending(&store, "a").await, None);
    push(&store, "a", value("2")).await;
    assert_eq!(pending(&store, "a").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn scripts_that_the_server_has_lost_are_sent_again() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "a", value("1")).await;
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    push(&store, "b", value("2")).await;
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    assert_eq!(texts(&read_all(&store).await), ["a=1", "b=2"]);
}

/// Runs every operation once, and returns how each of them failed.
async fn try_all(store: &RedisStore) -> Vec<Option<StoreErrorKind>> {
    let one = larder_core::write_queue::WriteRef { place: 1, sequence: 1, key: "a" };
    let kind = |error: larder_core::store::StoreError| error.kind();
    vec![
        store.push(write("a", value("1"))).await.err().map(|error| error.kind()),
        store.pending(PARTITION, &["a"]).await.err().map(kind),
        store.claim_reader(PARTITION, READER, HOUR).await.err().map(kind),
        store.extend_reader(PARTITION, READER, HOUR).await.err().map(kind),
        store.read(all()).await.err().map(kind),
        store.complete(PARTITION, &[one]).await.err().map(kind),
        store.quarantine(PARTITION, READER, one, "no").await.err().map(kind),
        store.dead_letters(PARTITION, None, 10).await.err().map(kind),
        store.retry_dead_letter(PARTITION, "a").await.err().map(kind),
        store.discard_dead_letter(PARTITION, "a", 1).await.err().map(kind),
        store.queue_stats(PARTITION).await.err().map(kind),
    ]
}

/// Another program has taken our names. Each call is refused or does its work.
#[tokio::test]
async fn wrong_types_at_our_names_are_refused() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for what in ["state", "writes", "quarantined", "ids", "reader"] {
        server.command(&["FLUSHALL"]).await.unwrap();
        push(&store, "a", value("1")).await;
        let taken = name(what);
        server.command(&["DEL", &taken]).await.unwrap();
        server.command(&["RPUSH", &taken, "a list"]).await.unwrap();
        let found = try_all(&store).await;
        let is_fine = |kind: &Option<StoreErrorKind>| kind.is_none_or(|kind| kind == StoreErrorKind::Refused);
        assert!(found.iter().all(is_fine), "{what}: {found:?}");
        assert!(found.iter().any(Option::is_some), "{what}: {found:?}");
        server.command(&["DEL", &taken]).await.unwrap();
        push(&store, "a", value("2")).await;
        assert_eq!(pending(&store, "a").await.as_deref(), Some("2"));
    }
}

/// A push that fails on the way leaves no id behind. Otherwise its repetition would be lost.
#[tokio::test]
async fn a_push_that_fails_is_not_remembered() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "a", value("1")).await;
    server.command(&["DEL", &name("writes")]).await.unwrap();
    server.command(&["RPUSH", &name("writes"), "a list"]).await.unwrap();
    let write = write("b", value("2"));
    let error = store.push(write.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
    server.command(&["DEL", &name("writes")]).await.unwrap();
    // The Stream takes no further entry.
    server.command(&["XADD", &name("writes"), "9007199254740991-0", "who", "knows"]).await.unwrap();
    let error = store.push(write.clone()).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Refused, PushOutcome::NotQueued));
    server.command(&["DEL", &name("writes")]).await.unwrap();
    queued(store.push(write).await.unwrap());
    assert_eq!(pending(&store, "b").await.as_deref(), Some("2"));
}

#[tokio::test]
async fn foreign_contents_under_our_names_are_no_crash() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (field, content) in [
        ("k:a", "nonsense"),
        ("k:a", "w99999999999999999999 1"),
        ("k:a", "99999999999999999999"),
        ("k:a", "5"),
        ("k:a", "w5"),
        ("k:a", "d5 x"),
        ("q:a", "x"),
        ("bytes", "-7"),
        ("extra", "x"),
        ("extra", "-7"),
        ("last", "x"),
    ] {
        server.command(&["FLUSHALL"]).await.unwrap();
        push(&store, "a", value("1")).await;
        server.command(&["HSET", &name("state"), field, content]).await.unwrap();
        try_all(&store).await;
        push(&store, "a", value("2")).await;
        assert_eq!(pending(&store, "a").await.as_deref(), Some("2"), "{field}: {content}");
        let writes = ["b", "a", "b"].map(|key| write(key, value(key))).to_vec();
        for pushed in push_at_once(&store, writes).await {
            queued(pushed.unwrap());
        }
        assert_eq!(pending(&store, "a").await.as_deref(), Some("a"), "{field}: {content}");
    }
    server.command(&["SET", "larder:{larder:queue:other}:setup", "nonsense"]).await.unwrap();
    let partition = PartitionId { collection: "other", ..PARTITION };
    let error = store.push(PushWrite { partition, ..write("a", value("1")) }).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    server.command(&["HSET", &name("state"), "q:x", "1 1 0"]).await.unwrap();
    server.command(&["ZADD", &name("quarantined"), "1", "x"]).await.unwrap();
    server.command(&["ZADD", &name("dead:x"), "1", "nonsense"]).await.unwrap();
    assert_eq!(store.dead_letters(PARTITION, None, 10).await.unwrap().letters, []);
    assert!(store.retry_dead_letter(PARTITION, "x").await.unwrap().is_done);
}

/// A replica may lack a pending value, so it must not deny that there is one.
#[tokio::test]
async fn a_replica_answers_nothing() {
    let primary = RedisServer::builder().config("repl-diskless-sync-delay 0").start().await.unwrap();
    let replica = RedisServer::builder().replica_of(&primary).start().await.unwrap();
    let store = joined(patient(&replica.url())).await;
    for kind in try_all(&store).await {
        // After a refusal by a replica, the store connects again.
        assert!(matches!(kind, Some(StoreErrorKind::Refused | StoreErrorKind::Unreachable)), "{kind:?}");
    }
    assert_refused(&store).await;
}

/// Waits until a server refuses to answer. After a refusal, the store connects again.
async fn assert_refused(store: &RedisStore) {
    eventually("it is refused", async || {
        let error = store.pending(PARTITION, &["a"]).await.unwrap_err();
        error.kind() == StoreErrorKind::Refused
    })
    .await;
    eventually("it is refused", async || {
        let error = store.push(write("a", value("1"))).await.unwrap_err();
        assert_eq!(error.outcome(), PushOutcome::NotQueued);
        error.kind() == StoreErrorKind::Refused
    })
    .await;
}

#[tokio::test]
async fn an_isolated_primary_answers_nothing() {
    let server = RedisServer::builder().config("min-replicas-to-write 1").start().await.unwrap();
    let store = joined(patient(&server.url())).await;
    assert_refused(&store).await;
}

#[tokio::test]
async fn partitions_spread_over_a_cluster() {
    let nodes = three_primaries().await;
    let store = joined(patient(&format!("redis-cluster://{}", nodes[0].address()))).await;
    let keys: Vec<String> = (0..60).map(|number| format!("{{k{number}}}")).collect();
    let of = |key: &str| PartitionId::of_key("cart", 16, key).number;
    let partition = |number| PartitionId { collection: "cart", number, count: 16 };
    for key in &keys {
        for payload in [value("old"), value(key)] {
            let write = PushWrite { partition: partition(of(key)), ..write(key, payload) };
            queued(store.push(write).await.unwrap());
        }
    }
    for node in &nodes {
        let size = node.command(&["DBSIZE"]).await.unwrap().as_integer().unwrap();
        assert!(size > 0, "each node has a share");
    }
    let mut found = Vec::new();
    for number in 0..16 {
        let here: Vec<&str> = keys.iter().map(String::as_str).filter(|key| of(key) == number).collect();
        let states = store.pending(partition(number), &here).await.unwrap();
        assert!(states.iter().all(|state| state.value.is_some()));
        assert!(store.claim_reader(partition(number), READER, HOUR).await.unwrap());
        assert!(!store.claim_reader(partition(number), OTHER, HOUR).await.unwrap());
        let request = larder_core::write_queue::ReadRequest { partition: partition(number), ..all() };
        let batch = crate::helpers::read(&store, request).await;
        if let Some(write) = batch.writes.first() {
            store.quarantine(partition(number), READER, write.to_ref(), "no").await.unwrap();
            assert!(store.retry_dead_letter(partition(number), &write.key).await.unwrap().is_done);
        }
        let batch = crate::helpers::read(&store, request).await;
        let completed = store.complete(partition(number), &refs(&batch.writes)).await.unwrap();
        assert_eq!(completed.removed, here.len() as u64);
        found.extend(batch.writes);
    }
    assert_eq!(found.len(), keys.len());
    let other = PartitionId { collection: "cart", number: 20, count: 32 };
    let error = store.push(PushWrite { partition: other, ..write("a", value("1")) }).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "the setup is in another slot");
    let views = PartitionId { collection: "views", number: 0, count: 1 };
    queued(store.push(PushWrite { partition: views, ..write("a", operation("1")) }).await.unwrap());
}
