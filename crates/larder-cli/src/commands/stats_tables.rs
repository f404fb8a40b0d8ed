//! The tables of `larder stats`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cli_error::CliError;
use crate::output::{Output, Table, number, text, units};

/// The counters of a cache.
#[derive(Debug, Deserialize)]
pub(super) struct Stats {
    hit_ratio: f64,
    #[serde(flatten)]
    sum: Counters,
    routes: Vec<Route>,
    values: BTreeMap<String, Collection>,
    #[serde(default)]
    memory_entries: u64,
    #[serde(default)]
    memory_bytes: u64,
}

/// The outcomes of requests.
#[derive(Debug, Deserialize)]
struct Counters {
    hits_memory: u64,
    hits_shared: u64,
    stale: BTreeMap<String, u64>,
    misses: BTreeMap<String, u64>,
    bypasses: BTreeMap<String, u64>,
    #[serde(default)]
    handler_seconds_saved: f64,
}

#[derive(Debug, Deserialize)]
struct Route {
    route: String,
    class: String,
    #[serde(flatten)]
    counters: Counters,
}

#[derive(Debug, Deserialize)]
struct Collection {
    #[serde(flatten)]
    counters: Counters,
    #[serde(default)]
    load_seconds_saved: f64,
    #[serde(default)]
    memory_entries: u64,
    #[serde(default)]
    memory_bytes: u64,
}

impl Counters {
    fn stale(&self) -> u64 {
        self.stale.values().sum()
    }

    fn misses(&self) -> u64 {
        self.misses.values().sum()
    }

    fn bypasses(&self) -> u64 {
        self.bypasses.values().sum()
    }

    fn hits(&self) -> u64 {
        self.hits_memory + self.hits_shared + self.stale()
    }

    fn requests(&self) -> u64 {
        self.hits() + self.misses() + self.bypasses()
    }

    /// Returns the share of hits among the requests that could have been hits.
    fn hit_ratio(&self) -> String {
        ratio(self.hits(), self.hits() + self.misses())
    }

    /// Returns the most frequent reason of misses, which says what to change.
    fn main_reason(&self) -> String {
        let most = self.misses.iter().max_by_key(|(_, count)| **count);
        most.map_or_else(String::new, |(reason, _)| reason.clone())
    }
}

pub(super) fn print_stats(stats: &Stats, output: &Output) -> Result<(), CliError> {
    let Stats { sum, hit_ratio, .. } = stats;
    output.line(&format!(
        "{} requests, hit ratio {}: {} from memory, {} from Redis, {} stale, {} misses, {} bypasses",
        units::count(sum.requests()),
        units::percent(*hit_ratio),
        units::count(sum.hits_memory),
        units::count(sum.hits_shared),
        units::count(sum.stale()),
        units::count(sum.misses()),
        units::count(sum.bypasses()),
    ))?;
    let (entries, bytes) = (units::count(stats.memory_entries), units::bytes(stats.memory_bytes));
    output.line(&format!("{entries} responses in memory, with {bytes}"))?;
    print_table(&routes_table(&stats.routes), output)?;
    print_table(&reasons_table(sum), output)?;
    print_table(&values_table(&stats.values), output)
}

/// Prints a table behind an empty line, if it has a row.
fn print_table(table: &Table, output: &Output) -> Result<(), CliError> {
    if table.is_empty() {
        return Ok(());
    }
    output.line("")?;
    output.table(table)
}

fn routes_table(routes: &[Route]) -> Table {
    let mut table = Table::new([
        text("route"),
        text("class"),
        number("requests"),
        number("hit ratio"),
        number("memory"),
        number("Redis"),
        number("stale"),
        number("misses"),
        number("bypasses"),
        number("saved"),
        text("mostly"),
    ]);
    for Route { route, class, counters } in routes {
        table.row([
            route.clone(),
            class.clone(),
            units::count(counters.requests()),
            counters.hit_ratio(),
            units::count(counters.hits_memory),
            units::count(counters.hits_shared),
            units::count(counters.stale()),
            units::count(counters.misses()),
            units::count(counters.bypasses()),
            units::seconds(counters.handler_seconds_saved),
            counters.main_reason(),
        ]);
    }
    table
}

fn reasons_table(sum: &Counters) -> Table {
    let mut table = Table::new([text("outcome"), text("reason"), number("requests")]);
    for (outcome, reasons) in [("stale", &sum.stale), ("miss", &sum.misses), ("bypass", &sum.bypasses)] {
        for (reason, count) in reasons {
            table.row([outcome.to_owned(), reason.clone(), units::count(*count)]);
        }
    }
    table
}

fn values_table(values: &BTreeMap<String, Collection>) -> Table {
    let mut table = Table::new([
        text("values"),
        number("requests"),
        number("hit ratio"),
        number("memory"),
        number("Redis"),
        number("stale"),
        number("misses"),
        number("saved"),
        number("entries"),
        number("bytes"),
    ]);
    for (name, collection) in values {
        let Collection { counters, .. } = collection;
        table.row([
            name.clone(),
            units::count(counters.requests()),
            counters.hit_ratio(),
            units::count(counters.hits_memory),
            units::count(counters.hits_shared),
            units::count(counters.stale()),
            units::count(counters.misses()),
            units::seconds(collection.load_seconds_saved),
            units::count(collection.memory_entries),
            units::bytes(collection.memory_bytes),
        ]);
    }
    table
}

#[allow(clippy::cast_precision_loss)] // Shown with one digit after the point.
fn ratio(part: u64, whole: u64) -> String {
    if whole == 0 { "-".to_owned() } else { units::percent(part as f64 / whole as f64) }
}
