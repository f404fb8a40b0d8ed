//! The output, and the overall result.

use std::process::ExitCode;
use std::thread;

use anyhow::{Result, anyhow};

use crate::exceptions::Exceptions;
use crate::run::{self, Store};
use crate::score::Scores;
use crate::suite::{Suite, Verdict};

/// Prints the scores of other caches, computed from the results that are published with the suite.
pub(crate) fn published(suite: &Suite) -> Result<()> {
    head();
    for (name, verdicts) in suite.published()? {
        line(&name, &verdicts);
    }
    Ok(())
}

/// Prints the score of the proxy with its default options.
pub(crate) fn defaults(suite: &Suite, stores: &[Store]) -> Result<ExitCode> {
    let ran = side_by_side(stores, |store| run::defaults(suite, store))?;
    head();
    for (store, verdicts) in stores.iter().zip(&ran) {
        line(store.as_str(), verdicts);
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the suite with all stores in parallel. Fails if a run differs from the list of exceptions.
pub(crate) fn compare(suite: &Suite, stores: &[Store], failures: bool) -> Result<ExitCode> {
    let exceptions = Exceptions::committed()?;
    let unexpected = |verdict: &Verdict| exceptions.is_unexpected_failure(verdict);
    let ran = side_by_side(stores, |store| run::all(suite, store, unexpected))?;
    head();
    for (store, verdicts) in stores.iter().zip(&ran) {
        line(store.as_str(), verdicts);
    }
    if failures {
        ran.first().into_iter().flatten().filter(|verdict| !verdict.passed()).for_each(print_verdict);
    }
    let mut all_agree = true;
    for (store, verdicts) in stores.iter().zip(&ran) {
        all_agree &= agrees(&exceptions, *store, verdicts);
    }
    if all_agree {
        println!(
            "every other test is passed but the {} of tests/conformance/exceptions.txt",
            exceptions.len()
        );
    }
    Ok(if all_agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn side_by_side<T: Send>(stores: &[Store], run: impl Fn(Store) -> Result<T> + Sync) -> Result<Vec<T>> {
    let run = &run;
    thread::scope(|scope| {
        let runs: Vec<_> = stores.iter().map(|&store| scope.spawn(move || run(store))).collect();
        runs.into_iter().map(|run| run.join().map_err(|_| anyhow!("a run panicked"))?).collect()
    })
}

fn agrees(exceptions: &Exceptions, store: Store, verdicts: &[Verdict]) -> bool {
    let disagreement = exceptions.compare(verdicts);
    for verdict in &disagreement.regressions {
        eprintln!("error: {}: not passed, and no exception:", store.as_str());
        print_verdict(verdict);
    }
    for id in &disagreement.passed {
        eprintln!(
            "error: {}: {id} is passed now: take it off tests/conformance/exceptions.txt",
            store.as_str()
        );
    }
    for id in &disagreement.unknown {
        eprintln!(
            "error: {}: {id} is no test that has to be passed: take it off tests/conformance/exceptions.txt",
            store.as_str()
        );
    }
    disagreement.is_none()
}

fn print_verdict(verdict: &Verdict) {
    let Verdict { id, suite, kind, sign, message } = verdict;
    eprintln!("  {sign} {id} ({suite}, {}): {message}", format!("{kind:?}").to_lowercase());
}

fn head() {
    println!("{:<14} {:>12} {:>12} {:>12}", "", "required", "optimal", "check (yes)");
}

fn line(name: &str, verdicts: &[Verdict]) {
    let Scores { required, optimal, check } = Scores::of(verdicts);
    println!("{name:<14} {required:>12} {optimal:>12} {check:>12}");
}
