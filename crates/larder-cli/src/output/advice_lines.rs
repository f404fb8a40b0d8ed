//! Findings, over an admin URL or over Redis.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::output::{Output, Tone};

/// A finding, in the form of the admin API.
#[derive(Debug, Deserialize)]
pub(crate) struct Advice {
    kind: String,
    pub(crate) severity: String,
    subject: String,
    reason: Option<String>,
    evidence: BTreeMap<String, f64>,
    remedy: String,
}

/// Whether something should change.
pub(crate) fn has_finding(all: &[Advice]) -> bool {
    all.iter().any(|one| one.severity != "good")
}

/// Returns findings as lines.
pub(crate) fn advice_lines(all: &[Advice], output: &Output) -> Vec<String> {
    all.iter().flat_map(|one| lines_of(one, output)).collect()
}

fn lines_of(one: &Advice, output: &Output) -> [String; 3] {
    let reason = one.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
    let tone = match &*one.severity {
        "warning" => Tone::Bad,
        "hint" => Tone::Warning,
        _ => Tone::Good,
    };
    let severity = output.in_tone(tone, &one.severity);
    let evidence: Vec<_> = one.evidence.iter().map(|(name, value)| figure(name, *value)).collect();
    [
        format!("{severity}: {}: {}{reason}", one.subject, one.kind.replace('-', " ")),
        format!("  evidence: {}", evidence.join(", ")),
        format!("  remedy: {}", one.remedy),
    ]
}

/// Returns a figure with at most three digits after the point.
fn figure(name: &str, value: f64) -> String {
    let rounded = (value * 1e3).round() / 1e3;
    format!("{} {rounded}", name.replace('_', " "))
}
