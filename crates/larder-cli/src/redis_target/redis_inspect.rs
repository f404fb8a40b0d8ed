//! `larder inspect` over Redis.

use http::HeaderName;
use larder::fleet::{FleetInspection, LeaseState};
use larder::inspect::{StoredInfo, ValueInfo};
use serde_json::{Value, json};

use crate::arguments::InspectArgs;
use crate::cli_error::CliError;
use crate::exit_code::ExitCode;
use crate::output::stored_table::{StoredResponse, StoredTable, StoredValue};
use crate::output::{Output, units};
use crate::redis_target::connect::{connect, failed};
use crate::redis_target::redis_stats::{convert, in_json};
use crate::target::RedisTarget;

/// Prints what Redis has under a key, and what the log says of it. A script learns from the exit
/// code whether there is something.
pub(crate) async fn inspect(
    redis: &RedisTarget,
    args: &InspectArgs,
    output: &Output,
) -> Result<ExitCode, CliError> {
    if args.key.contains("^#") {
        return Err(CliError::usage(
            "the key has a hidden value, which only the application can look up: use an admin URL",
        ));
    }
    let fleet = connect(redis).await?;
    let found = fleet.inspect(&args.key).await.map_err(|error| failed(redis, &error))?;
    fleet.close().await;
    match output.is_json() {
        true => output.json(&inspection_json(&found)?)?,
        false => print(&found, output)?,
    }
    Ok(if is_empty(&found) { ExitCode::Findings } else { ExitCode::Done })
}

fn is_empty(found: &FleetInspection) -> bool {
    found.responses.is_empty() && found.value.is_none() && found.vary.is_empty() && found.unreadable == 0
}

fn print(found: &FleetInspection, output: &Output) -> Result<(), CliError> {
    if is_empty(found) {
        output.line(&format!("Redis has nothing under {}", found.key))?;
    }
    let mut table = StoredTable::new();
    for response in &found.responses {
        table.response("shared", &convert::<StoredResponse>(&response_json(response))?);
    }
    if let Some(value) = &found.value {
        table.value("shared", &convert::<StoredValue>(&value_json(value))?);
    }
    table.print(output)?;
    for position in positions(found) {
        output.line(&format!("position: {position}"))?;
    }
    for by in &found.invalidated_by {
        let soft = if by.is_soft { " (soft)" } else { "" };
        let age = by.age.map_or_else(String::new, |age| format!(", {} ago", units::duration(age)));
        output.line(&format!("invalidated by: {}{soft} at {}{age}", by.name, by.place))?;
    }
    if !found.vary.is_empty() {
        let fields: Vec<_> = found.vary.iter().map(HeaderName::as_str).collect();
        output.line(&format!("varies on: {}; {} variants", fields.join(", "), found.variants))?;
    }
    if let Some(lease) = found.lease {
        output.line(&format!("lease: {}", lease_text(lease)))?;
    }
    if found.unreadable > 0 {
        output.line(&format!("{} entries cannot be read", found.unreadable))?;
    }
    Ok(())
}

/// Returns the positions of the entries, each once.
fn positions(found: &FleetInspection) -> Vec<&str> {
    let responses = found.responses.iter().map(|response| &*response.position);
    let mut all: Vec<&str> = responses.chain(found.value.iter().map(|value| &*value.position)).collect();
    all.sort_unstable();
    all.dedup();
    all
}

const fn lease_text(lease: LeaseState) -> &'static str {
    match lease {
        LeaseState::Held(_) => "an instance fills it",
        LeaseState::Uncacheable => "hit-for-miss: requests do not wait for a response to store",
        LeaseState::RetryLater => "the handler has failed, and is asked again later",
        _ => "held",
    }
}

fn inspection_json(found: &FleetInspection) -> Result<Value, CliError> {
    Ok(json!({
        "key": found.key,
        "responses": found.responses.iter().map(response_json).collect::<Vec<_>>(),
        "value": found.value.as_ref().map(value_json),
        "vary": found.vary.iter().map(HeaderName::as_str).collect::<Vec<_>>(),
        "variants": found.variants,
        "unreadable": found.unreadable,
        "lease": found.lease.map(lease_text),
        "invalidated_by": in_json(&found.invalidated_by)?,
    }))
}

/// Returns the form of the admin API.
fn response_json(info: &StoredInfo) -> Value {
    let variant =
        info.variant.iter().map(|field| json!({ "name": field.name.as_str(), "value": field.value }));
    json!({
        "key": info.key,
        "path": info.path,
        "uris": info.uris,
        "status": info.status.as_u16(),
        "state": info.state.as_str(),
        "age_seconds": info.age.as_secs_f64(),
        "remaining_seconds": info.remaining.as_secs_f64(),
        "body_bytes": info.body_bytes,
        "stored_bytes": info.stored_bytes,
        "tags": info.tags.iter().map(larder::Tag::as_str).collect::<Vec<_>>(),
        "position": info.position,
        "variant": variant.collect::<Vec<_>>(),
        "is_partial": info.is_partial,
        "codings": info.codings.iter().map(|coding| coding.as_str()).collect::<Vec<_>>(),
    })
}

/// Returns the form of the admin API.
fn value_json(info: &ValueInfo) -> Value {
    json!({
        "key": info.key,
        "state": info.state.as_str(),
        "age_seconds": info.age.as_secs_f64(),
        "remaining_seconds": info.remaining.as_secs_f64(),
        "stored_bytes": info.stored_bytes,
        "tags": info.tags.iter().map(larder::Tag::as_str).collect::<Vec<_>>(),
        "position": info.position,
        "load_seconds": info.load_time.as_secs_f64(),
        "is_absence": info.is_absence,
    })
}
