//! Who may do what, and what is said about trouble.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Also in what helps the tests.

mod support;

use std::cell::RefCell;
use std::sync::Once;

use larder_core::store::{Log, SharedTier, StoreErrorKind};
use larder_testing::RedisServer;
use support::{event, eventually, joined, patient, start};

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
    store.look(start()).await.unwrap();
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
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
        store.look(start()).await.unwrap_err(),
        store.append(&[event("x")]).await.unwrap_err(),
        store.alarm(start(), std::time::Duration::ZERO).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Refused);
        assert!(error.to_string().contains("NOPERM"), "{error}");
    }
}

/// A managed service forbids CONFIG; nothing else may suffer.
#[tokio::test]
async fn a_user_without_config_is_served() {
    let server = RedisServer::builder().user("app on >secret ~larder:* +@all -config").start().await.unwrap();
    let log = Journal::begin();
    let store = joined(patient(&format!("redis://app:secret@{}", server.address()))).await;
    store.get("{a}").await.unwrap();
    assert_eq!(log.count("WARN"), 0, "{}", log.text());
}

#[tokio::test]
async fn bad_memory_settings_are_told_once() {
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

/// Its user tells of trouble, as it hears of every error; said twice, it would be no clearer.
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
    assert_eq!(log.text(), "");
}

/// What is logged on this thread, which runs all of a test.
///
/// One subscriber serves all threads: with one each, an event can get lost while another thread sets up its own.
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
