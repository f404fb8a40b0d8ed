//! A cluster that belongs to one test.

use std::io;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread;

use super::config::Part;
use super::nodes::Myself;
use super::server::{RedisServer, blocking};
use super::settings::Settings;
use super::wait::until;

const PRIMARIES: usize = 3;

/// The first and the last slot that each of the first three nodes has initially.
const SLOTS: [(&str, &str); PRIMARIES] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

/// The maximum number of keys that one `MIGRATE` moves to another node.
const AT_ONCE: &str = "100";

/// A Redis Cluster that belongs to one test: three primaries, each with a replica.
///
/// It runs on free ports of the loopback interface. If a primary is down for a second, its replica
/// replaces it, about two seconds after the failure. All nodes end when this value is dropped.
///
/// # Examples
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use larder_testing::RedisCluster;
///
/// let cluster = RedisCluster::start().await?;
/// let before = cluster.primary_of("some:key").await?;
/// before.kill();
/// cluster.wait_until_healthy().await?;
/// let after = cluster.primary_of("some:key").await?;
/// assert_ne!(before.address(), after.address());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Arc<[RedisServer]>,
}

impl RedisCluster {
    /// Starts a cluster with default settings.
    ///
    /// # Errors
    ///
    /// Returns the same errors as
    /// [`RedisBuilder::start_cluster`](super::RedisBuilder::start_cluster).
    pub async fn start() -> io::Result<Self> {
        blocking(|| Self::start_blocking(Settings::default())).await
    }

    /// Starts a cluster of servers with these settings. Blocks the thread.
    pub(super) fn start_blocking(settings: Settings) -> io::Result<Self> {
        let mut settings = settings
            .part(Part::ClusterNode)
            .config("cluster-node-timeout 1000")
            // A replica may take over regardless of how long it was disconnected from its primary,
            // because tests stop and kill nodes at any time.
            .config("cluster-replica-validity-factor 0");
        if let Some(password) = settings.secret() {
            let line = format!("masterauth {password}");
            settings = settings.config(line);
        }
        let nodes = thread::scope(|scope| {
            let start = || RedisServer::start_blocking(&settings);
            let starting: Vec<_> = (0..2 * PRIMARIES).map(|_| scope.spawn(start)).collect();
            let started =
                starting.into_iter().map(|node| node.join().map_err(|_| io::Error::other("panicked"))?);
            started.collect::<io::Result<Arc<[RedisServer]>>>()
        })?;
        form(&nodes)?;
        Ok(Self { nodes })
    }

    /// Returns the six nodes of the cluster.
    ///
    /// The first three started as primaries, the others as their replicas in the same order.
    #[must_use]
    pub fn nodes(&self) -> &[RedisServer] {
        &self.nodes
    }

    /// Returns the URL of the cluster, which names all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<String> = self.nodes.iter().map(|node| node.address().to_string()).collect();
        self.nodes[0].settings().url("-cluster", &hosts.join("&node=").replacen("&node", "?node", 1))
    }

    /// Returns the slot of the key.
    ///
    /// # Errors
    ///
    /// Returns an error if no node answers.
    pub async fn slot_of(&self, key: &str) -> io::Result<u16> {
        let (nodes, key) = (Arc::clone(&self.nodes), key.to_owned());
        blocking(move || slot(&nodes, &key)).await
    }

    /// Returns the node that is now the primary of this key's slot.
    ///
    /// # Errors
    ///
    /// Returns an error if no node reports that it has the slot.
    pub async fn primary_of(&self, key: &str) -> io::Result<&RedisServer> {
        let (nodes, key) = (Arc::clone(&self.nodes), key.to_owned());
        let index = blocking(move || owner(&nodes, slot(&nodes, &key)?)).await?;
        Ok(&self.nodes[index])
    }

    /// Waits until all running nodes agree that every slot has a primary.
    ///
    /// Call this method after a fault to wait for the failover.
    ///
    /// # Errors
    ///
    /// Returns an error if the nodes do not agree within a minute.
    pub async fn wait_until_healthy(&self) -> io::Result<()> {
        let nodes = Arc::clone(&self.nodes);
        blocking(move || until("the cluster is whole", || is_whole(&nodes))).await
    }

    /// Moves slots to another primary, key by key.
    ///
    /// An operator uses the same steps to reshard a cluster that is in use.
    ///
    /// # Errors
    ///
    /// Returns an error if `to` is not a node of this cluster, or if a command to a node fails.
    pub async fn move_slots(&self, slots: RangeInclusive<u16>, to: &RedisServer) -> io::Result<()> {
        let nodes = Arc::clone(&self.nodes);
        let to = nodes.iter().position(|node| node.address() == to.address());
        let to = to.ok_or_else(|| io::Error::other("not a node of this cluster"))?;
        blocking(move || slots.into_iter().try_for_each(|slot| move_slot(&nodes, slot, to))).await
    }
}

fn form(nodes: &[RedisServer]) -> io::Result<()> {
    for (epoch, node) in nodes.iter().enumerate() {
        // Each node gets a different epoch. Otherwise the nodes would first have to resolve the
        // conflict between equal epochs.
        node.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(epoch + 1).to_string()])?;
    }
    for (node, (lowest, highest)) in nodes.iter().zip(SLOTS) {
        node.ask(&["CLUSTER", "ADDSLOTSRANGE", lowest, highest])?;
    }
    for (index, node) in nodes.iter().enumerate() {
        for other in &nodes[..index] {
            let (host, port) = (other.address().ip().to_string(), other.address().port().to_string());
            node.ask(&["CLUSTER", "MEET", &host, &port, &bus_port(other)?])?;
        }
    }
    let (primaries, replicas) = nodes.split_at(PRIMARIES);
    for (replica, primary) in replicas.iter().zip(primaries) {
        let id = id(primary)?;
        until("a node knows its primary", || Ok(replica.ask(&["CLUSTER", "REPLICATE", &id]).is_ok()))?;
    }
    until("the replicas are in sync", || {
        for replica in replicas {
            if !says(replica, &["INFO", "replication"], "master_link_status:up")? {
                return Ok(false);
            }
        }
        Ok(true)
    })?;
    until("the cluster is whole", || Ok(is_whole(nodes)? && knows_all_replicas(nodes)?))
}

