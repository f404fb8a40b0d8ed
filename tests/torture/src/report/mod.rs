//! The result of a run as text.

mod latency;
mod numbers;
mod queued;
mod staleness;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::check::Violation;
use crate::driver::Outcome;
use crate::history::{Claimed, History, Observed, Write};
use crate::plan::Shape;

use self::numbers::Sample;

/// Most violations follow from the first few.
const MAX_REPORTED: usize = 10;

/// Returns the report of a run: counts and figures, then all violations.
#[must_use]
pub fn report(shape: &Shape, outcome: &Outcome, violations: &[Violation]) -> String {
    let history = &outcome.history;
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(text, "seed {}: {} s, {} instances", shape.seed, shape.time.as_secs(), shape.instances);
    counts(&mut text, outcome);
    staleness::append(&mut text, history);
    latency::append(&mut text, history);
    written_through(&mut text, history);
    runs(&mut text, history);
    if !history.queued.is_empty() {
        queued::append(&mut text, history);
    }
    if let Some(left) = &outcome.left_in_queue {
        let _ =
            writeln!(text, "VIOLATION of drained: in the end, the queue still has writes, dead ones: {left}");
    }
    for instance in &outcome.still_refusing {
        let _ = writeln!(
            text,
            "VIOLATION of P3: instance {instance} does not answer from memory though all faults are over"
        );
    }
    for violation in violations.iter().take(MAX_REPORTED) {
        let _ = writeln!(text, "VIOLATION of {}: {}", violation.promise.as_str(), violation.words);
    }
    let all = violations.len() + outcome.still_refusing.len() + usize::from(outcome.left_in_queue.is_some());
    let _ = match all {
        0 => writeln!(text, "no violation"),
        all => writeln!(text, "{all} violations"),
    };
    text
}

fn counts(text: &mut String, outcome: &Outcome) {
    let history = &outcome.history;
    let mut observed: BTreeMap<&str, usize> = BTreeMap::new();
    let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
    for read in &history.reads {
        *observed.entry(kind(&read.observed)).or_default() += 1;
        *outcomes.entry(&read.outcome).or_default() += 1;
    }
    let mut claimed: BTreeMap<&str, usize> = BTreeMap::new();
    for write in &history.writes {
        *claimed.entry(claim(write)).or_default() += 1;
    }
    let mut faults: BTreeMap<&str, usize> = BTreeMap::new();
    for fault in &history.faults {
        *faults.entry(fault.kind).or_default() += 1;
    }
    let _ = writeln!(text, "reads    {}: {}", history.reads.len(), list(&observed));
    let _ = writeln!(text, "outcomes {}", list(&outcomes));
    let _ = writeln!(text, "writes   {}: {}", history.writes.len(), list(&claimed));
    let _ = writeln!(text, "faults   {}: {}", history.faults.len(), list(&faults));
    let _ = writeln!(
        text,
        "lives    {}; {} requests found their instance down; {} times there were two primaries",
        history.lives.len(),
        outcome.instance_down,
        history.two_primaries.len(),
    );
}

const fn kind(observed: &Observed) -> &'static str {
    match observed {
        Observed::Version { .. } => "versions",
        Observed::Failure { .. } => "handlers' own errors",
        Observed::QueueUnavailable => "refused without the queue",
        Observed::Lost(_) => "lost",
        Observed::Nonsense(_) => "nonsense",
    }
}

fn claim(write: &Write) -> &'static str {
    match write.done.as_ref().map(|done| done.claimed) {
        None => "lost with their instance",
        Some(Claimed::Applied) => "Applied",
        Some(Claimed::Deferred) => "Deferred",
        Some(Claimed::Nothing) => "without a result",
    }
}

fn list(counts: &BTreeMap<&str, usize>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// Reports how many write-throughs stored their value, and how many overlapped another write.
fn written_through(text: &mut String, history: &History) {
    let mut by_item: BTreeMap<_, Vec<&Write>> = BTreeMap::new();
    for write in &history.writes {
        by_item.entry(write.item).or_default().push(write);
    }
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for writes in by_item.values() {
        for (index, write) in writes.iter().enumerate() {
            let Some(done) = write.done.as_ref().filter(|done| done.stored.is_some()) else { continue };
            let others = writes.iter().enumerate().filter(|(other, _)| *other != index);
            let overlaps = others.filter(|(_, other)| overlap(write, other)).count() > 0;
            let kind = match (done.stored, overlaps) {
                (Some(true), false) => "stored",
                (Some(true), true) => "stored though they overlapped",
                (_, false) => "not stored",
                (_, true) => "not stored and overlapped",
            };
            *counts.entry(kind).or_default() += 1;
        }
    }
    let _ = writeln!(text, "write-throughs {}: {}", counts.values().sum::<usize>(), list(&counts));
}

/// Whether two writes ran at the same time. One that never returned overlaps nothing.
fn overlap(one: &Write, other: &Write) -> bool {
    let ends = |write: &Write| write.done.as_ref().map(|done| done.returned);
    ends(one).is_some_and(|end| other.sent < end) && ends(other).is_some_and(|end| one.sent < end)
}

/// Reports how often the handler ran for each version that was read.
fn runs(text: &mut String, history: &History) {
    let mut runs: BTreeMap<_, u64> = BTreeMap::new();
    for run in &history.runs {
        *runs.entry((run.item, run.version)).or_default() += 1;
    }
    let mut by_family: BTreeMap<&str, Sample<u64>> = BTreeMap::new();
    for ((item, _), count) in runs {
        by_family.entry(item.family.as_str()).or_default().add(count);
    }
    let _ = writeln!(text, "handler runs per version that was read at all");
    for (family, mut sample) in by_family {
        let _ = writeln!(
            text,
            "  {family:<9} p50 {:>3}  p99 {:>3}  max {:>3}  of {} versions",
            sample.quantile(0.5),
            sample.quantile(0.99),
            sample.quantile(1.0),
            sample.len(),
        );
    }
}
