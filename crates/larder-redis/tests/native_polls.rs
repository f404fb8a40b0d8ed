//! Polls that read large pages of the log in a transaction, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::cell::Cell;
use std::time::Duration;

use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::Event;
use larder_core::store::{InvalidationLog, StoreError, StoreErrorKind};
use larder_redis::RedisStore;
use larder_testing::{Direction, Proxy, RedisServer};
use support::cluster::{namespace_on, three_primaries};
use support::{EVENTS, RECORD, after, event, eventually, joined, patient, start, store};

/// Adds this many entries with one name each.
async fn burst(server: &RedisServer, entries: usize, name: &str) {
    burst_in(EVENTS, server, entries, name).await;
}

async fn burst_in(stream: &str, server: &RedisServer, entries: usize, name: &str) {
    let add = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. ARGV[2] .. i) end";
    server.command(&["EVAL", add, "1", stream, &entries.to_string(), name]).await.unwrap();
}

/// Returns the number of transactions that the server has begun to execute.
async fn transactions(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let line = stats.as_str().unwrap().lines().find_map(|line| line.strip_prefix("cmdstat_exec:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// Returns the cursor that goes on after this page.
fn next(page: &LogPage) -> Cursor {
    let read = page.entries.last().map_or(page.last, |(id, _)| *id);
    Cursor { after: if page.more { read } else { page.last }, ..after(page) }
}

/// Polls until the store reads natively. Returns its cursor, at the end of the log.
async fn native(server: &RedisServer, store: &RedisStore) -> Cursor {
    let cursor = Cell::new(next(&store.poll(start()).await.unwrap()));
    eventually("a poll is a transaction", || async {
        burst(server, 100, "warm").await;
        let before = transactions(server).await;
        let Ok(page) = store.poll(cursor.get()).await else { return false };
        cursor.set(next(&page));
        !page.more && transactions(server).await > before
    })
    .await;
    cursor.get()
}

/// Reads to the end of the log. Returns the pages.
async fn pages(store: &RedisStore, mut cursor: Cursor) -> Vec<LogPage> {
    let mut pages = Vec::new();
    loop {
        let page = store.poll(cursor).await.unwrap();
        cursor = next(&page);
        let more = page.more;
        pages.push(page);
        if !more {
            return pages;
        }
    }
}

fn entries(pages: &[LogPage]) -> Vec<(LogId, Vec<Event>)> {
    pages.iter().flat_map(|page| page.entries.clone()).collect()
}

/// Sends a poll that is a transaction and fails.
async fn fails(server: &RedisServer, store: &RedisStore, cursor: Cursor, word: &str) -> StoreError {
    let before = transactions(server).await;
    let error = store.poll(cursor).await.unwrap_err();
    assert_eq!(transactions(server).await, before + 1, "{word}: it was no transaction");
    assert!(error.to_string().contains(word), "{error}");
    error
}

#[tokio::test]
async fn a_burst_is_read_natively_as_the_script_reads_it() {
    let user = "plain on >secret ~larder:* +@all -multi";
    let server = RedisServer::builder().user(user).start().await.unwrap();
    let plain = joined(patient(&format!("redis://plain:secret@{}", server.address()))).await;
    let fast = store(&server).await;
    let begun = native(&server, &fast).await;
    let many: Vec<Event> = (0..3_000).map(|n| event(&format!("packed:{n}"))).collect();
    burst(&server, 1_500, "a").await;
    fast.append(&many).await.unwrap();
    let (_, deleted) = fast.append(&[event("deleted")]).await.unwrap();
    burst(&server, 700, "b").await;
    let large = "x".repeat(40_000);
    for fields in [
        &["s", "t:soft", "h", "a:"][..],
        &["foreign", &large, "h", "t:x"],
        &["h", "z:unreadable"],
        &["h", "t:\u{fffd}", "i", "00"],
        &["H", "3:t:a3:t:b", "S", "3:t:c"],
    ] {
        server.command(&[&["XADD", EVENTS, "*"], fields].concat()).await.unwrap();
        burst(&server, 300, "between").await;
    }
    server.command(&["XADD".as_bytes(), EVENTS.as_bytes(), b"*", b"h", b"t:\xff"]).await.unwrap();
    server.command(&["XDEL", EVENTS, &deleted.to_string()]).await.unwrap();
    let (_, last) = fast.append(&[event("last")]).await.unwrap();
    server.command(&["XDEL", EVENTS, &last.to_string()]).await.unwrap();

    let before = transactions(&server).await;
    let natively = pages(&fast, begun).await;
    let by_transaction = transactions(&server).await - before;
    assert!(by_transaction >= 3, "{by_transaction} of {}", natively.len());
    let by_script = pages(&plain, begun).await;
    assert_eq!(entries(&natively), entries(&by_script));
    let started = pages_of_a_start(&store(&server).await, start()).await;
    assert!(entries(&started).ends_with(&entries(&by_script)));
    let (ours, theirs) = (natively.last().unwrap(), by_script.last().unwrap());
    assert_eq!(
        LogPage { entries: vec![], now: theirs.now, ..ours.clone() },
        LogPage { entries: vec![], ..theirs.clone() }
    );
    assert_eq!((ours.last, ours.floor, ours.more), (last, last, false));
}

async fn pages_of_a_start(store: &RedisStore, mut cursor: Cursor) -> Vec<LogPage> {
    let mut pages = Vec::new();
    loop {
        let page = store.poll(Cursor { replaying: true, ..cursor }).await.unwrap();
        cursor = next(&page);
        let more = page.more;
        pages.push(page);
        if !more {
            return pages;
        }
    }
}

#[tokio::test]
async fn a_native_page_is_bounded_and_says_that_entries_are_left() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = native(&server, &store).await;
    burst(&server, 5_000, "small").await;
    let small = pages(&store, begun).await;
    let sizes: Vec<usize> = small.iter().map(|page| page.entries.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 5_000);
    assert_eq!(sizes.iter().max(), Some(&1_024), "{sizes:?}");

    burst(&server, 1_024, "exactly").await;
    let exactly = pages(&store, next(small.last().unwrap())).await;
    assert_eq!(exactly.len(), 1, "the page is full, and nothing is left");

    // Nothing announces entries that are much larger. The next page is an ordinary one.
    let add = "for i = 1, 600 do redis.call('XADD', KEYS[1], '*', 'f', string.rep('x', 8192)) end";
    server.command(&["EVAL", add, "1", EVENTS]).await.unwrap();
    let before = transactions(&server).await;
    let large = pages(&store, next(exactly.last().unwrap())).await;
    let sizes: Vec<usize> = large.iter().map(|page| page.entries.len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 600);
    assert!(sizes[1..].iter().all(|size| *size <= 16), "{sizes:?}");
    assert_eq!(transactions(&server).await, before + 1);
}

#[tokio::test]
async fn small_pages_are_left_to_the_script() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let mut cursor = next(&store.poll(start()).await.unwrap());
    for _ in 0..20 {
        burst(&server, 31, "few").await;
        cursor = next(&store.poll(cursor).await.unwrap());
        tokio::task::yield_now().await;
    }
    assert_eq!(transactions(&server).await, 0);
    let clients = support::clients(&server).await;
    assert_eq!(clients, 4, "there is no further connection");
}

#[tokio::test]
async fn broken_incarnations_are_always_left_to_the_script() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = native(&server, &store).await;
    burst(&server, 200, "x").await;
    let before = transactions(&server).await;
    let page = store.poll(Cursor { broken: true, ..begun }).await.unwrap();
    assert_ne!(page.incarnation, begun.incarnation);
    assert_eq!(transactions(&server).await, before);
}

