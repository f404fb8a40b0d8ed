//! The output of `larder doctor`.

use serde::Serialize;
use serde_json::Value;

use crate::cli_error::CliError;
use crate::doctor::facts::{Facts, LatencyFacts};
use crate::doctor::finding::{Finding, Prompt};
use crate::doctor::rules::{Diagnosis, Outcome};
use crate::output::{Output, Table, number, text, units};
use crate::target::RedisTarget;

/// The width of the longest bar of the histogram.
const BAR: u64 = 40;

#[derive(Serialize)]
struct Document<'a> {
    redis: String,
    namespace: &'a str,
    servers: Vec<&'a str>,
    #[serde(flatten)]
    diagnosis: &'a Diagnosis,
    latency: Option<LatencyDocument>,
}

#[derive(Serialize)]
struct LatencyDocument {
    samples: u64,
    p50_seconds: f64,
    p90_seconds: f64,
    p99_seconds: f64,
    max_seconds: f64,
    histogram: Vec<BucketDocument>,
}

#[derive(Serialize)]
struct BucketDocument {
    up_to_seconds: f64,
    count: u64,
}

pub(super) fn print(
    target: &RedisTarget,
    facts: &Facts,
    diagnosis: &Diagnosis,
    output: &Output,
) -> Result<(), CliError> {
    if output.is_json() {
        return output.json(&Document {
            redis: target.shown_url(),
            namespace: &facts.namespace,
            servers: facts.servers.iter().map(|server| server.address.as_str()).collect(),
            diagnosis,
            latency: facts.latency.as_ref().map(LatencyDocument::new),
        });
    }
    for finding in &diagnosis.findings {
        print_finding(finding, facts.servers.len() > 1, output)?;
    }
    let mut table = Table::new([text("CHECKED"), text("RESULT"), text("SEEN")]);
    for one in &diagnosis.checked {
        let outcome = match one.outcome {
            Outcome::Passed => "ok",
            Outcome::Found => "see above",
            Outcome::Unknown => "unknown",
        };
        table.row([one.check.to_owned(), outcome.to_owned(), one.seen.clone().unwrap_or_default()]);
    }
    output.table(&table)?;
    if let Some(latency) = &facts.latency {
        print_histogram(latency, output)?;
    }
    match diagnosis.findings.len() {
        0 => output.line("\nNothing found."),
        1 => output.line("\n1 finding."),
        count => output.line(&format!("\n{count} findings.")),
    }
}

fn print_finding(finding: &Finding, is_one_of_many: bool, output: &Output) -> Result<(), CliError> {
    let server = match &finding.server {
        Some(server) if is_one_of_many => format!(" on {server}"),
        _ => String::new(),
    };
    output.line(&format!("{}: {}{server}", finding.severity.as_str(), finding.name))?;
    let shown: Vec<_> = finding
        .evidence
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| format!("{name} {}", plain(value)))
        .collect();
    if !shown.is_empty() {
        output.line(&format!("  seen    {}", shown.join(", ")))?;
    }
    output.line(&format!("  remedy  {}", finding.remedy))?;
    for command in &finding.commands {
        let prompt = match command.prompt {
            Prompt::Redis => "redis-cli>",
            Prompt::Shell => "$",
        };
        output.line(&format!("  type    {prompt} {}", command.line))?;
    }
    output.line(&format!("  see     {}\n", finding.link))
}

/// Returns a value without quotation marks.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn print_histogram(latency: &LatencyFacts, output: &Output) -> Result<(), CliError> {
    output.line("\nRound trips")?;
    let most = latency.buckets.iter().map(|bucket| bucket.count).max().unwrap_or_default().max(1);
    let mut table = Table::new([number("UP TO"), number("COUNT"), text("")]);
    for bucket in latency.buckets.iter().filter(|bucket| bucket.count > 0) {
        let length = (bucket.count * BAR).div_ceil(most);
        let bar = "█".repeat(usize::try_from(length).unwrap_or_default());
        table.row([units::duration(bucket.limit), bucket.count.to_string(), bar]);
    }
    output.table(&table)
}

impl LatencyDocument {
    fn new(facts: &LatencyFacts) -> Self {
        let buckets = facts.buckets.iter();
        Self {
            samples: facts.samples,
            p50_seconds: facts.p50.as_secs_f64(),
            p90_seconds: facts.p90.as_secs_f64(),
            p99_seconds: facts.p99.as_secs_f64(),
            max_seconds: facts.max.as_secs_f64(),
            histogram: buckets
                .map(|bucket| BucketDocument {
                    up_to_seconds: bucket.limit.as_secs_f64(),
                    count: bucket.count,
                })
                .collect(),
        }
    }
}
