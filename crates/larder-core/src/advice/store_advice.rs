//! Rules about the memory of the shared store.

use crate::advice::advice_kind::AdviceKind;
use crate::advice::figures::StoreFigures;
use crate::advice::redis_memory::{NEARLY_ALL, estimate};
use crate::advice::{Advice, figure};
use crate::monitoring::EvictionPolicy;

const SUBJECT: &str = "redis";
const MAX_FRAGMENTATION: f64 = 1.5;
/// Below this memory, the ratio of fragmentation shows only the memory of an empty server.
const MIN_FRAGMENTED_BYTES: u64 = 100 << 20;

pub(super) fn advise(store: &StoreFigures, all: &mut Vec<Advice>) {
    match (store.max_memory, store.eviction) {
        (Some(0), _) => {
            let used = figure(store.used_memory.unwrap_or_default());
            all.push(Advice::new(AdviceKind::NoMaxmemory, SUBJECT, [("used_memory_bytes", used)]));
        }
        (Some(max), Some(EvictionPolicy::Nothing)) => {
            all.push(eviction(AdviceKind::EvictsNothing, max, store));
        }
        (Some(max), Some(EvictionPolicy::AllKeys)) => {
            all.push(eviction(AdviceKind::EvictsEverything, max, store));
        }
        _ => {}
    }
    all.extend(fragmented(store));
    all.extend(too_small(store));
}

fn eviction(kind: AdviceKind, max_memory: u64, store: &StoreFigures) -> Advice {
    let evicted = figure(store.evicted_keys.unwrap_or_default());
    Advice::new(kind, SUBJECT, [("max_memory_bytes", figure(max_memory)), ("evicted_keys", evicted)])
}

fn fragmented(store: &StoreFigures) -> Option<Advice> {
    let (used, ratio) = (store.used_memory?, store.fragmentation?);
    let evidence = [("fragmentation", ratio), ("used_memory_bytes", figure(used))];
    (used >= MIN_FRAGMENTED_BYTES && ratio > MAX_FRAGMENTATION)
        .then(|| Advice::new(AdviceKind::Fragmented, SUBJECT, evidence))
}

/// Compares the memory that the stored responses need with the memory of the server.
fn too_small(store: &StoreFigures) -> Option<Advice> {
    let max = store.max_memory.filter(|max| *max > 0)?;
    let (entries, bytes) = (store.expiring_keys?, store.entry_bytes?);
    let estimated = estimate(entries, bytes);
    let needed = estimated.max(figure(store.used_memory.unwrap_or_default()));
    let evidence = [
        ("entries", figure(entries)),
        ("entry_bytes", figure(bytes)),
        ("estimated_bytes", estimated),
        ("used_memory_bytes", figure(store.used_memory.unwrap_or_default())),
        ("max_memory_bytes", figure(max)),
        ("evicted_keys", figure(store.evicted_keys.unwrap_or_default())),
    ];
    (needed > NEARLY_ALL * figure(max)).then(|| Advice::new(AdviceKind::StoreTooSmall, SUBJECT, evidence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(store: &StoreFigures) -> Vec<AdviceKind> {
        let mut all = Vec::new();
        advise(store, &mut all);
        all.into_iter().map(|one| one.kind).collect()
    }

    fn policy(max_memory: u64, policy: &str) -> StoreFigures {
        let eviction = EvictionPolicy::from_name(policy);
        StoreFigures { max_memory: Some(max_memory), eviction, ..StoreFigures::default() }
    }

    #[test]
    fn the_settings_of_the_memory_are_judged() {
        let gigabyte = 1 << 30;
        let cases = [
            (policy(0, "noeviction"), vec![AdviceKind::NoMaxmemory]),
            (policy(0, "allkeys-lru"), vec![AdviceKind::NoMaxmemory]),
            (policy(gigabyte, "noeviction"), vec![AdviceKind::EvictsNothing]),
            (policy(gigabyte, "allkeys-lru"), vec![AdviceKind::EvictsEverything]),
            (policy(gigabyte, "allkeys-random"), vec![AdviceKind::EvictsEverything]),
            (policy(gigabyte, "volatile-lfu"), vec![]),
            (StoreFigures::default(), vec![]),
        ];
        for (store, expected) in cases {
            assert_eq!(found(&store), expected, "{store:?}");
        }
    }

    #[test]
    fn fragmentation_counts_once_there_is_memory_in_use() {
        let store = |ratio, used| StoreFigures {
            fragmentation: Some(ratio),
            used_memory: Some(used),
            ..StoreFigures::default()
        };
        assert_eq!(found(&store(1.6, MIN_FRAGMENTED_BYTES)), [AdviceKind::Fragmented]);
        assert_eq!(found(&store(1.5, MIN_FRAGMENTED_BYTES)), []);
        assert_eq!(found(&store(9.0, MIN_FRAGMENTED_BYTES - 1)), []);
    }

    #[test]
    fn the_size_is_estimated_from_entries_and_compared_with_the_bound() {
        let store = |entries, used| StoreFigures {
            expiring_keys: Some(entries),
            entry_bytes: Some(800),
            used_memory: Some(used),
            ..policy(1_000_000, "volatile-lfu")
        };
        // One entry takes 1,000 bytes.
        assert_eq!(found(&store(900, 0)), []);
        assert_eq!(found(&store(901, 0)), [AdviceKind::StoreTooSmall]);
        assert_eq!(found(&store(10, 900_001)), [AdviceKind::StoreTooSmall]);
        let mut all = Vec::new();
        advise(&store(901, 5), &mut all);
        assert_eq!(all[0].evidence["estimated_bytes"], 901_000.0);
    }
}
