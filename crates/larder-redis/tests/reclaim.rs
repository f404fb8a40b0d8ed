//! Freeing the memory of invalidated responses, on real servers.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Glob, Prefix, Selector, Tag, UriName};
use larder_core::key::buf::KeyBuf;
use larder_core::store::{ReclaimReport, ReclaimRequest, SharedTier, StoreErrorKind};
use larder_core::stored::address;
use larder_redis::RedisStore;
use larder_testing::{RedisServer, Reply};
use support::cluster::three_primaries;
use support::{brief, joined, patient, store, value};

const HOUR: Duration = Duration::from_secs(3600);

/// Returns an invalidation at position 5 of incarnation 1.
fn at_five(selector: Selector) -> ReclaimRequest {
    ReclaimRequest { selector, incarnation: Incarnation::from_bytes([1; 16]), before: LogId::new(5, 0) }
}

/// Runs all steps, and returns the sum of their results.
async fn reclaim(store: &RedisStore, selector: Selector) -> ReclaimReport {
    let what = at_five(selector);
    let mut total = store.reclaim(&what, None).await.unwrap();
    while total.next.is_some() {
        let step = store.reclaim(&what, total.next).await.unwrap();
        total = ReclaimReport {
            responses: total.responses + step.responses,
            scans: total.scans + step.scans,
            next: step.next,
        };
    }
    total
}

async fn put(store: &RedisStore, key: &str, millis: u64) {
    let address = address::primary(key);
    store.set(&address, value(1, millis, key), HOUR).await.unwrap();
}

async fn is_there(store: &RedisStore, key: &str) -> bool {
    store.get(&address::primary(key)).await.unwrap().is_some()
}

fn uri_key(path: &str) -> String {
    let mut key = KeyBuf::new();
    key.uri("http", "shop", path);
    key.as_str().unwrap().to_owned()
}

fn prefix(path: &str) -> Selector {
    Selector::Prefix(Prefix::new(path).unwrap())
}

#[tokio::test]
async fn each_selector_frees_what_it_names_and_nothing_else() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let uri = |text: &str| Selector::Uri(UriName::new(text).unwrap());
    let keys = [
        "u|http|shop|/a",
        "u|http|shop|/a|?q=1",
        "u|http|shop|/a/b",
        "u|https|inn|/a",
        "k|user:7",
        "k|user:77",
        "u|https|shop|/caf%c3%a9",
    ];
    let cases: [(Selector, &[usize]); 11] = [
        (Selector::Key("user:7".into()), &[4]),
        (Selector::Key(keys[1].into()), &[1]),
        (uri("http://shop/a"), &[0]),
        (uri("https://shop:443/a"), &[0]),
        (uri("//inn/a"), &[3]),
        (uri("https://shop/caf%C3%A9"), &[6]),
        (uri("/a"), &[0, 3]),
        (prefix("/a"), &[0, 1, 2, 3]),
        (Selector::Glob(Glob::new("/*/b").unwrap()), &[2]),
        (Selector::All, &[0, 1, 2, 3, 4, 5, 6]),
        (Selector::Tag(Tag::new("user:7")), &[]),
    ];
    for (selector, named) in cases {
        for key in keys {
            put(&store, key, 4).await;
        }
        let shown = selector.to_string();
        let freed = reclaim(&store, selector).await;
        assert_eq!(freed.responses, u64::try_from(named.len()).unwrap(), "{shown}");
        for (index, key) in keys.iter().enumerate() {
            assert_eq!(is_there(&store, key).await, !named.contains(&index), "{shown}: {key}");
        }
    }
}

/// Promise 3: a response that was filled again is not removed again.
#[tokio::test]
async fn a_fill_after_the_invalidation_stays() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for (key, incarnation, millis, stays) in [
        ("k|lower", 1, 4, false),
        ("k|at the event", 1, 5, true),
        ("k|higher", 1, 6, true),
        ("k|higher by its first byte", 1, 0xff, true),
        ("k|of another incarnation", 2, 9, false),
    ] {
        let address = address::primary(key);
        for selector in [Selector::Key(key.into()), Selector::All] {
            store.set(&address, value(incarnation, millis, key), HOUR).await.unwrap();
            reclaim(&store, selector).await;
            assert_eq!(store.get(&address).await.unwrap().is_some(), stays, "{key}");
            store.remove(&address).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_key_takes_its_variants_with_it() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for key in ["k|many", "k|man"] {
        for digest in 0..3 {
            store.set(&address::variant(key, digest), value(1, 4, key), HOUR).await.unwrap();
        }
        put(&store, key, 4).await;
    }
    store.set(&address::variant("k|many", 9), value(1, 5, "k|many"), HOUR).await.unwrap();
    let freed = reclaim(&store, Selector::Key("many".into())).await;
    assert_eq!((freed.responses, freed.scans), (4, 1));
    for digest in 0..3 {
        assert_eq!(store.get(&address::variant("k|many", digest)).await.unwrap(), None);
        assert!(store.get(&address::variant("k|man", digest)).await.unwrap().is_some());
    }
    assert!(store.get(&address::variant("k|many", 9)).await.unwrap().is_some(), "it is newer");

    // A key without variants is found by its name alone.
    let plain = address::primary("k|one");
    let response = Bytes::from([b"LR\x01\x01", &value(1, 4, "k|one")[4..]].concat());
    store.set(&plain, response, HOUR).await.unwrap();
    let freed = reclaim(&store, Selector::Key("one".into())).await;
    assert_eq!((freed.responses, freed.scans), (1, 0));
}

/// Keys contain text that users sent. Namespaces contain text that operators chose.
#[tokio::test]
async fn names_that_are_patterns_stand_for_themselves() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(patient(&server.url()).namespace("s*[p]?\\")).await;
    let hostile = ["/*", "/[a-z]", "/[^x]", "/\\", "/\\*", "/a]", "/{x}", "/a|b", "/^", "/\u{fc}", "/ "];
    for path in hostile {
        for bystander in ["/a", "/b", "/x", "/ab", "/\\a"] {
            put(&store, &uri_key(bystander), 4).await;
        }
        let (key, below) = (uri_key(path), uri_key(&format!("{path}/below")));
        put(&store, &key, 4).await;
        put(&store, &below, 4).await;
        assert_eq!(reclaim(&store, prefix(path)).await.responses, 2, "{path}");
        for bystander in ["/a", "/b", "/x", "/ab", "/\\a"] {
            assert!(is_there(&store, &uri_key(bystander)).await, "{bystander} by {path}");
        }
        assert!(!is_there(&store, &key).await && !is_there(&store, &below).await, "{path}");
    }
    for text in hostile.into_iter().chain(["?", "", "a?[*]"]) {
        let mut key = KeyBuf::new();
        key.template(text);
        let key = key.as_str().unwrap();
        for digest in 0..2 {
            store.set(&address::variant(key, digest), value(1, 4, key), HOUR).await.unwrap();
        }
        put(&store, key, 4).await;
        assert_eq!(reclaim(&store, Selector::Key(text.into())).await.responses, 3, "{text}");
    }
}

