use std::collections::HashSet;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::*;

fn every_outcome() -> Vec<Outcome> {
    let tiers = [Tier::Memory, Tier::Shared];
    let stale = |tier| StaleReason::ALL.iter().map(move |reason| Outcome::Stale(tier, *reason));
    let hits = tiers.iter().map(|tier| Outcome::Hit(*tier));
    hits.chain(tiers.iter().flat_map(|tier| stale(*tier)))
        .chain(MissReason::ALL.iter().map(|reason| Outcome::Miss(*reason)))
        .chain(BypassReason::ALL.iter().map(|reason| Outcome::Bypass(*reason)))
        .collect()
}

#[test]
fn each_outcome_has_a_place_of_its_own() {
    let places: HashSet<_> = every_outcome().into_iter().map(index_of).collect();
    assert_eq!(places, (0..OUTCOMES).collect());
}

#[test]
fn each_outcome_of_each_route_has_a_counter_of_its_own() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let requests = RequestCounters::default();
        for outcome in every_outcome() {
            requests.record("/a", outcome);
            requests.record("/b", outcome);
            requests.record("/b", outcome);
        }
    });
    let counters = recorder.snapshotter().snapshot().into_vec();
    assert_eq!(counters.len(), 2 * OUTCOMES);
    for (key, _, _, value) in counters {
        let labels: Vec<_> = key.key().labels().map(metrics::Label::key).collect();
        assert_eq!(labels, ["route", "outcome", "tier", "reason"]);
        let is_a = key.key().labels().any(|label| label.value() == "/a");
        assert_eq!(value, DebugValue::Counter(if is_a { 1 } else { 2 }), "{key:?}");
    }
}

#[test]
fn gauges_show_the_sum_of_all_caches() {
    let recorder = DebuggingRecorder::new();
    let gauge = metrics::with_local_recorder(&recorder, || {
        let (one, other) = (MemoryGauge::default(), MemoryGauge::default());
        one.set(3, 300);
        other.set(5, 500);
        one.set(1, 100);
        drop(other);
        one
    });
    let gauges = recorder.snapshotter().snapshot().into_vec();
    let values: HashSet<_> =
        gauges.iter().map(|(key, _, _, value)| format!("{} {value:?}", key.key().name())).collect();
    let expected = ["larder_memory_entries Gauge(1.0)", "larder_memory_bytes Gauge(100.0)"];
    assert_eq!(values, expected.map(str::to_owned).into());
    drop(gauge);
}
