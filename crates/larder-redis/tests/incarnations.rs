//! Incarnations and floors of the invalidation log, against a real server (rules 5 to 7).
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::Event;
use larder_core::store::{InvalidationLog, StoreError, StoreErrorKind};
use larder_testing::{RedisServer, Reply};
use support::{EVENTS, RECORD, after, event, events, eventually, joined, patient, start, store};

/// Rule 6: whatever happened to the log, one new incarnation begins.
#[tokio::test]
async fn a_lost_log_is_a_new_incarnation() {
    let losses: [&[&str]; 6] = [
        &["FLUSHALL"],
        &["DEL", EVENTS],
        &["DEL", RECORD],
        &["SET", RECORD, "nonsense"],
        &["SET", EVENTS, "not a stream"],
        &["LPUSH", "larder:{larder:log}:other", "no loss at all"],
    ];
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (store(&server).await, store(&server).await);
    for loss in losses {
        a.append(&[event("x")]).await.unwrap();
        let before = a.poll(start()).await.unwrap();
        server.command(loss).await.unwrap();
        let look = a.poll(after(&before)).await.unwrap();
        if loss[0] == "LPUSH" {
            assert_eq!(look.incarnation, before.incarnation);
            continue;
        }
        assert_ne!(look.incarnation, before.incarnation, "{loss:?}");
        assert_eq!(events(&look), [], "{loss:?}");
        assert_eq!(look.floor, LogId::ZERO, "{loss:?}");
        let other = b.poll(after(&before)).await.unwrap();
        let other = LogPage { now: look.now, ..other };
        assert_eq!(other, look, "{loss:?}: all see the same one");
        let (appended, _) = b.append(&[event("y")]).await.unwrap();
        assert_eq!(appended, look.incarnation, "{loss:?}");
    }
}

/// Another program appends before any script sees that the Stream is gone. Without `NOMKSTREAM`, it
/// creates the Stream again, beside the old record. The lost event counts as missing (rule 7).
#[tokio::test]
async fn a_stream_that_another_program_created_again_is_incomplete() {
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (store(&server).await, store(&server).await);
    let before = b.poll(start()).await.unwrap();
    a.append(&[event("lost")]).await.unwrap();
    server.command(&["DEL", EVENTS]).await.unwrap();
    server.command(&["XADD", EVENTS, "*", "h", "t:other"]).await.unwrap();
    let look = b.poll(after(&before)).await.unwrap();
    assert_eq!(look.incarnation, before.incarnation, "nothing else shows the loss");
    assert_eq!(events(&look), [event("other")]);
    assert_eq!(look.floor, look.last.before());
    assert!(look.floor > before.last, "everything older is refused");
}

/// As the documentation says: the answer is null, and the next poll refuses everything older.
#[tokio::test]
async fn a_program_that_does_not_create_the_stream_leaves_the_loss_to_the_next_poll() {
    let server = RedisServer::start().await.unwrap();
    let b = store(&server).await;
    let before = b.poll(start()).await.unwrap();
    server.command(&["DEL", EVENTS]).await.unwrap();
    let append = ["XADD", EVENTS, "NOMKSTREAM", "*", "h", "t:other"];
    assert_eq!(server.command(&append).await.unwrap(), Reply::Nil);
    assert_ne!(b.poll(after(&before)).await.unwrap().incarnation, before.incarnation);
    assert!(server.command(&append).await.unwrap().as_str().is_some());
}

/// A reader that is no instance takes no turn from a start.
#[tokio::test]
async fn a_reader_that_does_not_start_takes_no_turn() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    server.command(&["XADD", EVENTS, "*", "h", "t:a"]).await.unwrap();
    store.poll(Cursor { capacity: 0, replaying: false, ..start() }).await.unwrap();
    let starts = server.command(&["EXISTS", "larder:{larder:log}:starts"]).await.unwrap();
    assert_eq!(starts.as_integer(), Some(0));
}

/// The ids of two incarnations cannot be compared.
#[tokio::test]
async fn a_cursor_of_another_incarnation_gets_all_of_this_one() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    store.append(&[event("x")]).await.unwrap();
    let far_ahead = Cursor { after: LogId::new(u64::MAX, 0), ..start() };
    assert_eq!(events(&store.poll(far_ahead).await.unwrap()), [event("x")]);
}

#[tokio::test]
async fn an_append_notices_the_loss_too() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let before = store.poll(start()).await.unwrap();
    server.command(&["DEL", EVENTS]).await.unwrap();
    let (incarnation, _) = store.append(&[event("x")]).await.unwrap();
    assert_ne!(incarnation, before.incarnation);
    let look = store.poll(after(&before)).await.unwrap();
    assert_eq!(look.incarnation, incarnation);
    assert_eq!(events(&look), [event("x")]);
}

/// The log is complete, but it is unknown what a restarted server has lost.
#[tokio::test]
async fn a_restart_is_a_new_incarnation_even_if_nothing_was_lost() {
    let persistent = RedisServer::builder().config("appendonly yes").config("appendfsync always");
    let server = persistent.start().await.unwrap();
    let store = store(&server).await;
    store.append(&[event("x")]).await.unwrap();
    let before = store.poll(start()).await.unwrap();
    server.restart().await.unwrap();
    let survived = server.command(&["XLEN", EVENTS]).await.unwrap();
    assert_eq!(survived, larder_testing::Reply::Integer(2));
    support::reachable(&store).await;
    let look = store.poll(after(&before)).await.unwrap();
    assert_ne!(look.incarnation, before.incarnation);
    assert_eq!(events(&look), []);
}