/// Returns whether all running nodes agree that every slot has a primary.
fn is_whole(nodes: &[RedisServer]) -> io::Result<bool> {
    let mut running = 0;
    let mut covered = 0;
    for node in nodes {
        let Ok(info) = node.ask(&["CLUSTER", "INFO"]) else { continue };
        running += 1;
        let info = info.as_str().unwrap_or_default();
        let is = |line: &str| info.lines().any(|other| other == line);
        if !(is("cluster_state:ok") && is("cluster_slots_ok:16384")) {
            return Ok(false);
        }
        // A node's report about other nodes may be outdated. Its report about itself is current.
        let myself = Myself::of(node)?;
        covered += if myself.is_primary { myself.slots.iter().map(RangeInclusive::len).sum() } else { 0 };
    }
    Ok(running > 0 && covered == 16_384)
}

/// Returns whether every node knows all replicas.
///
/// If a primary dies before the other nodes know its replica, the replica cannot replace it.
fn knows_all_replicas(nodes: &[RedisServer]) -> io::Result<bool> {
    for node in nodes {
        let known = node.ask(&["CLUSTER", "NODES"])?;
        let known = known.as_str().unwrap_or_default();
        let replicas = known.lines().filter(|line| line.contains("slave") && line.ends_with(" connected"));
        if replicas.count() < nodes.len() - PRIMARIES {
            return Ok(false);
        }
    }
    Ok(true)
}

fn move_slot(nodes: &[RedisServer], slot: u16, to: usize) -> io::Result<()> {
    let from = owner(nodes, slot)?;
    if from == to {
        return Ok(());
    }
    let number = slot.to_string();
    let (source, target) = (&nodes[from], &nodes[to]);
    let (source_id, target_id) = (id(source)?, id(target)?);
    target.ask(&["CLUSTER", "SETSLOT", &number, "IMPORTING", &source_id])?;
    source.ask(&["CLUSTER", "SETSLOT", &number, "MIGRATING", &target_id])?;
    loop {
        let keys = source.ask(&["CLUSTER", "GETKEYSINSLOT", &number, AT_ONCE])?;
        let keys: Vec<&[u8]> =
            keys.as_array().into_iter().flatten().filter_map(|key| key.as_bytes()).collect();
        if keys.is_empty() {
            break;
        }
        migrate(source, target, &keys)?;
    }
    // The new owner gets the command first. Until then, it would redirect clients back to the old
    // owner.
    for node in [target, source] {
        node.ask(&["CLUSTER", "SETSLOT", &number, "NODE", &target_id])?;
    }
    Ok(())
}

fn migrate(source: &RedisServer, target: &RedisServer, keys: &[&[u8]]) -> io::Result<()> {
    let (host, port) = (target.address().ip().to_string(), target.address().port().to_string());
    let mut words: Vec<&[u8]> =
        vec![b"MIGRATE", host.as_bytes(), port.as_bytes(), b"", b"0", b"5000", b"REPLACE"];
    if let Some(password) = target.settings().secret() {
        words.extend([b"AUTH".as_slice(), password.as_bytes()]);
    }
    words.push(b"KEYS");
    words.extend_from_slice(keys);
    source.ask(&words).map(drop)
}

fn slot(nodes: &[RedisServer], key: &str) -> io::Result<u16> {
    let reply = nodes.iter().find_map(|node| node.ask(&["CLUSTER", "KEYSLOT", key]).ok());
    let slot = reply.and_then(|reply| reply.as_integer()).and_then(|slot| u16::try_from(slot).ok());
    slot.ok_or_else(|| io::Error::other("no node answers"))
}

/// Returns the index of the primary that has this slot.
///
/// A primary that does not know yet that it was replaced still claims the slot, but with an older
/// epoch.
fn owner(nodes: &[RedisServer], slot: u16) -> io::Result<usize> {
    let owners = nodes.iter().enumerate().filter_map(|(index, node)| {
        let myself = Myself::of(node).ok()?;
        let owns = myself.is_primary && myself.slots.iter().any(|slots| slots.contains(&slot));
        owns.then_some((myself.epoch, index))
    });
    let newest = owners.max().ok_or_else(|| io::Error::other(format!("no node has slot {slot}")))?;
    Ok(newest.1)
}

fn id(node: &RedisServer) -> io::Result<String> {
    let id = node.ask(&["CLUSTER", "MYID"])?;
    Ok(id.as_str().unwrap_or_default().to_owned())
}

fn bus_port(node: &RedisServer) -> io::Result<String> {
    let reply = node.ask(&["CONFIG", "GET", "cluster-port"])?;
    let port = reply.as_array().and_then(|pair| pair.get(1)).and_then(|port| port.as_str());
    Ok(port.unwrap_or_default().to_owned())
}

fn says(node: &RedisServer, words: &[&str], line: &str) -> io::Result<bool> {
    let reply = node.ask(words)?;
    Ok(reply.as_str().is_some_and(|text| text.lines().any(|other| other == line)))
}
