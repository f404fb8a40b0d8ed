//! The figures that a page must have, from the answers of the API.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A figure that changes by itself may differ by this share.
const NEAR: f64 = 0.1;

/// The expected value of a figure.
enum Figure {
    Exact(Value),
    /// It changes while nothing happens, such as the memory of Redis.
    Near(Value),
    /// It depends on the moment. Other tests compare it.
    Any,
}

/// The figures that a page must have, by name. It may have no other ones.
#[derive(Default)]
pub(crate) struct Expected(BTreeMap<String, Vec<Figure>>);

impl Expected {
    fn add(&mut self, name: impl Into<String>, figure: Figure) {
        self.0.entry(name.into()).or_default().push(figure);
    }

    fn exact(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.add(name, Figure::Exact(value.into()));
    }

    fn near(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.add(name, Figure::Near(value.into()));
    }

    /// Compares these figures with those of a page. Returns a line for each difference.
    pub(crate) fn differences(&self, shown: &BTreeMap<String, Vec<String>>, ignored: &[&str]) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, figures) in &self.0 {
            let values = shown.get(name).map_or(&[][..], Vec::as_slice);
            if figures.len() != values.len() {
                differences.push(format!("{name}: {} expected, and {values:?} shown", figures.len()));
                continue;
            }
            let pairs = figures.iter().zip(values).filter(|(figure, value)| !figure.is(value));
            differences
                .extend(pairs.map(|(figure, value)| format!("{name}: {figure} expected, and {value} shown")));
        }
        let is_new = |name: &&String| !self.0.contains_key(*name) && !ignored.contains(&&***name);
        differences
            .extend(shown.keys().filter(is_new).map(|name| format!("{name} is compared with nothing")));
        differences
    }
}

impl Figure {
    fn is(&self, shown: &str) -> bool {
        match self {
            Self::Exact(Value::Number(number)) => is_close(number.as_f64(), shown, 1e-9),
            Self::Near(Value::Number(number)) => is_close(number.as_f64(), shown, NEAR),
            Self::Exact(other) | Self::Near(other) => text(other) == shown,
            Self::Any => true,
        }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(value) => write!(f, "{value}"),
            Self::Near(value) => write!(f, "about {value}"),
            Self::Any => write!(f, "anything"),
        }
    }
}

fn is_close(expected: Option<f64>, shown: &str, share: f64) -> bool {
    let (Some(expected), Ok(shown)) = (expected, shown.parse::<f64>()) else { return false };
    (expected - shown).abs() <= expected.abs().max(shown.abs()) * share
}

/// A value that is not known is an empty text.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The counters of the cache, a route, a class or a collection.
struct Counters {
    requests: u64,
    hits: u64,
    misses: u64,
    bypasses: u64,
    fills: Value,
    saved: Value,
}

impl Counters {
    fn of(scope: &Value) -> Self {
        let sum = |field: &str| -> u64 {
            let reasons = scope[field].as_object();
            reasons.into_iter().flat_map(Map::values).filter_map(Value::as_u64).sum()
        };
        let count = |field: &str| scope[field].as_u64().unwrap_or(0);
        let (misses, bypasses) = (sum("misses"), sum("bypasses"));
        let hits = count("hits_memory") + count("hits_shared") + sum("stale");
        let either = |one: &str, other: &str| scope.get(one).unwrap_or(&scope[other]).clone();
        Self {
            requests: hits + misses + bypasses,
            hits,
            misses,
            bypasses,
            fills: either("fills", "loads"),
            saved: either("handler_seconds_saved", "load_seconds_saved"),
        }
    }

    /// The share of hits among the requests that could have been hits.
    #[allow(clippy::cast_precision_loss)] // The page computes with the same numbers.
    fn hit_ratio(&self) -> Value {
        match self.hits + self.misses {
            0 => Value::Null,
            lookups => json!(self.hits as f64 / lookups as f64),
        }
    }
}

pub(crate) fn overview(stats: &Value, store: &Value) -> Expected {
    let mut expected = Expected::default();
    let counters = Counters::of(stats);
    expected.exact("hit-rate", stats["hit_ratio"].clone());
    expected.exact("requests", counters.requests);
    expected.exact("misses", counters.misses);
    expected.exact("bypasses", counters.bypasses);
    expected.exact("handler-seconds-saved", counters.saved);
    for (name, field) in [
        ("fills", "fills"),
        ("invalidations", "invalidations"),
        ("memory-bytes", "memory_bytes"),
        ("evictions", "evictions"),
        ("store-errors", "store_errors"),
    ] {
        expected.exact(name, stats[field].clone());
    }
    expected.near("store-memory-bytes", store["memory_used"].clone());
    for recent in ["hit-rate-recent", "requests-per-second", "misses-per-second", "saved-per-second"] {
        expected.add(recent, Figure::Any);
    }
    expected
}

