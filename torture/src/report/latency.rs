//! What the cache added to the time that a request took: all of it during which the handler that made the response was
//! not at work.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::numbers::Sample;
use crate::clock::Moment;
use crate::history::{History, Read, Saw};

pub(super) fn tell(text: &mut String, history: &History) {
    let mut added: BTreeMap<&str, Sample<Duration>> = BTreeMap::new();
    for read in &history.reads {
        if let Some(time) = added_to(history, read) {
            added.entry(going_on(history, read)).or_default().add(time);
        }
    }
    let _ = writeln!(text, "added latency, by what was going on");
    for (fault, mut sample) in added {
        let mut millis = |share| sample.quantile(share).as_secs_f64() * 1e3;
        let (p50, p99, max) = (millis(0.5), millis(0.99), millis(1.0));
        let _ = writeln!(
            text,
            "  {fault:<17} p50 {p50:>6.1}  p99 {p99:>6.1}  max {max:>6.1} ms  of {} reads",
            sample.len()
        );
    }
}

fn added_to(history: &History, read: &Read) -> Option<Duration> {
    let run = match &read.saw {
        Saw::Version { run, .. } => *run,
        Saw::Failure { run } => Some(*run),
        Saw::Lost(_) | Saw::Nonsense(_) => return None,
    };
    let whole = read.done.since(read.sent);
    let Some(run) = run.and_then(|run| history.run(run)) else {
        // A 304 does not say which run it is from.
        return read.outcome.starts_with("HIT").then_some(whole);
    };
    let worked = overlap((read.sent, read.done), (run.began, run.began.plus(run.delay)));
    Some(whole.saturating_sub(worked))
}

fn overlap(one: (Moment, Moment), other: (Moment, Moment)) -> Duration {
    one.1.min(other.1).since(one.0.max(other.0))
}

/// The fault during which a read went on.
fn going_on(history: &History, read: &Read) -> &'static str {
    let mut during =
        history.faults.iter().filter(|fault| fault.from <= read.done && fault.until >= read.sent);
    match (during.next(), during.next()) {
        (None, _) => "nothing",
        (Some(fault), None) => fault.kind,
        (Some(_), Some(_)) => "several",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_two_intervals_share_overlaps() {
        let at = |nanos| Moment::from_nanos(nanos);
        let shared = |a, b, c, d| overlap((at(a), at(b)), (at(c), at(d))).as_nanos();
        assert_eq!(shared(10, 20, 15, 30), 5);
        assert_eq!(shared(10, 20, 0, 12), 2);
        assert_eq!(shared(10, 20, 12, 14), 2);
        assert_eq!(shared(10, 20, 20, 30), 0);
        assert_eq!(shared(10, 20, 30, 40), 0);
    }
}
