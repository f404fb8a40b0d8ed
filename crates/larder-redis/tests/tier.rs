//! The shared tier, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::{Prefix, Selector, Tag};
use larder_core::lease::{Claim, Holder, LeaseId, Leases, Release};
use larder_core::monitoring::{LeaseState, Monitoring};
use larder_core::store::{SharedTier, StoreErrorKind};
use larder_core::stored::address;
use larder_redis::RedisStore;
use larder_testing::{Direction, Proxy, RedisServer, Reply};
use support::{brief, eventually, joined, patient, store, value};

const HOUR: Duration = Duration::from_secs(3600);
const KEY: &str = "{u|/a}";
const NAME: &str = "larder:larder:v1:{u|/a}";

#[tokio::test]
async fn a_value_is_returned_until_it_is_removed() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.get(KEY).await.unwrap(), None);
    let body = Bytes::from((0..=255).cycle().take(300_000).collect::<Vec<u8>>());
    store.set(KEY, body.clone(), HOUR).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), Some(body));
    store.remove(KEY).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), None);
    store.remove(KEY).await.unwrap();
}

#[tokio::test]
async fn a_stored_response_expires() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    store.set(KEY, Bytes::from_static(b"x"), HOUR).await.unwrap();
    let Reply::Integer(left) = server.command(&["PTTL", NAME]).await.unwrap() else { panic!("no number") };
    assert!((3_500_000..=3_600_000).contains(&left), "{left}");
    for extreme in [Duration::ZERO, Duration::MAX] {
        store.set(KEY, Bytes::from_static(b"y"), extreme).await.unwrap();
    }
}

/// Rule 16: a value stays only if it has a higher position in the same incarnation.
#[tokio::test]
async fn only_a_higher_position_of_the_same_incarnation_stays() {
    let text = Bytes::from_static(b"not of ours, but long enough to have a position in it");
    let other_magic = Bytes::from([b"XX", &value(1, 9, "a")[2..]].concat());
    let higher = |millis| value(1, millis, "there");
    let new = |millis| value(1, millis, "new");
    let cases = [
        ("a lower position", higher(5), new(6), true),
        ("an equal position", higher(5), new(5), true),
        ("a higher position", higher(6), new(5), false),
        // Byte 255 sorts before others in many locales. The first byte that differs decides.
        ("a higher position by a byte over 127", higher(0xff), new(0xfe), false),
        ("a higher position by an earlier byte", higher(0x1_00), new(0xff), false),
        ("a lower position by an earlier byte", higher(0xff), new(0x1_00), true),
        ("a higher position of another incarnation", value(2, 9, "there"), new(1), true),
        ("a text", text.clone(), new(1), true),
        ("something of another magic", other_magic, new(1), true),
        ("less than a position", Bytes::from_static(b"LR"), new(1), true),
        ("nothing", Bytes::new(), new(1), true),
        ("a position, and a text comes", higher(5), text, true),
    ];
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (what, there, new, replaced) in cases {
        server.command(&[b"SET", NAME.as_bytes(), &there]).await.unwrap();
        store.set(KEY, new.clone(), HOUR).await.unwrap();
        let kept = store.get(KEY).await.unwrap();
        assert_eq!(kept, Some(if replaced { new } else { there }), "{what}");
    }
}

/// A `SET` that timed out is still executed when it arrives.
#[tokio::test]
async fn a_set_that_arrives_late_does_not_replace_what_is_newer() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let slow = joined(brief(&server.url_at(proxy.address()))).await;
    let other = store(&server).await;
    // From here on the server knows the script, so that the proxy holds the late call itself.
    slow.set("{warm}", value(1, 1, ""), HOUR).await.unwrap();

    let gate = proxy.hold(Direction::ToServer, "stale-body");
    let error = slow.set(KEY, value(1, 5, "stale-body"), HOUR).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Timeout);
    let newer = value(1, 6, "newer");
    other.set(KEY, newer.clone(), HOUR).await.unwrap();
    let calls = script_calls(&server).await;
    gate.open();
    eventually("the late call is executed", async || script_calls(&server).await > calls).await;
    assert_eq!(other.get(KEY).await.unwrap(), Some(newer));
}

async fn script_calls(server: &RedisServer) -> u64 {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let line = stats.as_str().unwrap().lines().find(|line| line.contains("_evalsha:"));
    let calls = line.and_then(|line| line.split("calls=").nth(1)?.split(',').next()?.parse().ok());
    calls.unwrap_or(0)
}

