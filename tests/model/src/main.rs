//! Runs the models and prints the results: `larder-model [--threads N] [--most STATES] [--only
//! WORD]`.

use std::process::ExitCode;
use std::time::Instant;

use larder_model::operations::explore_operations;
use larder_model::run::{Report, check};
use larder_model::scope::{Budget, Scope};
use larder_model::world::Promise;
use larder_model::write_behind::explore_behind;
use larder_model::write_through::{self, WriteBudget, WriteModel, WriteReport, check_writes};
use larder_model::{configurations, misreadings};

fn main() -> ExitCode {
    let only = after("--only").unwrap_or_default();
    let is_wanted = |scope: &Scope| format!("{} {:?}", scope.name, scope.reading).contains(&only);
    let most = after("--most").and_then(|most| most.parse().ok()).unwrap_or(8_000_000);
    let threads = after("--threads").and_then(|threads| threads.parse().ok()).unwrap_or(1);

    println!("| configuration | budget | states | unique | depth | seconds | | held |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | --- | --- |");
    let scopes = configurations::small().into_iter().chain(configurations::large());
    let mut is_right = scopes.filter(|scope| is_wanted(scope)).fold(true, |is_right, scope| {
        let report = check(&scope, most, threads);
        println!("{}", row(&report));
        is_right & holds(&report)
    });

    println!("\n| rule | misread | configuration | unique | seconds | steps | breaks |");
    println!("| ---: | --- | --- | ---: | ---: | ---: | --- |");
    for (rule, scope) in misreadings::all().into_iter().filter(|(_, scope)| is_wanted(scope)) {
        let report = check(&scope, most, threads);
        println!("{}", misread(rule, &report));
        is_right &= report.trace.is_some();
    }
    for (rule, scope) in misreadings::harmless().into_iter().filter(|(_, scope)| is_wanted(scope)) {
        let report = check(&scope, most, threads);
        println!("{}", misread(rule, &report));
        is_right &= holds(&report);
    }
    is_right &= explore_writes(&only, most, threads);
    is_right &= explore_behind(&only, most, threads);
    is_right &= explore_operations(&only, most, threads);
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Explores the model of rule 18. Returns whether it holds, and each misreading of it does not.
fn explore_writes(only: &str, most: usize, threads: usize) -> bool {
    let is_wanted =
        |model: &WriteModel| format!("rule 18: {} {:?}", model.name, model.reading).contains(only);
    let check = |model: &WriteModel| {
        let began = Instant::now();
        let report = check_writes(*model, most, threads);
        (report, began.elapsed().as_secs_f64())
    };
    println!("\n| rule 18 | processes | budget | unique | depth | seconds | | held |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | --- | --- |");
    let mut is_right = true;
    for model in write_through::small().iter().chain(&write_through::large()).filter(|model| is_wanted(model))
    {
        let (report, secs) = check(model);
        println!("{}", row_of_writes(model, &report, secs));
        is_right &= report.violation.is_none();
    }
    println!("\n| rule 18 misread | scope | unique | seconds | steps | breaks |");
    println!("| --- | --- | ---: | ---: | ---: | --- |");
    let misread = write_through::misreadings().into_iter().map(|model| (model, true));
    let harmless = write_through::harmless().into_iter().map(|model| (model, false));
    for (model, does_harm) in misread.chain(harmless).filter(|(model, _)| is_wanted(model)) {
        let (WriteReport { unique, violation, .. }, secs) = check(&model);
        is_right &= violation.is_some() == does_harm;
        let found = violation.map(|found| format!("{} | {:?}", found.steps.len(), found.broken));
        let found = found.unwrap_or_else(|| "| nothing: another rule does its work".to_owned());
        println!("| `{:?}` | {} | {unique} | {secs:.1} | {found} |", model.reading, model.name);
    }
    is_right
}

fn row_of_writes(model: &WriteModel, report: &WriteReport, secs: f64) -> String {
    let WriteReport { unique, depth, is_exhausted, violation } = report;
    let all = if *is_exhausted { "exhausted" } else { "bounded" };
    let held =
        violation.as_ref().map_or_else(|| "P1, P2, useful".to_owned(), |found| format!("**{found:?}**"));
    let WriteModel { name, processes, budget, .. } = model;
    let budget = budget_of_writes(budget);
    format!("| {name} | {processes} | {budget} | {unique} | {depth} | {secs:.1} | {all} | {held} |")
}

fn budget_of_writes(budget: &WriteBudget) -> String {
    let WriteBudget { writes, changes, loads, gets, ticks, deferred, .. } = *budget;
    let WriteBudget { lost_answers, failures, others, trims, losses, restarts, .. } = *budget;
    list([
        (writes, "write"),
        (changes, "other change"),
        (loads, "load"),
        (gets, "get"),
        (ticks, "tick"),
        (deferred, "deferred"),
        (lost_answers, "answer lost"),
        (failures, "failure"),
        (others, "other event"),
        (trims, "trim"),
        (losses, "loss"),
        (restarts, "restart"),
    ])
}

/// Lists the steps that may happen, with their numbers.
fn list<const N: usize>(parts: [(u8, &str); N]) -> String {
    let vocabulary = parts.into_iter().filter(|(number, _)| *number > 0);
    vocabulary.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}

fn after(name: &str) -> Option<String> {
    std::env::args().skip_while(|word| word != name).nth(1)
}

fn holds(report: &Report) -> bool {
    for action in report.trace.iter().flat_map(|trace| &trace.actions) {
        println!("    {action:?}");
    }
    report.trace.is_none()
}

fn row(report: &Report) -> String {
    let Report { scope, states, unique, depth, took, is_exhausted, trace } = report;
    let all = if *is_exhausted { "exhausted" } else { "bounded" };
    let promises = if scope.recovers { "P1, P2, P3" } else { "P1, P2" };
    let held = if trace.is_some() { "**broken**" } else { promises };
    let (name, budget, secs) = (scope.name, budget(scope), took.as_secs_f64());
    format!("| {name} | {budget} | {states} | {unique} | {depth} | {secs:.1} | {all} | {held} |")
}

/// Lists the numbers of possible actions.
fn budget(scope: &Scope) -> String {
    let Budget { invalidations, elsewhere, fills, others_fills, gets, joins, .. } = scope.budget;
    let Budget { lost_answers, others, trims, losses, isolations, restarts, marks, .. } = scope.budget;
    let parts = [
        (invalidations, "here"),
        (elsewhere, "elsewhere"),
        (fills, "fill"),
        (others_fills, "filled elsewhere"),
        (gets, "get"),
        (joins, "join"),
        (lost_answers, "answer lost"),
        (others, "other event"),
        (trims, "trim"),
        (losses, "loss"),
        (isolations, "cut off"),
        (restarts, "restart"),
        (marks, "mark"),
    ];
    list(parts)
}

fn misread(rule: u8, report: &Report) -> String {
    let (reading, name, unique) = (report.scope.reading, report.scope.name, report.unique);
    let secs = report.took.as_secs_f64();
    let found = report.trace.as_ref().map(|trace| {
        let broken = trace.broken.map_or("P3", Promise::as_str);
        format!("{} | {broken}", trace.actions.len())
    });
    let found = found.unwrap_or_else(|| "| nothing: another rule does its work".to_owned());
    format!("| {rule} | `{reading:?}` | {name} | {unique} | {secs:.1} | {found} |")
}
