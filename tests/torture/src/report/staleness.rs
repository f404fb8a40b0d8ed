//! The staleness of reads: the time between the commit of a newer version and the sending of the
//! read.

use std::fmt::Write as _;
use std::time::Duration;

use super::numbers::Sample;
use crate::history::{History, Observed, Read};

pub(super) fn append(text: &mut String, history: &History) {
    let _ = writeln!(text, "staleness of what was shown");
    for (windows, name) in [(false, "without windows"), (true, "within windows")] {
        let reads = history.reads.iter().filter(|read| read.item.family.has_windows() == windows);
        let (mut all, mut stale) = (Sample::default(), Sample::default());
        for staleness in reads.filter_map(|read| staleness(history, read)) {
            all.add(staleness);
            if !staleness.is_zero() {
                stale.add(staleness);
            }
        }
        let millis = |sample: &mut Sample<Duration>, share| sample.quantile(share).as_secs_f64() * 1e3;
        let _ = writeln!(
            text,
            "  {name:<16} {} reads, {} behind the reference model: by p50 {:.1}  p99 {:.1}  max {:.1} ms; p99 of all {:.1} ms",
            all.len(),
            stale.len(),
            millis(&mut stale, 0.5),
            millis(&mut stale, 0.99),
            millis(&mut stale, 1.0),
            millis(&mut all, 0.99),
        );
    }
}

fn staleness(history: &History, read: &Read) -> Option<Duration> {
    let Observed::Version { version, .. } = read.observed else { return None };
    let moved_on = history.committed(read.item, version + 1);
    Some(moved_on.map_or(Duration::ZERO, |moved_on| read.sent.since(moved_on)))
}
