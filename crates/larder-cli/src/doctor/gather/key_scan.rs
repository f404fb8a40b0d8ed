//! Whose keys there are, from a bounded scan.

use std::time::{Duration, Instant};

use fred::types::config::Server;

use crate::doctor::facts::{ForeignExpiry, KeySample};
use crate::doctor::fields::Fields;
use crate::doctor::key_name::KeyName;
use crate::redis_link::values::{number, parts, text};
use crate::redis_link::{Link, LinkError};

/// A server needs less than a millisecond for so many keys.
const KEYS_PER_CALL: &str = "250";
/// The bounds of the scan, over all servers.
const MAX_CALLS: usize = 60;
const MAX_TIME: Duration = Duration::from_secs(2);
/// The number of foreign keys that are asked for their expiry.
const MAX_ASKED: usize = 100;

/// A scan under way.
struct Scan {
    sample: KeySample,
    /// Some foreign keys, with their server.
    foreign: Vec<(Option<Server>, String)>,
    calls: usize,
    begun: Instant,
}

pub(super) async fn scan(link: &Link) -> KeySample {
    let nodes = link.nodes();
    let mut scan =
        Scan { sample: KeySample::default(), foreign: Vec::new(), calls: 0, begun: Instant::now() };
    let share = (MAX_CALLS / nodes.len().max(1)).max(1);
    let mut is_complete = true;
    for node in &nodes {
        count_keys(link, node.as_ref(), &mut scan.sample).await;
        is_complete &= scan_server(link, node.as_ref(), share, &mut scan).await;
    }
    scan.sample.is_complete = is_complete && !nodes.is_empty();
    scan.sample.expiry = expiry(link, &scan.foreign).await;
    scan.sample
}

async fn count_keys(link: &Link, node: Option<&Server>, sample: &mut KeySample) {
    let Some(info) = link.send_to(node, &["INFO", "keyspace"]).await.ok().and_then(|answer| text(&answer))
    else {
        return;
    };
    let info = Fields::from_info(&info);
    // The answer of an empty server has no database.
    let number = |what| if info.is_empty() { Some(0) } else { info.keyspace(what) };
    sample.keys = Some(sample.keys.unwrap_or(0) + number("keys").unwrap_or(0));
    sample.expiring = Some(sample.expiring.unwrap_or(0) + number("expires").unwrap_or(0));
}

/// Scans one server. Returns whether it saw every key.
async fn scan_server(link: &Link, node: Option<&Server>, most: usize, scan: &mut Scan) -> bool {
    let mut cursor = "0".to_owned();
    for _ in 0..most {
        if scan.begun.elapsed() > MAX_TIME {
            return false;
        }
        scan.calls += 1;
        let Ok(answer) = link.send_to(node, &["SCAN", &cursor, "COUNT", KEYS_PER_CALL]).await else {
            return false;
        };
        let [next, keys] = parts(&answer) else { return false };
        for key in parts(keys).iter().filter_map(text) {
            scan.take(node, key);
        }
        cursor = text(next).unwrap_or_default();
        if cursor == "0" {
            return true;
        }
    }
    false
}

impl Scan {
    fn take(&mut self, node: Option<&Server>, key: String) {
        self.sample.scanned += 1;
        let Some(name) = KeyName::parse(&key) else {
            self.sample.foreign += 1;
            if self.foreign.len() < MAX_ASKED {
                self.foreign.push((node.cloned(), key));
            }
            return;
        };
        self.sample.own_persistent += u64::from(name.is_persistent());
        let found = self.sample.namespaces.entry(name.namespace().to_owned()).or_default();
        match name {
            KeyName::Response { schema, .. } => *found.schemas.entry(schema).or_default() += 1,
            KeyName::Log { .. } => found.has_log = true,
            KeyName::Queue { collection, .. } => {
                found.queues.insert(collection.to_owned());
            }
        }
    }
}

/// Asks some foreign keys for their expiry. Returns `None` if the user may not ask.
async fn expiry(link: &Link, keys: &[(Option<Server>, String)]) -> Option<ForeignExpiry> {
    let mut found = ForeignExpiry::default();
    let begun = Instant::now();
    for (node, key) in keys {
        if begun.elapsed() > MAX_TIME {
            break;
        }
        match link.send_to(node.as_ref(), &["PTTL", key]).await {
            Ok(answer) => {
                found.asked += 1;
                // -1 stands for no expiry.
                found.persistent +=
                    u64::from(number(&answer).is_none() && text(&answer).as_deref() == Some("-1"));
            }
            Err(LinkError::Refused(_)) => return None,
            Err(LinkError::Silent(_)) => break,
        }
    }
    Some(found)
}
