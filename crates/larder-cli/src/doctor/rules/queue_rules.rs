//! Rules about what a write queue needs.

use larder_core::write_queue::{Durability, DurabilityGap, DurabilityState, EvictionPolicy, FsyncPolicy};

use crate::doctor::facts::{Facts, ServerFacts};
use crate::doctor::finding::{Finding, FindingKind};

const FSYNC: &str = "CONFIG SET appendfsync always no-appendfsync-on-rewrite no";

pub(super) fn persistence(facts: &Facts) -> Vec<Finding> {
    match facts.has_queue() {
        true => facts.servers.iter().filter_map(not_durable).collect(),
        false => Vec::new(),
    }
}

pub(super) fn seen_persistence(facts: &Facts) -> Option<String> {
    let server = facts.servers.first()?;
    let append_only = match server.info.get("aof_enabled")? {
        "0" => "no append-only file",
        _ => "append-only file",
    };
    let queue =
        if facts.has_queue() { "needed by a write queue" } else { "not needed without a write queue" };
    let fsync = server.settings.get("appendfsync").map(|value| format!(", appendfsync {value}"));
    Some(format!("{append_only}{}, {queue}", fsync.unwrap_or_default()))
}

fn not_durable(server: &ServerFacts) -> Option<Finding> {
    let gap = state(server).method_for(Durability::Fsync).err()?;
    let mut finding =
        Finding::new(FindingKind::NotDurable).on(&server.address).seen("problem", gap.to_string());
    for (name, setting) in [("appendonly", "appendonly"), ("appendfsync", "appendfsync")] {
        if let Some(value) = server.settings.get(setting) {
            finding = finding.seen(name, value);
        }
    }
    let fsync = server.settings.get("appendfsync");
    Some(match gap {
        DurabilityGap::Evicts => finding.redis("CONFIG SET maxmemory-policy volatile-lfu"),
        DurabilityGap::NoAppendOnlyFile => finding.redis("CONFIG SET appendonly yes").redis(FSYNC),
        DurabilityGap::NoFsync => finding.redis(FSYNC),
        // The settings are hidden, or the server pauses.
        _ if fsync.is_none() => finding.redis("CONFIG GET appendfsync"),
        _ => finding.redis(FSYNC),
    })
}

/// Returns the facts for the rule that the write queue itself has.
fn state(server: &ServerFacts) -> DurabilityState {
    let (info, settings) = (&server.info, &server.settings);
    let version = server.version().and_then(|(_, version)| version.split_once('.'));
    DurabilityState {
        append_only: info.get("aof_enabled").map(|on| on == "1"),
        fsync: match settings.get("appendfsync") {
            Some("always") => Some(FsyncPolicy::Always),
            Some("everysec") => Some(FsyncPolicy::EverySecond),
            Some("no") => Some(FsyncPolicy::Never),
            _ => None,
        },
        pauses_fsync_on_rewrite: settings.get("no-appendfsync-on-rewrite").map(|value| value != "no"),
        replicas: info.number("connected_slaves").and_then(|replicas| u16::try_from(replicas).ok()),
        eviction: match (server.max_memory(), server.policy()) {
            (Some(0), _) | (_, Some("noeviction")) => Some(EvictionPolicy::Nothing),
            (_, Some(policy)) if policy.starts_with("volatile-") => Some(EvictionPolicy::Expiring),
            (_, Some(_)) => Some(EvictionPolicy::Any),
            _ => None,
        },
        has_wait_aof: version.map(|(major, rest)| {
            let minor = rest.split('.').next().and_then(|minor| minor.parse::<u32>().ok());
            (major.parse().unwrap_or(0), minor.unwrap_or(0)) >= (7, 2)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::fields::Fields;
    use crate::doctor::rules::tests::server;

    fn commands(info: &str, settings: &[&str]) -> Vec<String> {
        let pairs = settings.iter().filter_map(|pair| pair.split_once(' '));
        let settings = Fields::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let server = ServerFacts { settings, ..server(info) };
        let facts = Facts { servers: vec![server], expects_queue: true, ..Facts::default() };
        persistence(&facts)
            .into_iter()
            .flat_map(|finding| finding.commands)
            .map(|command| command.line)
            .collect()
    }

    #[test]
    fn each_gap_has_its_commands() {
        let always = ["appendfsync always", "no-appendfsync-on-rewrite no"];
        let old = "redis_version:7.0.15\r\naof_enabled:1";
        assert_eq!(commands(old, &always), [""; 0]);
        assert_eq!(
            commands("redis_version:7.0.15\r\naof_enabled:0", &always),
            ["CONFIG SET appendonly yes", FSYNC]
        );
        assert_eq!(commands(old, &["appendfsync no", always[1]]), [FSYNC]);
        assert_eq!(commands(old, &["appendfsync everysec", always[1]]), [FSYNC]);
        assert_eq!(commands(old, &[always[0], "no-appendfsync-on-rewrite yes"]), [FSYNC]);
        assert_eq!(
            commands("redis_version:8.0.2\r\naof_enabled:1", &["appendfsync everysec", always[1]]),
            [""; 0]
        );
        assert_eq!(commands(old, &[]), ["CONFIG GET appendfsync"]);
        let evicts = "redis_version:7.0.15\r\naof_enabled:1\r\nmaxmemory:1\r\nmaxmemory_policy:allkeys-lru";
        assert_eq!(commands(evicts, &always), ["CONFIG SET maxmemory-policy volatile-lfu"]);
    }

    #[test]
    fn without_a_queue_nothing_has_to_be_durable() {
        let facts =
            Facts { servers: vec![server("redis_version:7.0.15\r\naof_enabled:0")], ..Facts::default() };
        assert_eq!(persistence(&facts), []);
    }
}
