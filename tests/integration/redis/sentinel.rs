//! A primary with replicas and three sentinels, which loses its primary, or is cut off from it,
//! during traffic.

use std::time::Instant;

use larder_testing::{RedisSentinel, RedisServer};
use larder_tests::redis::{
    Deployment, INCARNATION, Setup, TRIAL_STALENESS, Trial, eventually, shares_and_invalidates,
};

async fn watched(replicas: usize, lines: &[&str]) -> (RedisSentinel, Deployment) {
    let builder = lines.iter().fold(RedisServer::builder(), |builder, line| builder.config(*line));
    let sentinel = builder.start_sentinel(replicas).await.unwrap();
    let deployment = Deployment::at(&sentinel.url());
    (sentinel, deployment)
}

/// A primary that rejects writes unless a replica has answered within the last second.
const ALONE_NO_WRITES: [&str; 2] = ["min-replicas-to-write 1", "min-replicas-max-lag 1"];

async fn incarnation(server: &RedisServer) -> String {
    server.command(&["GET", INCARNATION]).await.unwrap().as_str().unwrap().to_owned()
}

#[tokio::test]
async fn responses_and_invalidations_are_shared() {
    let (_sentinel, deployment) = watched(1, &[]).await;
    shares_and_invalidates(&deployment).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_dies() {
    let (sentinel, deployment) = watched(1, &[]).await;
    let trial = Trial::start(&deployment).await;
    let old = sentinel.primary().await.unwrap();
    let before = incarnation(old).await;
    let fault = async {
        old.kill();
        sentinel.successor_of(old).await.unwrap();
    };
    let summary = trial.survives("sentinel 1+1+3 | SIGKILL of the primary", fault).await;
    assert!(summary.deferred > 0, "{summary:?}");
    assert_ne!(incarnation(sentinel.primary().await.unwrap()).await, before);
}

/// Rule 6: "Failover loses the event while A is merely slow", and the new primary has the old
/// response.
#[tokio::test]
async fn a_failover_loses_an_invalidation() {
    let (sentinel, deployment) = watched(1, &[]).await;
    let a = deployment.instance().await;
    a.hits("/values/1").await;
    let old = sentinel.primary().await.unwrap();
    let replica = &sentinel.servers()[1];
    eventually("the replica has the response", async || {
        let names = replica.command(&["KEYS", "*/values/1*"]).await.unwrap();
        !names.as_array().unwrap().is_empty()
    })
    .await;

    sentinel.isolate(old).await.unwrap();
    a.changes(1).await;
    // Its position would be ahead of the remaining log.
    drop(a);
    old.kill();
    sentinel.successor_of(old).await.unwrap();

    let c = deployment.instance().await;
    let answer = c.get("/values/1").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
    let answer = c.hits("/values/1").await;
    assert_eq!(answer.text(), "v2", "{}", answer.outcome());
}

/// Rule 5: the old primary stays reachable, and all instances are connected to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_primary_is_cut_off_from_its_replicas_and_the_sentinels() {
    let (sentinel, deployment) = watched(2, &ALONE_NO_WRITES).await;
    let trial = Trial::start(&deployment).await;
    let old = sentinel.primary().await.unwrap();
    let fault = async {
        sentinel.isolate(old).await.unwrap();
        sentinel.successor_of(old).await.unwrap();
    };
    let row = "sentinel 1+2+3, `min-replicas-to-write 1` | the primary is cut off from replicas and sentinels, not from clients";
    let summary = trial.survives(row, fault).await;
    assert!(summary.deferred > 0, "{summary:?}");
}

/// Without `min-replicas-to-write`, a cut-off primary keeps confirming. The bound is
/// `max_staleness` plus the time until it is demoted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_minimum_of_replicas_staleness_ends_when_the_old_primary_steps_down() {
    let (sentinel, deployment) = watched(1, &[]).await;
    let b = deployment.joined(Setup { max_staleness: TRIAL_STALENESS, ..Setup::real() }).await;
    b.hits("/values/1").await;
    let old = sentinel.primary().await.unwrap();
    sentinel.isolate(old).await.unwrap();
    sentinel.successor_of(old).await.unwrap();

    let a = deployment.instance().await;
    a.changes(1).await;
    let begun = Instant::now();
    sentinel.rejoin(old).await.unwrap();
    b.shows("/values/1", "v2").await;
    println!(
        "| sentinel 1+1+3, no `min-replicas-to-write` | as before, and back after the failover | an old version was served for {:.1} s |",
        begun.elapsed().as_secs_f64()
    );
    b.joins().await;
    a.hits("/values/2").await;
    b.hits("/values/2").await;
}
