//! `larder stats`.

use serde::Deserialize;
use serde_json::json;

use crate::admin::{AdminClient, Answer};
use crate::cli_error::{CliError, CliErrorKind};
use crate::commands::stats_tables::{Stats, print_stats};
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::output::store_table::{StoreStats, store_lines};
use crate::redis_target;

#[derive(Debug, Deserialize)]
struct Health {
    text: String,
}

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::stats(&redis, &context.output).await,
        Connection::Admin(admin) => stats(&admin, &context.output).await,
    }
}

async fn stats(admin: &AdminClient, output: &Output) -> Result<ExitCode, CliError> {
    let (stats, health) = (admin.get("stats").await?, admin.get("health").await?);
    let store = store(admin).await?;
    if output.is_json() {
        let store = store.map_or(json!(null), |answer| json!(answer));
        output.json(&json!({ "stats": stats, "health": health, "store": store }))?;
        return Ok(ExitCode::Done);
    }
    output.line(&health.read::<Health>()?.text)?;
    print_stats(&stats.read::<Stats>()?, output)?;
    if let Some(store) = store {
        output.line("")?;
        for line in store_lines(&store.read::<StoreStats>()?) {
            output.line(&line)?;
        }
    }
    Ok(ExitCode::Done)
}

/// Returns the figures of the shared store, if there is one and it answers.
async fn store(admin: &AdminClient) -> Result<Option<Answer>, CliError> {
    match admin.get("store").await {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind() == CliErrorKind::Unavailable => Ok(None),
        Err(error) => Err(error),
    }
}
