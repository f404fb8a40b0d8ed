//! Shared code of the lease tests.

use bytes::Bytes;
use http::Request;
use larder_testing::Gate;
use larder_tests::redis::Answer;
use larder_tests::redis::Instance;
use larder_tests::redis::World;
use larder_tests::redis::eventually;
use larder_tests::redis::send;
use tokio::task::JoinHandle;

/// Sends a request in a new task.
pub(crate) fn ask(instance: &Instance, path: &str) -> JoinHandle<Answer> {
    let request = Request::get(path).body(Bytes::new()).unwrap();
    tokio::spawn(send(instance.address, request))
}

/// Sends this many requests, each in a new task.
pub(crate) fn many(count: usize, instance: &Instance, path: &str) -> Vec<JoinHandle<Answer>> {
    (0..count).map(|_| tokio::spawn(instance.call(path))).collect()
}

pub(crate) async fn answers(asked: Vec<JoinHandle<Answer>>) -> Vec<Answer> {
    let mut answers = Vec::new();
    for answer in asked {
        answers.push(answer.await.unwrap());
    }
    answers
}

/// Waits until the instance has waited this many times for fills of other instances.
pub(crate) async fn waits(instance: &Instance, times: u64) {
    eventually("the instance waits for another one's fill", async || {
        instance.cache.stats().leases_awaited == times
    })
    .await;
}

pub(crate) async fn three(world: &World) -> [Instance; 3] {
    [world.instance().await, world.instance().await, world.instance().await]
}

/// Returns the instance whose handler waits at its gate.
pub(crate) async fn holder(gates: &[Gate; 3]) -> usize {
    tokio::select! {
        () = gates[0].arrived(1) => 0,
        () = gates[1].arrived(1) => 1,
        () = gates[2].arrived(1) => 2,
    }
}

pub(crate) fn runs(instances: &[Instance]) -> usize {
    instances.iter().map(Instance::runs).sum()
}

/// Returns the leases in Redis.
pub(crate) async fn leases(world: &World) -> Vec<String> {
    let reply = world.redis.command(&["KEYS", "*:lease"]).await.unwrap();
    reply.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
}

pub(crate) async fn all_are_given_up(world: &World) {
    eventually("all leases are given up", async || leases(world).await.is_empty()).await;
}

/// Returns the lease of the response whose address contains this text. Leases of earlier requests
/// may still exist.
pub(crate) async fn lease_of(world: &World, part: &str) -> String {
    let mut found = leases(world).await;
    found.retain(|name| name.contains(part));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// Returns how often a lease was released. Expired leases do not count.
pub(crate) async fn given_up(world: &World) -> u64 {
    let stats = world.redis.command(&["INFO", "commandstats"]).await.unwrap();
    let stats = stats.as_str().unwrap();
    let unlinks = stats.lines().find_map(|line| line.strip_prefix("cmdstat_unlink:calls="));
    unlinks.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}
