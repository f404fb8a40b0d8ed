//! `larder inspect`.

use serde::Deserialize;

use crate::admin::AdminClient;
use crate::arguments::InspectArgs;
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::stored_table::{StoredResponse, StoredTable, StoredValue};
use crate::output::{Output, units};
use crate::redis_target;

#[derive(Debug, Deserialize)]
struct Inspection {
    key: String,
    responses: Vec<StoredResponse>,
    values: Vec<StoredValue>,
    vary: Vec<String>,
    hit_for_miss_seconds: Option<f64>,
    store: Option<StoreInspection>,
}

/// The entries of the shared tier under the key.
#[derive(Debug, Default, Deserialize)]
struct StoreInspection {
    responses: Vec<StoredResponse>,
    value: Option<StoredValue>,
    vary: Vec<String>,
    unreadable: u64,
    error: Option<String>,
}

impl Inspection {
    fn is_empty(&self) -> bool {
        let is_empty = |store: &StoreInspection| {
            store.responses.is_empty()
                && store.value.is_none()
                && store.vary.is_empty()
                && store.unreadable == 0
        };
        self.responses.is_empty()
            && self.values.is_empty()
            && self.hit_for_miss_seconds.is_none()
            && self.store.as_ref().is_none_or(is_empty)
    }
}

pub(crate) async fn run(args: &InspectArgs, context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::inspect(&redis, args, &context.output).await,
        Connection::Admin(admin) => inspect(&admin, args, &context.output).await,
    }
}

/// Prints everything under a key. A script learns from the exit code whether there is something.
async fn inspect(admin: &AdminClient, args: &InspectArgs, output: &Output) -> Result<ExitCode, CliError> {
    let answer = admin.get(&format!("inspect?key={}", query_value(&args.key))).await?;
    let found: Inspection = answer.read()?;
    match output.is_json() {
        true => output.json(&answer)?,
        false => print(&found, output)?,
    }
    Ok(if found.is_empty() { ExitCode::Findings } else { ExitCode::Done })
}

fn print(found: &Inspection, output: &Output) -> Result<(), CliError> {
    if found.is_empty() {
        output.line(&format!("nothing is stored under {}", found.key))?;
    }
    let mut table = StoredTable::new();
    found.responses.iter().for_each(|response| table.response("memory", response));
    found.values.iter().for_each(|value| table.value("memory", value));
    if let Some(store) = &found.store {
        store.responses.iter().for_each(|response| table.response("shared", response));
        store.value.iter().for_each(|value| table.value("shared", value));
    }
    table.print(output)?;
    for vary in [Some(&found.vary), found.store.as_ref().map(|store| &store.vary)].into_iter().flatten() {
        if !vary.is_empty() {
            output.line(&format!("varies on: {}", vary.join(", ")))?;
            break;
        }
    }
    if let Some(seconds) = found.hit_for_miss_seconds {
        let time = units::seconds(seconds);
        output
            .line(&format!("hit-for-miss: for {time} more, requests do not wait for a response to store"))?;
    }
    let Some(store) = &found.store else { return Ok(()) };
    if store.unreadable > 0 {
        output.line(&format!("the shared tier has {} entries that cannot be read", store.unreadable))?;
    }
    match &store.error {
        Some(error) => output.line(&format!("the shared tier cannot be read: {error}")),
        None => Ok(()),
    }
}

/// Escapes a text for a query.
fn query_value(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(escape).collect()
}
