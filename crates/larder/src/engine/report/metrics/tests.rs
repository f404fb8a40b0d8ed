use std::collections::{BTreeSet, HashSet};
use std::sync::Mutex;
use std::time::Duration;

use larder_core::outcome::{Outcome, Tier};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use super::*;
use crate::engine::report::describe_metrics;
use crate::engine::report::outcome_index::{OUTCOMES, all_outcomes};
use crate::engine::report::route_counters::RouteCounters;
use crate::engine::report::store_health::StoreOp;
use crate::engine::report::store_times::StoreTimes;
use crate::engine::report::value_counters::ValueCounters;

#[test]
fn each_outcome_of_each_route_is_published_once() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let [a, b] = ["/a", "/b"].map(|route| RouteCounters::new(route, "standard"));
        for outcome in all_outcomes() {
            a.request(outcome);
            b.request(outcome);
        }
        b.publish();
        for outcome in all_outcomes() {
            b.request(outcome);
        }
        b.publish();
        b.publish();
        // The end of the counters publishes the rest.
        drop((a, b));
    });
    let counters = recorder.snapshotter().snapshot().into_vec();
    let requests = counters.iter().filter(|(key, ..)| key.key().name() == "larder_requests_total");
    assert_eq!(requests.clone().count(), 2 * OUTCOMES);
    for (key, _, _, value) in requests {
        let labels: Vec<_> = key.key().labels().map(metrics::Label::key).collect();
        assert_eq!(labels, ["route", "class", "outcome", "tier", "reason"]);
        let is_a = key.key().labels().any(|label| label.value() == "/a");
        assert_eq!(*value, DebugValue::Counter(if is_a { 1 } else { 2 }), "{key:?}");
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

/// Histograms of hits alone have one of 64. That of requests has all of them, because it also has
/// the requests that are no hits.
#[test]
fn histograms_of_hits_alone_have_one_of_64() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let (route, values) = (RouteCounters::new("/a", "standard"), ValueCounters::new("product"));
        let (hit, time) = (Outcome::Hit(Tier::Memory), Duration::from_millis(1));
        for weight in [1, 64, 64] {
            route.record_time(hit, time, weight);
            route.record_age(time, weight);
            values.record_time(time, weight);
            values.record_age(time, weight);
        }
        for _ in 0..128 {
            route.record_age(time, 1);
        }
    });
    let recorded = recorder.snapshotter().snapshot().into_vec();
    let counts: BTreeSet<_> = recorded
        .iter()
        .filter_map(|(key, _, _, value)| match value {
            DebugValue::Histogram(values) => Some((key.key().name(), values.len())),
            _ => None,
        })
        .collect();
    let expected = [
        ("larder_hit_age_seconds", 5),
        ("larder_request_seconds", 129),
        ("larder_value_hit_age_seconds", 3),
        ("larder_value_hit_seconds", 3),
    ];
    assert_eq!(counts, expected.into());
}

/// Each time of the store goes to its own histogram, once, and in seconds.
#[test]
fn the_times_of_the_store_are_recorded_in_seconds() {
    let recorder = DebuggingRecorder::new();
    metrics::with_local_recorder(&recorder, || {
        let times = StoreTimes::default();
        let millis = Duration::from_millis;
        times.operation(StoreOp::Read, millis(1_500));
        times.lease_wait(millis(2_500));
        times.append(millis(3_500));
        times.lag(millis(4_500));
    });
    let recorded = recorder.snapshotter().snapshot().into_vec();
    let recorded: HashSet<_> = recorded
        .iter()
        .map(|(key, _, _, value)| {
            let labels: Vec<_> = key.key().labels().map(|label| (label.key(), label.value())).collect();
            let DebugValue::Histogram(values) = value else { panic!("{key:?}") };
            let values: Vec<_> = values.iter().map(|value| value.into_inner()).collect();
            format!("{} {labels:?} {values:?}", key.key().name())
        })
        .collect();
    let expected = [
        r#"larder_store_operation_seconds [("operation", "read")] [1.5]"#,
        "larder_lease_wait_seconds [] [2.5]",
        "larder_invalidation_append_seconds [] [3.5]",
        "larder_invalidation_lag_seconds [] [4.5]",
    ];
    assert_eq!(recorded, expected.map(str::to_owned).into());
}

/// A recorder of the names that are described.
#[derive(Default)]
struct Names(Mutex<BTreeSet<String>>);

impl Names {
    fn add(&self, name: &KeyName) {
        self.0.lock().unwrap().insert(name.as_str().to_owned());
    }
}

impl Recorder for Names {
    fn describe_counter(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.add(&name);
    }

    fn describe_gauge(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.add(&name);
    }

    fn describe_histogram(&self, name: KeyName, _: Option<Unit>, _: SharedString) {
        self.add(&name);
    }

    fn register_counter(&self, _: &Key, _: &Metadata<'_>) -> Counter {
        Counter::noop()
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

/// Returns the names of metrics in a text, which stand in backticks.
fn names_in(text: &str) -> BTreeSet<String> {
    let words = text.split('`').skip(1).step_by(2);
    words.filter(|word| word.starts_with("larder_") && !word.contains('*')).map(str::to_owned).collect()
}

#[test]
fn each_metric_is_described_and_documented() {
    let described = Names::default();
    metrics::with_local_recorder(&described, || {
        describe_metrics("1");
    });
    let described = described.0.into_inner().unwrap();
    let operations = include_str!("../../../../../../docs/OPERATIONS.md");
    let (_, monitoring) = operations.split_once("\n## Monitoring\n").unwrap();
    let stats: String = include_str!("../stats.rs").lines().filter(|line| line.contains("///")).collect();
    assert_eq!(described, names_in(&monitoring.replace("larder_redis`", "larder-redis`")));
    assert_eq!(described, names_in(&stats));
}
