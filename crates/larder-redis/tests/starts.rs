//! Many instances that start at the same time and read a long log, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::{Duration, Instant};

use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::store::InvalidationLog;
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use support::{EVENTS, eventually, start, store};

const STARTS: &str = "larder:{larder:log}:starts";
/// The number of entries in one poll, and for an instance that must wait.
const FULL: usize = 512;
const FEW: usize = 64;
/// The number of instances that may read full pages at the same time.
const AT_ONCE: usize = 4;

/// Adds entries with one event each.
async fn add(server: &RedisServer, entries: usize) {
    let script = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. i) end";
    server.command(&["EVAL", script, "1", EVENTS, &entries.to_string()]).await.unwrap();
}

/// Returns the cursor after what this page brought.
fn next(page: &LogPage, replaying: bool) -> Cursor {
    let after = page.entries.last().map_or(page.last, |(id, _)| *id);
    Cursor { incarnation: page.incarnation, after, replaying, ..start() }
}

async fn poll(store: &RedisStore, cursor: Cursor) -> (usize, bool, LogPage) {
    let page = store.poll(cursor).await.unwrap();
    (page.entries.len(), page.is_busy, page)
}

/// Returns stores over a log of several pages, and a cursor at its beginning.
async fn many(server: &RedisServer) -> (Vec<RedisStore>, LogPage) {
    let mut stores = Vec::new();
    for _ in 0..=AT_ONCE {
        stores.push(store(server).await);
    }
    let beginning = stores[0].poll(start()).await.unwrap();
    add(server, 2 * FULL).await;
    (stores, beginning)
}

#[tokio::test]
async fn only_a_few_instances_replay_a_long_log_at_the_same_time() {
    let server = RedisServer::start().await.unwrap();
    let (stores, beginning) = many(&server).await;
    let (last, first) = stores.split_last().unwrap();
    let mut pages = Vec::new();
    for store in first {
        let (entries, is_busy, page) = poll(store, start()).await;
        assert_eq!((entries, is_busy, page.more), (FULL, false, true));
        pages.push(page);
    }
    // It gets on slowly.
    let (entries, is_busy, page) = poll(last, start()).await;
    assert_eq!((entries, is_busy, page.more), (FEW, true, true));
    // An instance that has read the log before is confirmed as fast as ever.
    let (entries, is_busy, _) = poll(last, next(&beginning, false)).await;
    assert_eq!((entries, is_busy), (FULL, false));
    // One that has a place keeps it until it has read to the end.
    for _ in 0..2 {
        pages[0] = first[0].poll(next(&pages[0], true)).await.unwrap();
    }
    assert!(!pages[0].more);
    let (entries, is_busy, _) = poll(last, next(&page, true)).await;
    assert_eq!((entries, is_busy), (FULL, false), "the place is free");
    assert!(poll(&first[0], start()).await.1);
}

#[tokio::test]
async fn an_instance_that_does_not_come_back_loses_its_place() {
    let server = RedisServer::start().await.unwrap();
    let (stores, _) = many(&server).await;
    for store in &stores[..AT_ONCE] {
        assert!(!poll(store, start()).await.1);
    }
    assert!(poll(&stores[AT_ONCE], start()).await.1);
    let cases: [&[&str]; 4] = [
        &["SET", STARTS, "nonsense"],
        &["SET", STARTS, "1=1 2=2 3=3 4=4"],
        // The clock of the server was set back.
        &["SET", STARTS, "1=99999999999999999 2=99999999999999999 3=99999999999999999 4=99999999999999999"],
        &["HSET", STARTS, "a", "b"],
    ];
    for case in cases {
        server.command(&["DEL", STARTS]).await.unwrap();
        server.command(case).await.unwrap();
        assert!(!poll(&stores[AT_ONCE], start()).await.1, "{case:?}");
    }
    let left = server.command(&["PTTL", STARTS]).await.unwrap().as_integer().unwrap();
    assert!((1..=5_000).contains(&left), "{left}");
}

/// With a short log, there is nothing to wait for.
#[tokio::test]
async fn starts_with_a_short_log_need_no_place() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    store.poll(start()).await.unwrap();
    add(&server, FEW - 1).await;
    let (entries, is_busy, page) = poll(&store, start()).await;
    assert_eq!((entries, is_busy, page.more), (FEW, false, false));
    assert_eq!(server.command(&["EXISTS", STARTS]).await.unwrap().as_integer(), Some(0));
}

/// Returns the number of transactions that the server has executed.
async fn transactions(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let line = stats.as_str().unwrap().lines().find_map(|line| line.strip_prefix("cmdstat_exec:calls="));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// Reads page after page until a page was a transaction. Returns it.
async fn native_page(server: &RedisServer, store: &RedisStore) -> LogPage {
    let mut page = poll(store, start()).await.2;
    loop {
        assert!(page.more && !page.is_busy, "the log is too short");
        let before = transactions(server).await;
        page = poll(store, next(&page, true)).await.2;
        if transactions(server).await > before {
            return page;
        }
    }
}

async fn starts(server: &RedisServer) -> String {
    let starts = server.command(&["GET", STARTS]).await.unwrap();
    starts.as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_long_log_is_replayed_natively() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    store.poll(start()).await.unwrap();
    for _ in 0..8 {
        add(&server, 5_000).await;
    }
    let mut page = native_page(&server, &store).await;
    assert_eq!(page.entries.len(), 2 * FULL, "twice as many as the script returns");
    while page.more {
        let before = transactions(&server).await;
        let cursor = next(&page, true);
        page = poll(&store, cursor).await.2;
        assert_eq!(transactions(&server).await, before + 1);
        assert!(!page.is_busy && page.entries[0].0 > cursor.after);
    }
    assert_eq!(page.entries.last().unwrap().0, page.last);
    let ended = Instant::now();
    eventually("its place is free", async || starts(&server).await.is_empty()).await;
    assert!(ended.elapsed() < Duration::from_secs(4), "it was only forgotten");
    eventually("its connection has ended", async || support::clients(&server).await == 4).await;
    // The next poll is an ordinary one.
    let before = transactions(&server).await;
    assert_eq!(poll(&store, next(&page, false)).await.0, 0);
    assert_eq!(transactions(&server).await, before);
}

#[tokio::test]
async fn a_start_keeps_its_place_while_it_reads_natively() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    store.poll(start()).await.unwrap();
    for _ in 0..8 {
        add(&server, 5_000).await;
    }
    let page = native_page(&server, &store).await;
    let deadline = |starts: String| starts.split_once('=').unwrap().1.parse::<u64>().unwrap();
    let before = deadline(starts(&server).await);
    let page = poll(&store, next(&page, true)).await.2;
    assert!(deadline(starts(&server).await) > before);

    // Others have taken all places meanwhile.
    let others: Vec<_> = (1..=AT_ONCE).map(|other| format!("{other:032}={before}")).collect();
    server.command(&["SET", STARTS, &others.join(" ")]).await.unwrap();
    let (entries, is_busy, page) = poll(&store, next(&page, true)).await;
    assert_eq!((entries, is_busy, page.more), (2 * FULL, true, true));
    let before = transactions(&server).await;
    let (entries, is_busy, _) = poll(&store, next(&page, true)).await;
    assert_eq!((entries, is_busy), (FEW, true), "without a place, it reads a few");
    assert_eq!(transactions(&server).await, before);
}
