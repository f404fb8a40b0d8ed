//! `INFO`, the settings and the slow log of each server.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fred::types::Value;
use fred::types::config::Server;

use crate::doctor::facts::{ServerFacts, SlowLog};
use crate::doctor::fields::Fields;
use crate::redis_link::Link;
use crate::redis_link::values::{number, parts, text};

/// The settings that the rules read.
const SETTINGS: [&str; 14] = [
    "maxmemory",
    "maxmemory-policy",
    "appendonly",
    "appendfsync",
    "no-appendfsync-on-rewrite",
    "min-replicas-to-write",
    "timeout",
    "maxclients",
    "tcp-keepalive",
    "proto-max-bulk-len",
    "bind",
    "protected-mode",
    "requirepass",
    "activedefrag",
];
/// The number of entries of the slow log that are read.
const SLOW_ENTRIES: &str = "32";
/// Older entries do not count, in seconds.
const RECENT: u64 = 3600;
/// Of a larger cluster, the first primaries count.
const MAX_SERVERS: usize = 32;

pub(super) async fn read(link: &Link) -> Vec<ServerFacts> {
    let mut servers = Vec::new();
    for node in link.nodes().into_iter().take(MAX_SERVERS) {
        servers.push(read_server(link, node.as_ref()).await);
    }
    servers
}

async fn read_server(link: &Link, node: Option<&Server>) -> ServerFacts {
    let info = link.send_to(node, &["INFO"]).await.ok().and_then(|answer| text(&answer)).unwrap_or_default();
    let is_cluster = info.contains("cluster_enabled:1");
    let cluster = match is_cluster {
        true => link.send_to(node, &["CLUSTER", "INFO"]).await.ok().and_then(|answer| text(&answer)),
        false => None,
    };
    let info = Fields::from_info(&format!("{info}\r\n{}", cluster.unwrap_or_default()));
    let words: Vec<&str> = ["CONFIG", "GET"].into_iter().chain(SETTINGS).collect();
    let settings = link.send_to(node, &words).await.ok();
    let slow = link.send_to(node, &["SLOWLOG", "GET", SLOW_ENTRIES]).await.ok();
    ServerFacts {
        address: link.address(node),
        info,
        settings: settings.as_ref().map(pairs).unwrap_or_default(),
        slow_log: slow.as_ref().map(recent),
    }
}

/// Reads the settings. Of a password, only its presence is kept.
fn pairs(answer: &Value) -> Fields {
    let pairs = parts(answer).chunks_exact(2).filter_map(|pair| Some((text(&pair[0])?, text(&pair[1])?)));
    Fields::from_pairs(pairs.map(|(name, value)| match name.as_str() {
        "requirepass" if !value.is_empty() => (name, "set".to_owned()),
        _ => (name, value),
    }))
}

fn recent(answer: &Value) -> SlowLog {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut log = SlowLog { entries: 0, longest: Duration::ZERO };
    for entry in parts(answer) {
        let [_, at, micros, ..] = parts(entry) else { continue };
        if number(at).is_some_and(|at| at + RECENT >= now) {
            log.entries += 1;
            log.longest = log.longest.max(Duration::from_micros(number(micros).unwrap_or_default()));
        }
    }
    log
}
