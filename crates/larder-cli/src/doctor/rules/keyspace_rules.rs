//! Rules about the keys of other applications, and of other namespaces.

use larder_core::monitoring::EvictionPolicy;

use crate::doctor::facts::{Facts, KeySample};
use crate::doctor::finding::{Finding, FindingKind};

pub(super) fn foreign(facts: &Facts) -> Vec<Finding> {
    let keys = &facts.keys;
    if keys.foreign == 0 {
        return Vec::new();
    }
    let policy = facts.servers.iter().find_map(|server| server.policy());
    let takes_all = policy.and_then(EvictionPolicy::from_name) == Some(EvictionPolicy::AllKeys);
    let persistent = persistent(keys);
    let kind = match takes_all && persistent > 0 {
        true => FindingKind::ForeignEvictable,
        false => FindingKind::ForeignKeys,
    };
    let finding = Finding::new(kind)
        .seen("keys_scanned", keys.scanned)
        .seen("foreign_keys", estimate(keys, keys.foreign))
        .seen("without_expiry", persistent)
        .seen("policy", policy)
        .seen("is_estimate", !keys.is_complete);
    vec![match kind {
        FindingKind::ForeignEvictable => finding.redis("CONFIG SET maxmemory-policy volatile-lfu"),
        _ => finding.redis("SCAN 0 COUNT 100"),
    }]
}

pub(super) fn seen_foreign(facts: &Facts) -> Option<String> {
    let keys = &facts.keys;
    let all = keys.keys.unwrap_or(keys.scanned);
    (keys.scanned > 0 || keys.is_complete)
        .then(|| format!("{} foreign of {} scanned keys, {all} keys in all", keys.foreign, keys.scanned))
}

/// Returns the estimated number of foreign keys without an expiry.
fn persistent(keys: &KeySample) -> u64 {
    match keys.expiry {
        Some(expiry) if expiry.asked > 0 => estimate(keys, keys.foreign) * expiry.persistent / expiry.asked,
        // The user may not ask for the expiry of a key. The server reports how many keys have none.
        _ => {
            let all = keys.keys.unwrap_or_default().saturating_sub(keys.expiring.unwrap_or_default());
            all.saturating_sub(estimate(keys, keys.own_persistent))
        }
    }
}

/// Returns the number of keys of which this scan found `part`.
fn estimate(keys: &KeySample, part: u64) -> u64 {
    match (keys.is_complete, keys.keys) {
        (false, Some(all)) if keys.scanned > 0 => part.saturating_mul(all) / keys.scanned,
        _ => part,
    }
}

pub(super) fn namespaces(facts: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    let found = &facts.keys.namespaces;
    if !found.contains_key(&facts.namespace) && !found.is_empty() && facts.log.types.is_empty() {
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        let finding = Finding::new(FindingKind::UnknownNamespace).seen("namespace", facts.namespace.as_str());
        let command = format!("larder doctor --namespace {}", names[0]);
        all.push(finding.seen("found", names.join(", ")).shell(command));
    }
    for (name, sample) in found.iter().filter(|(_, sample)| sample.schemas.len() > 1) {
        let schemas: Vec<_> =
            sample.schemas.iter().map(|(schema, keys)| format!("v{schema}: {keys}")).collect();
        let finding = Finding::new(FindingKind::SeveralSchemas).seen("namespace", name.as_str());
        let newest = sample.schemas.keys().next_back().copied().unwrap_or_default();
        let command = format!("SCAN 0 MATCH larder:{name}:v[^{newest}]*:* COUNT 100");
        all.push(finding.seen("keys_scanned_by_schema", schemas.join(", ")).redis(command));
    }
    all
}

pub(super) fn seen_namespaces(facts: &Facts) -> Option<String> {
    let names: Vec<_> = facts.keys.namespaces.keys().map(String::as_str).collect();
    match names.is_empty() {
        true => (facts.keys.scanned > 0 || facts.keys.is_complete).then(|| "none found".to_owned()),
        false => Some(names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::{ForeignExpiry, NamespaceSample};
    use crate::doctor::finding::Severity;
    use crate::doctor::rules::tests::{names, server};

    fn facts(policy: &str, keys: KeySample) -> Facts {
        let servers = vec![server(&format!("maxmemory_policy:{policy}"))];
        Facts { namespace: "shop".to_owned(), servers, keys, ..Facts::default() }
    }

    fn sample(foreign: u64, expiry: Option<ForeignExpiry>) -> KeySample {
        KeySample {
            keys: Some(100),
            expiring: Some(90),
            scanned: 100,
            is_complete: true,
            foreign,
            expiry,
            ..KeySample::default()
        }
    }

    #[test]
    fn keys_of_others_that_do_not_expire_are_evicted_by_some_policies() {
        let expiry = |persistent| Some(ForeignExpiry { asked: 4, persistent });
        let found = |policy: &str, keys| names(&foreign(&facts(policy, keys)));
        assert_eq!(found("allkeys-lru", sample(4, expiry(1))), ["foreign-keys-evictable"]);
        assert_eq!(found("volatile-lfu", sample(4, expiry(1))), ["foreign-keys"]);
        assert_eq!(found("allkeys-lru", sample(4, expiry(0))), ["foreign-keys"]);
        assert_eq!(found("allkeys-lru", sample(0, None)), [""; 0]);
        // Without the right to ask: 100 keys, 90 expire, and of the others, 6 are Larder's.
        assert_eq!(
            found("allkeys-lru", KeySample { own_persistent: 6, ..sample(4, None) }),
            ["foreign-keys-evictable"]
        );
        assert_eq!(
            found("allkeys-lru", KeySample { own_persistent: 10, ..sample(4, None) }),
            ["foreign-keys"]
        );
    }

    #[test]
    fn a_part_of_the_keys_stands_for_all() {
        let keys = KeySample {
            keys: Some(1_000),
            scanned: 100,
            is_complete: false,
            ..sample(5, Some(ForeignExpiry { asked: 5, persistent: 1 }))
        };
        let found = &foreign(&facts("allkeys-lru", keys))[0];
        assert_eq!(
            (&found.evidence["foreign_keys"], &found.evidence["without_expiry"]),
            (&50.into(), &10.into())
        );
    }

    #[test]
    fn other_namespaces_and_old_schemas_are_hints() {
        let schemas = [(1, 5), (2, 3)].into();
        let namespaces =
            [("blog".to_owned(), NamespaceSample { schemas, ..NamespaceSample::default() })].into();
        let found = super::namespaces(&facts("volatile-lfu", KeySample { namespaces, ..sample(0, None) }));
        assert_eq!(names(&found), ["namespace-not-found", "several-schemas"]);
        assert!(found.iter().all(|finding| finding.severity == Severity::Advice));
        assert_eq!(found[0].commands[0].line, "larder doctor --namespace blog");
    }
}
