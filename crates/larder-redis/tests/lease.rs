//! Leases, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::lease::{Claim, Claimed, Holder, Leases, Left, Token};
use larder_core::log::position::{Incarnation, LogId, Mark, Position};
use larder_core::store::{SharedTier, StoreErrorKind};
use larder_core::stored::wire::fingerprint;
use larder_testing::RedisServer;
use support::{eventually, store, value};

const HOUR: Duration = Duration::from_secs(3600);
const KEY: &str = "{u|/a}";
const RESPONSE: &str = "larder:larder:v1:{u|/a}";
const LEASE: &str = "larder:larder:v1:{u|/a}:lease";

fn token(byte: u8) -> Token {
    Token::from_bytes([byte; 16])
}

/// Returns a holder whose bytes are not text.
fn holder(byte: u8) -> Holder {
    let mark = Mark { log: LogId::new(0xff00_ff00, 7), local: 0 };
    Holder {
        token: token(byte),
        position: Position { incarnation: Incarnation::from_bytes([0xfe; 16]), mark },
    }
}

fn claim(byte: u8) -> Claim<'static> {
    Claim { address: KEY, holder: holder(byte), life: HOUR, seen: None, awaited: None, overtakes: false }
}

#[tokio::test]
async fn one_at_a_time_has_it_until_it_gives_it_up() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
    assert_eq!(store.claim(claim(2)).await.unwrap(), Claimed::Held(holder(1)));
    store.release(KEY, token(2), Left::Nothing).await.unwrap();
    assert_eq!(
        store.claim(claim(2)).await.unwrap(),
        Claimed::Held(holder(1)),
        "it is not for others to release"
    );
    let other = Claim { address: "{u|/a}:v:1", ..claim(2) };
    assert_eq!(store.claim(other).await.unwrap(), Claimed::Taken, "each address has its own");
    store.release(KEY, token(1), Left::Nothing).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), Claimed::Taken);
}

#[tokio::test]
async fn it_ends_with_its_life_which_its_owner_alone_extends() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let left = async || server.command(&["PTTL", LEASE]).await.unwrap().as_integer().unwrap();
    let brief = Duration::from_secs(60);
    assert_eq!(store.claim(Claim { life: brief, ..claim(1) }).await.unwrap(), Claimed::Taken);
    assert!((1..=60_000).contains(&left().await));
    assert!(!store.extend(KEY, token(2), HOUR).await.unwrap());
    assert!((1..=60_000).contains(&left().await));
    assert!(store.extend(KEY, token(1), HOUR).await.unwrap());
    assert!((3_000_000..=3_600_000).contains(&left().await));
    assert!(store.extend(KEY, token(1), Duration::from_millis(1)).await.unwrap());
    eventually("it is another one's", async || store.claim(claim(2)).await.unwrap() == Claimed::Taken).await;
    assert!(!store.extend(KEY, token(1), HOUR).await.unwrap(), "it was lost");
    server.command(&["DEL", LEASE]).await.unwrap();
    assert!(!store.extend(KEY, token(2), HOUR).await.unwrap(), "what is gone stays gone");
    assert_eq!(left().await, -2);
}

#[tokio::test]
async fn what_was_stored_meanwhile_takes_its_place_unless_it_was_seen() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
    let (old, new) = (value(1, 1, "old"), value(1, 2, "new"));
    store.set(KEY, old.clone(), HOUR).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), Claimed::Stored(old.clone()));
    let knowing = Claim { seen: fingerprint(&old), ..claim(2) };
    assert_eq!(store.claim(knowing).await.unwrap(), Claimed::Held(holder(1)));
    store.set_and_release(KEY, new.clone(), HOUR, KEY, token(1)).await.unwrap();
    assert_eq!(store.claim(knowing).await.unwrap(), Claimed::Stored(new.clone()));
    let knowing = Claim { seen: fingerprint(&new), ..claim(2) };
    assert_eq!(store.claim(knowing).await.unwrap(), Claimed::Taken, "it was given up with what was stored");
}

/// The holder has no further use for its lease.
///
/// A holder that lost its lease has none to release.
#[tokio::test]
async fn storing_gives_up_ones_own_lease_even_where_something_newer_is_stored() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let newer = value(1, 9, "newer");
    store.set(KEY, newer.clone(), HOUR).await.unwrap();
    let knowing = |byte| Claim { seen: fingerprint(&newer), ..claim(byte) };
    assert_eq!(store.claim(knowing(1)).await.unwrap(), Claimed::Taken);
    store.set_and_release(KEY, value(1, 1, "late"), HOUR, KEY, token(2)).await.unwrap();
    assert_eq!(store.claim(knowing(2)).await.unwrap(), Claimed::Held(holder(1)));
    store.set_and_release(KEY, value(1, 1, "late"), HOUR, KEY, token(1)).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), Some(newer.clone()));
    assert_eq!(store.claim(knowing(2)).await.unwrap(), Claimed::Taken);
}

