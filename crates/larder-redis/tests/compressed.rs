//! Values that are compressed in Redis.
#![cfg(all(unix, feature = "compress"))]
#![allow(clippy::unwrap_used, clippy::panic)] // In the helpers, too.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};
use larder_core::invalidation::selector::Selector;
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Leases, Release};
use larder_core::monitoring::{Monitoring, StoredEntry};
use larder_core::store::{ReclaimRequest, SharedTier};
use larder_core::wire::envelope::{Envelope, checked, enclosed, fingerprint};
use larder_redis::RedisStore;
use larder_testing::{RedisServer, Reply};
use support::{joined, patient, store};

const HOUR: Duration = Duration::from_secs(3600);
const KEY: &str = "{u|/a}";
const NAME: &str = "larder:larder:v1:{u|/a}";
const BODY_NAME: &str = "larder:larder:v1:{u|/a}:body";

fn position(millis: u64) -> Position {
    let watermark = Watermark { log: LogId::new(millis, 0), local: 0 };
    Position { incarnation: Incarnation::from_bytes([0x91; 16]), watermark }
}

fn value_at(millis: u64, content: &[u8]) -> Bytes {
    let envelope = Envelope { version: 1, kind: 1, position: position(millis) };
    enclosed(&envelope, "u|/a", &|sink| sink.put(content))
}

/// Returns a value with digits that look random, which take half of their bytes.
fn digits(bytes: usize) -> Bytes {
    let mut state = 7_u64;
    let digit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        b"0123456789abcdef"[usize::from(state.to_be_bytes()[0] >> 4)]
    };
    value_at(5, &std::iter::repeat_with(digit).take(bytes).collect::<Vec<_>>())
}

fn text(bytes: usize) -> Bytes {
    value_at(5, &b"a text that repeats, ".repeat(bytes / 20))
}

/// Returns a store that compresses values of more than 1,000 bytes.
async fn compressing(server: &RedisServer) -> RedisStore {
    joined(patient(&server.url()).compress_over(1_000)).await
}

async fn raw(server: &RedisServer, name: &str) -> Option<Vec<u8>> {
    match server.command(&["GET", name]).await.unwrap() {
        Reply::Bulk(bytes) => Some(bytes.to_vec()),
        Reply::Nil => None,
        other => panic!("{other:?}"),
    }
}

async fn put(server: &RedisServer, value: &[u8]) {
    server.command(&[b"SET", NAME.as_bytes(), value]).await.unwrap();
}

fn claim(known_fingerprint: Option<[u8; 8]>) -> Claim<'static> {
    let holder = Holder { id: LeaseId::from_bytes([1; 16]), position: position(5) };
    Claim {
        address: KEY,
        holder,
        ttl: HOUR,
        known_fingerprint,
        awaiting: None,
        take_over: false,
        may_retry_later: false,
    }
}

/// Small and large values, with and without a name of their own before and after.
#[tokio::test]
async fn every_way_to_read_returns_the_value_that_was_stored() {
    let server = RedisServer::start().await.unwrap();
    let (writer, other) = (compressing(&server).await, store(&server).await);
    let sizes = [2_000, 40_000, 100_000, 200_000, 1_000_000, 8_000_000];
    for value in sizes.map(digits).into_iter().chain(sizes.map(text)) {
        writer.set(KEY, value.clone(), HOUR).await.unwrap();
        let stored = raw(&server, NAME).await.unwrap();
        let body = raw(&server, BODY_NAME).await;
        let size = body.as_deref().map_or(stored.len(), <[u8]>::len);
        assert!(size < value.len() * 6 / 10, "{}: {size}", value.len());
        assert_eq!(body.is_some(), size > 128 * 1024, "{size}");
        let entry = writer.entry(KEY).await.unwrap().unwrap();
        assert_eq!(entry, StoredEntry { value: value.clone(), size: size as u64 });
        for reader in [&writer, &other] {
            assert_eq!(reader.get(KEY).await.unwrap().unwrap(), value);
            let many = reader.get_many(&[KEY, "{u|/none}", KEY]).await.unwrap();
            assert_eq!(many, [Some(value.clone()), None, Some(value.clone())]);
            let claimed = reader.claim(claim(None)).await.unwrap();
            assert_eq!(claimed, ClaimReply::Stored(value.clone()));
        }
        assert!(!other.is_transferring(KEY));
    }
}

#[tokio::test]
async fn a_value_up_to_the_limit_and_noise_are_stored_as_they_are() {
    let server = RedisServer::start().await.unwrap();
    let store = compressing(&server).await;
    let noise: Vec<u8> =
        (0..30_000_u32).map(|number| number.wrapping_mul(2_654_435_761).to_le_bytes()[2]).collect();
    let short = text(900);
    for value in [value_at(5, &noise), short, Bytes::from_static(b"not of ours")] {
        store.set(KEY, value.clone(), HOUR).await.unwrap();
        assert_eq!(raw(&server, NAME).await.unwrap(), value);
    }
    assert_eq!(store.entry("{u|/none}").await.unwrap(), None);
}