/// Rule 6: the entries are of a log that is gone.
#[tokio::test]
async fn the_entries_of_another_incarnation_are_dropped() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = native(&server, &store).await;
    burst(&server, 200, "lost").await;
    server.command(&["DEL", RECORD]).await.unwrap();
    let before = transactions(&server).await;
    let page = store.poll(begun).await.unwrap();
    assert_eq!(transactions(&server).await, before + 1);
    assert_ne!(page.incarnation, begun.incarnation);
    assert_eq!(page.entries, [(page.last, vec![])], "the beginning");
    assert!(!page.more);
}

/// Rule 5.
#[tokio::test]
async fn a_full_or_isolated_server_or_a_replica_confirms_no_transaction() {
    let server = RedisServer::start().await.unwrap();
    let other = RedisServer::start().await.unwrap();
    let port = other.address().port().to_string();
    let faults: [(&[&str], &[&str], &str); 3] = [
        (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"], "OOM"),
        (
            &["CONFIG", "SET", "min-replicas-to-write", "1"],
            &["CONFIG", "SET", "min-replicas-to-write", "0"],
            "NOREPLICAS",
        ),
        (&["REPLICAOF", "127.0.0.1", &port], &["REPLICAOF", "NO", "ONE"], "READONLY"),
    ];
    for (fault, recovery, word) in faults {
        let store = store(&server).await;
        let begun = native(&server, &store).await;
        burst(&server, 200, "x").await;
        server.command(fault).await.unwrap();
        assert_eq!(fails(&server, &store, begun, word).await.kind(), StoreErrorKind::Refused);
        server.command(recovery).await.unwrap();
        eventually("a poll succeeds", async || store.poll(begun).await.is_ok()).await;
    }
}

#[tokio::test]
async fn a_script_that_the_server_forgot_confirms_nothing_and_is_sent_again() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = native(&server, &store).await;
    burst(&server, 200, "x").await;
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    fails(&server, &store, begun, "NOSCRIPT").await;
    let before = transactions(&server).await;
    let page = store.poll(begun).await.unwrap();
    assert_eq!(transactions(&server).await, before, "the script alone");
    assert_eq!(page.entries.len(), 200);
    native(&server, &store).await;
}

/// The script confirms the same incarnation, but the events are unknown.
#[tokio::test]
async fn a_transaction_without_its_entries_confirms_nothing() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let begun = native(&server, &store).await;
    burst(&server, 200, "x").await;
    replace(&proxy, b"COUNT", b"COUNX");
    fails(&server, &store, begun, "syntax").await;
    proxy.pass();
    assert_eq!(store.poll(begun).await.unwrap().entries.len(), 200);
}

