//! Access rights, and the messages about trouble.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::cell::RefCell;
use std::sync::Once;
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::log_page::Cursor;
use larder_core::invalidation::position::{Position, Watermark};
use larder_core::invalidation::selector::Selector;
use larder_core::lease::{Claim, Holder, LeaseId, Leases, Release};
use larder_core::monitoring::{InstanceId, InstanceRecord, Monitoring};
use larder_core::store::{
    InvalidationLog, ReclaimRequest, ScanCursor, SharedTier, StoreErrorKind, SwitchRecord,
};
use larder_redis::RedisStore;
use larder_testing::{Proxy, RedisServer};
use support::{after, brief, event, eventually, joined, patient, start, value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

#[tokio::test]
async fn an_acl_user_with_an_escaped_password_is_let_in() {
    let server = RedisServer::builder()
        .password("other")
        .user("app on >p@ss:word ~larder:* +@all")
        .start()
        .await
        .unwrap();
    let store = joined(patient(&format!("redis://app:p%40ss%3Aword@{}", server.address()))).await;
    store.get("{a}").await.unwrap();
    store.append(&[event("x")]).await.unwrap();
    store.poll(start()).await.unwrap();
}

#[tokio::test]
async fn a_refused_login_is_reported_with_its_reason() {
    let server = RedisServer::builder().password("secret").start().await.unwrap();
    for (credentials, word) in [("", "NOAUTH"), (":wrong@", "WRONGPASS")] {
        let url = format!("redis://{credentials}{}", server.address());
        let store = patient(&url).connect().unwrap();
        eventually("the refusal is known", async || {
            let error = store.get("{a}").await.unwrap_err();
            error.kind() == StoreErrorKind::Refused && error.to_string().contains(word)
        })
        .await;
    }
}

#[tokio::test]
async fn a_refusal_is_forgotten_once_let_in() {
    let server = RedisServer::builder().password("secret").start().await.unwrap();
    let store = patient(&format!("redis://{}", server.address())).connect().unwrap();
    let kind = async || store.get("{a}").await.err().map(|error| error.kind());
    eventually("it is refused", async || kind().await == Some(StoreErrorKind::Refused)).await;
    server.command(&["CONFIG", "SET", "requirepass", ""]).await.unwrap();
    eventually("it is let in", async || kind().await.is_none()).await;
    server.kill();
    eventually("it is away, not refusing", async || kind().await == Some(StoreErrorKind::Unreachable)).await;
}

#[tokio::test]
async fn a_user_without_a_right_is_refused() {
    let server = RedisServer::builder()
        .user("app on >secret ~larder:* +@all -get -eval -evalsha -xread")
        .start()
        .await
        .unwrap();
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    for error in [
        store.get("{a}").await.unwrap_err(),
        store.poll(start()).await.unwrap_err(),
        store.append(&[event("x")]).await.unwrap_err(),
        store.wait_for_news(start(), Duration::ZERO).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(error.to_string().contains("NOPERM"), "{error}");
    }
}

/// The fewest rights that Larder needs. `docs/OPERATIONS.md` gives this rule to operators.
const RULE: &str = "resetchannels ~larder:larder:* ~larder:{larder:log}:* -@all \
    +get +mget +set +getrange +unlink +pexpire +eval +evalsha +scan +xadd +xread +xrange +xinfo|stream +type +time +info \
    +zadd +zrem +zrange +hset +hdel +hmget +multi +exec";
/// The words of a refusal in Redis 7.0, in Redis 7.2 and later, and in Valkey, and of the effect of
/// one that a script passes over.
const REFUSALS: [&str; 5] =
    ["NOPERM", "can't run this command", "ACL failure in script", "has no permissions", "older one"];
const OPERATIONS: &str = include_str!("../../../docs/OPERATIONS.md");

async fn with_rule(server: &RedisServer, rule: &str) {
    let words: Vec<&str> = ["ACL", "SETUSER", "app", "reset", "on", ">secret"]
        .into_iter()
        .chain(rule.split_ascii_whitespace())
        .collect();
    server.command(&["FLUSHALL"]).await.unwrap();
    server.command(&["SCRIPT", "FLUSH"]).await.unwrap();
    server.command(&words).await.unwrap();
}

/// Does all that a store does, and returns the first thing that is wrong.
async fn works(store: &RedisStore) -> Result<(), String> {
    let said = |error: larder_core::store::StoreError| error.to_string();
    let begun = store.poll(start()).await.map_err(said)?;
    store.append(&[event("x")]).await.map_err(said)?;
    store.wait_for_news(after(&begun), Duration::from_millis(1)).await.map_err(said)?;
    let hour = Duration::from_secs(3600);
    for millis in [5, 3] {
        store.set("{a}", value(1, millis, "{a}"), hour).await.map_err(said)?;
    }
    if store.get("{a}").await.map_err(said)? != Some(value(1, 5, "{a}")) {
        return Err("a newer response was replaced by an older one".to_owned());
    }
    // There are so many at the same moment that they are batched.
    let mut asked = JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        asked.spawn(async move { store.get("{a}").await });
    }
    for answer in asked.join_all().await {
        answer.map_err(said)?;
    }
    store.remove("{a}").await.map_err(said)?;
    let token = LeaseId::from_bytes([1; 16]);
    let position =
        Position { incarnation: begun.incarnation, watermark: Watermark { log: begun.last, local: 0 } };
    let claim = Claim {
        address: "{a}",
        holder: Holder { id: token, position },
        ttl: hour,
        known_fingerprint: None,
        awaiting: None,
        take_over: false,
        may_retry_later: false,
    };
    store.claim(claim).await.map_err(said)?;
    store.extend("{a}", token, hour).await.map_err(said)?;
    store.release("{a}", token, Release::Free).await.map_err(said)?;
    let what = ReclaimRequest { selector: Selector::All, incarnation: begun.incarnation, before: begun.last };
    store.reclaim(&what, Some(ScanCursor::default())).await.map_err(said)?;
    announces(store).await.map_err(said)?;
    does_the_rest(store).await.map_err(said)?;
    let stats = store.stats().await.map_err(said)?;
    if store.instance_count() != Some(1) {
        return Err("NOPERM: the number of instances is unknown".to_owned());
    }
    if stats.hits.is_none() || stats.log_length.is_none() {
        return Err("NOPERM: statistics are unknown".to_owned());
    }
    Ok(())
}