/// Rule 7: everything before the oldest entry may be missing.
#[tokio::test]
async fn trimming_raises_the_floor() {
    let server = RedisServer::builder().config("stream-node-max-entries 5").start().await.unwrap();
    let store = joined(patient(&server.url()).log_length(10)).await;
    let begun = store.poll(start()).await.unwrap();
    for n in 0..40 {
        store.append(&[event(&n.to_string())]).await.unwrap();
    }
    let look = store.poll(after(&begun)).await.unwrap();
    assert_eq!(look.incarnation, begun.incarnation);
    assert!(look.entries.len() <= 15, "{} are kept", look.entries.len());
    assert!(look.floor > begun.last);
    assert_eq!(look.floor, look.entries[0].0.before());

    server.command(&["XTRIM", EVENTS, "MAXLEN", "0"]).await.unwrap();
    let empty = store.poll(after(&look)).await.unwrap();
    assert_eq!(empty.incarnation, begun.incarnation);
    assert_eq!((empty.floor, empty.last), (look.last, look.last));
}

#[tokio::test]
async fn an_entry_that_was_deleted_raises_the_floor() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let (_, id) = store.append(&[event("x")]).await.unwrap();
    store.append(&[event("y")]).await.unwrap();
    server.command(&["XDEL", EVENTS, &id.to_string()]).await.unwrap();
    assert_eq!(store.poll(start()).await.unwrap().floor, id);
}

#[tokio::test]
async fn an_unreadable_entry_invalidates_everything() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = store.poll(start()).await.unwrap();
    server.command(&["XADD", EVENTS, "*", "h", "unknown:kind"]).await.unwrap();
    let look = store.poll(after(&begun)).await.unwrap();
    assert_eq!(events(&look), [Event::EVERYTHING]);
}

/// Rule 5: only a primary that accepts writes confirms anything.
#[tokio::test]
async fn a_replica_confirms_nothing() {
    let primary = RedisServer::start().await.unwrap();
    let before = store(&primary).await.poll(start()).await.unwrap();
    let replica = RedisServer::builder().replica_of(&primary).start().await.unwrap();
    let store = store(&replica).await;
    // After a rejection by a replica, the store reconnects to find the primary. So the new
    // connection may not be there yet.
    let is_refused = |error: StoreError| {
        let refused = error.kind() == StoreErrorKind::Refused;
        assert!(!refused || error.to_string().contains("READONLY"), "{error}");
        refused
    };
    eventually("a look is refused", async || is_refused(store.poll(after(&before)).await.unwrap_err())).await;
    eventually("an append is refused", async || is_refused(store.append(&[event("x")]).await.unwrap_err()))
        .await;
}

#[tokio::test]
async fn a_server_that_is_full_or_isolated_confirms_nothing_and_loses_nothing() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let (_, id) = store.append(&[event("x")]).await.unwrap();
    let before = store.poll(start()).await.unwrap();
    for (setting, refusing, well, word) in
        [("maxmemory", "1", "0", "OOM"), ("min-replicas-to-write", "1", "0", "NOREPLICAS")]
    {
        server.command(&["CONFIG", "SET", setting, refusing]).await.unwrap();
        for error in
            [store.poll(after(&before)).await.unwrap_err(), store.append(&[event("y")]).await.unwrap_err()]
        {
            assert_eq!(error.kind(), StoreErrorKind::Refused);
            assert!(error.to_string().contains(word), "{error}");
        }
        server.command(&["CONFIG", "SET", setting, well]).await.unwrap();
        let look = store.poll(after(&before)).await.unwrap();
        assert_eq!((look.incarnation, look.last), (before.incarnation, id));
    }
}

const WITHOUT_INFO: &str = "app on >secret ~* &* +@all -info";

/// Rule 6, the weaker mode.
///
/// Instances with and without the right to read the run id do not take turns in beginning new
/// incarnations.
#[tokio::test]
async fn where_scripts_may_not_ask_for_the_run_id_the_record_is_believed() {
    let server = RedisServer::builder().user(WITHOUT_INFO).start().await.unwrap();
    let restricted = format!("redis://app:secret@{}", server.address());
    let weak = joined(patient(&restricted)).await;
    let weakly = weak.poll(start()).await.unwrap();
    assert_eq!(weak.poll(start()).await.unwrap().incarnation, weakly.incarnation);

    let strong = store(&server).await;
    let strongly = strong.poll(start()).await.unwrap();
    assert_ne!(strongly.incarnation, weakly.incarnation, "made on an unknown server");
    for store in [&weak, &strong, &weak] {
        let look = store.poll(after(&strongly)).await.unwrap();
        assert_eq!(look.incarnation, strongly.incarnation);
    }
}

#[tokio::test]
async fn a_broken_incarnation_is_replaced_once() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let before = store.poll(start()).await.unwrap();
    let broken = Cursor { broken: true, ..after(&before) };
    let look = store.poll(broken).await.unwrap();
    assert_ne!(look.incarnation, before.incarnation);
    let late = store.poll(broken).await.unwrap();
    assert_eq!(late.incarnation, look.incarnation, "that one is gone already");
}
