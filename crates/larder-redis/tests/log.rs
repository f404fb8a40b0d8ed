//! Appends, polls and alarms of the invalidation log, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::future::Future;
use std::task::{Context, Waker};
use std::time::Duration;

use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::{Event, Mode, Selector};
use larder_core::store::{InvalidationLog, StoreErrorKind};
use larder_redis::RedisStore;
use larder_testing::{Direction, Proxy, RedisServer};
use support::{EVENTS, after, event, events, eventually, joined, patient, start, store};

#[tokio::test]
async fn the_first_look_begins_an_incarnation_and_the_next_finds_it() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let first = store.poll(start()).await.unwrap();
    assert_eq!(events(&first), []);
    assert_eq!(first.floor, LogId::ZERO);
    assert!(!first.more);
    let second = store.poll(after(&first)).await.unwrap();
    assert!(second.now >= first.now && first.now.unix_millis() >= first.last.millis);
    assert_eq!(second, LogPage { entries: vec![], now: second.now, ..first });
}

#[tokio::test]
async fn every_instance_sees_appended_events_in_order() {
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (store(&server).await, store(&server).await);
    let before = b.poll(start()).await.unwrap();
    let soft = Event { mode: Mode::Soft, selector: Selector::All };
    let (incarnation, first) = a.append(&[event("x"), soft.clone()]).await.unwrap();
    let (_, second) = a.append(&[event("ü y")]).await.unwrap();
    assert_eq!(incarnation, before.incarnation);
    assert!(before.last < first && first < second);

    let look = b.poll(after(&before)).await.unwrap();
    assert_eq!(look.last, second);
    assert_eq!(look.entries, [(first, vec![event("x"), soft]), (second, vec![event("ü y")])]);
    assert_eq!(b.poll(after(&look)).await.unwrap().entries, [], "nothing twice");
}

/// A write-through distinguishes its own event from others by the id of its entry (rule 18).
#[tokio::test]
async fn appends_at_the_same_moment_share_a_script_and_no_entry() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let before = store.poll(start()).await.unwrap();
    let appends: Vec<Vec<Event>> = (0..40_usize)
        .map(|number| (0..=number % 3).map(|part| event(&format!("{number}-{part}"))).collect())
        .collect();
    let mut started: Vec<_> = appends.iter().map(|events| Box::pin(store.append(events))).collect();
    for append in &mut started {
        assert!(append.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    let scripts = scripts_run(&server).await;
    let mut ids = Vec::new();
    for append in started {
        let (incarnation, id) = append.await.unwrap();
        assert_eq!(incarnation, before.incarnation);
        ids.push(id);
    }
    let after_it = scripts_run(&server).await - scripts;
    assert!(after_it <= 3, "{after_it} scripts");
    let mut look = store.poll(after(&before)).await.unwrap();
    let mut entries = look.entries.clone();
    while look.more {
        let last = look.entries.last().unwrap().0;
        look = store.poll(Cursor { after: last, ..after(&look) }).await.unwrap();
        entries.extend(look.entries.clone());
    }
    assert_eq!(entries, ids.into_iter().zip(appends).collect::<Vec<_>>(), "in their order");
}

/// All appends of a batch fail together, and may have happened.
#[tokio::test]
async fn appends_that_are_refused_together_all_fail() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let before = store.poll(start()).await.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]).await.unwrap();
    let (x, y, z) = ([event("x")], [event("y")], [event("z")]);
    let (x, y, z) = tokio::join!(store.append(&x), store.append(&y), store.append(&z));
    for refused in [x, y, z] {
        assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Refused);
    }
    server.command(&["CONFIG", "SET", "maxmemory", "0"]).await.unwrap();
    assert_eq!(store.poll(after(&before)).await.unwrap().entries, []);
}

async fn scripts_run(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let calls = |name| {
        let line = stats.as_str().unwrap().lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
    };
    calls("cmdstat_evalsha:calls=") + calls("cmdstat_eval:calls=")
}

#[tokio::test]
async fn one_append_may_have_more_events_than_lua_takes_arguments() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    // Lua takes about 8,000 arguments, and each event needs two.
    let many: Vec<Event> = (0..4_500).map(|n| event(&n.to_string())).collect();
    // On a loaded machine, so many may exceed the time limit once. They are then there twice.
    eventually("they are appended", async || store.append(&many).await.is_ok()).await;
    let mut look = store.poll(start()).await.unwrap();
    let mut read = events(&look);
    while look.more {
        let last = look.entries.last().unwrap().0;
        look = store.poll(Cursor { after: last, ..after(&look) }).await.unwrap();
        read.extend(events(&look));
    }
    assert!(read.ends_with(&many));
}

