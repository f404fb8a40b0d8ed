//! Whether another node has taken the place of one that hangs.
//!
//! A hung node sends no redirections, so nothing else would tell: its keys would be out of reach for as long as it hangs,
//! although the cluster has long promoted a replica of it.

use fred::clients::{Client, WithOptions};
use fred::interfaces::ClientLike;
use fred::types::cluster::ClusterRouting;
use fred::types::config::{Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};

/// How many of the others are asked at most before one answers.
const MOST: usize = 3;

/// Whether one of the other nodes says that `hung` is no primary any more.
pub(crate) async fn has(hung: &Server, client: &WithOptions<Client>) -> bool {
    let others = client.active_connections().into_iter().filter(|node| node != hung);
    for other in others.take(MOST) {
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
