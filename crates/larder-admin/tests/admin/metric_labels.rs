//! The dashboard and the alerts have only labels that their metrics have, and each metric is in one
//! of them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

const DASHBOARD: &str = include_str!("../../../../ops/grafana/larder.json");
const ALERTS: &str = include_str!("../../../../ops/prometheus/alerts.yml");
/// Its tables are compared with what the cache emits, in a test of larder.
const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

/// Labels that the scrape adds.
const OF_THE_TARGET: [&str; 2] = ["job", "instance"];

/// Metrics that the dashboard and the alerts do not have, and why.
const NOT_SHOWN: [(&str, &str); 14] = [
    ("larder_collapsed_total", "the requests that waited are misses in `larder_requests_total`"),
    ("larder_floor_raises_total", "the advice of the cache names it"),
    ("larder_folded_names_total", "the advice of the cache names it"),
    ("larder_ignored_writes_total", "nothing is wrong: the database had the write"),
    ("larder_misses_total", "`larder_requests_total` has misses by route and reason"),
    ("larder_not_shared_total", "only with a bound on new keys"),
    ("larder_quarantined_writes_total", "`larder_queue_dead_writes` says what is left to do"),
    ("larder_redis_hits", "`larder_redis_hit_ratio` has both"),
    ("larder_redis_log_bytes", "`larder_redis_log_entries` shows the same curve"),
    ("larder_redis_misses", "`larder_redis_hit_ratio` has both"),
    ("larder_redis_servers", "a constant"),
    ("larder_refreshes_skipped_total", "the advice of the cache names it"),
    ("larder_refreshes_total", "only with `stale_while_revalidate`"),
    ("larder_value_eviction_age_seconds", "evictions of values are shown"),
];

/// Metrics with the labels that something expects of them.
type Labels<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// Returns the rows of the tables. A row of the second table names gauges without labels.
fn documented() -> Labels<'static> {
    let mut metrics = Labels::new();
    for row in OPERATIONS.lines().filter(|line| line.starts_with("| `larder_")) {
        let cells: Vec<_> = row.split('|').skip(1).map(str::trim).collect();
        let labels = if cells.len() > 3 { quoted(cells[2]).collect() } else { BTreeSet::new() };
        metrics.extend(quoted(cells[0]).map(|name| (name, labels.clone())));
    }
    metrics.insert("larder_build_info", BTreeSet::from(["version"]));
    metrics
}

/// Returns the texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Returns the queries of the dashboard and the expressions of the rules.
fn expressions() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let targets = list(&dashboard, "panels").into_iter().flat_map(|panel| list(&panel, "targets"));
    let queries = targets.map(|target| target["expr"].as_str().unwrap().to_owned());
    let variables = list(&dashboard["templating"], "list").into_iter();
    let variables = variables.filter_map(|variable| Some(variable["definition"].as_str()?.to_owned()));
    let words = ["#", "summary:", "runbook_url:"];
    let is_rule = |line: &&str| !words.iter().any(|word| line.trim_start().starts_with(word));
    let rules = ALERTS.lines().filter(is_rule).map(|line| format!("{line}\n")).collect();
    queries.chain(variables).chain([rules]).collect()
}

/// Returns the metrics in an expression, with the labels in their braces and in `by (…)`.
fn used(expression: &str) -> Labels<'_> {
    let mut labels = metrics_in(expression);
    for (start, _) in expression.match_indices("by (") {
        let (names, rest) = expression[start + "by (".len()..].split_once(')').unwrap();
        for metric in metrics_in(operand(rest.trim_start())).into_keys() {
            labels.entry(metric).or_default().extend(names.split(',').map(str::trim));
        }
    }
    labels
}

fn metrics_in(expression: &str) -> Labels<'_> {
    let mut labels = Labels::new();
    for (start, _) in expression.match_indices("larder_") {
        let text = &expression[start..];
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let (name, rest) = text.split_at(text.find(|letter| !is_name(letter)).unwrap_or(text.len()));
        let matchers = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|found| found.0);
        let names = matchers.into_iter().flat_map(|matchers| matchers.split(','));
        let names = names.filter_map(|matcher| matcher.split(['=', '!']).next().map(str::trim));
        labels.entry(name).or_default().extend(names);
    }
    labels
}

/// Returns the text between the first parenthesis and its counterpart.
fn operand(text: &str) -> &str {
    let mut depth = 0;
    let end = text.find(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth == 0
    });
    &text[..end.unwrap()]
}

#[test]
fn each_label_is_one_of_its_metric() {
    let documented = documented();
    let mut checked = 0;
    for expression in expressions() {
        for (name, labels) in used(&expression) {
            let metric = name.strip_suffix("_bucket").unwrap_or(name);
            let known = &documented.get(metric).unwrap_or_else(|| panic!("{name} in {expression}"));
            let of_bucket = (metric != name).then_some("le");
            let is_known = |label: &&str| {
                known.contains(label) || OF_THE_TARGET.contains(label) || of_bucket == Some(*label)
            };
            let unknown: Vec<_> = labels.iter().filter(|label| !is_known(label)).collect();
            assert!(unknown.is_empty(), "{name} has no {unknown:?}: {expression}");
            checked += labels.len();
        }
    }
    assert!(checked > 100, "{checked}");
}

#[test]
fn labels_are_found_in_braces_and_in_groups() {
    let labels = used(r#"sum by (le, a) (rate(larder_x_bucket{b="c", d=~"e|f"}[5m])) / larder_y{g!="h"}"#);
    let expected = [("larder_x_bucket", vec!["a", "b", "d", "le"]), ("larder_y", vec!["g"])];
    let expected = expected.map(|(name, labels)| (name, labels.into_iter().collect()));
    assert_eq!(labels, BTreeMap::from(expected));
}

#[test]
fn each_metric_is_shown_or_there_is_a_reason() {
    let expressions = expressions();
    let used = expressions.iter().flat_map(|expression| used(expression).into_keys());
    let used: BTreeSet<_> = used.map(|name| name.strip_suffix("_bucket").unwrap_or(name)).collect();
    let documented: BTreeSet<_> = documented().into_keys().collect();
    let missing: Vec<_> = documented.difference(&used).copied().collect();
    assert_eq!(missing, NOT_SHOWN.map(|(name, _)| name));
}