#[tokio::test]
async fn foreign_keys_are_never_touched() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(patient(&server.url()).namespace("shop").schema(3)).await;
    let old = value(1, 4, "u|http|shop|/a");
    let foreign: [&[u8]; 9] = [
        b"mine",
        b"larder:shop:v33:{u|http|shop|/a}",
        b"larder:shop:v2:{u|http|shop|/a}",
        b"larder:shops:v3:{u|http|shop|/a}",
        b"xlarder:shop:v3:{u|http|shop|/a}",
        b"larder:shop:v3:{u|http|shop|/a}:mine",
        b"larder:shop:v3:{u|http|shop|/a}:v:7",
        b"larder:shop:v3:u|http|shop|/a",
        b"larder:shop:v3:{u|http|shop|/a\xff}",
    ];
    for name in foreign {
        server.command(&[b"SET", name, &old[..]]).await.unwrap();
    }
    // These values have our names, but not our form.
    server
        .command(&["SET", "larder:shop:v3:{u|http|shop|/text}", "a text that is as long as a position"])
        .await
        .unwrap();
    server.command(&["LPUSH", "larder:shop:v3:{u|http|shop|/list}", "x"]).await.unwrap();
    put(&store, "u|http|shop|/a", 4).await;
    let names = async || -> BTreeSet<Vec<u8>> {
        let Reply::Array(names) = server.command(&["KEYS", "*"]).await.unwrap() else { panic!("no names") };
        names.iter().map(|name| name.as_bytes().unwrap().to_vec()).collect()
    };
    let before = names().await;
    for selector in [prefix("/"), Selector::All] {
        reclaim(&store, selector).await;
    }
    let gone: Vec<_> = before.difference(&names().await).cloned().collect();
    assert_eq!(gone, [b"larder:shop:v3:{u|http|shop|/a}".to_vec()]);
}

/// The cost of each step is bounded, and no step lists all keys at once.
#[tokio::test]
async fn a_large_server_is_searched_in_small_steps() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let fill = "for i = 1, 20000 do redis.call('SET', 'other:' .. i, 'x') end";
    server.command(&["EVAL", fill, "0"]).await.unwrap();
    for number in 0..700 {
        put(&store, &uri_key(&format!("/a/{number}")), 4).await;
    }
    let freed = reclaim(&store, prefix("/a")).await;
    assert_eq!(freed.responses, 700);
    assert!((30..=60).contains(&freed.scans), "{}", freed.scans);
    let commands = server.command(&["INFO", "commandstats"]).await.unwrap();
    assert!(!commands.as_str().unwrap().contains("cmdstat_keys"));
}

#[tokio::test]
async fn every_primary_of_a_cluster_is_searched() {
    let nodes = three_primaries().await;
    let store = joined(patient(&format!("redis-cluster://{}", nodes[0].address()))).await;
    for number in 0..60 {
        let key = uri_key(&format!("/a/{number}"));
        put(&store, &key, 4).await;
        store.set(&address::variant(&key, 1), value(1, 4, &key), HOUR).await.unwrap();
    }
    put(&store, &uri_key("/b"), 4).await;
    let one = reclaim(&store, Selector::Key(uri_key("/a/7").into())).await;
    assert_eq!((one.responses, one.scans), (2, 1));
    let freed = reclaim(&store, prefix("/a")).await;
    assert_eq!((freed.responses, freed.scans), (118, 3));
    assert!(is_there(&store, &uri_key("/b")).await);
    for node in &nodes {
        let Reply::Integer(left) = node.command(&["DBSIZE"]).await.unwrap() else { panic!("no number") };
        assert!(left <= 5, "{left} are left: one, and the log's four");
    }
}

#[tokio::test]
async fn nothing_is_reclaimed_during_redis_trouble() {
    let server = RedisServer::start().await.unwrap();
    let store = joined(brief(&server.url())).await;
    put(&store, "k|a", 4).await;
    server.pause().unwrap();
    assert_eq!(store.get("{k|a}").await.unwrap_err().kind(), StoreErrorKind::Timeout);
    let what = at_five(Selector::All);
    // One timeout is enough, although the circuit is closed.
    assert_eq!(store.reclaim(&what, None).await.unwrap_err().kind(), StoreErrorKind::CircuitOpen);
    server.resume().unwrap();
    support::eventually("it is well", async || is_there(&store, "k|a").await).await;
    assert_eq!(reclaim(&store, Selector::All).await.responses, 1);
}
