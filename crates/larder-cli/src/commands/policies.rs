//! `larder policies`.

use serde::Deserialize;

use crate::cli_error::CliError;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::output::{Output, Table, number, text, units};

#[derive(Debug, Deserialize)]
struct Policies {
    policies: Vec<Policy>,
    collections: Vec<Collection>,
}

/// The policy of a layer.
#[derive(Debug, Deserialize)]
struct Policy {
    name: Option<String>,
    class: String,
    routes: Vec<String>,
    ttl_seconds: f64,
    stale_while_revalidate_seconds: f64,
    stale_if_error_seconds: f64,
    key: Key,
    tags: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Key {
    source: String,
    query: String,
}

/// The options of a collection of values.
#[derive(Debug, Deserialize)]
struct Collection {
    name: String,
    ttl_seconds: f64,
    negative_ttl_seconds: Option<f64>,
    stale_while_revalidate_seconds: f64,
    stale_if_error_seconds: f64,
    max_memory_bytes: u64,
    write_behind: Option<WriteBehind>,
}

#[derive(Debug, Deserialize)]
struct WriteBehind {
    is_in_process: bool,
    partitions: u64,
    durability: String,
}

pub(crate) async fn run(context: &Context) -> Result<ExitCode, CliError> {
    let answer = context.admin()?.get("policies").await?;
    if context.output.is_json() {
        context.output.json(&answer)?;
    } else {
        print(&answer.read()?, &context.output)?;
    }
    Ok(ExitCode::Done)
}

fn print(found: &Policies, output: &Output) -> Result<(), CliError> {
    let Policies { policies, collections } = found;
    if policies.is_empty() && collections.is_empty() {
        return output.line("the cache has no layer and no collection");
    }
    if !policies.is_empty() {
        output.table(&policy_table(policies))?;
    }
    if !collections.is_empty() {
        if !policies.is_empty() {
            output.line("")?;
        }
        output.table(&collection_table(collections))?;
    }
    Ok(())
}

fn policy_table(policies: &[Policy]) -> Table {
    let mut table = Table::new([
        text("policy"),
        text("class"),
        number("lifetime"),
        number("stale while revalidate"),
        number("stale if error"),
        text("key"),
        text("tags"),
    ]);
    for policy in policies {
        table.row([
            name(policy),
            policy.class.clone(),
            units::seconds(policy.ttl_seconds),
            units::seconds(policy.stale_while_revalidate_seconds),
            units::seconds(policy.stale_if_error_seconds),
            key(&policy.key),
            policy.tags.join(" "),
        ]);
    }
    table
}

fn name(policy: &Policy) -> String {
    let routes = policy.routes.iter();
    policy.name.iter().chain(routes).next().cloned().unwrap_or_else(|| "no request yet".to_owned())
}

fn key(key: &Key) -> String {
    match &*key.query {
        "all" => key.source.clone(),
        query => format!("{} with query {query}", key.source),
    }
}

fn collection_table(collections: &[Collection]) -> Table {
    let mut table = Table::new([
        text("collection"),
        number("lifetime"),
        number("absences"),
        number("stale while revalidate"),
        number("stale if error"),
        number("memory"),
        text("writes"),
    ]);
    for one in collections {
        table.row([
            one.name.clone(),
            units::seconds(one.ttl_seconds),
            one.negative_ttl_seconds.map_or_else(|| "not stored".to_owned(), units::seconds),
            units::seconds(one.stale_while_revalidate_seconds),
            units::seconds(one.stale_if_error_seconds),
            units::bytes(one.max_memory_bytes),
            one.write_behind.as_ref().map_or_else(|| "not queued".to_owned(), writes),
        ]);
    }
    table
}

fn writes(options: &WriteBehind) -> String {
    let place = if options.is_in_process { "queued in process" } else { "queued" };
    format!("{place}: {} partitions, {}", options.partitions, options.durability)
}
