//! `larder instances`.

use std::time::Duration;

use serde::Deserialize;

use crate::admin::AdminClient;
use crate::cli_error::CliError;
use crate::context::{Connection, Context};
use crate::exit_code::ExitCode;
use crate::output::{Align, Output, Table, dates, units};
use crate::redis_target;

#[derive(Debug, Deserialize)]
struct Fleet {
    this: String,
    instances: Vec<Instance>,
}

#[derive(Debug, Deserialize)]
struct Instance {
    id: String,
    state: String,
    host: String,
    version: String,
    #[serde(default)]
    started_at_millis: u64,
    #[serde(default)]
    seen_seconds_ago: f64,
    #[serde(default)]
    lag_seconds: Option<f64>,
    #[serde(default)]
    staleness_ratio: Option<f64>,
    #[serde(default)]
    deferred: u64,
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
    let mut table = Table::new(
        [
            "instance",
            "",
            "host",
            "version",
            "state",
            "up",
            "seen ago",
            "lag",
            "of max. staleness",
            "deferred",
        ],
        [
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Left,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Right,
            Align::Right,
        ],
    );
    for instance in fleet.instances {
        let is_this = instance.id == fleet.this;
        table.row([
            instance.id,
            if is_this { "this one".to_owned() } else { String::new() },
            instance.host,
            instance.version,
            instance.state,
            units::duration(dates::since(Duration::from_millis(instance.started_at_millis))),
            units::seconds(instance.seen_seconds_ago),
            instance.lag_seconds.map_or_else(unknown, units::seconds),
            instance.staleness_ratio.map_or_else(unknown, units::percent),
            units::count(instance.deferred),
        ]);
    }
    output.table(&table)?;
    Ok(ExitCode::Done)
}

fn unknown() -> String {
    "-".to_owned()
}
