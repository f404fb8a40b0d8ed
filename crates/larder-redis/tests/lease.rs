//! Leases, against a real server.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Leases, Release};
use larder_core::store::{SharedTier, StoreErrorKind};
use larder_core::stored::wire::fingerprint;
use larder_testing::RedisServer;
use support::{eventually, store, value};

const HOUR: Duration = Duration::from_secs(3600);
const KEY: &str = "{u|/a}";
const RESPONSE: &str = "larder:larder:v1:{u|/a}";
const LEASE: &str = "larder:larder:v1:{u|/a}:lease";

fn token(byte: u8) -> LeaseId {
    LeaseId::from_bytes([byte; 16])
}

/// Returns a holder whose bytes are not text.
fn holder(byte: u8) -> Holder {
    let mark = Watermark { log: LogId::new(0xff00_ff00, 7), local: 0 };
    Holder {
        id: token(byte),
        position: Position { incarnation: Incarnation::from_bytes([0xfe; 16]), watermark: mark },
    }
}

fn claim(byte: u8) -> Claim<'static> {
    Claim {
        address: KEY,
        holder: holder(byte),
        ttl: HOUR,
        known_fingerprint: None,
        awaiting: None,
        take_over: false,
        may_retry_later: false,
    }
}

#[tokio::test]
async fn one_at_a_time_has_it_until_it_gives_it_up() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
    assert_eq!(store.claim(claim(2)).await.unwrap(), ClaimReply::HeldBy(holder(1)));
    store.release(KEY, token(2), Release::Free).await.unwrap();
    assert_eq!(
        store.claim(claim(2)).await.unwrap(),
        ClaimReply::HeldBy(holder(1)),
        "it is not for others to release"
    );
    let other = Claim { address: "{u|/a}:v:1", ..claim(2) };
    assert_eq!(store.claim(other).await.unwrap(), ClaimReply::Acquired, "each address has its own");
    store.release(KEY, token(1), Release::Free).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), ClaimReply::Acquired);
}

#[tokio::test]
async fn it_ends_with_its_life_which_its_owner_alone_extends() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let left = async || server.command(&["PTTL", LEASE]).await.unwrap().as_integer().unwrap();
    let brief = Duration::from_secs(60);
    assert_eq!(store.claim(Claim { ttl: brief, ..claim(1) }).await.unwrap(), ClaimReply::Acquired);
    assert!((1..=60_000).contains(&left().await));
    assert!(!store.extend(KEY, token(2), HOUR).await.unwrap());
    assert!((1..=60_000).contains(&left().await));
    assert!(store.extend(KEY, token(1), HOUR).await.unwrap());
    assert!((3_000_000..=3_600_000).contains(&left().await));
    assert!(store.extend(KEY, token(1), Duration::from_millis(1)).await.unwrap());
    eventually("it is another one's", async || store.claim(claim(2)).await.unwrap() == ClaimReply::Acquired)
        .await;
    assert!(!store.extend(KEY, token(1), HOUR).await.unwrap(), "it was lost");
    server.command(&["DEL", LEASE]).await.unwrap();
    assert!(!store.extend(KEY, token(2), HOUR).await.unwrap(), "what is gone stays gone");
    assert_eq!(left().await, -2);
}

#[tokio::test]
async fn a_newer_response_ends_the_claim_unless_it_is_known() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
    let (old, new) = (value(1, 1, "old"), value(1, 2, "new"));
    store.set(KEY, old.clone(), HOUR).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), ClaimReply::Stored(old.clone()));
    let knowing = Claim { known_fingerprint: fingerprint(&old), ..claim(2) };
    assert_eq!(store.claim(knowing).await.unwrap(), ClaimReply::HeldBy(holder(1)));
    store.set_and_release(KEY, new.clone(), HOUR, KEY, token(1)).await.unwrap();
    assert_eq!(store.claim(knowing).await.unwrap(), ClaimReply::Stored(new.clone()));
    let knowing = Claim { known_fingerprint: fingerprint(&new), ..claim(2) };
    assert_eq!(
        store.claim(knowing).await.unwrap(),
        ClaimReply::Acquired,
        "it was given up with what was stored"
    );
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
    let knowing = |byte| Claim { known_fingerprint: fingerprint(&newer), ..claim(byte) };
    assert_eq!(store.claim(knowing(1)).await.unwrap(), ClaimReply::Acquired);
    store.set_and_release(KEY, value(1, 1, "late"), HOUR, KEY, token(2)).await.unwrap();
    assert_eq!(store.claim(knowing(2)).await.unwrap(), ClaimReply::HeldBy(holder(1)));
    store.set_and_release(KEY, value(1, 1, "late"), HOUR, KEY, token(1)).await.unwrap();
    assert_eq!(store.get(KEY).await.unwrap(), Some(newer.clone()));
    assert_eq!(store.claim(knowing(2)).await.unwrap(), ClaimReply::Acquired);
}

