//! Runs the models and prints the results: `larder-model [--threads N] [--most STATES] [--only
//! WORD]`.

use std::process::ExitCode;

use larder_model::run::{Report, check};
use larder_model::scope::{Budget, Scope};
use larder_model::world::Promise;
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
    if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
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
    let vocabulary = parts.into_iter().filter(|(number, _)| *number > 0);
    vocabulary.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
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
