//! Rules about the memory of a server, and about what it evicts.

use larder_core::advice::advice_kind::AdviceKind;
use larder_core::advice::advise;
use larder_core::advice::figures::{Figures, StoreFigures};
use larder_core::monitoring::EvictionPolicy;

use crate::doctor::facts::{Facts, ServerFacts};
use crate::doctor::finding::{Finding, FindingKind};

/// The least memory that is recommended for a cache, in bytes.
const MIN_RECOMMENDED: u64 = 256 << 20;
const POLICY: &str = "maxmemory-policy volatile-lfu";

pub(super) fn memory(facts: &Facts) -> Vec<Finding> {
    facts.servers.iter().flat_map(|server| memory_of(server, facts)).collect()
}

pub(super) fn seen_memory(facts: &Facts) -> Option<String> {
    let server = facts.servers.first()?;
    let used = server.info.number("used_memory")?;
    let peak = server.info.number("used_memory_peak").unwrap_or(used);
    let bound = match server.max_memory() {
        Some(0) => "no bound".to_owned(),
        Some(bound) => format!("maxmemory {bound} bytes"),
        None => "unknown bound".to_owned(),
    };
    let policy = server.policy().unwrap_or("unknown policy");
    Some(format!("{used} bytes in use, {peak} at most so far, {bound}, {policy}"))
}

fn memory_of(server: &ServerFacts, facts: &Facts) -> Vec<Finding> {
    let advice = advise(&Figures { store: Some(figures(server)), ..Figures::default() });
    let mut all: Vec<Finding> =
        advice.into_iter().map(|one| with_command(one.kind, Finding::from_advice(one), server)).collect();
    all.extend(full(server, facts));
    all.extend(evicted(server));
    all.into_iter().map(|finding| finding.on(&server.address)).collect()
}

/// Returns the figures for the rules that a cache has as well.
///
/// The sizes of entries are not known here, so the memory in use counts alone.
fn figures(server: &ServerFacts) -> StoreFigures {
    let info = &server.info;
    let used = info.number("used_memory");
    let resident = info.number("used_memory_rss");
    #[allow(clippy::cast_precision_loss)] // A ratio does not need more than 53 bits.
    let fragmentation = match (resident, used) {
        (Some(resident), Some(used)) if used > 0 => Some(resident as f64 / used as f64),
        _ => None,
    };
    StoreFigures {
        eviction: server.policy().and_then(EvictionPolicy::from_name),
        max_memory: server.max_memory(),
        used_memory: used,
        fragmentation,
        evicted_keys: info.number("evicted_keys"),
        expiring_keys: info.keyspace("expires"),
        entry_bytes: Some(0),
    }
}

fn with_command(kind: AdviceKind, finding: Finding, server: &ServerFacts) -> Finding {
    let max = recommended(server);
    match kind {
        AdviceKind::NoMaxmemory => finding.redis(format!("CONFIG SET maxmemory {max} {POLICY}")),
        AdviceKind::EvictsEverything | AdviceKind::EvictsNothing => {
            finding.redis(format!("CONFIG SET {POLICY}"))
        }
        AdviceKind::StoreTooSmall => finding.redis(format!("CONFIG SET maxmemory {max}")),
        AdviceKind::Fragmented => finding.redis("CONFIG SET activedefrag yes"),
        _ => finding,
    }
}

/// Returns twice the memory in use, which leaves room to grow.
fn recommended(server: &ServerFacts) -> u64 {
    let used = server.info.number("used_memory").unwrap_or_default();
    let max = server.max_memory().unwrap_or_default();
    used.saturating_mul(2).max(max).max(MIN_RECOMMENDED)
}

