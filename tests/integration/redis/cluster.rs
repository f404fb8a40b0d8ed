//! A Redis Cluster of three primaries and three replicas, which loses primaries and moves slots
//! during traffic.

use larder_testing::{RedisCluster, RedisServer};
use larder_tests::redis::{Deployment, EVENTS, Trial, eventually, shares_and_invalidates};

async fn cluster() -> (RedisCluster, Deployment) {
    let cluster = RedisCluster::start().await.unwrap();
    let deployment = Deployment::at(&cluster.url());
    (cluster, deployment)
}

/// Kills a primary, and waits for its successor.
async fn loses(cluster: &RedisCluster, primary: &RedisServer) {
    primary.kill();
    cluster.wait_until_healthy().await.unwrap();
}

/// Returns a primary that does not contain the log.
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

/// Rule 6: the replica that takes over never received the event, and no instance is left that knows
/// of it.
#[tokio::test]
async fn a_failover_loses_an_invalidation() {
    let (cluster, deployment) = cluster().await;
    let a = deployment.instance().await;
    a.hits("/values/1").await;
    let nodes = cluster.nodes();
    eventually("the response is stored", async || {
        let mut found = 0;
        for node in nodes {
            let names = node.command(&["KEYS", "*/values/1*"]).await.unwrap();
            found += names.as_array().unwrap().len();
        }
        found == 2
    })
    .await;

    let holder = cluster.primary_of(EVENTS).await.unwrap();
    let at = nodes.iter().position(|node| node.address() == holder.address()).unwrap();
    let replica = &nodes[at + 3];
    replica.pause().unwrap();
    holder.command(&["CLIENT", "KILL", "TYPE", "replica"]).await.unwrap();
    a.changes(1).await;
    drop(a);
    holder.kill();
    replica.resume().unwrap();
    cluster.wait_until_healthy().await.unwrap();

    let c = deployment.instance().await;
    let answer = c.get("/values/1").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
    assert_eq!(c.hits("/values/1").await.text(), "v2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_without_the_log_dies_and_comes_back() {
    let (cluster, deployment) = cluster().await;
    let trial = Trial::start(&deployment).await;
    let other = another(&cluster).await;
    let fault = async {
        loses(&cluster, other).await;
        other.restart().await.unwrap();
        cluster.wait_until_healthy().await.unwrap();
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
        cluster.wait_until_healthy().await.unwrap();
    };
    trial
        .survives("cluster 3+3 | 301 slots, the log's among them, moved to another primary and back", fault)
        .await;
}
