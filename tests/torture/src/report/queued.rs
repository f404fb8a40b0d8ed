//! Figures of queued writes.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::time::Duration;

use super::list;
use super::numbers::Sample;
use crate::history::{Acceptance, History, QueuedWrite};

pub(super) fn append(text: &mut String, history: &History) {
    let mut results: BTreeMap<&str, usize> = BTreeMap::new();
    for write in &history.queued {
        let result = write.done.map_or("unanswered", |done| done.acceptance.as_str());
        *results.entry(result).or_default() += 1;
    }
    let _ = writeln!(text, "queued writes {}: {}", history.queued.len(), list(&results));

    let changed: HashSet<u64> = history.changes.iter().map(|change| change.number).collect();
    let mut took_effect: BTreeMap<&str, usize> = BTreeMap::new();
    let mut way = Sample::default();
    let mut replaced = 0;
    for (number, write) in (1..).zip(&history.queued) {
        let result = write.done.map_or("unanswered", |done| done.acceptance.as_str());
        if changed.contains(&number) {
            *took_effect.entry(result).or_default() += 1;
        } else if write.is(Acceptance::Acknowledged) && write.item.family.replaces_queued() {
            replaced += 1;
        }
    }
    for change in &history.changes {
        let write = history.queued_write(change.number);
        if let Some(ended) = write.and_then(QueuedWrite::ended) {
            way.add(change.at.since(ended));
        }
    }
    let _ = writeln!(
        text,
        "  in the database {}: {}; acknowledged and replaced by a later one {replaced}; came again or too late {}",
        history.changes.len(),
        list(&took_effect),
        history.ignored,
    );
    let lives: HashSet<_> = history.changes.iter().map(|change| change.life).collect();
    let mut millis = |share| Duration::as_secs_f64(&way.quantile(share)) * 1e3;
    let (p50, p99, max) = (millis(0.5), millis(0.99), millis(1.0));
    let _ = writeln!(
        text,
        "  from the answer to the database p50 {p50:.1}  p99 {p99:.1}  max {max:.1} ms; flushed by {} lives",
        lives.len(),
    );
}