/// Does what is rarely done.
async fn does_the_rest(store: &RedisStore) -> Result<(), larder_core::store::StoreError> {
    let hour = Duration::from_secs(3600);
    let large = [value(1, 9, "{b}"), vec![b'x'; 3 << 20].into()].concat();
    store.set("{b}", large.into(), hour).await?;
    store.get("{b}").await?;
    store.get_many(&["{a}", "{b}", "{c}"]).await?;
    store.find_entries(&Selector::All, None).await?;
    Monitoring::lease(store, "{a}").await?;
    store.ready().await?;
    let record = SwitchRecord { version: 1, data: Bytes::from_static(b"x") };
    store.replace_switches(None, &record).await?;
    store.switches().await.map(drop)
}

/// Reads a large page, until a poll is a transaction.
async fn polls_natively(server: &RedisServer, store: &RedisStore) -> Result<(), String> {
    let begun = store.poll(start()).await.map_err(|error| error.to_string())?;
    let add = "for i = 1, 300 do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. i) end";
    server.command(&["EVAL", add, "1", support::EVENTS]).await.unwrap();
    for _ in 0..100 {
        let page = store.poll(after(&begun)).await.map_err(|error| error.to_string())?;
        assert_eq!(page.entries.len(), 300);
        let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
        let mut lines = stats.as_str().unwrap().lines();
        let tried = lines.find(|line| line.starts_with("cmdstat_exec:"));
        if tried.is_some_and(|line| line.ends_with("rejected_calls=0,failed_calls=0")) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err("NOPERM: no poll was a transaction".to_owned())
}

async fn announces(store: &RedisStore) -> Result<(), larder_core::store::StoreError> {
    let record = InstanceRecord::new(InstanceId::from_bytes([1; 16]));
    store.announce(&record).await?;
    store.instances().await?;
    store.withdraw(record.id).await
}

#[tokio::test]
async fn the_documented_rule_is_enough_and_no_more_than_that() {
    assert!(OPERATIONS.contains(&format!("ACL SETUSER larder on '>a password' {RULE}")));
    let server = RedisServer::start().await.unwrap();
    let store = async || joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    with_rule(&server, RULE).await;
    works(&store().await).await.unwrap();
    polls_natively(&server, &store().await).await.unwrap();

    for word in RULE.split_ascii_whitespace().filter(|word| word.starts_with(['+', '~'])) {
        let others: Vec<&str> = RULE.split_ascii_whitespace().filter(|other| *other != word).collect();
        with_rule(&server, &others.join(" ")).await;
        let store = store().await;
        let wrong = match works(&store).await {
            // Without these two rights, such a poll is left to the script.
            Ok(()) if ["+multi", "+exec"].contains(&word) => {
                server.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
                polls_natively(&server, &store).await.unwrap_err()
            }
            worked => worked.unwrap_err(),
        };
        assert!(REFUSALS.iter().any(|why| wrong.contains(why)), "without {word}: {wrong}");
    }
    let other = patient(&format!("redis://app:secret@{}", server.address())).namespace("other");
    with_rule(&server, RULE).await;
    let wrong = works(&joined(other).await).await.unwrap_err();
    assert!(wrong.contains("NOPERM"), "{wrong}");
}

/// Polls write checkpoints only beside a long log.
#[tokio::test]
async fn the_marks_of_a_long_log_take_no_right_more() {
    let server = RedisServer::builder().user(&format!("app on >secret {RULE}")).start().await.unwrap();
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    let begun = store.poll(start()).await.unwrap();
    let add = "for i = 1, 5000 do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. i) end";
    server.command(&["EVAL", add, "1", support::EVENTS]).await.unwrap();
    let look = store.poll(after(&begun)).await.unwrap();
    let from_start = store.poll(Cursor { capacity: 0, ..start() }).await.unwrap();
    assert_eq!((from_start.floor, from_start.entries), (look.last, vec![]));
}

#[tokio::test]
async fn a_cluster_and_sentinels_take_one_right_more() {
    let user = |more: &str| format!("app on >secret {RULE} {more}");
    let (cluster, deployment) = tokio::join!(
        RedisServer::builder().user(&user("+cluster|slots +cluster|info")).start_cluster(),
        RedisServer::builder().user(&user("+role")).start_sentinel(1),
    );
    let (cluster, deployment) = (cluster.unwrap(), deployment.unwrap());
    for url in [
        cluster.url().replacen("://", "://app:secret@", 1),
        deployment.url().replacen("://:larder@", "://app:secret@", 1),
    ] {
        works(&joined(patient(&url)).await).await.unwrap();
    }
    assert!(OPERATIONS.contains("`+cluster|slots +cluster|info`") && OPERATIONS.contains("`+role`"));
}

/// A change of the only password locks out the clients that have to reconnect, and no others.
#[tokio::test]
async fn a_new_password_is_asked_for_by_new_connections_alone() {
    let server = RedisServer::builder().password("old").start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    // A command can get lost with a client that is rejected. It then waits until its time limit.
    let store = joined(brief(&server.url_at(proxy.address()))).await;
    server.command(&["CONFIG", "SET", "requirepass", "new"]).await.unwrap();
    eventually("who is connected stays", async || works(&store).await.is_ok()).await;

    proxy.cut().await;
    eventually("it is refused", async || {
        let error = store.get("{a}").await.err();
        error.is_some_and(|error| error.to_string().contains("WRONGPASS"))
    })
    .await;
    let renewed = joined(patient(&format!("redis://:new@{}", server.address()))).await;
    works(&renewed).await.unwrap();

    renewed_password_is_taken_back(&server).await;
    eventually("it is let in", async || works(&store).await.is_ok()).await;
}

async fn renewed_password_is_taken_back(server: &RedisServer) {
    // The test kit itself has only the old password.
    let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
    stream.write_all(b"AUTH new\r\nCONFIG SET requirepass old\r\n").await.unwrap();
    let mut answer = [0; 10];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"+OK\r\n+OK\r\n");
}

