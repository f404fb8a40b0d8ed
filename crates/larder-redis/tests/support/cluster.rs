//! A cluster of real servers.

use larder_testing::{RedisServer, Reply};

use super::eventually;

/// Starts a cluster with one primary for each range of slots.
///
/// A primary that hangs is not replaced, and the others continue.
pub(crate) async fn cluster<const N: usize>(ranges: [(u16, u16); N]) -> [RedisServer; N] {
    let mut nodes = Vec::new();
    for (lowest, highest) in ranges {
        let node = start().await;
        let range = [lowest.to_string(), highest.to_string()];
        node.command(&["CLUSTER", "ADDSLOTSRANGE", &range[0], &range[1]]).await.unwrap();
        nodes.push(node);
    }
    let nodes: [RedisServer; N] = nodes.try_into().ok().unwrap();
    for other in &nodes[1..] {
        meet(&nodes[0], other).await;
    }
    for node in &nodes {
        eventually("the cluster is up", async || {
            let info = node.command(&["CLUSTER", "INFO"]).await.unwrap();
            let text = info.as_str().unwrap();
            text.contains("cluster_state:ok") && text.contains("cluster_slots_ok:16384")
        })
        .await;
    }
    nodes
}

/// Starts a replica of the node with this number.
///
/// It is in sync with the node, and all nodes know it.
pub(crate) async fn replica_of(nodes: &[RedisServer; 3], number: usize) -> RedisServer {
    let (node, replica) = (&nodes[number], start().await);
    meet(node, &replica).await;
    let id = node.command(&["CLUSTER", "MYID"]).await.unwrap();
    eventually("the replica knows its primary", async || {
        replica.command(&["CLUSTER", "REPLICATE", id.as_str().unwrap()]).await.is_ok()
    })
    .await;
    eventually("the replica is in step", async || {
        let state = node.command(&["INFO", "replication"]).await.unwrap();
        state.as_str().unwrap().contains("state=online")
    })
    .await;
    let name = replica.command(&["CLUSTER", "MYID"]).await.unwrap();
    for other in nodes {
        eventually("all know it as a replica", async || {
            let known = other.command(&["CLUSTER", "NODES"]).await.unwrap();
            let mut lines = known.as_str().unwrap().lines();
            lines.any(|line| line.starts_with(name.as_str().unwrap()) && line.contains(" slave "))
        })
        .await;
    }
    replica
}

async fn start() -> RedisServer {
    RedisServer::builder()
        .config("cluster-enabled yes")
        .config("cluster-node-timeout 60000")
        .config("cluster-require-full-coverage no")
        .config("repl-diskless-sync-delay 0")
        .start()
        .await
        .unwrap()
}

async fn meet(one: &RedisServer, other: &RedisServer) {
    let (host, port) = (other.address().ip().to_string(), other.address().port().to_string());
    one.command(&["CLUSTER", "MEET", &host, &port]).await.unwrap();
}

/// Starts a cluster of three primaries.
pub(crate) async fn three_primaries() -> [RedisServer; 3] {
    cluster([(0, 5460), (5461, 10922), (10923, 16383)]).await
}

/// Returns a key whose slot is in the range with this number of [`three_primaries`].
pub(crate) async fn key_on(nodes: &[RedisServer; 3], number: usize) -> String {
    let text = text_on(nodes, number, |text| format!("{{{text}}}")).await;
    format!("{{{text}}}")
}

/// Returns a namespace whose log is on the node with this number.
pub(crate) async fn namespace_on(nodes: &[RedisServer; 3], number: usize) -> String {
    text_on(nodes, number, |text| format!("{{{text}:log}}")).await
}

async fn text_on(nodes: &[RedisServer; 3], number: usize, key: impl Fn(&str) -> String) -> String {
    for text in 0.. {
        let text = format!("n{text}");
        let slot = nodes[0].command(&["CLUSTER", "KEYSLOT", &key(&text)]).await.unwrap();
        let Reply::Integer(slot) = slot else { panic!("no number") };
        if usize::try_from(slot).unwrap() / 5461 == number {
            return text;
        }
    }
    unreachable!()
}