/// A late answer to an abandoned command is not taken for that of the next command.
#[tokio::test]
async fn a_late_answer_goes_to_nobody() {
    let server = RedisServer::start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    let url = server.url_at(proxy.address());
    let store = joined(brief(&url)).await;
    for name in ["a", "b"] {
        store.set(&format!("{{{name}}}"), Bytes::from(name), HOUR).await.unwrap();
    }
    let gate = proxy.hold(Direction::ToClient, "");
    assert_eq!(store.get("{a}").await.unwrap_err().kind(), StoreErrorKind::Timeout);
    gate.open();
    for name in ["b", "a", "b"] {
        let got = store.get(&format!("{{{name}}}")).await.unwrap();
        assert_eq!(got.as_deref(), Some(name.as_bytes()));
    }
}

#[tokio::test]
async fn a_key_of_another_type_is_refused_and_replaced() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    server.command(&["LPUSH", NAME, "x"]).await.unwrap();
    let error = store.get(KEY).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    assert!(error.to_string().contains("WRONGTYPE"), "{error}");
    store.set(KEY, value(1, 1, "new"), HOUR).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), Some(value(1, 1, "new")));
}

#[tokio::test]
async fn namespaces_and_schemas_are_apart() {
    let server = RedisServer::start().await.unwrap();
    let with = async |namespace: &str, schema| {
        joined(patient(&server.url()).namespace(namespace).schema(schema)).await
    };
    let store = with("shop", 1).await;
    store.set(KEY, Bytes::from_static(b"x"), HOUR).await.unwrap();
    assert!(with("shop", 1).await.get(KEY).await.unwrap().is_some());
    assert!(with("shop", 2).await.get(KEY).await.unwrap().is_none());
    assert!(with("office", 1).await.get(KEY).await.unwrap().is_none());
    let names = server.command(&["EXISTS", "larder:shop:v1:{u|/a}"]).await.unwrap();
    assert_eq!(names, Reply::Integer(1));
}

#[tokio::test]
async fn the_statistics_of_the_server_are_reported() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    store.set(KEY, Bytes::from_static(b"x"), HOUR).await.unwrap();
    server.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
    for key in [KEY, KEY, KEY, "{other}"] {
        store.get(key).await.unwrap();
    }
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.hits, stats.misses, stats.servers), (Some(3), Some(1), 1));
    assert_eq!(stats.hit_ratio(), Some(0.75));
}

/// Returns the addresses of all pages, in order.
async fn found(store: &RedisStore, selector: impl Into<Selector>) -> Vec<String> {
    let (selector, mut from, mut found) = (selector.into(), None, Vec::new());
    loop {
        let page = store.find_entries(&selector, from).await.unwrap();
        found.extend(page.addresses);
        from = page.next;
        if from.is_none() {
            found.sort();
            found.dedup();
            return found;
        }
    }
}

#[tokio::test]
async fn an_operator_finds_entries_by_what_their_keys_show() {
    let server = RedisServer::start().await.unwrap();
    let (a, other) = (store(&server).await, joined(patient(&server.url()).namespace("other")).await);
    let key = |path: &str| format!("u|http|shop|{path}");
    let variant = address::variant(&key("/a/1"), 7);
    for address in [address::primary(&key("/a/1")), variant.clone(), address::primary(&key("/b"))] {
        a.set(&address, value(1, 5, "k"), HOUR).await.unwrap();
    }
    other.set(&address::primary(&key("/a/2")), value(1, 5, "k"), HOUR).await.unwrap();
    let first = [address::primary(&key("/a/1")), variant];
    assert_eq!(found(&a, Prefix::new("/a").unwrap()).await, first);
    assert_eq!(found(&a, Selector::Key(key("/a/1").into())).await, first);
    assert_eq!(found(&a, Selector::Key(key("/a/2").into())).await, [""; 0]);
    assert_eq!(found(&a, Selector::All).await.len(), 3);
    assert_eq!(found(&a, Tag::new("a")).await, [""; 0], "a key has no tags");
}

#[tokio::test]
async fn an_operator_sees_the_holder_of_a_lease() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let watermark = Watermark { log: LogId::new(1, 2), local: 0 };
    let position = Position { incarnation: Incarnation::from_bytes([7; 16]), watermark };
    let holder = Holder { id: LeaseId::from_bytes([1; 16]), position };
    let claim = Claim {
        address: KEY,
        holder,
        ttl: HOUR,
        known_fingerprint: None,
        awaiting: None,
        take_over: false,
        may_retry_later: false,
    };
    assert_eq!(store.lease(KEY).await.unwrap(), None);
    store.claim(claim).await.unwrap();
    assert_eq!(store.lease(KEY).await.unwrap(), Some(LeaseState::Held(holder)));
    store.release(KEY, holder.id, Release::Uncacheable(HOUR)).await.unwrap();
    assert_eq!(store.lease(KEY).await.unwrap(), Some(LeaseState::Uncacheable));
}