/// Redis lets an ACL user have two passwords, so that no client is locked out in between.
#[tokio::test]
async fn a_user_with_two_passwords_is_let_in_with_either() {
    let server = RedisServer::builder().user(&format!("app on >old {RULE}")).start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let url = |password: &str| format!("redis://app:{password}@{}", proxy.address());
    let before = joined(patient(&url("old"))).await;
    server.command(&["ACL", "SETUSER", "app", ">new"]).await.unwrap();
    proxy.cut().await;
    let restarted = joined(patient(&url("new"))).await;
    for store in [&before, &restarted] {
        eventually("it is let in", async || works(store).await.is_ok()).await;
    }
    server.command(&["ACL", "SETUSER", "app", "<old"]).await.unwrap();
    proxy.cut().await;
    eventually("it is let in", async || works(&restarted).await.is_ok()).await;
    eventually("the old one is not", async || before.get("{a}").await.is_err()).await;
}

/// A managed service forbids `CONFIG`. Nothing else may suffer from that.
#[tokio::test]
async fn a_user_without_config_is_served() {
    let server = RedisServer::builder().user("app on >secret ~larder:* +@all -config").start().await.unwrap();
    let log = Journal::begin();
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    store.get("{a}").await.unwrap();
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
}

#[tokio::test]
async fn bad_memory_settings_are_logged_once() {
    let server = RedisServer::builder()
        .config("maxmemory 100mb")
        .config("maxmemory-policy noeviction")
        .start()
        .await
        .unwrap();
    let log = Journal::begin();
    let store = joined(patient(&server.url())).await;
    eventually("the warning is there", async || log.count("noeviction") > 0).await;
    server.restart().await.unwrap();
    support::reachable(&store).await;
    assert_eq!(log.count("noeviction"), 1, "{}", log.text());
}

