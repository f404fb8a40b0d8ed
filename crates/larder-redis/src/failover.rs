//! Finds out whether another node of a cluster has replaced one that hangs.
//!
//! A node that hangs sends no redirections. Without this check, its keys would be out of reach for
//! as long as it hangs, even if the cluster has promoted a replica of it long ago.

use fred::clients::{Client, WithOptions};
use fred::interfaces::ClientLike;
use fred::types::cluster::ClusterRouting;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};

/// The maximum number of other nodes that are asked until one answers.
const MAX_NODES: usize = 3;

/// Returns whether another node reports that `hung` is no longer a primary.
pub(crate) async fn was_replaced(hung: &Server, client: &WithOptions<Client>) -> bool {
    let others = client.active_connections().into_iter().filter(|node| node != hung);
    for other in others.take(MAX_NODES) {
        if let Some(routing) = ask(client, other).await {
            return !routing.unique_primary_nodes().contains(hung);
        }
    }
    false
}

async fn ask(client: &WithOptions<Client>, node: Server) -> Option<ClusterRouting> {
    let host = node.host.clone();
    let options = Options { cluster_node: Some(node), ..client.options().clone() };
    let command = CustomCommand::new_static("CLUSTER", ClusterHash::Random, false);
    let slots = client.with_options(&options).custom::<Value, _>(command, vec!["SLOTS"]).await.ok()?;
    ClusterRouting::from_cluster_slots(slots, host).ok()
}
