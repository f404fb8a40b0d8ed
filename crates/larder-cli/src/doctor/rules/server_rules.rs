//! Rules about the version of the server, and about its role.

use crate::doctor::facts::{Deployment, Facts, ServerFacts};
use crate::doctor::finding::{Finding, FindingKind};

const OLDEST_REDIS: (u32, u32) = (7, 0);
const OLDEST_VALKEY: (u32, u32) = (8, 0);

pub(super) fn version(facts: &Facts) -> Vec<Finding> {
    facts.servers.iter().filter_map(version_of).collect()
}

/// Returns what the server is, for the list of what was checked.
pub(super) fn seen_version(facts: &Facts) -> Option<String> {
    let (kind, version) = facts.servers.first()?.version()?;
    Some(format!("{kind} {version}"))
}

fn version_of(server: &ServerFacts) -> Option<Finding> {
    let Some((kind, version)) = server.version() else {
        let is_refused = server.info.is_empty();
        return is_refused
            .then(|| Finding::new(FindingKind::InfoRefused).on(&server.address).redis("ACL WHOAMI"));
    };
    let found = match (kind, numbers(version)) {
        ("Redis", Some(numbers)) if numbers < OLDEST_REDIS => FindingKind::TooOld,
        ("Valkey", Some(numbers)) if numbers < OLDEST_VALKEY => FindingKind::Untested,
        _ => return None,
    };
    let finding = Finding::new(found).on(&server.address).seen("server", kind).seen("version", version);
    Some(finding.redis("INFO server"))
}

