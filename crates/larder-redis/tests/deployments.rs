//! Deployments other than one server on a TCP port. Their faults are tested elsewhere.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::Duration;

use bytes::Bytes;
use larder_core::invalidation::position::{Position, Watermark};
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Leases, Release};
#[cfg(feature = "tls")]
use larder_core::store::StoreErrorKind;
use larder_core::store::{InvalidationLog, SharedTier};
use larder_redis::RedisStore;
use larder_testing::{RedisCluster, RedisServer};
use support::{after, event, eventually, joined, patient, start};

/// Does all that a store does.
async fn works(store: &RedisStore) {
    let begun = store.poll(start()).await.unwrap();
    let (incarnation, id) = store.append(&[event("x")]).await.unwrap();
    assert_eq!(incarnation, begun.incarnation);
    store.wait_for_news(after(&begun), Duration::from_secs(60)).await.unwrap();
    assert_eq!(store.poll(after(&begun)).await.unwrap().last, id);
    for key in ["{a}", "{b}", "{c}"] {
        let value = Bytes::from_static(b"x");
        store.set(key, value.clone(), Duration::from_secs(60)).await.unwrap();
        assert_eq!(store.get(key).await.unwrap(), Some(value));
        store.remove(key).await.unwrap();
        let holder = Holder {
            id: LeaseId::from_bytes([1; 16]),
            position: Position { incarnation, watermark: Watermark::ZERO },
        };
        let (awaited, life) = (Some(holder.id), Duration::from_secs(60));
        let claim = Claim {
            address: key,
            holder,
            ttl: life,
            known_fingerprint: None,
            awaiting: awaited,
            take_over: false,
            may_retry_later: false,
        };
        assert_eq!(store.claim(claim).await.unwrap(), ClaimReply::Acquired);
        assert!(store.extend(key, holder.id, life).await.unwrap());
        let word = Bytes::from_static(b"word");
        store
            .release(key, holder.id, Release::WithResult(word.clone(), Duration::from_millis(1)))
            .await
            .unwrap();
        eventually("its word is gone", async || store.claim(claim).await.unwrap() == ClaimReply::Acquired)
            .await;
        let variant = format!("{key}:v:1");
        store.set_and_release(&variant, Bytes::new(), life, key, holder.id).await.unwrap();
        store.remove(&variant).await.unwrap();
    }
    let stats = store.stats().await.unwrap();
    assert!(stats.hits.unwrap() > 0);
}

#[tokio::test]
async fn a_cluster() {
    let cluster = RedisCluster::start().await.unwrap();
    let store = joined(patient(&cluster.url())).await;
    works(&store).await;
    for node in cluster.nodes() {
        let errors = node.command(&["INFO", "errorstats"]).await.unwrap();
        let errors = errors.as_str().unwrap();
        assert!(!errors.contains("MOVED"), "the wrong node was asked: {errors}");
    }

    // A slot moves while it is empty.
    let slot = cluster.slot_of("{a}").await.unwrap();
    let to = cluster.primary_of("{b}").await.unwrap();
    cluster.move_slots(slot..=slot, to).await.unwrap();
    assert_eq!(store.get("{a}").await.unwrap(), None);
    works(&store).await;
}

#[tokio::test]
async fn sentinels() {
    let deployment = RedisServer::builder().start_sentinel(1).await.unwrap();
    let store = joined(patient(&deployment.url())).await;
    works(&store).await;
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_certificate_of_a_private_authority() {
    use larder_testing::CertificateAuthority;

    let authority = CertificateAuthority::new().unwrap();
    let server = RedisServer::builder().password("secret").tls(&authority).start().await.unwrap();
    let trusting = |authority: &CertificateAuthority| patient(&server.url()).tls_roots_pem(authority.pem());
    works(&joined(trusting(&authority)).await).await;

    // The roots of another authority, and those of the system, do not vouch for the server.
    for store in [trusting(&CertificateAuthority::new().unwrap()), patient(&server.url())] {
        // If the system has no certificates at all, `connect` fails at once.
        let Ok(store) = store.connect() else { continue };
        eventually("it is told why", async || {
            let error = store.get("{a}").await.unwrap_err();
            error.kind() == StoreErrorKind::Refused && error.to_string().contains("not trusted")
        })
        .await;
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn roots_without_tls_are_refused() {
    let authority = larder_testing::CertificateAuthority::new().unwrap();
    let error = patient("redis://127.0.0.1:1").tls_roots_pem(authority.pem()).connect().unwrap_err();
    assert_eq!(error.kind(), larder_redis::ConnectErrorKind::Setting);
    assert!(error.to_string().contains("rediss://"), "{error}");
}

#[cfg(feature = "unix-sockets")]
#[tokio::test]
async fn a_unix_socket() {
    let server =
        RedisServer::builder().config("unixsocket redis.sock").password("secret").start().await.unwrap();
    let socket = server.directory().join("redis.sock");
    let store = joined(patient(&format!("redis+unix://:secret@any{}", socket.display()))).await;
    works(&store).await;
}
