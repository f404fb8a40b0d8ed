//! A table of instances, over an admin URL or over Redis.

use std::time::Duration;

use serde::Deserialize;

use crate::output::{Table, dates, number, text, units};

/// An instance, in the form of the admin API.
#[derive(Debug, Deserialize)]
pub(crate) struct Instance {
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

/// Returns a table of instances. `this` is the id of the one that was asked, or empty.
pub(crate) fn instance_table(instances: Vec<Instance>, this: &str) -> Table {
    let mut table = Table::new([
        text("instance"),
        text(""),
        text("host"),
        text("version"),
        text("state"),
        number("up"),
        number("seen ago"),
        number("lag"),
        number("of max. staleness"),
        number("deferred"),
    ]);
    for instance in instances {
        let is_this = instance.id == this;
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
    table
}

fn unknown() -> String {
    "-".to_owned()
}
