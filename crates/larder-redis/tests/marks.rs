//! Checkpoints beside the log, at which a new reader begins, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod support;

use std::time::Duration;

use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::store::{InvalidationLog, StoreError};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use support::{EVENTS, RECORD, after, event, start, store};

const MARKS: &str = "larder:{larder:log}:marks";
const APART: usize = 4096;

/// Appends entries as `append.lua` does, in this version and in versions without checkpoints.
async fn add(server: &RedisServer, entries: usize) {
    let script = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. i) end";
    server.command(&["EVAL", script, "1", EVENTS, &entries.to_string()]).await.unwrap();
}

/// Repeats a call until it succeeds.
///
/// On an overloaded machine, a poll or an append can exceed its time limit.
async fn patiently<T>(mut what: impl AsyncFnMut() -> Result<T, StoreError>) -> T {
    let mut trouble = None;
    for _ in 0..100 {
        match what().await {
            Ok(answer) => return answer,
            Err(error) => trouble = Some(error),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{trouble:?}");
}

async fn seen(store: &RedisStore, from: Cursor) -> LogPage {
    patiently(async || store.poll(from).await).await
}

async fn append(store: &RedisStore) -> (Incarnation, LogId) {
    patiently(async || store.append(&[event("x")]).await).await
}

/// Creates a log with this many checkpoints, with equally many entries between them.
///
/// The first entry of the log begins the incarnation.
async fn marked(server: &RedisServer, marks: usize) -> (RedisStore, LogPage) {
    let store = store(server).await;
    let mut look = seen(&store, start()).await;
    for mark in 0..marks {
        add(server, if mark == 0 { APART - 1 } else { APART }).await;
        look = seen(&store, after(&look)).await;
    }
    (store, look)
}

async fn text(server: &RedisServer, key: &str) -> Option<String> {
    server.command(&["GET", key]).await.unwrap().as_str().map(str::to_owned)
}

/// Returns the ids of the checkpoints, newest first.
async fn marks(server: &RedisServer) -> Vec<LogId> {
    let text = text(server, MARKS).await.unwrap_or_default();
    text.split(' ').skip(1).map_while(|mark| mark.split_once('=')?.1.parse().ok()).collect()
}

fn remembering(names: usize) -> Cursor {
    Cursor { capacity: names, ..start() }
}

/// Returns the first floor, and the ids of all entries, that a reader gets from this cursor.
async fn replay(store: &RedisStore, from: Cursor) -> (LogId, Vec<LogId>) {
    let mut look = seen(store, from).await;
    let (floor, mut read) = (look.floor, Vec::new());
    loop {
        read.extend(look.entries.iter().map(|(id, _)| *id));
        if !look.more {
            return (floor, read);
        }
        let last = look.entries.last().unwrap().0;
        look = seen(store, Cursor { after: last, ..after(&look) }).await;
    }
}

#[tokio::test]
async fn a_look_leaves_a_mark_where_enough_was_added_since_the_last() {
    let server = RedisServer::start().await.unwrap();
    let (store, begun) = marked(&server, 0).await;
    add(&server, APART - 2).await;
    let look = seen(&store, after(&begun)).await;
    assert_eq!(text(&server, MARKS).await, None, "one too few");

    add(&server, 1).await;
    let first = seen(&store, after(&look)).await;
    let expected = format!("{} {APART}={}", first.incarnation, first.last);
    assert_eq!(text(&server, MARKS).await.as_ref(), Some(&expected));

    add(&server, APART - 1).await;
    seen(&store, after(&first)).await;
    assert_eq!(text(&server, MARKS).await, Some(expected), "one too few again");
    add(&server, 1).await;
    let second = seen(&store, after(&first)).await;
    assert_eq!(marks(&server).await, [second.last, first.last]);
}

#[tokio::test]
async fn a_new_instance_begins_at_the_last_checkpoint_that_covers_its_capacity() {
    let server = RedisServer::start().await.unwrap();
    let (store, look) = marked(&server, 3).await;
    add(&server, 10).await;
    let marks = marks(&server).await;
    let (_, all) = replay(&store, remembering(usize::MAX)).await;
    assert_eq!(all.len(), 3 * APART + 10);
    for (remembers, mark, behind) in [
        (0, marks[0], 10),
        (10, marks[0], 10),
        (11, marks[1], APART + 10),
        (APART + 10, marks[1], APART + 10),
        (APART + 11, marks[2], 2 * APART + 10),
        (2 * APART + 11, LogId::ZERO, 3 * APART + 10),
        (65_536, LogId::ZERO, 3 * APART + 10),
    ] {
        let (floor, read) = replay(&store, remembering(remembers)).await;
        assert_eq!((floor, read.len()), (mark, behind), "{remembers}");
        assert!(all.ends_with(&read), "{remembers}");
    }
    // A reader that knows this incarnation continues where it was.
    let known = Cursor { capacity: 0, ..after(&look) };
    assert_eq!(replay(&store, known).await.1.len(), 10);
    let behind = Cursor { after: all[0], ..known };
    assert_eq!(replay(&store, behind).await, (LogId::ZERO, all[1..].to_vec()));
}

/// The value in the place of the checkpoints can be anything.
///
/// No poll fails, and no entry is left out without being reported as missing.
#[tokio::test]
async fn marks_that_cannot_be_believed_are_no_marks() {
    let server = RedisServer::start().await.unwrap();
    let (store, look) = marked(&server, 2).await;
    let (_, all) = replay(&store, remembering(usize::MAX)).await;
    let own = look.incarnation.to_string();
    let set = |value: String| vec!["SET".to_owned(), MARKS.to_owned(), value];
    let with = |marks: &str| set(format!("{own} {marks}"));
    let cases = [
        vec!["DEL".to_owned(), MARKS.to_owned()],
        vec!["LPUSH".to_owned(), MARKS.to_owned(), own.clone()],
        set(String::new()),
        set("\0\u{ff} nonsense".to_owned()),
        set(own.clone()),
        set(format!("{own} {}", "x".repeat(1 << 20))),
        set(format!("{own} {}", "1".repeat(1 << 20))),
        // Checkpoints of another incarnation, with ids that happen to be there.
        set(format!("{} {APART}={}", "0".repeat(32), all[5])),
        with("1=1-1"),
        with(&format!("1={}", look.last.after())),
        with("1=99999999999999-0"),
        with("1=99999999999999999999999-0"),
        with(&format!("{}={}", "9".repeat(400), look.last)),
        with(&format!("1={} 1={}", look.last.after(), all[5])),
    ];
    for case in cases {
        server.command(&["DEL", MARKS]).await.unwrap();
        let words: Vec<&str> = case.iter().map(String::as_str).collect();
        server.command(&words).await.unwrap();
        let read = replay(&store, remembering(1)).await;
        assert_eq!(read, (LogId::ZERO, all.clone()), "{:.60}", case.last().unwrap());
        assert_eq!(marks(&server).await.first(), Some(&look.last), "and it is put right");
    }
}

#[tokio::test]
async fn a_mark_whose_entry_was_deleted_is_none() {
    let server = RedisServer::start().await.unwrap();
    let (store, look) = marked(&server, 1).await;
    add(&server, 10).await;
    server.command(&["XDEL", EVENTS, &look.last.to_string()]).await.unwrap();
    let (floor, read) = replay(&store, remembering(1)).await;
    assert_eq!((floor, read.len()), (look.last, APART - 1 + 10));
}

#[tokio::test]
async fn trimming_takes_marks_along_and_may_pass_them() {
    let server = RedisServer::builder().config("stream-node-max-entries 100").start().await.unwrap();
    let (store, _) = marked(&server, 6).await;
    let before = marks(&server).await;
    let keep = (2 * APART + 50).to_string();
    server.command(&["XTRIM", EVENTS, "MAXLEN", &keep]).await.unwrap();
    // The third checkpoint from the end is still there. Polls that return little write none.
    let (floor, read) = replay(&store, remembering(2 * APART)).await;
    assert_eq!((floor, read.len()), (before[2], 2 * APART));
    let (floor, read) = replay(&store, remembering(2 * APART + 1)).await;
    assert_eq!((floor, read.len()), (read[0].before(), 2 * APART + 50), "that one was trimmed");

    add(&server, APART).await;
    let look = seen(&store, start()).await;
    assert_eq!(marks(&server).await, [&[look.last], &before[..3]].concat(), "those are gone");

    server.command(&["XTRIM", EVENTS, "MAXLEN", "0"]).await.unwrap();
    let (floor, read) = replay(&store, remembering(0)).await;
    assert_eq!((floor, read), (look.last, vec![]));
    let appended = append(&store).await.1;
    let (floor, read) = replay(&store, remembering(0)).await;
    assert_eq!((floor, read.last()), (read[0].before(), Some(&appended)));
}

/// However the log is lost, a checkpoint of the old log is none of the new log.
#[tokio::test]
async fn a_new_incarnation_has_no_marks() {
    let server = RedisServer::start().await.unwrap();
    for loss in [["DEL", EVENTS], ["DEL", RECORD]] {
        let (store, look) = marked(&server, 1).await;
        server.command(&loss).await.unwrap();
        let (next, appended) = append(&store).await;
        assert_ne!(next, look.incarnation);
        assert_eq!(text(&server, MARKS).await, None, "{loss:?}");
        let (floor, read) = replay(&store, remembering(0)).await;
        assert_eq!((floor, read.last()), (LogId::ZERO, Some(&appended)));
        server.command(&["FLUSHALL"]).await.unwrap();
    }
}

/// An older version begins an incarnation and does not remove the checkpoints.
///
/// Ids can repeat: here, the id of the checkpoint is also an id of the new log.
#[tokio::test]
async fn marks_that_an_older_version_left_behind_are_none() {
    let server = RedisServer::start().await.unwrap();
    let (store, look) = marked(&server, 1).await;
    let run = text(&server, RECORD).await.unwrap().split_off(32);
    let (fresh, id) = ("ab".repeat(16), look.last.to_string());
    server.command(&["UNLINK", EVENTS]).await.unwrap();
    server.command(&["XADD", EVENTS, &look.last.before().to_string(), "i", &fresh]).await.unwrap();
    server.command(&["SET", RECORD, &format!("{fresh}{run}")]).await.unwrap();
    server.command(&["XADD", EVENTS, &id, "h", "t:x"]).await.unwrap();
    assert!(text(&server, MARKS).await.unwrap().ends_with(&id));

    let (floor, read) = replay(&store, remembering(0)).await;
    assert_eq!((floor, read), (LogId::ZERO, vec![look.last.before(), look.last]));
    add(&server, APART).await;
    let look = seen(&store, start()).await;
    assert_eq!(marks(&server).await, [look.last]);
    assert!(text(&server, MARKS).await.unwrap().starts_with(&fresh));
}

/// Instances of this version join a log that only an older version has used.
#[tokio::test]
async fn a_log_without_marks_gets_its_first_at_its_end() {
    let server = RedisServer::start().await.unwrap();
    let (store, _) = marked(&server, 3).await;
    server.command(&["DEL", MARKS]).await.unwrap();
    let (floor, read) = replay(&store, remembering(10)).await;
    assert_eq!((floor, read.len()), (LogId::ZERO, 3 * APART));
    add(&server, 10).await;
    assert_eq!(replay(&store, remembering(10)).await.1.len(), 10);
}

/// Under `allkeys-lru` and `allkeys-lfu`, Redis evicts keys that are not used.
#[tokio::test]
async fn every_look_uses_all_that_the_log_consists_of() {
    let server = RedisServer::builder()
        .config("maxmemory-policy allkeys-lfu")
        .config("lfu-log-factor 0")
        .config("lfu-decay-time 0")
        .start()
        .await
        .unwrap();
    let (store, look) = marked(&server, 1).await;
    for key in [EVENTS, RECORD, MARKS] {
        let uses = async || server.command(&["OBJECT", "FREQ", key]).await.unwrap().as_integer().unwrap();
        // The counter ends at 255. Restoring the key sets it back.
        let dumped = server.command(&["DUMP", key]).await.unwrap();
        let dumped = dumped.as_bytes().unwrap();
        let words = [b"RESTORE", key.as_bytes(), b"0", dumped, b"REPLACE", b"FREQ", b"5"];
        server.command(&words).await.unwrap();
        assert_eq!(uses().await, 5, "{key}");
        assert_eq!(seen(&store, after(&look)).await.incarnation, look.incarnation);
        assert!(uses().await > 5, "{key}");
    }
}
