//! What is printed, and whether all is well.

use std::process::ExitCode;
use std::thread;

use anyhow::{Result, anyhow};

use crate::exceptions::Exceptions;
use crate::run::{self, Store};
use crate::score::Scores;
use crate::suite::{Suite, Verdict};

/// Prints what other caches have reached, as published with the suite, by the same count.
pub(crate) fn published(suite: &Suite) -> Result<()> {
    head();
    for (name, verdicts) in suite.published()? {
        line(&name, &verdicts);
    }
    Ok(())
}

/// Prints what the proxy reaches as it is by default.
pub(crate) fn defaults(suite: &Suite, stores: &[Store]) -> Result<ExitCode> {
    let ran = side_by_side(stores, |store| run::defaults(suite, store))?;
    head();
    for (store, verdicts) in stores.iter().zip(&ran) {
        line(store.as_str(), verdicts);
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the suite with each store, side by side; fails where a run and the list of exceptions
/// disagree.
pub(crate) fn judge(suite: &Suite, stores: &[Store], failures: bool) -> Result<ExitCode> {
    let exceptions = Exceptions::committed()?;
    let unexpected = |verdict: &Verdict| exceptions.miss(verdict);
    let ran = side_by_side(stores, |store| run::all(suite, store, unexpected))?;
    head();
    for (store, verdicts) in stores.iter().zip(&ran) {
        line(store.as_str(), verdicts);
    }
    if failures {
        ran.first().into_iter().flatten().filter(|verdict| !verdict.passed()).for_each(tell);
    }
    let mut agreed = true;
    for (store, verdicts) in stores.iter().zip(&ran) {
        agreed &= agree(&exceptions, *store, verdicts);
    }
    if agreed {
        println!(
            "every other test is passed but the {} of tests/conformance/exceptions.txt",
            exceptions.len()
        );
    }
    Ok(if agreed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn side_by_side<T: Send>(stores: &[Store], run: impl Fn(Store) -> Result<T> + Sync) -> Result<Vec<T>> {
    let run = &run;
    thread::scope(|scope| {
        let runs: Vec<_> = stores.iter().map(|&store| scope.spawn(move || run(store))).collect();
        runs.into_iter().map(|run| run.join().map_err(|_| anyhow!("a run panicked"))?).collect()
    })
}

fn agree(exceptions: &Exceptions, store: Store, verdicts: &[Verdict]) -> bool {
    let disagreement = exceptions.compare(verdicts);
    for verdict in &disagreement.regressions {
        eprintln!("error: {}: not passed, and no exception:", store.as_str());
        tell(verdict);
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

fn tell(verdict: &Verdict) {
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
