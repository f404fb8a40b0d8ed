//! A Redis Cluster of three primaries and three replicas, which loses primaries and moves slots while clients go on.

#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Tests fail loudly; the helpers here are not known as tests to the lint.

use larder_testing::{RedisCluster, RedisServer};
use larder_tests::redis::{Deployment, EVENTS, Trial, shares_and_invalidates};

async fn cluster() -> (RedisCluster, Deployment) {
    let cluster = RedisCluster::start().await.unwrap();
    let deployment = Deployment::at(&cluster.url());
    (cluster, deployment)
}

/// Kills a primary, waits for its successor, and lets it come back as a replica.
async fn loses(cluster: &RedisCluster, primary: &RedisServer) {
    primary.kill();
    cluster.heals().await.unwrap();
}

/// A primary that does not hold the log.
async fn another(cluster: &RedisCluster) -> &RedisServer {
    let holder = cluster.primary_of(EVENTS).await.unwrap();
    cluster.nodes()[..3].iter().find(|node| node.address() != holder.address()).unwrap()
}

#[tokio::test]
async fn responses_and_invalidations_are_shared() {
    let (_cluster, deployment) = cluster().await;
    shares_and_invalidates(&deployment).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_with_the_log_dies() {
    let (cluster, deployment) = cluster().await;
    let trial = Trial::start(&deployment).await;
    let holder = cluster.primary_of(EVENTS).await.unwrap();
    let fault = loses(&cluster, holder);
    let summary = trial.survives("cluster 3+3 | SIGKILL of the primary that holds the log", fault).await;
    assert!(summary.deferred > 0, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_without_the_log_dies_and_comes_back() {
    let (cluster, deployment) = cluster().await;
    let trial = Trial::start(&deployment).await;
    let other = another(&cluster).await;
    let fault = async {
        loses(&cluster, other).await;
        other.restart().await.unwrap();
        cluster.heals().await.unwrap();
    };
    trial.survives("cluster 3+3 | SIGKILL of another primary, and its return as a replica", fault).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_move() {
    let (cluster, deployment) = cluster().await;
    let trial = Trial::start(&deployment).await;
    let (slot, to) = (cluster.slot_of(EVENTS).await.unwrap(), another(&cluster).await);
    let back = cluster.primary_of(EVENTS).await.unwrap();
    let slots = slot - 150..=slot + 150;
    let fault = async {
        cluster.move_slots(slots.clone(), to).await.unwrap();
        cluster.move_slots(slots, back).await.unwrap();
        cluster.heals().await.unwrap();
    };
    trial
        .survives("cluster 3+3 | 301 slots, the log's among them, moved to another primary and back", fault)
        .await;
}