#[tokio::test]
async fn a_word_is_for_those_who_waited_for_its_holder() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
    let word = Bytes::from_static(b"\xffsorry");
    store.release(KEY, token(1), Left::Word(word.clone(), HOUR)).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), Claimed::Taken, "to a newcomer it is free");
    let waited = |byte| Claim { awaited: Some(token(byte)), ..claim(3) };
    assert_eq!(store.claim(waited(1)).await.unwrap(), Claimed::Word(word), "whoever has the lease now");
    assert_eq!(store.claim(waited(2)).await.unwrap(), Claimed::Held(holder(2)));
    store.release(KEY, token(1), Left::Word(Bytes::new(), HOUR)).await.unwrap();
    assert_eq!(store.claim(waited(2)).await.unwrap(), Claimed::Held(holder(2)));
    let name = format!("{LEASE}:{}", token(1));
    let left = server.command(&["PTTL", &name]).await.unwrap().as_integer().unwrap();
    assert!((3_000_000..=3_600_000).contains(&left), "it expires: {left}");
}

#[tokio::test]
async fn where_nobody_is_to_wait_all_are_told_for_a_while() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
    store.release(KEY, token(1), Left::Pass(HOUR)).await.unwrap();
    for byte in [2, 3] {
        assert_eq!(store.claim(claim(byte)).await.unwrap(), Claimed::Pass);
    }
    server.command(&["PEXPIRE", LEASE, "1"]).await.unwrap();
    eventually("it is over", async || store.claim(claim(2)).await.unwrap() == Claimed::Taken).await;
}

#[tokio::test]
async fn one_that_is_waited_for_can_be_overtaken_and_nobody_else() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
    let over = |byte, awaited| Claim { awaited, overtakes: true, ..claim(byte) };
    assert_eq!(store.claim(over(2, None)).await.unwrap(), Claimed::Held(holder(1)));
    assert_eq!(store.claim(over(2, Some(token(3)))).await.unwrap(), Claimed::Held(holder(1)));
    assert_eq!(store.claim(over(2, Some(token(1)))).await.unwrap(), Claimed::Taken);
    assert_eq!(store.claim(claim(3)).await.unwrap(), Claimed::Held(holder(2)));
}

/// A foreign value under our names blocks a claim at most while it is there.
///
/// No claim destroys a response.
#[tokio::test]
async fn what_is_not_ours_is_an_error_or_nothing() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    server.command(&["SET", LEASE, "garbage"]).await.unwrap();
    assert_eq!(store.claim(claim(1)).await.unwrap_err().kind(), StoreErrorKind::Unreadable);
    server.command(&["DEL", LEASE]).await.unwrap();
    server.command(&["RPUSH", RESPONSE, "a list"]).await.unwrap();
    assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
    server.command(&["SET", RESPONSE, "short"]).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), Claimed::Held(holder(1)));
    server.command(&["DEL", LEASE]).await.unwrap();
    server.command(&["RPUSH", LEASE, "a list"]).await.unwrap();
    assert!(!store.extend(KEY, token(1), HOUR).await.unwrap());
    store.release(KEY, token(1), Left::Nothing).await.unwrap();
    assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
}

/// A full server accepts none of our values, but it releases leases.
#[tokio::test]
async fn a_full_server_lets_leases_go() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let limit = async |bytes: &str| {
        server.command(&["CONFIG", "SET", "maxmemory", bytes]).await.unwrap();
    };
    let refused = |error: larder_core::store::StoreError| error.kind() == StoreErrorKind::Refused;
    server.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await.unwrap();
    for left in [None, Some(Left::Nothing), Some(Left::Pass(HOUR)), Some(Left::Word(Bytes::new(), HOUR))] {
        limit("0").await;
        assert_eq!(store.claim(claim(1)).await.unwrap(), Claimed::Taken);
        limit("1").await;
        let is_free = left == Some(Left::Nothing);
        let gone = match left.clone() {
            None => store.set_and_release(KEY, value(1, 1, "new"), HOUR, KEY, token(1)).await,
            Some(left) => store.release(KEY, token(1), left).await,
        };
        assert!(gone.map_or_else(refused, |()| is_free), "{left:?}");
        let names = server.command(&["KEYS", &format!("{RESPONSE}*").replace('|', "?")]).await.unwrap();
        assert_eq!(names.as_array().unwrap().len(), 0, "{left:?}: {names:?}");
        assert!(store.claim(claim(2)).await.is_err_and(refused));
    }
}
