use std::time::Duration;

use fred::types::Value;
use larder_core::monitoring::CircuitState;
use tokio::time::advance;

use super::*;

/// Returns the routing of a cluster with these primaries, which share the slots evenly.
fn routing(ports: &[u16]) -> ClusterRouting {
    let count = u16::try_from(ports.len()).unwrap();
    let ranges = ports.iter().zip(0_u16..).map(|(port, index)| {
        let first = 16384 / count * index;
        let last = if index + 1 == count { 16383 } else { first + 16384 / count - 1 };
        let node = vec!["127.0.0.1".into(), Value::Integer((*port).into()), port.to_string().into()];
        Value::Array(vec![Value::Integer(first.into()), Value::Integer(last.into()), Value::Array(node)])
    });
    ClusterRouting::from_cluster_slots(Value::Array(ranges.collect()), "127.0.0.1").unwrap()
}

/// Returns a key on the primary with this port.
fn key_on(routing: &ClusterRouting, node: u16) -> String {
    let on = |key: &String| {
        let slot = ClusterRouting::hash_key(key.as_bytes());
        routing.get_server(slot).is_some_and(|server| server.port == node)
    };
    (0..).map(|number: u32| number.to_string()).find(on).unwrap()
}

fn call(permit: Permit, sent: Instant) -> Call {
    Call { permit, wait: Wait { sent, was_starved: false } }
}

/// Lets calls time out until the circuit opens, and then the probe. Returns the node that hangs.
async fn time_out(health: &Health, key: &str) -> Option<HungNode> {
    let error = StoreError::new(StoreErrorKind::Timeout, "");
    loop {
        let permit = loop {
            match health.admit(key) {
                Ok(permit) => break permit,
                Err(_) => advance(Duration::from_millis(10)).await,
            }
        };
        let sent = Instant::now();
        advance(Duration::from_millis(100)).await;
        let hung = health.record(key, call(permit, sent), Some(&error));
        if hung.is_some() {
            return hung;
        }
    }
}

fn answered(health: &Health, key: &str, permit: Permit) {
    health.record(key, call(permit, Instant::now()), None);
}

#[tokio::test(start_paused = true)]
async fn each_node_of_a_cluster_has_its_own_circuit() {
    let cluster = routing(&[1, 2, 3]);
    let [a, b, c] = [1, 2, 3].map(|node| key_on(&cluster, node));
    let health = Health::new();
    health.take_routing(Some(cluster));
    assert_eq!(time_out(&health, &b).await, Some(HungNode(Some(Server::new("127.0.0.1", 2)))));
    assert!(health.admit(&b).is_err());
    let second = Some("127.0.0.1:2".to_owned());
    assert_eq!(health.circuits(), [NodeCircuit::new(second, CircuitState::Open)]);
    for well in [&a, &c] {
        assert_eq!(health.admit(well).unwrap(), Permit::Normal);
        answered(&health, well, Permit::Normal);
    }
    assert!(health.admit(&b).is_err(), "what the others answer says nothing of it");
    // Timeouts of one node do not count in the row of another.
    assert_eq!(time_out(&health, &a).await, Some(HungNode(Some(Server::new("127.0.0.1", 1)))));
    assert_eq!(health.admit(&c).unwrap(), Permit::Normal);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_well_again_or_gone_is_forgotten() {
    let cluster = routing(&[1, 2]);
    let [a, b] = [1, 2].map(|node| key_on(&cluster, node));
    let health = Health::new();
    health.take_routing(Some(cluster.clone()));
    time_out(&health, &a).await;
    time_out(&health, &b).await;
    answered(&health, &a, Permit::Probe);
    assert_eq!(health.nodes().troubled.len(), 1);
    assert!(!health.is_closed());
    health.take_routing(Some(cluster));
    assert!(health.admit(&b).is_err(), "it is still there");
    health.take_routing(Some(routing(&[1, 9])));
    assert!(health.is_closed());
    assert!(health.admit(&b).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_single_server_has_one_circuit_for_all_keys() {
    let health = Health::new();
    assert_eq!(time_out(&health, "a").await, Some(HungNode(None)));
    assert!(health.admit("b").is_err());
    answered(&health, "c", Permit::Probe);
    assert!(health.is_closed());
}

/// Otherwise a read of many values would lose the probe, and no read would ever end the outage.
#[tokio::test(start_paused = true)]
async fn calls_at_the_same_moment_are_admitted_together_or_not_at_all() {
    let cluster = routing(&[1, 2, 3]);
    let [a, b, c] = [1, 2, 3].map(|node| key_on(&cluster, node));
    let health = Health::new();
    health.take_routing(Some(cluster));
    let keys = [&*a, &*b, &*a, &*c];
    assert_eq!(health.admit_all(&keys).unwrap(), [Permit::Normal; 4]);
    time_out(&health, &a).await;
    time_out(&health, &b).await;
    // The pause of `a` is over by now, and that of `b` has just begun.
    assert!(health.admit_all(&keys).is_err());
    assert_eq!(health.admit_all(&[&c, &a, &a]).unwrap(), [Permit::Normal, Permit::Probe, Permit::Probe]);
    assert!(health.admit_all(&keys).is_err(), "`a` waits for the result of its probe");
    answered(&health, &a, Permit::Probe);
    let permits = loop {
        match health.admit_all(&keys) {
            Ok(permits) => break permits,
            Err(_) => advance(Duration::from_millis(10)).await,
        }
    };
    assert_eq!(permits, [Permit::Normal, Permit::Probe, Permit::Normal, Permit::Normal]);
    answered(&health, &b, Permit::Probe);
    assert!(health.is_closed());
}