#[tokio::test]
async fn a_word_is_for_those_who_waited_for_its_holder() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
    let word = Bytes::from_static(b"\xffsorry");
    store.release(KEY, token(1), Release::WithResult(word.clone(), HOUR)).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), ClaimReply::Acquired, "to a newcomer it is free");
    let waited = |byte| Claim { awaiting: Some(token(byte)), ..claim(3) };
    assert_eq!(
        store.claim(waited(1)).await.unwrap(),
        ClaimReply::Finished(word),
        "whoever has the lease now"
    );
    assert_eq!(store.claim(waited(2)).await.unwrap(), ClaimReply::HeldBy(holder(2)));
    store.release(KEY, token(1), Release::WithResult(Bytes::new(), HOUR)).await.unwrap();
    assert_eq!(store.claim(waited(2)).await.unwrap(), ClaimReply::HeldBy(holder(2)));
    let name = format!("{LEASE}:{}", token(1));
    let left = server.command(&["PTTL", &name]).await.unwrap().as_integer().unwrap();
    assert!((3_000_000..=3_600_000).contains(&left), "it expires: {left}");
}

#[tokio::test]
async fn uncacheable_keys_are_remembered_for_a_while() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
    store.release(KEY, token(1), Release::Uncacheable(HOUR)).await.unwrap();
    for byte in [2, 3] {
        assert_eq!(store.claim(claim(byte)).await.unwrap(), ClaimReply::Uncacheable);
    }
    server.command(&["PEXPIRE", LEASE, "1"]).await.unwrap();
    eventually("it is over", async || store.claim(claim(2)).await.unwrap() == ClaimReply::Acquired).await;
}

#[tokio::test]
async fn one_that_is_waited_for_can_be_overtaken_and_nobody_else() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
    let over = |byte, awaiting| Claim { awaiting, take_over: true, ..claim(byte) };
    assert_eq!(store.claim(over(2, None)).await.unwrap(), ClaimReply::HeldBy(holder(1)));
    assert_eq!(store.claim(over(2, Some(token(3)))).await.unwrap(), ClaimReply::HeldBy(holder(1)));
    assert_eq!(store.claim(over(2, Some(token(1)))).await.unwrap(), ClaimReply::Acquired);
    assert_eq!(store.claim(claim(3)).await.unwrap(), ClaimReply::HeldBy(holder(2)));
}

/// A foreign value under our names blocks a claim at most while it is there.
///
/// No claim destroys a response.
#[tokio::test]
async fn a_foreign_value_is_an_error_or_ignored() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    server.command(&["SET", LEASE, "garbage"]).await.unwrap();
    assert_eq!(store.claim(claim(1)).await.unwrap_err().kind(), StoreErrorKind::Unreadable);
    server.command(&["DEL", LEASE]).await.unwrap();
    server.command(&["RPUSH", RESPONSE, "a list"]).await.unwrap();
    assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
    server.command(&["SET", RESPONSE, "short"]).await.unwrap();
    assert_eq!(store.claim(claim(2)).await.unwrap(), ClaimReply::HeldBy(holder(1)));
    server.command(&["DEL", LEASE]).await.unwrap();
    server.command(&["RPUSH", LEASE, "a list"]).await.unwrap();
    assert!(!store.extend(KEY, token(1), HOUR).await.unwrap());
    store.release(KEY, token(1), Release::Free).await.unwrap();
    assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
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
    for left in [
        None,
        Some(Release::Free),
        Some(Release::Uncacheable(HOUR)),
        Some(Release::WithResult(Bytes::new(), HOUR)),
    ] {
        limit("0").await;
        assert_eq!(store.claim(claim(1)).await.unwrap(), ClaimReply::Acquired);
        limit("1").await;
        let is_free = left == Some(Release::Free);
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

/// Instances without a stale response cannot wait.
#[tokio::test]
async fn after_a_failure_it_is_free_for_those_that_cannot_wait() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let patient = |byte| Claim { may_retry_later: true, ..claim(byte) };
    let failed =
        || Release::RetryLater { result: Bytes::from_static(b"failed"), result_ttl: HOUR, retry_after: HOUR };
    assert_eq!(store.claim(patient(1)).await.unwrap(), ClaimReply::Acquired);
    store.release(KEY, token(2), failed()).await.unwrap();
    assert_eq!(store.claim(patient(2)).await.unwrap(), ClaimReply::HeldBy(holder(1)), "not the holder");
    store.release(KEY, token(1), failed()).await.unwrap();
    let awaiting = Claim { awaiting: Some(token(1)), ..patient(2) };
    assert_eq!(
        store.claim(awaiting).await.unwrap(),
        ClaimReply::Finished(Bytes::from_static(b"failed")),
        "it waited for this holder"
    );
    match store.claim(patient(2)).await.unwrap() {
        ClaimReply::RetryLater(left) => assert!(left <= HOUR && left > HOUR / 2, "{left:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(store.claim(claim(3)).await.unwrap(), ClaimReply::Acquired);
    assert_eq!(store.claim(patient(2)).await.unwrap(), ClaimReply::HeldBy(holder(3)));
    store.release(KEY, token(3), Release::Free).await.unwrap();
    assert_eq!(store.claim(patient(2)).await.unwrap(), ClaimReply::Acquired, "the failure is forgotten");
}
