//! The dashboard for Grafana has unique panels, and only metrics that the cache emits.

use std::collections::BTreeSet;

use serde_json::Value;

const DASHBOARD: &str = include_str!("../../../../ops/grafana/larder.json");
const ALERTS: &str = include_str!("../../../../ops/prometheus/alerts.yml");
const OPERATIONS: &str = include_str!("../../../../docs/OPERATIONS.md");

fn panels() -> Vec<Value> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    dashboard["panels"].as_array().unwrap().clone()
}

/// Returns the names of metrics in a text, without the endings of histograms.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names = words.filter(|word| word.starts_with("larder_") && word.len() > "larder_".len());
    names.map(|name| name.trim_end_matches("_bucket")).collect()
}

#[test]
fn the_dashboard_and_the_alerts_have_only_metrics_that_are_documented() {
    let documented = metrics_in(OPERATIONS);
    for (file, text) in [("dashboard", DASHBOARD), ("alerts", ALERTS)] {
        // Words of links, not metrics.
        let used: BTreeSet<_> = metrics_in(text).into_iter().filter(|name| *name != "larder_admin").collect();
        assert!(used.len() > 10, "{file}");
        assert_eq!(used.difference(&documented).collect::<Vec<_>>(), [&""; 0], "{file}");
    }
}

#[test]
fn each_panel_has_an_id_of_its_own_and_a_query() {
    let panels = panels();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(targets.iter().all(|target| !target["expr"].as_str().unwrap().is_empty()), "{panel}");
        assert!(!targets.is_empty(), "{panel}");
    }
}

/// Two panels of one dashboard do not overlap, and fit into its 24 columns.
#[test]
fn panels_do_not_overlap() {
    let number = |panel: &Value, name: &str| panel["gridPos"][name].as_u64().unwrap();
    let mut cells = BTreeSet::new();
    for panel in panels() {
        for x in number(&panel, "x")..number(&panel, "x") + number(&panel, "w") {
            assert!(x < 24, "{panel}");
            for y in number(&panel, "y")..number(&panel, "y") + number(&panel, "h") {
                assert!(cells.insert((x, y)), "{panel}");
            }
        }
    }
}