/// The server reads and answers an entry as a whole, and does nothing else meanwhile.
#[tokio::test]
async fn an_append_of_many_events_is_divided_into_small_entries_with_few_fields() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = store.poll(start()).await.unwrap();
    let many: Vec<Event> = (0..9_000).map(|n| event(&format!("product:{n}"))).collect();
    eventually("they are appended", async || store.append(&many).await.is_ok()).await;
    let length = server.command(&["XLEN", EVENTS]).await.unwrap().as_integer().unwrap();
    assert!((5..=20).contains(&length), "{length} entries");
    let (mut cursor, mut read, mut polls) = (after(&begun), Vec::new(), 0);
    loop {
        let look = store.poll(cursor).await.unwrap();
        assert!(look.entries.iter().all(|(_, events)| events.len() <= 2_500));
        read.extend(events(&look));
        polls += 1;
        if !look.more {
            break;
        }
        cursor = Cursor { after: look.entries.last().unwrap().0, ..cursor };
    }
    assert!(read.ends_with(&many));
    assert!((2..=4).contains(&polls), "{polls} polls");
}

#[tokio::test]
async fn a_long_log_is_read_in_several_looks() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let begun = store.poll(start()).await.unwrap();
    let add = "for i = 1, 800 do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. i) end";
    server.command(&["EVAL", add, "1", EVENTS]).await.unwrap();
    let first = store.poll(after(&begun)).await.unwrap();
    assert!(first.more);
    let cursor = Cursor { after: first.entries.last().unwrap().0, ..after(&begun) };
    let rest = store.poll(cursor).await.unwrap();
    assert!(!rest.more);
    assert_eq!(rest.entries.last().unwrap().0, rest.last);
    let all = [events(&first), events(&rest)].concat();
    let expected: Vec<Event> = (1..=800).map(|n| event(&n.to_string())).collect();
    assert_eq!(all, expected);
}

/// Adds entries with this many bytes and names, as an application may append them.
async fn add(server: &RedisServer, entries: usize, names: usize, bytes: usize) {
    let script = "local f = {}
        for n = 1, ARGV[2] do f[#f + 1] = 'h'; f[#f + 1] = 't:' .. string.rep('x', ARGV[3]) end
        for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', unpack(f)) end";
    let numbers = [entries, names, bytes].map(|number| number.to_string());
    let words = ["EVAL", script, "1", EVENTS, &numbers[0], &numbers[1], &numbers[2]];
    server.command(&words).await.unwrap();
}

/// Returns the number of entries that each poll returns.
async fn looks(store: &RedisStore, begun: &LogPage) -> Vec<usize> {
    let (mut cursor, mut looks) = (after(begun), Vec::new());
    loop {
        let look = store.poll(cursor).await.unwrap();
        looks.push(look.entries.len());
        if !look.more {
            return looks;
        }
        cursor = Cursor { after: look.entries.last().unwrap().0, ..cursor };
    }
}

#[tokio::test]
async fn one_look_brings_so_many_entries_bytes_and_names_and_one_entry_in_any_case() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for ((entries, names, bytes), expected) in [
        ((512, 1, 9), vec![512]),
        ((513, 1, 9), vec![512, 1]),
        ((8, 256, 9), vec![4, 4]),
        ((3, 3_000, 9), vec![1, 1, 1]),
        ((12, 1, 25_000), vec![5, 5, 2]),
        ((2, 1, 2_000_000), vec![1, 1]),
    ] {
        let begun = store.poll(start()).await.unwrap();
        add(&server, entries, names, bytes).await;
        assert_eq!(looks(&store, &begun).await, expected, "{entries} of {names} names of {bytes} bytes");
        server.command(&["DEL", EVENTS]).await.unwrap();
    }
}

async fn log_bytes(server: &RedisServer) -> i64 {
    let usage = server.command(&["MEMORY", "USAGE", EVENTS, "SAMPLES", "0"]).await.unwrap();
    usage.as_integer().unwrap()
}

/// Begins with many small entries, which a limit on their number would keep.
#[tokio::test]
async fn the_log_stays_within_its_bytes_whatever_is_appended() {
    let server = RedisServer::start().await.unwrap();
    let most = 512 * 1024;
    let store = joined(patient(&server.url()).log_bytes(most)).await;
    let begun = store.poll(start()).await.unwrap();
    let most = i64::try_from(most).unwrap();
    add(&server, 10_000, 1, 4).await;
    let mut largest = 0;
    for number in 0..600 {
        let length = if number % 3 == 0 { 8_000 } else { 10 };
        store.append(&[event(&"x".repeat(length))]).await.unwrap();
        largest = largest.max(log_bytes(&server).await);
    }
    assert!(largest < most * 5 / 4, "{largest}");
    assert!(log_bytes(&server).await > most / 2);
    let look = store.poll(after(&begun)).await.unwrap();
    assert!(look.floor > begun.last, "the floor covers what was removed");
}