/// The caller gets every error and logs the trouble. The store does not log it a second time.
#[tokio::test]
async fn trouble_is_left_to_the_caller_to_tell() {
    let server = RedisServer::builder()
        .config("maxmemory 100mb")
        .config("maxmemory-policy volatile-lru")
        .start()
        .await
        .unwrap();
    let log = Journal::begin();
    let store = joined(patient(&server.url())).await;
    server.kill();
    eventually("its loss is noticed", async || store.get("{a}").await.is_err()).await;
    server.restart().await.unwrap();
    eventually("it is joined again", async || store.get("{a}").await.is_ok()).await;
    // fred's messages also reach programs that record what goes to the `log` crate. A dependency
    // may turn that on here.
    let text = log.text();
    let ours: Vec<_> = text.lines().filter(|line| !line.contains(" fred::")).collect();
    assert!(ours.is_empty(), "{ours:#?}");
}

/// Records the log lines of this thread, which runs all of a test.
///
/// One subscriber serves all threads. If each thread had one, an event could get lost while another
/// thread sets up its own.
struct Journal;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Journal {
    fn begin() -> Self {
        static SUBSCRIBER: Once = Once::new();
        SUBSCRIBER.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::INFO)
                .with_ansi(false)
                .with_writer(|| Journal)
                .init();
        });
        LINES.with_borrow_mut(Vec::clear);
        Self
    }

    fn text(&self) -> String {
        LINES.with_borrow(|lines| String::from_utf8_lossy(lines).into_owned())
    }

    fn count(&self, word: &str) -> usize {
        self.text().matches(word).count()
    }
}

impl std::io::Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend_from_slice(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