/// A server is full if it refuses a write for this reason, or has nothing that it may evict.
fn full(server: &ServerFacts, facts: &Facts) -> Option<Finding> {
    let refused =
        facts.servers.len() == 1 && facts.write_error.as_deref().is_some_and(|why| why.starts_with("OOM"));
    let used = server.info.number("used_memory").unwrap_or_default();
    let max = server.max_memory().unwrap_or_default();
    let keeps_all = server.policy() == Some("noeviction") && max > 0 && used >= max;
    let finding = || {
        let finding = Finding::new(FindingKind::MemoryFull).seen("used_memory_bytes", used);
        finding.seen("max_memory_bytes", max).seen("policy", server.policy())
    };
    (refused || keeps_all)
        .then(|| finding().redis(format!("CONFIG SET maxmemory {} {POLICY}", recommended(server))))
}

fn evicted(server: &ServerFacts) -> Option<Finding> {
    let evicted = server.info.number("evicted_keys").filter(|evicted| *evicted > 0)?;
    let hours = server.info.number("uptime_in_seconds").unwrap_or_default() / 3600;
    let finding =
        Finding::new(FindingKind::Evicted).seen("evicted_keys", evicted).seen("uptime_hours", hours);
    Some(finding.redis(format!("CONFIG SET maxmemory {}", recommended(server))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;
    use crate::doctor::rules::tests::{names, server};

    fn found(info: &str) -> Vec<&'static str> {
        names(&memory(&Facts { servers: vec![server(info)], ..Facts::default() }))
    }

    #[test]
    fn the_settings_of_the_memory_are_judged_by_the_rules_of_a_cache() {
        let info = |max: u64, policy: &str| {
            format!("used_memory:1000\r\nmaxmemory:{max}\r\nmaxmemory_policy:{policy}")
        };
        assert_eq!(found(&info(0, "noeviction")), ["redis-no-maxmemory"]);
        assert_eq!(found(&info(1 << 30, "noeviction")), ["redis-evicts-nothing"]);
        assert_eq!(found(&info(1 << 30, "allkeys-random")), ["redis-evicts-everything"]);
        assert_eq!(found(&info(1 << 30, "volatile-lfu")), [""; 0]);
        assert_eq!(found(&info(1000, "volatile-lfu")), ["redis-too-small"]);
        assert_eq!(
            found(&info(1000, "noeviction")),
            ["redis-evicts-nothing", "redis-too-small", "memory-full"]
        );
        assert_eq!(found(""), [""; 0]);
    }

    /// A running server is hard to fragment on purpose.
    #[test]
    fn fragmentation_is_found_in_what_a_server_reports() {
        let info = |resident: u64| {
            format!(
                "used_memory:{}\r\nused_memory_rss:{resident}\r\nmaxmemory:1073741824\r\n\
                 maxmemory_policy:volatile-lfu\r\n",
                200 << 20
            )
        };
        assert_eq!(found(&info(320 << 20)), ["redis-fragmented"]);
        assert_eq!(found(&info(290 << 20)), [""; 0]);
        let facts = Facts { servers: vec![server(&info(320 << 20))], ..Facts::default() };
        let finding = &memory(&facts)[0];
        assert_eq!(finding.commands[0].line, "CONFIG SET activedefrag yes");
        assert_eq!((finding.severity, &finding.evidence["fragmentation"]), (Severity::Advice, &1.6.into()));
    }

    #[test]
    fn a_refused_write_shows_a_full_server_whatever_its_policy() {
        let info = "used_memory:1000\r\nmaxmemory:9000\r\nmaxmemory_policy:volatile-lfu";
        let write_error = Some("OOM command not allowed when used memory > 'maxmemory'.".to_owned());
        let facts = Facts { servers: vec![server(info)], write_error, ..Facts::default() };
        assert_eq!(names(&memory(&facts)), ["memory-full"]);
    }

    #[test]
    fn evicted_keys_are_a_hint() {
        assert_eq!(found("evicted_keys:3\r\nuptime_in_seconds:7200"), ["keys-evicted"]);
        assert_eq!(found("evicted_keys:0"), [""; 0]);
    }
}