/// The table of routes, classes or collections, and the reasons of the row with the most requests.
pub(crate) fn routes(stats: &Value, kind: &str) -> Expected {
    let mut expected = Expected::default();
    let rows = rows(stats, kind);
    for (id, scope) in &rows {
        let counters = Counters::of(scope);
        let mut figure = |name: &str, value: Value| expected.exact(format!("{kind}/{id}/{name}"), value);
        figure("requests", counters.requests.into());
        figure("hit-rate", counters.hit_ratio());
        figure("fills", counters.fills);
        figure("saved", counters.saved);
    }
    // Of several, the page takes the first one.
    let chosen = rows.iter().rev().max_by_key(|(_, scope)| Counters::of(scope).requests);
    if let Some((id, scope)) = chosen {
        expected.exact("chosen", &**id);
        for (name, field) in
            [("misses", "misses"), ("bypasses", "bypasses"), ("stale", "stale"), ("not-stored", "not_stored")]
        {
            let reasons = scope[field].as_object().into_iter().flatten();
            reasons.for_each(|(reason, count)| expected.exact(format!("{name}-{reason}"), count.clone()));
        }
    }
    expected
}

fn rows<'a>(stats: &'a Value, kind: &str) -> Vec<(String, &'a Value)> {
    let named = |field: &str| stats[field].as_object().into_iter().flatten();
    match kind {
        "routes" => {
            let name = |scope: &Value| format!("{} · {}", text(&scope["route"]), text(&scope["class"]));
            stats["routes"].as_array().into_iter().flatten().map(|scope| (name(scope), scope)).collect()
        }
        "classes" => named("classes").map(|(name, scope)| (name.clone(), scope)).collect(),
        _ => named("values").map(|(name, scope)| (name.clone(), scope)).collect(),
    }
}

pub(crate) fn redis(store: &Value) -> Expected {
    let mut expected = Expected::default();
    let ratio = |part: f64, all: f64| json!(part / all);
    let number = |field: &str| store[field].as_f64().unwrap_or_default();
    expected.near("memory-used", store["memory_used"].clone());
    expected.exact("memory-limit", store["memory_limit"].clone());
    expected.near("memory-peak", store["memory_peak"].clone());
    expected.near("fragmentation", ratio(number("memory_resident"), number("memory_used")));
    expected.near("store-hit-rate", ratio(number("hits"), number("hits") + number("misses")));
    expected.near("log-bytes", store["log_bytes"].clone());
    for name in
        ["evicted-keys", "expired-keys", "expiring-keys", "log-length", "connected-clients", "servers"]
    {
        expected.exact(name, store[name.replace('-', "_")].clone());
    }
    expected
}

pub(crate) fn instances(answer: &Value) -> Expected {
    let mut expected = Expected::default();
    let instances: Vec<&Value> = answer["instances"].as_array().into_iter().flatten().collect();
    expected.exact("instances", instances.len());
    for state in ["following", "starting", "detached", "silent"] {
        let count = instances.iter().filter(|instance| instance["state"] == state).count();
        expected.exact(format!("instances-{state}"), count);
    }
    for instance in instances {
        let id = text(&instance["id"]);
        expected.exact(format!("instances/{id}/state"), instance["state"].clone());
        expected.exact(format!("instances/{id}/lag"), instance["lag_seconds"].clone());
    }
    expected
}

pub(crate) fn advice(answer: &Value) -> Expected {
    let mut expected = Expected::default();
    let findings: Vec<&Value> = answer.as_array().into_iter().flatten().collect();
    expected.exact("findings", findings.len());
    for finding in findings {
        let evidence = finding["evidence"].as_object().into_iter().flatten();
        let name = |name: &str| format!("{}/{name}", text(&finding["kind"]));
        evidence.for_each(|(figure, value)| expected.near(name(figure), value.clone()));
    }
    expected
}

pub(crate) fn top_keys(answer: &Value, by: &str) -> Expected {
    let mut expected = Expected::default();
    for entry in answer[by].as_array().into_iter().flatten() {
        expected.exact(format!("top-keys/{}/count", text(&entry["key"])), entry["count"].clone());
    }
    expected
}

#[test]
fn a_wrong_a_missing_and_a_new_figure_are_differences() {
    let mut expected = Expected::default();
    expected.exact("fills", 7);
    expected.near("memory", 1000);
    expected.exact("lag", Value::Null);
    let shown = |pairs: &[(&str, &str)]| -> BTreeMap<String, Vec<String>> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect()
    };
    let right = [("fills", "7"), ("memory", "1050"), ("lag", ""), ("health", "true")];
    assert_eq!(expected.differences(&shown(&right), &["health"]), [""; 0]);
    for wrong in [("fills", "8"), ("memory", "1200"), ("lag", "0"), ("another", "1")] {
        let changed = right.into_iter().filter(|(name, _)| *name != wrong.0).chain([wrong]);
        let differences = expected.differences(&shown(&changed.collect::<Vec<_>>()), &["health"]);
        assert_eq!(differences.len(), 1, "{differences:?}");
        assert!(differences[0].starts_with(wrong.0), "{differences:?}");
    }
    assert_eq!(expected.differences(&shown(&right[1..]), &["health"]).len(), 1);
}
