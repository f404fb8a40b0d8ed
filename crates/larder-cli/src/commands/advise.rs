//! `larder advise`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::output::{Output, Tone};

#[derive(Debug, Deserialize)]
struct Advice {
    kind: String,
    severity: String,
    subject: String,
    reason: Option<String>,
    evidence: BTreeMap<String, f64>,
    remedy: String,
}

/// Prints what the figures mean. The exit code says whether something should change.
pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    let answer = context.admin()?.get("advice").await?;
    let all: Vec<Advice> = answer.read()?;
    match context.output.is_json() {
        true => context.output.json(&answer)?,
        false => print(&all, &context.output)?,
    }
    let is_finding = |one: &Advice| one.severity != "good";
    Ok(if all.iter().any(is_finding) { ExitCode::Findings } else { ExitCode::Done })
}

fn print(all: &[Advice], output: &Output) -> Result<(), CliError> {
    if all.is_empty() {
        return output.line("Nothing to change. A finding needs enough requests as evidence.");
    }
    for one in all {
        let reason = one.reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let tone = match &*one.severity {
            "warning" => Tone::Bad,
            "hint" => Tone::Warning,
            _ => Tone::Good,
        };
        let severity = output.in_tone(tone, &one.severity);
        output.line(&format!("{severity}: {}: {}{reason}", one.subject, one.kind.replace('-', " ")))?;
        let evidence: Vec<_> = one.evidence.iter().map(|(name, value)| figure(name, *value)).collect();
        output.line(&format!("  evidence: {}", evidence.join(", ")))?;
        output.line(&format!("  remedy: {}", one.remedy))?;
    }
    Ok(())
}

/// Returns a figure with at most three digits after the point.
fn figure(name: &str, value: f64) -> String {
    let rounded = (value * 1e3).round() / 1e3;
    format!("{} {rounded}", name.replace('_', " "))
}
