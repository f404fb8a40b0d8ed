//! Tables of what the model of write-behind explores.

use std::time::Instant;

use super::{
    BehindBudget, BehindModel, BehindReport, check_behind, harmless, large, limits, misreadings, small,
};

/// Explores the scopes and misreadings with this word, and prints the results.
///
/// Returns whether each scope holds, and each misreading does not.
#[must_use]
pub fn explore_behind(only: &str, most: usize, threads: usize) -> bool {
    let is_wanted =
        |model: &BehindModel| format!("write-behind: {} {:?}", model.name, model.reading).contains(only);
    let check = |model: &BehindModel| {
        let began = Instant::now();
        let report = check_behind(*model, most, threads);
        (report, began.elapsed().as_secs_f64())
    };
    println!("\n| write-behind | processes | budget | unique | depth | seconds | | held |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | --- | --- |");
    let mut is_right = true;
    for model in small().iter().chain(&large()).filter(|model| is_wanted(model)) {
        let (report, secs) = check(model);
        println!("{}", row(model, &report, secs));
        is_right &= report.violation.is_none();
    }
    println!("\n| write-behind misread | scope | unique | seconds | steps | breaks |");
    println!("| --- | --- | ---: | ---: | ---: | --- |");
    let misread = misreadings().into_iter().chain(limits()).map(|model| (model, true));
    let all = misread.chain(harmless().into_iter().map(|model| (model, false)));
    for (model, does_harm) in all.filter(|(model, _)| is_wanted(model)) {
        let (BehindReport { unique, violation, .. }, secs) = check(&model);
        is_right &= violation.is_some() == does_harm;
        let found = violation.map(|found| format!("{} | {:?}", found.steps.len(), found.broken));
        let found = found.unwrap_or_else(|| "| nothing: another rule does its work".to_owned());
        println!("| `{:?}` | {} | {unique} | {secs:.1} | {found} |", model.reading, model.name);
    }
    is_right
}

fn row(model: &BehindModel, report: &BehindReport, secs: f64) -> String {
    let BehindReport { unique, depth, is_exhausted, violation } = report;
    let all = if *is_exhausted { "exhausted" } else { "bounded" };
    let held = violation.as_ref().map_or_else(|| "all".to_owned(), |found| format!("**{found:?}**"));
    let BehindModel { name, processes, budget, .. } = model;
    let budget = budget_text(budget);
    format!("| {name} | {processes} | {budget} | {unique} | {depth} | {secs:.1} | {all} | {held} |")
}

fn budget_text(budget: &BehindBudget) -> String {
    let BehindBudget { writes, logged, loads, flushes, takeovers, ticks, gets, deferred, unheard, .. } =
        *budget;
    let BehindBudget { abandoned, restarts, refusals, retries, discards, .. } = *budget;
    let BehindBudget { lost_queues, lost_logs, clocks_back, .. } = *budget;
    let parts = [
        (writes, "write"),
        (logged, "logged"),
        (loads, "load"),
        (flushes, "flush"),
        (takeovers, "takeover"),
        (ticks, "tick"),
        (gets, "get"),
        (deferred, "deferred"),
        (unheard, "answer lost"),
        (abandoned, "abandoned"),
        (restarts, "restart"),
        (refusals, "refusal"),
        (retries, "retry"),
        (discards, "discard"),
        (lost_queues, "queue lost"),
        (lost_logs, "log lost"),
        (clocks_back, "clock back"),
    ];
    let used = parts.into_iter().filter(|(number, _)| *number > 0);
    used.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}
