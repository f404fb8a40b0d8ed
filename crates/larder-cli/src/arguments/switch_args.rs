//! The arguments of the switches.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

const MAX_TIME: Duration = Duration::from_secs(86_400);

/// The arguments of `larder disable`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DisableArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,

    /// The time after which the cache is on again: at least 1s, at most 24h.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_time)]
    pub(crate) time: Duration,
}

/// The arguments of `larder enable`.
#[derive(Debug, Clone, Args)]
pub(crate) struct EnableArgs {
    #[command(flatten)]
    pub(crate) scope: ScopeArgs,
}

/// The part of the cache that a switch covers. Without `--route` and `--class`: all of it.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ScopeArgs {
    /// Only this route, such as `/products/{id}`.
    #[arg(long, value_name = "ROUTE", conflicts_with = "class")]
    pub(crate) route: Option<String>,

    /// Only this lifetime class, such as `standard`.
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,

    /// On all instances. Over an admin URL, the default is the instance that answers. Over Redis,
    /// it is always for all instances.
    #[arg(long)]
    pub(crate) fleet: bool,
}

impl ScopeArgs {
    /// Returns the scope in the API's form.
    pub(crate) fn to_json(&self) -> Value {
        match (&self.route, &self.class) {
            (Some(route), _) => json!({ "route": route }),
            (None, Some(class)) => json!({ "class": class }),
            (None, None) => json!("all"),
        }
    }
}

fn parse_time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    match (Duration::from_secs(1)..=MAX_TIME).contains(&time) {
        true => Ok(time),
        false => Err("a switch holds for at least 1s, and at most 24h".to_owned()),
    }
}
