//! The health of Redis, shared by all calls.
//!
//! There is a circuit breaker for the server, or one for each primary of a cluster.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use fred::types::cluster::ClusterRouting;
use fred::types::config::Server;
use larder_core::monitoring::NodeCircuit;
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::time::Instant;

use crate::circuit::{Circuit, Permit, TimeoutEffect};
use crate::patience::Wait;

/// The health of one store's Redis.
///
/// While all is well, a call costs two relaxed loads, however many nodes there are.
#[derive(Debug)]
pub(crate) struct Health {
    /// Whether all circuits are closed without a recent timeout. Then the lock is not needed.
    all_closed: AtomicBool,
    nodes: Mutex<Nodes>,
}

/// The circuits that are open or had a recent timeout, one for each node.
#[derive(Debug, Default)]
struct Nodes {
    /// Slots of each primary. `None` outside a cluster, or if the cluster was never reached.
    routing: Option<ClusterRouting>,
    /// At most one circuit for each primary. Outside a cluster, the one server has no name.
    troubled: Vec<(Option<Server>, Circuit)>,
}

/// This node does not answer, even after a pause. `None` is the one server outside a cluster.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HungNode(pub(crate) Option<Server>);

/// A call that was admitted, and how it waited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) permit: Permit,
    pub(crate) wait: Wait,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { all_closed: AtomicBool::new(true), nodes: Mutex::default() }
    }

    /// Returns a permit to call the node that has `key`, or an error if its circuit is open.
    ///
    /// Only the hash tag of the key counts.
    pub(crate) fn admit(&self, key: &str) -> Result<Permit, StoreError> {
        if self.is_closed() {
            return Ok(Permit::Normal);
        }
        let mut nodes = self.nodes();
        let node = nodes.node_of(key);
        let permit = match nodes.circuit(node.as_ref()) {
            Some(circuit) => circuit.admit(Instant::now()),
            None => Some(Permit::Normal),
        };
        permit.ok_or_else(|| StoreError::new(StoreErrorKind::CircuitOpen, ""))
    }

    /// Returns a permit for each of the keys, for calls at the same moment.
    ///
    /// # Errors
    ///
    /// Returns an error if the circuit of one of their nodes is open. No call is admitted then, so
    /// that no other circuit waits for the result of a probe.
    pub(crate) fn admit_all(&self, keys: &[&str]) -> Result<Vec<Permit>, StoreError> {
        if self.is_closed() {
            return Ok(vec![Permit::Normal; keys.len()]);
        }
        let permits = self.nodes().admit_all(keys, Instant::now());
        permits.ok_or_else(|| StoreError::new(StoreErrorKind::CircuitOpen, ""))
    }

    /// Records the result of a call to the node that has `key`.
    ///
    /// Returns the node if the call was a probe that was not answered in time. Its connection may
    /// be broken then. When the circuit opens, the node may only be slow.
    pub(crate) fn record(&self, key: &str, call: Call, error: Option<&StoreError>) -> Option<HungNode> {
        if error.is_none() && self.is_closed() {
            return None;
        }
        let mut nodes = self.nodes();
        let node = nodes.node_of(key);
        let Call { permit, wait } = call;
        let effect = match error.map(StoreError::kind) {
            Some(StoreErrorKind::Timeout) => {
                nodes.circuit_or_new(node.as_ref()).timed_out(permit, wait, Instant::now())
            }
            kind => {
                if let Some(circuit) = nodes.circuit(node.as_ref()) {
                    match kind {
                        Some(StoreErrorKind::Unreachable) => circuit.unconnected(permit),
                        _ => circuit.answered(permit),
                    }
                }
                TimeoutEffect::None
            }
        };
        nodes.troubled.retain(|(_, circuit)| !circuit.is_closed());
        self.all_closed.store(nodes.troubled.is_empty(), Ordering::Relaxed);
        (effect == TimeoutEffect::ProbeFailed).then_some(HungNode(node))
    }

    /// Returns the circuits that are not closed.
    pub(crate) fn circuits(&self) -> Vec<NodeCircuit> {
        if self.is_closed() {
            return Vec::new();
        }
        let nodes = self.nodes();
        let name = |node: &Option<Server>| node.as_ref().map(ToString::to_string);
        let open = nodes.troubled.iter().filter_map(|(node, circuit)| Some((node, circuit.open_state()?)));
        open.map(|(node, state)| NodeCircuit::new(name(node), state)).collect()
    }

    /// Returns the primary that has `key`. `None` outside a cluster.
    pub(crate) fn node_of(&self, key: &str) -> Option<Server> {
        self.nodes().node_of(key)
    }

    /// Records the slots of each primary, and forgets nodes that are no longer primaries.
    pub(crate) fn take_routing(&self, routing: Option<ClusterRouting>) {
        let primaries = routing.as_ref().map(ClusterRouting::unique_primary_nodes).unwrap_or_default();
        let mut nodes = self.nodes();
        nodes.routing = routing;
        nodes.troubled.retain(|(node, _)| node.as_ref().is_some_and(|node| primaries.contains(node)));
        self.all_closed.store(nodes.troubled.is_empty(), Ordering::Relaxed);
    }

    /// Whether no call has timed out recently.
    pub(crate) fn is_closed(&self) -> bool {
        self.all_closed.load(Ordering::Relaxed)
    }

    fn nodes(&self) -> MutexGuard<'_, Nodes> {
        // No change under this lock can be left half done.
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Nodes {
    fn node_of(&self, key: &str) -> Option<Server> {
        let routing = self.routing.as_ref()?;
        routing.get_server(ClusterRouting::hash_key(key.as_bytes())).cloned()
    }

    /// Returns a permit for each of the keys, or `None` if any circuit is open.
    ///
    /// If a call is the probe of a circuit, all calls to its node are.
    fn admit_all(&mut self, keys: &[&str], now: Instant) -> Option<Vec<Permit>> {
        let nodes: Vec<_> = keys.iter().map(|key| self.node_of(key)).collect();
        let mut concerned: Vec<_> =
            self.troubled.iter_mut().filter(|(node, _)| nodes.contains(node)).collect();
        if !concerned.iter().all(|(_, circuit)| circuit.may_admit(now)) {
            return None;
        }
        let mut permits = vec![Permit::Normal; keys.len()];
        for (node, circuit) in &mut concerned {
            let permit = circuit.admit(now)?;
            let of_node = permits.iter_mut().zip(&nodes).filter(|(_, other)| *other == node);
            of_node.for_each(|(permit_of_key, _)| *permit_of_key = permit);
        }
        Some(permits)
    }

    fn circuit(&mut self, node: Option<&Server>) -> Option<&mut Circuit> {
        self.troubled.iter_mut().find(|(name, _)| name.as_ref() == node).map(|(_, circuit)| circuit)
    }

    fn circuit_or_new(&mut self, node: Option<&Server>) -> &mut Circuit {
        let known = self.troubled.iter().position(|(name, _)| name.as_ref() == node);
        let at = known.unwrap_or_else(|| {
            self.troubled.push((node.cloned(), Circuit::NEW));
            self.troubled.len() - 1
        });
        &mut self.troubled[at].1
    }
}
