//! The queries of the dashboard, as Grafana would ask them.

use serde_json::Value;

use crate::server::Prometheus;
use crate::short_times::RANGE;

const DASHBOARD: &str = include_str!("../../../../ops/grafana/larder.json");

/// A panel, and its queries with the variables filled in.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    queries: Vec<String>,
}

impl Panel {
    /// Whether each query has at least one number.
    pub(crate) fn has_data(&self, prometheus: &Prometheus) -> bool {
        self.queries.iter().all(|query| !prometheus.query(query).is_empty())
    }
}

/// Returns the panels. Each variable has all values that its own query finds, as if they were
/// selected one by one.
pub(crate) fn panels(prometheus: &Prometheus) -> Vec<Panel> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut known = vec![("__rate_interval".to_owned(), RANGE.to_owned())];
    for variable in list(&dashboard["templating"]["list"]).filter(|variable| variable["type"] == "query") {
        let values = values(prometheus, &fill(text(&variable["query"]["query"]), &known));
        assert!(!values.is_empty(), "{variable}");
        known.push((text(&variable["name"]).to_owned(), one_of(&values)));
    }
    let panels = list(&dashboard["panels"]).filter(|panel| panel["type"] != "row");
    let filled = panels.map(|panel| Panel {
        title: text(&panel["title"]).to_owned(),
        queries: list(&panel["targets"]).map(|target| fill(text(&target["expr"]), &known)).collect(),
    });
    filled.collect()
}

/// Answers `label_values(series, label)`.
fn values(prometheus: &Prometheus, query: &str) -> Vec<String> {
    let arguments = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
    let (series, label) = arguments.unwrap().rsplit_once(", ").unwrap();
    prometheus.label_values(label, series)
}

fn fill(query: &str, known: &[(String, String)]) -> String {
    let filled =
        known.iter().fold(query.to_owned(), |query, (name, value)| query.replace(&format!("${name}"), value));
    assert!(!filled.contains('$'), "{filled}");
    filled
}

/// Returns an expression that matches these values, as Grafana writes it between quotation marks.
fn one_of(values: &[String]) -> String {
    let escape = |letter: char| match letter {
        '\\' => r"\\\\".to_owned(),
        _ if "$^*{}[]+?.()|".contains(letter) => format!(r"\\{letter}"),
        _ => letter.to_string(),
    };
    let values: Vec<_> = values.iter().map(|value| value.chars().map(escape).collect::<String>()).collect();
    format!("({})", values.join("|"))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().unwrap().iter()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

#[test]
fn values_are_escaped_in_an_expression() {
    let routes = ["/api/products/{id}", "a.b"].map(str::to_owned);
    assert_eq!(one_of(&routes), r"(/api/products/\\{id\\}|a\\.b)");
}
