//! Rules about the memory tier.

use std::time::Duration;

use crate::advice::advice_kind::AdviceKind;
use crate::advice::figures::{Figures, RouteFigures};
use crate::advice::{Advice, figure, share};
use crate::outcome::MissReason;

/// Below this number of misses, evictions cost little.
const MIN_MISSES: u64 = 100;
/// The share of misses of evicted responses that is worth more memory.
const WORTH_MEMORY: f64 = 0.1;

pub(super) fn advise(figures: &Figures, all: &mut Vec<Advice>) {
    all.extend(figures.classes.iter().filter_map(|class| too_small_for(class, figures)));
}

/// Returns the advice about a class whose responses are evicted before they expire.
fn too_small_for(class: &RouteFigures, figures: &Figures) -> Option<Advice> {
    let evicted = class.misses_for(MissReason::Evicted.as_str());
    let (lifetime, age) = (class.lifetime?, class.age_at_eviction?);
    if evicted < MIN_MISSES || share(evicted, class.all_misses()) < WORTH_MEMORY || age >= lifetime {
        return None;
    }
    let evidence = [
        ("misses_evicted", figure(evicted)),
        ("age_at_eviction_seconds", age.as_secs_f64()),
        ("lifetime_seconds", lifetime.as_secs_f64()),
        ("memory_bytes", figure(figures.memory_bytes)),
        ("max_memory_bytes", figure(figures.max_memory_bytes)),
        ("needed_bytes", needed_bytes(figures.max_memory_bytes, age, lifetime)),
    ];
    Some(Advice::new(AdviceKind::MemoryTooSmall, &class.subject, evidence))
}

/// Returns the memory in which responses would stay until they expire.
///
/// The memory holds the responses that arrive within the age at eviction. The estimate is an upper
/// bound, because requests for the same keys need no further memory.
fn needed_bytes(max_memory_bytes: u64, age: Duration, lifetime: Duration) -> f64 {
    let times = lifetime.as_secs_f64() / age.as_secs_f64().max(0.001);
    (figure(max_memory_bytes) * times).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evictions_that_cost_hits_need_more_memory() {
        let class = |evicted, others, age| RouteFigures {
            lifetime: Some(Duration::from_secs(3600)),
            age_at_eviction: Some(Duration::from_secs(age)),
            misses: [("evicted", evicted), ("expired", others)].into(),
            ..RouteFigures::default()
        };
        let cases = [
            (class(99, 0, 60), None),
            (class(100, 0, 60), Some(60_000.0)),
            (class(100, 900, 1800), Some(2_000.0)),
            (class(100, 901, 1800), None),
            (class(100, 0, 3600), None),
            (RouteFigures { age_at_eviction: None, ..class(100, 0, 60) }, None),
        ];
        for (class, expected) in cases {
            let figures = Figures { classes: vec![class], max_memory_bytes: 1000, ..Figures::default() };
            let mut all = Vec::new();
            advise(&figures, &mut all);
            let needed = all.first().map(|one| one.evidence["needed_bytes"]);
            assert_eq!(needed, expected, "{figures:?}");
        }
    }
}