/// Returns the first two numbers of a version.
fn numbers(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

pub(super) fn topology(facts: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    for server in &facts.servers {
        all.extend(role(server, facts.address.deployment));
        all.extend(replicas(server));
    }
    all
}

pub(super) fn seen_topology(facts: &Facts) -> Option<String> {
    let first = facts.servers.first()?;
    let role = match first.info.get("role")? {
        "master" => "primary",
        _ => "replica",
    };
    let replicas: u64 =
        facts.servers.iter().filter_map(|server| server.info.number("connected_slaves")).sum();
    Some(match facts.address.deployment {
        Deployment::Cluster => format!("cluster of {} primaries, {replicas} replicas", facts.servers.len()),
        Deployment::Sentinel => format!("{role} behind Sentinel, {replicas} replicas"),
        Deployment::Single => format!("{role}, {replicas} replicas"),
    })
}

fn role(server: &ServerFacts, deployment: Deployment) -> Option<Finding> {
    let info = &server.info;
    let mode = info.get("redis_mode").unwrap_or_default();
    let new = |kind| Finding::new(kind).on(&server.address);
    if mode == "sentinel" {
        let url = format!("redis-sentinel://{}?sentinelServiceName=mymaster", server.address);
        return Some(new(FindingKind::IsSentinel).shell(format!("export REDIS_URL='{url}'")));
    }
    if info.get("cluster_state").is_some_and(|state| state != "ok") {
        let finding = new(FindingKind::ClusterDown).redis("CLUSTER NODES");
        return Some(finding.seen("cluster_state", info.get("cluster_state")));
    }
    if mode == "cluster" && deployment != Deployment::Cluster {
        let url = format!("redis-cluster://{}", server.address);
        let finding = new(FindingKind::IsClusterNode).shell(format!("export REDIS_URL='{url}'"));
        return Some(finding.seen("redis_mode", mode));
    }
    if info.get("role")? != "slave" {
        return None;
    }
    let primary =
        format!("{}:{}", info.get("master_host").unwrap_or("?"), info.get("master_port").unwrap_or("?"));
    let finding = new(FindingKind::IsReplica)
        .seen("role", "replica")
        .seen("primary", primary.as_str())
        .seen("link_to_primary", info.get("master_link_status"));
    Some(finding.shell(format!("export REDIS_URL='redis://{primary}'")))
}

fn replicas(server: &ServerFacts) -> Option<Finding> {
    let (info, settings) = (&server.info, &server.settings);
    let connected = info.number("connected_slaves")?;
    if info.get("role")? != "master" {
        return None;
    }
    let required = settings.number("min-replicas-to-write")?;
    // The server reports how many of its replicas have a small lag only if it requires some.
    let good = info.number("min_slaves_good_slaves").unwrap_or(connected);
    let seen = |kind| {
        let finding = Finding::new(kind).on(&server.address).seen("replicas", connected);
        finding.seen("min_replicas_to_write", required)
    };
    match (required, connected) {
        (0, 0) => None,
        (0, _) => Some(
            seen(FindingKind::NoMinReplicas)
                .redis("CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 5"),
        ),
        _ if good < required => {
            Some(seen(FindingKind::TooFewReplicas).seen("replicas_in_time", good).redis("INFO replication"))
        }
        (_, 1) => Some(seen(FindingKind::OneReplica).redis("INFO replication")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::fields::Fields;
    use crate::doctor::rules::tests::{names, server};

    fn names_of(rule: fn(&Facts) -> Vec<Finding>, info: &str) -> Vec<&'static str> {
        names(&rule(&Facts { servers: vec![server(info)], ..Facts::default() }))
    }

    #[test]
    fn old_versions_are_refused() {
        let cases: [(&str, &[&str]); 8] = [
            ("redis_version:6.2.14", &["server-too-old"]),
            ("redis_version:7.0.0", &[]),
            ("redis_version:8.0.2", &[]),
            ("redis_version:10.0.0", &[]),
            ("redis_version:7.2.4\r\nvalkey_version:7.2.5", &["server-untested"]),
            ("redis_version:7.2.4\r\nvalkey_version:8.1.1", &[]),
            ("redis_version:unstable", &[]),
            ("", &["info-refused"]),
        ];
        for (info, expected) in cases {
            assert_eq!(names_of(version, info), expected, "{info}");
        }
    }

    #[test]
    fn each_role_that_larder_cannot_use_is_found() {
        let cases: [(&str, &[&str]); 5] = [
            ("role:master\r\nredis_mode:standalone", &[]),
            (
                "role:slave\r\nmaster_host:h\r\nmaster_port:1\r\nredis_mode:standalone",
                &["connected-to-replica"],
            ),
            ("redis_mode:sentinel", &["connected-to-sentinel"]),
            ("role:master\r\nredis_mode:cluster\r\ncluster_state:ok", &["cluster-needs-its-url"]),
            ("role:master\r\nredis_mode:cluster\r\ncluster_state:fail", &["cluster-down"]),
        ];
        for (info, expected) in cases {
            assert_eq!(names_of(topology, info), expected, "{info}");
        }
        let found = topology(&Facts { servers: vec![server(cases[1].0)], ..Facts::default() });
        assert_eq!(found[0].commands[0].line, "export REDIS_URL='redis://h:1'");
    }

    #[test]
    fn replicas_need_a_minimum_for_writes() {
        let found = |replicas: u32, good: &str, required: &str| {
            let info = format!("role:master\r\nconnected_slaves:{replicas}\r\n{good}");
            let settings = [("min-replicas-to-write".to_owned(), required.to_owned())];
            let server = ServerFacts { settings: Fields::from_pairs(settings), ..server(&info) };
            names(&replicas_of(&server))
        };
        assert_eq!(found(0, "", "0"), [""; 0]);
        assert_eq!(found(2, "", "0"), ["replicas-without-minimum"]);
        assert_eq!(found(2, "min_slaves_good_slaves:2", "1"), [""; 0]);
        assert_eq!(found(1, "min_slaves_good_slaves:1", "1"), ["one-replica"]);
        assert_eq!(found(2, "min_slaves_good_slaves:0", "1"), ["too-few-replicas"]);
        assert_eq!(found(0, "min_slaves_good_slaves:0", "1"), ["too-few-replicas"]);
    }

    fn replicas_of(server: &ServerFacts) -> Vec<Finding> {
        replicas(server).into_iter().collect()
    }
}
