//! The alerts of `ops/prometheus` fit the runbooks and the metrics.

use std::collections::BTreeSet;

const ALERTS: &str = include_str!("../../../../ops/prometheus/alerts.yml");
const RUNBOOKS: &str = include_str!("../../src/runbooks.md");
const RUNBOOK_URL: &str = "https://docs.rs/larder-admin/latest/larder_admin/runbooks/index.html#";

/// Returns the rest of each line that begins with this text.
fn values<'a>(text: &'a str, field: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.trim().strip_prefix(field)).map(str::trim).collect()
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let alerts = values(ALERTS, "- alert:");
    let urls = values(ALERTS, "runbook_url:");
    let expected: Vec<_> =
        alerts.iter().map(|name| format!("{RUNBOOK_URL}{}", name.to_lowercase())).collect();
    assert_eq!(urls, expected);
    assert_eq!(values(RUNBOOKS, "# "), alerts);
}

#[test]
fn the_tests_of_the_alerts_have_each_of_them() {
    let tests = include_str!("../../../../ops/prometheus/alerts_test.yml");
    let tested: BTreeSet<_> = values(tests, "alertname:").into_iter().collect();
    assert_eq!(tested, values(ALERTS, "- alert:").into_iter().collect());
}
