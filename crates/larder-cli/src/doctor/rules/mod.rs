//! The rules: pure functions from facts to findings.
//!
//! | file | what it does |
//! | --- | --- |
//! | `server_rules.rs` | the version of the server, and its role |
//! | `memory_rules.rs` | memory and eviction |
//! | `queue_rules.rs` | what a write queue needs |
//! | `rights_rules.rs` | the rights of the user, scripts, and writes that are refused |
//! | `speed_rules.rs` | round trips, slow commands, clocks |
//! | `log_rules.rs` | the invalidation log |
//! | `keyspace_rules.rs` | keys of other applications and namespaces |
//! | `connection_rules.rs` | settings of connections, and who can make one |

mod connection_rules;
mod keyspace_rules;
pub(crate) mod log_rules;
mod memory_rules;
mod queue_rules;
mod rights_rules;
mod server_rules;
mod speed_rules;

use serde::Serialize;

use crate::doctor::facts::Facts;
use crate::doctor::finding::Finding;

/// Something that the doctor looks at.
struct Check {
    name: &'static str,
    rule: fn(&Facts) -> Vec<Finding>,
    /// Returns what was seen. `None` if it could not be looked at.
    seen: fn(&Facts) -> Option<String>,
}

const fn check(
    name: &'static str,
    rule: fn(&Facts) -> Vec<Finding>,
    seen: fn(&Facts) -> Option<String>,
) -> Check {
    Check { name, rule, seen }
}

const CHECKS: [Check; 15] = [
    check("version", server_rules::version, server_rules::seen_version),
    check("topology", server_rules::topology, server_rules::seen_topology),
    check("memory", memory_rules::memory, memory_rules::seen_memory),
    check("persistence", queue_rules::persistence, queue_rules::seen_persistence),
    check("rights", rights_rules::rights, rights_rules::seen_rights),
    check("scripts", rights_rules::scripts, rights_rules::seen_scripts),
    check("writes", rights_rules::writes, rights_rules::seen_writes),
    check("latency", speed_rules::latency, speed_rules::seen_latency),
    check("slow commands", speed_rules::slow_log, speed_rules::seen_slow_log),
    check("clock", speed_rules::clock, speed_rules::seen_clock),
    check("log", log_rules::log, log_rules::seen_log),
    check("foreign keys", keyspace_rules::foreign, keyspace_rules::seen_foreign),
    check("namespaces", keyspace_rules::namespaces, keyspace_rules::seen_namespaces),
    check("connections", connection_rules::connections, connection_rules::seen_connections),
    check("exposure", connection_rules::exposure, connection_rules::seen_exposure),
];

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Passed,
    Found,
    /// The server does not tell, or this user may not ask.
    Unknown,
}

/// One entry of the list of what was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Checked {
    pub(crate) check: &'static str,
    pub(crate) outcome: Outcome,
    /// The evidence.
    pub(crate) seen: Option<String>,
}

/// All findings, the most severe first, and what was checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Diagnosis {
    pub(crate) findings: Vec<Finding>,
    pub(crate) checked: Vec<Checked>,
}

pub(crate) fn diagnose(facts: &Facts) -> Diagnosis {
    let mut findings = Vec::new();
    let mut checked = Vec::new();
    for one in &CHECKS {
        let found = (one.rule)(facts);
        let seen = (one.seen)(facts);
        let outcome = match (found.is_empty(), &seen) {
            (false, _) => Outcome::Found,
            (true, Some(_)) => Outcome::Passed,
            (true, None) => Outcome::Unknown,
        };
        checked.push(Checked { check: one.name, outcome, seen });
        findings.extend(found);
    }
    findings.sort_by_key(|finding| finding.severity);
    Diagnosis { findings, checked }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::ServerFacts;
    use crate::doctor::fields::Fields;
    use crate::doctor::finding::Severity;

    pub(super) fn server(info: &str) -> ServerFacts {
        ServerFacts { address: "h:1".to_owned(), info: Fields::from_info(info), ..ServerFacts::default() }
    }

    pub(super) fn names(findings: &[Finding]) -> Vec<&'static str> {
        findings.iter().map(|finding| finding.name).collect()
    }

    #[test]
    fn the_most_severe_findings_come_first_and_every_check_is_listed() {
        let info = "redis_version:6.0.0\r\nrole:master\r\nmaxmemory:0\r\nused_memory:5\r\nevicted_keys:1";
        let diagnosis = diagnose(&Facts { servers: vec![server(info)], ..Facts::default() });
        let severities: Vec<_> = diagnosis.findings.iter().map(|finding| finding.severity).collect();
        assert!(severities.is_sorted() && severities[0] == Severity::Error, "{severities:?}");
        assert_eq!(diagnosis.checked.len(), CHECKS.len());
        let outcome = |name: &str| diagnosis.checked.iter().find(|one| one.check == name).unwrap().outcome;
        assert_eq!(
            (outcome("version"), outcome("clock"), outcome("persistence")),
            (Outcome::Found, Outcome::Unknown, Outcome::Unknown)
        );
    }

    /// Whatever is unknown is no reason for a finding, but for `INFO` itself.
    #[test]
    fn nothing_is_found_in_what_is_unknown() {
        let facts = Facts { servers: vec![server("redis_version:7.0.15")], ..Facts::default() };
        let facts = Facts {
            address: crate::doctor::facts::AddressFacts { is_local: true, ..facts.address },
            ..facts
        };
        assert_eq!(names(&diagnose(&facts).findings), [""; 0]);
    }
}
