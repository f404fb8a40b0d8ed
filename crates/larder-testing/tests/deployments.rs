//! Several test servers that belong together, and servers that speak TLS.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Clippy does not see that the helpers here are tests too.

use std::net::TcpStream;

use larder_testing::{RedisCluster, RedisServer};

#[tokio::test]
async fn a_cluster_has_three_primaries_each_with_a_replica_in_sync() {
    let cluster = RedisCluster::start().await.unwrap();
    let (primaries, replicas) = cluster.nodes().split_at(3);
    assert_eq!(replicas.len(), 3);
    for (primary, replica) in primaries.iter().zip(replicas) {
        let role = replica.command(&["ROLE"]).await.unwrap();
        let role = role.as_array().unwrap();
        assert_eq!(role[0].as_str(), Some("slave"));
        assert_eq!(role[2].as_integer(), Some(i64::from(primary.address().port())));
        assert_eq!(role[3].as_str(), Some("connected"));
    }
    for (key, node) in [("a", 2), ("b", 0), ("{b}c", 0), ("c", 1)] {
        let owner = cluster.primary_of(key).await.unwrap();
        assert_eq!(owner.address(), primaries[node].address(), "{key}");
        owner.command(&["SET", key, "x"]).await.unwrap();
    }
}

#[tokio::test]
async fn a_cluster_replaces_a_primary_that_died_and_takes_it_back() {
    let cluster = RedisServer::builder().password("secret").start_cluster().await.unwrap();
    assert!(cluster.url().starts_with("redis-cluster://:secret@127.0.0.1:"), "{}", cluster.url());
    let old = cluster.primary_of("a").await.unwrap();
    old.command(&["SET", "a", "b"]).await.unwrap();
    old.command(&["WAIT", "1", "0"]).await.unwrap();
    old.kill();
    cluster.wait_until_healthy().await.unwrap();
    let new = cluster.primary_of("a").await.unwrap();
    assert_ne!(new.address(), old.address());
    assert_eq!(new.command(&["GET", "a"]).await.unwrap().as_str(), Some("b"));

    old.restart().await.unwrap();
    cluster.wait_until_healthy().await.unwrap();
    assert_eq!(cluster.primary_of("a").await.unwrap().address(), new.address());
}

#[tokio::test]
async fn slots_move_with_what_is_in_them() {
    let cluster = RedisServer::builder().password("secret").start_cluster().await.unwrap();
    let from = cluster.primary_of("a").await.unwrap();
    from.command(&["SET", "a", "b"]).await.unwrap();
    let to = cluster.primary_of("b").await.unwrap();
    let slot = cluster.slot_of("a").await.unwrap();
    cluster.move_slots(slot - 2..=slot, to).await.unwrap();
    assert_eq!(cluster.primary_of("a").await.unwrap().address(), to.address());
    assert_eq!(to.command(&["GET", "a"]).await.unwrap().as_str(), Some("b"));
    let error = from.command(&["GET", "a"]).await.unwrap_err();
    assert!(error.to_string().starts_with("MOVED"), "{error}");
    cluster.wait_until_healthy().await.unwrap();
}

#[tokio::test]
async fn sentinels_replace_a_primary_that_died() {
    let deployment = RedisServer::builder().start_sentinel(2).await.unwrap();
    assert_eq!((deployment.servers().len(), deployment.sentinels().len()), (3, 3));
    let old = deployment.primary().await.unwrap();
    assert_eq!(old.address(), deployment.servers()[0].address());
    old.kill();
    let new = deployment.successor_of(old).await.unwrap();
    new.command(&["SET", "a", "b"]).await.unwrap();
}

#[tokio::test]
async fn an_isolated_primary_is_replaced_and_goes_on_answering() {
    let deployment = RedisServer::builder().start_sentinel(1).await.unwrap();
    let old = deployment.primary().await.unwrap();
    deployment.isolate(old).await.unwrap();
    let new = deployment.successor_of(old).await.unwrap();
    for server in [old, new] {
        server.command(&["SET", "a", "b"]).await.unwrap();
    }
    deployment.rejoin(old).await.unwrap();
    let users = old.command(&["ACL", "LIST"]).await.unwrap();
    let users: Vec<_> = users.as_array().unwrap().iter().filter_map(|user| user.as_str()).collect();
    assert!(users.len() == 3 && users.iter().all(|user| user.contains(" on ")), "{users:?}");
}

#[tokio::test]
async fn all_die_with_their_owner() {
    let (cluster, deployment) = tokio::join!(RedisCluster::start(), RedisServer::builder().start_sentinel(1));
    let (cluster, deployment) = (cluster.unwrap(), deployment.unwrap());
    let servers = cluster.nodes().iter().chain(deployment.servers()).chain(deployment.sentinels());
    let addresses: Vec<_> = servers.map(RedisServer::address).collect();
    assert_eq!(addresses.len(), 11);
    drop((cluster, deployment));
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} still answers");
    }
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_server_with_a_certificate_speaks_tls_alone() {
    use std::io::{Read, Write};

    let authority = larder_testing::CertificateAuthority::new().unwrap();
    let server = RedisServer::builder().password("secret").tls(&authority).start().await.unwrap();
    assert_eq!(server.url(), format!("rediss://:secret@{}", server.address()));
    server.command(&["SET", "a", "b"]).await.unwrap();
    server.kill();
    server.restart().await.unwrap();

    // The server takes this for the beginning of a handshake, and closes the connection.
    let mut plain = TcpStream::connect(server.address()).unwrap();
    plain.write_all(b"AUTH secret\r\nPING\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer);
    assert!(!answer.contains(&b'+'), "{answer:?}");
}
