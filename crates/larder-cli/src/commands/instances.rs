//! `larder instances`.

use serde::Deserialize;

use crate::admin::AdminClient;
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::Output;
use crate::output::instance_table::{Instance, instance_table};
use crate::redis_target;

#[derive(Debug, Deserialize)]
struct Fleet {
    this: String,
    instances: Vec<Instance>,
}

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    match context.connection()? {
        Connection::Redis(redis) => redis_target::instances(&redis, &context.output).await,
        Connection::Admin(admin) => instances(&admin, &context.output).await,
    }
}

async fn instances(admin: &AdminClient, output: &Output) -> Result<ExitCode, CliError> {
    let answer = admin.get("instances").await?;
    if output.is_json() {
        output.json(&answer)?;
        return Ok(ExitCode::Done);
    }
    let fleet: Fleet = answer.read()?;
    output.table(&instance_table(fleet.instances, &fleet.this))?;
    Ok(ExitCode::Done)
}