#[tokio::test]
async fn a_user_who_may_not_measure_the_log_can_append_to_it() {
    let server = RedisServer::builder()
        .password("other")
        .user("app on >secret ~larder:* +@all -memory")
        .start()
        .await
        .unwrap();
    let url = format!("redis://app:secret@{}", server.address());
    let store = joined(patient(&url).log_bytes(64 * 1024)).await;
    for _ in 0..3 {
        store.append(&[event(&"x".repeat(40_000))]).await.unwrap();
    }
    assert_eq!(events(&store.poll(start()).await.unwrap()).len(), 3);
}

/// A poll that asked for the same amount again would fail again.
///
/// An instance that starts would then never catch up with the log.
#[tokio::test]
async fn behind_a_slow_link_a_look_asks_for_less_until_it_is_answered_in_time() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let store = joined(patient(&server.url_at(proxy.address()))).await;
    let begun = store.poll(start()).await.unwrap();
    add(&server, 100, 1, 4_000).await;
    // A full page takes more than a second.
    proxy.limit_bandwidth(Direction::ToClient, 120_000);
    let (mut cursor, mut read, mut failures) = (after(&begun), 0, 0);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while read < 100 {
        match store.poll(cursor).await {
            Ok(look) => {
                read += look.entries.len();
                cursor = look.entries.last().map_or(cursor, |(id, _)| Cursor { after: *id, ..cursor });
            }
            Err(_) => {
                failures += 1;
                // As the task does that follows the log. A lost connection fails at once.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        assert!(tokio::time::Instant::now() < deadline, "{read} after {failures} failures");
    }
    assert!(failures > 0, "the link is too fast for this test");
}

#[tokio::test]
async fn namespaces_have_logs_of_their_own_and_schemas_share_one() {
    let server = RedisServer::start().await.unwrap();
    let incarnation = async |namespace: &str, schema| {
        let builder = patient(&server.url()).namespace(namespace).schema(schema);
        joined(builder).await.poll(start()).await.unwrap().incarnation
    };
    let shop = incarnation("shop", 1).await;
    assert_eq!(incarnation("shop", 2).await, shop);
    assert_ne!(incarnation("office", 1).await, shop);
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let before = store.poll(start()).await.unwrap();
    store.append(&[event("x")]).await.unwrap();
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    store.append(&[event("y")]).await.unwrap();
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    let look = store.poll(after(&before)).await.unwrap();
    assert_eq!(events(&look), [event("x"), event("y")]);
}

#[tokio::test]
async fn an_append_of_nothing_is_refused() {
    let server = RedisServer::start().await.unwrap();
    let error = store(&server).await.append(&[]).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn an_append_sets_off_the_alarm() {
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (store(&server).await, store(&server).await);
    let cursor = after(&b.poll(start()).await.unwrap());
    let alarm = tokio::spawn({
        let b = b.clone();
        async move { b.wait_for_news(cursor, LONG).await }
    });
    blocked(&server).await;
    a.append(&[event("x")]).await.unwrap();
    alarm.await.unwrap().unwrap();
    b.wait_for_news(cursor, LONG).await.unwrap();
}

#[tokio::test]
async fn an_alarm_that_nothing_sets_off_ends() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let cursor = after(&store.poll(start()).await.unwrap());
    store.wait_for_news(cursor, Duration::ZERO).await.unwrap();
    store.wait_for_news(cursor, Duration::from_millis(20)).await.unwrap();
}

/// The server still waits for an abandoned alarm, on the connection of the next alarm.
#[tokio::test]
async fn an_alarm_that_was_given_up_does_not_deafen_the_next() {
    let server = RedisServer::start().await.unwrap();
    let (a, b) = (store(&server).await, store(&server).await);
    let cursor = after(&b.poll(start()).await.unwrap());
    tokio::select! {
        _ = b.wait_for_news(cursor, LONG) => panic!("nothing happened"),
        () = blocked(&server) => {}
    }
    // It does not queue behind the abandoned alarm, where its time would run out.
    b.wait_for_news(cursor, Duration::from_millis(1)).await.unwrap();
    let next = tokio::spawn({
        let b = b.clone();
        async move { b.wait_for_news(cursor, LONG).await }
    });
    a.append(&[event("x")]).await.unwrap();
    next.await.unwrap().unwrap();
}

async fn blocked(server: &RedisServer) {
    eventually("a client waits for the log", async || {
        let clients = server.command(&["INFO", "clients"]).await.unwrap();
        clients.as_str().unwrap().contains("blocked_clients:1")
    })
    .await;
}
