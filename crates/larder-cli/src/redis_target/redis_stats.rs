//! `larder stats`, `larder instances` and `larder advise` over Redis.

use larder::Instance;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli_error::CliError;
use crate::exit_code::ExitCode;
use crate::output::advice_lines::{Advice, advice_lines, has_finding};
use crate::output::instance_table::instance_table;
use crate::output::store_table::{StoreStats, store_lines};
use crate::output::{Output, units};
use crate::redis_target::connect::{connect, failed};
use crate::target::RedisTarget;

/// The note about figures that Redis alone does not have.
const NO_HITS: &str = "Hit ratios, misses and routes are figures of an instance: use an admin URL.";

/// Prints the figures of Redis, of the log and of the instances.
pub(crate) async fn stats(redis: &RedisTarget, output: &Output) -> Result<ExitCode, CliError> {
    let fleet = connect(redis).await?;
    let wrong = |error| failed(redis, &error);
    let store = fleet.store_stats().await.map_err(wrong)?;
    let end = fleet.log_end().await.map_err(wrong)?;
    let instances = fleet.instances().await.map_err(wrong)?;
    fleet.close().await;
    let states = states(&instances);
    if output.is_json() {
        output.json(&json!({
            "store": in_json(&store)?,
            "log": {
                "incarnation": end.incarnation.to_string(),
                "last": end.last.to_string(),
                "unix_millis": end.now.unix_millis(),
            },
            "instances": states.iter().cloned().collect::<serde_json::Map<_, _>>(),
            "note": NO_HITS,
        }))?;
        return Ok(ExitCode::Done);
    }
    for line in store_lines(&convert::<StoreStats>(&store)?) {
        output.line(&line)?;
    }
    output.line(&format!("last:     {} in incarnation {}", end.last, end.incarnation))?;
    output.line(&format!("fleet:    {}", fleet_text(&states)))?;
    output.line(NO_HITS)?;
    Ok(ExitCode::Done)
}

/// Returns the number of instances in each state.
fn states(instances: &[Instance]) -> Vec<(String, Value)> {
    let mut counts = std::collections::BTreeMap::new();
    for instance in instances {
        *counts.entry(instance.state().to_string()).or_insert(0_u64) += 1;
    }
    counts.into_iter().map(|(state, count)| (state, json!(count))).collect()
}

fn fleet_text(states: &[(String, Value)]) -> String {
    match states {
        [] => "no instance announces itself".to_owned(),
        states => {
            let text = |(state, count): &(String, Value)| {
                format!("{} {state}", units::count(count.as_u64().unwrap_or_default()))
            };
            states.iter().map(text).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Prints the instances that share the namespace. This program is none of them.
pub(crate) async fn instances(redis: &RedisTarget, output: &Output) -> Result<ExitCode, CliError> {
    let fleet = connect(redis).await?;
    let instances = fleet.instances().await.map_err(|error| failed(redis, &error))?;
    fleet.close().await;
    if output.is_json() {
        output.json(&json!({ "this": null, "instances": in_json(&instances)? }))?;
    } else if instances.is_empty() {
        output.line("no instance announces itself in this namespace")?;
    } else {
        output.table(&instance_table(convert(&instances)?, ""))?;
    }
    Ok(ExitCode::Done)
}

/// Prints what the figures of Redis and of the instances mean. A script learns from the exit code
/// whether there is a warning.
pub(crate) async fn advise(redis: &RedisTarget, output: &Output) -> Result<ExitCode, CliError> {
    let fleet = connect(redis).await?;
    let all = fleet.advice().await.map_err(|error| failed(redis, &error))?;
    fleet.close().await;
    let shown: Vec<Advice> = convert(&all)?;
    if output.is_json() {
        output.json(&in_json(&all)?)?;
    } else {
        if shown.is_empty() {
            output.line("Nothing to change in Redis, and no instance is behind.")?;
        }
        for line in advice_lines(&shown, output) {
            output.line(&line)?;
        }
        output.note("Advice about hit ratios and routes needs an admin URL.");
    }
    Ok(if has_finding(&shown) { ExitCode::Findings } else { ExitCode::Done })
}

/// Returns the form of the admin API.
pub(super) fn in_json(data: &impl Serialize) -> Result<Value, CliError> {
    serde_json::to_value(data).map_err(|error| CliError::failed(error.to_string()))
}

/// Reads data in the form of the admin API, for the tables that both targets share.
pub(super) fn convert<T: DeserializeOwned>(data: &impl Serialize) -> Result<T, CliError> {
    serde_json::from_value(in_json(data)?).map_err(|error| CliError::failed(error.to_string()))
}
