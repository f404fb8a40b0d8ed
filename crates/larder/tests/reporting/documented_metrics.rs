//! The tables of metrics name each metric that the cache emits, with its kind and labels, and no
//! other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use metrics_util::debugging::DebugValue;

use crate::evictions::evict_responses_and_values;
use crate::leases::take_await_and_take_over;
use crate::metrics::{
    after, collapse_requests, exceed_new_keys, fail_store_operations, fill_hit_and_invalidate,
    forget_invalidations, free_responses, refresh_one_and_skip_two,
};
use crate::queued_writes::queue_writes;
use crate::values::ask_for_values;

/// The metrics of the shared store and of the instance. They have a table of their own, and need
/// servers to be emitted. A unit test of the metrics compares their names.
const OF_THE_STORE: [&str; 4] =
    ["larder_redis_", "larder_instance_", "larder_build_info", "larder_slow_polls_total"];

/// The kind and the labels of each metric.
type Described = BTreeMap<String, (String, BTreeSet<String>)>;

/// Returns the metrics of runs that do everything that is measured.
fn emitted() -> Described {
    let runs = [
        after(ask_for_values),
        after(collapse_requests),
        after(evict_responses_and_values),
        after(exceed_new_keys),
        after(fail_store_operations),
        after(fill_hit_and_invalidate),
        after(forget_invalidations),
        after(free_responses),
        after(queue_writes),
        after(refresh_one_and_skip_two),
        after(take_await_and_take_over),
    ];
    let mut all = Described::new();
    for (metric, value) in runs.into_iter().flatten() {
        let (name, labels) = metric.split_once('{').unwrap();
        let labels = labels.trim_end_matches('}').split_whitespace();
        let labels = labels.map(|label| label.split('=').next().unwrap().to_owned()).collect();
        let kind = match value {
            DebugValue::Counter(_) => "counter",
            DebugValue::Gauge(_) => "gauge",
            DebugValue::Histogram(_) => "histogram",
        };
        let described = (kind.to_owned(), labels);
        if is_of_the_store(name) {
            continue;
        }
        let first = all.entry(name.to_owned()).or_insert_with(|| described.clone());
        assert_eq!(*first, described, "{name} has one kind, and always the same labels");
    }
    all
}

fn is_of_the_store(name: &str) -> bool {
    OF_THE_STORE.iter().any(|prefix| name.starts_with(prefix))
}

/// Returns the metrics in the table of a file. Its lines may begin with `///`.
fn documented(file: &str) -> Described {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(file)).unwrap();
    let rows = text.lines().filter_map(|line| {
        let row = line.trim_start_matches("///").trim().strip_prefix("| `larder_")?;
        let mut cells = row.split('|').map(str::trim);
        let name = format!("larder_{}", cells.next()?.trim_end_matches('`'));
        if is_of_the_store(&name) {
            return None;
        }
        let kind = cells.next()?.to_owned();
        let labels = cells.next()?.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        Some((name, (kind, labels.filter(|label| !label.is_empty()).collect())))
    });
    rows.collect()
}

#[test]
fn each_metric_is_documented_with_its_kind_and_labels_and_no_other_is() {
    let emitted = emitted();
    for file in ["docs/OPERATIONS.md", "crates/larder/src/engine/report/stats.rs"] {
        let documented = documented(file);
        let names = |metrics: &Described| metrics.keys().cloned().collect::<BTreeSet<_>>();
        let (has, says) = (names(&emitted), names(&documented));
        assert_eq!(has.difference(&says).collect::<Vec<_>>(), [""; 0], "not in {file}");
        assert_eq!(says.difference(&has).collect::<Vec<_>>(), [""; 0], "only in {file}");
        assert_eq!(documented, emitted, "{file}");
    }
}
