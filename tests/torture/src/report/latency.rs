//! The latency that the cache adds to a request: the time during which no handler works on the
//! item, on any instance. Waiting for a handler that another request has started is the purpose of
//! collapsing, so it does not count.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::time::Duration;

use super::numbers::Sample;
use crate::clock::Moment;
use crate::history::{History, Observed, Read};
use crate::item::Item;

pub(super) fn append(text: &mut String, history: &History) {
    let mut runs: HashMap<Item, Vec<Interval>> = HashMap::new();
    for run in &history.runs {
        runs.entry(run.item).or_default().push((run.began, run.began.plus(run.delay)));
    }
    let mut added: BTreeMap<&str, Sample<Duration>> = BTreeMap::new();
    for read in history
        .reads
        .iter()
        .filter(|read| matches!(read.observed, Observed::Version { .. } | Observed::Failure { .. }))
    {
        let runs = runs.get(&read.item).map_or(&[][..], Vec::as_slice);
        let time = read.done.since(read.sent).saturating_sub(shared((read.sent, read.done), runs));
        added.entry(active_fault(history, read)).or_default().add(time);
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

type Interval = (Moment, Moment);

/// Returns how much of an interval the others cover together. They are sorted by their beginning.
fn shared(whole: Interval, others: &[Interval]) -> Duration {
    let mut covered = Duration::ZERO;
    let mut up_to = whole.0;
    for (begin, end) in others.iter().take_while(|(begin, _)| *begin < whole.1) {
        let (begin, end) = ((*begin).max(up_to), (*end).min(whole.1));
        covered += end.since(begin);
        up_to = up_to.max(end);
    }
    covered
}

/// Returns the fault during a read.
fn active_fault(history: &History, read: &Read) -> &'static str {
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
    fn an_interval_that_is_covered_twice_counts_once() {
        let at = |nanos| Moment::from_nanos(nanos);
        let covered = |others: &[(u64, u64)]| {
            let others: Vec<_> = others.iter().map(|(begin, end)| (at(*begin), at(*end))).collect();
            shared((at(10), at(20)), &others).as_nanos()
        };
        assert_eq!(covered(&[]), 0);
        assert_eq!(covered(&[(0, 5), (20, 30)]), 0);
        assert_eq!(covered(&[(0, 12), (15, 30)]), 7);
        assert_eq!(covered(&[(12, 14), (13, 16)]), 4);
        assert_eq!(covered(&[(0, 30), (12, 14)]), 10);
        assert_eq!(covered(&[(11, 18), (12, 14), (17, 19)]), 8);
    }
}