/// Replaces a text in what is sent to the server.
fn replace(proxy: &Proxy, from: &'static [u8], to: &'static [u8]) {
    proxy.rewrite(Direction::ToServer, move |chunk| {
        if let Some(at) = chunk.windows(from.len()).position(|window| window == from) {
            chunk[at..at + from.len()].copy_from_slice(to);
        }
    });
}

/// The server executes what it gets as it comes, outside a transaction.
#[tokio::test]
async fn commands_that_were_no_transaction_confirm_nothing() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    for (from, to) in [(&b"MULTI"[..], &b"MULTX"[..]), (b"EXEC", b"PING"), (b"XRANGE", b"XRANGX")] {
        let begun = native(&server, &store).await;
        burst(&server, 200, "x").await;
        replace(&proxy, from, to);
        store.poll(begun).await.unwrap_err();
        proxy.pass();
        let page = store.poll(begun).await.unwrap();
        assert_eq!(page.entries.len(), 200);
    }
}

#[tokio::test]
async fn a_connection_that_is_cut_anywhere_in_a_transaction_confirms_nothing() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let begun = native(&server, &store).await;
    let sent = proxy.bytes(Direction::ToServer);
    burst(&server, 50, "x").await;
    let page = store.poll(begun).await.unwrap();
    let (length, mut cursor) = (proxy.bytes(Direction::ToServer) - sent, next(&page));
    // `MULTI` has 15 bytes, and `EXEC` has 14.
    let places = [(1, Direction::ToServer), (15, Direction::ToServer), (60, Direction::ToServer)]
        .into_iter()
        .chain([(length / 2, Direction::ToServer), (length - 14, Direction::ToServer)])
        .chain([(length - 1, Direction::ToServer), (5, Direction::ToClient), (30, Direction::ToClient)]);
    for (bytes, direction) in places {
        burst(&server, 50, "x").await;
        proxy.cut_after(direction, bytes);
        let error = store.poll(cursor).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unreachable, "{bytes} {direction:?}: {error}");
        proxy.pass();
        support::reachable(&store).await;
        let page = store.poll(cursor).await.unwrap();
        assert_eq!(page.entries.len(), 50, "{bytes} {direction:?}");
        cursor = native(&server, &store).await;
    }
}

/// A transaction could still be open on the connection.
#[tokio::test]
async fn a_poll_that_was_given_up_leaves_its_connection_behind() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let begun = native(&server, &store).await;
    let connections = proxy.connections();
    burst(&server, 200, "x").await;
    let held = proxy.hold(Direction::ToServer, "EXEC");
    tokio::time::timeout(Duration::from_millis(50), store.poll(begun)).await.unwrap_err();
    assert_eq!(store.poll(begun).await.unwrap().entries.len(), 200, "the script, on another connection");
    held.open();
    native(&server, &store).await;
    assert!(proxy.connections() > connections);
}

#[tokio::test]
async fn a_server_that_hangs_in_a_transaction_confirms_nothing() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let begun = native(&server, &store).await;
    burst(&server, 200, "x").await;
    let held = proxy.hold(Direction::ToServer, "EXEC");
    assert_eq!(store.poll(begun).await.unwrap_err().kind(), StoreErrorKind::Timeout);
    held.open();
    eventually("a poll succeeds", async || store.poll(begun).await.is_ok()).await;
}

#[tokio::test]
async fn a_user_without_transactions_polls_with_the_script() {
    let server = RedisServer::builder().user("app on >secret ~larder:* +@all -multi").start().await.unwrap();
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    let cursor = Cell::new(next(&store.poll(start()).await.unwrap()));
    let read = async || {
        burst(&server, 100, "x").await;
        let page = store.poll(cursor.get()).await.unwrap();
        cursor.set(next(&page));
        assert_eq!(page.entries.len(), 100);
    };
    eventually("it was tried", || async {
        read().await;
        transactions(&server).await == 1
    })
    .await;
    for _ in 0..3 {
        read().await;
    }
    assert_eq!(transactions(&server).await, 1, "never again");
}

#[tokio::test]
async fn in_a_cluster_every_poll_is_left_to_the_script() {
    let nodes = three_primaries().await;
    let namespace = namespace_on(&nodes, 0).await;
    let builder = patient(&format!("redis-cluster://{}", nodes[0].address()));
    let store = joined(builder.namespace(&namespace)).await;
    let stream = format!("larder:{{{namespace}:log}}:events");
    let mut cursor = next(&store.poll(start()).await.unwrap());
    // It takes a moment to open a connection.
    for _ in 0..100 {
        burst_in(&stream, &nodes[0], 100, "x").await;
        let page = store.poll(cursor).await.unwrap();
        assert_eq!(page.entries.len(), 100);
        cursor = next(&page);
    }
    for node in &nodes {
        assert_eq!(transactions(node).await, 0);
    }
}