/// The scripts see the position and the fingerprint of the value.
#[tokio::test]
async fn scripts_treat_a_compressed_value_like_the_value() {
    let server = RedisServer::start().await.unwrap();
    let (packs, plain) = (compressing(&server).await, store(&server).await);
    let (lower, higher) = (value_at(5, &[b'l'; 5_000]), value_at(6, &[b'h'; 5_000]));
    for [first, second] in [[&packs, &plain], [&plain, &packs], [&packs, &packs]] {
        put(&server, b"").await;
        first.set(KEY, higher.clone(), HOUR).await.unwrap();
        second.set(KEY, lower.clone(), HOUR).await.unwrap();
        assert_eq!(plain.get(KEY).await.unwrap().unwrap(), higher, "rule 16");
        put(&server, b"").await;
        first.set(KEY, lower.clone(), HOUR).await.unwrap();
        second.set(KEY, higher.clone(), HOUR).await.unwrap();
        assert_eq!(plain.get(KEY).await.unwrap().unwrap(), higher, "rule 16");
    }
    // A caller that has seen it gets the lease.
    let seen = fingerprint(&higher);
    assert_eq!(plain.claim(claim(seen)).await.unwrap(), ClaimReply::Acquired);
    // The write gives the lease up. The result of a fill is not compressed.
    let result = Bytes::from(vec![b'r'; 20_000]);
    packs
        .release(KEY, LeaseId::from_bytes([1; 16]), Release::WithResult(result.clone(), HOUR))
        .await
        .unwrap();
    let waiting = Claim { awaiting: Some(LeaseId::from_bytes([1; 16])), ..claim(seen) };
    assert_eq!(plain.claim(waiting).await.unwrap(), ClaimReply::Finished(result));
    // An operator finds it, and an invalidation frees its memory.
    let selector = Selector::Key("u|/a".into());
    assert_eq!(plain.find_entries(&selector, None).await.unwrap().addresses, [KEY]);
    let request = |millis| ReclaimRequest {
        selector: selector.clone(),
        incarnation: position(0).incarnation,
        before: LogId::new(millis, 0),
    };
    assert_eq!(plain.reclaim(&request(6), None).await.unwrap().responses, 0);
    assert_eq!(plain.reclaim(&request(7), None).await.unwrap().responses, 1);
}

#[tokio::test]
async fn a_fill_stores_a_compressed_value_and_gives_up_its_lease() {
    let server = RedisServer::start().await.unwrap();
    let store = compressing(&server).await;
    assert_eq!(store.claim(claim(None)).await.unwrap(), ClaimReply::Acquired);
    let value = text(20_000);
    store.set_and_release(KEY, value.clone(), HOUR, KEY, LeaseId::from_bytes([1; 16])).await.unwrap();
    assert!(raw(&server, NAME).await.unwrap().len() < 1_000);
    assert_eq!(store.lease(KEY).await.unwrap(), None);
    assert_eq!(store.get(KEY).await.unwrap(), Some(value));
}

/// A large value leaves its name when it gets small enough, and the other way round.
#[tokio::test]
async fn a_value_that_is_small_only_when_compressed_has_no_name_of_its_own() {
    let server = RedisServer::start().await.unwrap();
    let (packs, plain) = (compressing(&server).await, store(&server).await);
    let value = text(300_000);
    for _ in 0..2 {
        plain.set(KEY, value.clone(), HOUR).await.unwrap();
        assert_eq!(raw(&server, BODY_NAME).await.unwrap(), value);
        packs.set(KEY, value.clone(), HOUR).await.unwrap();
        assert_eq!(raw(&server, BODY_NAME).await, None);
        assert_eq!(plain.get(KEY).await.unwrap().unwrap(), value);
    }
}

/// Whatever is in Redis, an instance gets the value or something that it does not believe.
#[tokio::test]
async fn damaged_values_are_not_believed() {
    let server = RedisServer::start().await.unwrap();
    let store = compressing(&server).await;
    let value = text(30_000);
    store.set(KEY, value.clone(), HOUR).await.unwrap();
    let stored = raw(&server, NAME).await.unwrap();
    let mut damaged: Vec<Vec<u8>> = (0..stored.len()).map(|end| stored[..end].to_vec()).collect();
    damaged.extend((0..stored.len()).map(|at| {
        let mut other = stored.clone();
        other[at] ^= 0x11;
        other
    }));
    // Lengths that the frame does not have, up to 16 EiB.
    damaged.extend((38..46).map(|at| {
        let mut other = stored.clone();
        other[at] = 0xff;
        other
    }));
    for bytes in damaged {
        put(&server, &bytes).await;
        let mut read = vec![store.get(KEY).await.unwrap().unwrap()];
        read.extend(store.get_many(&[KEY]).await.unwrap().into_iter().flatten());
        if let ClaimReply::Stored(value) = store.claim(claim(None)).await.unwrap() {
            read.push(value);
        }
        store.release(KEY, LeaseId::from_bytes([1; 16]), Release::Free).await.unwrap();
        for one in read {
            assert!(one == value || checked(&one, 2).is_err(), "{bytes:?}");
        }
    }
}
