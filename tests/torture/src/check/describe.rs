//! Describes violations in words.

use std::time::Duration;

use super::Promise;
use super::obligations::{self, Obligation};
use crate::clock::Moment;
use crate::history::{Change, Claimed, History, LifeId, Read};

/// Faults up to this long after a write may have lost it.
const LOSS_CONTEXT: Duration = Duration::from_secs(3);

pub(super) fn stale(
    history: &History,
    number: usize,
    version: u64,
    promise: Promise,
    due: &Obligation,
) -> String {
    let (Some(read), Some(write)) = (history.reads.get(number), history.writes.get(due.write)) else {
        return String::new();
    };
    let Some(done) = &write.done else { return String::new() };
    let at = |moment| at(history, moment);
    let claimed = match done.claimed {
        Claimed::Applied => "was Applied and returned",
        Claimed::Deferred => "was Deferred and returned",
        Claimed::Nothing => "reported no result and ended",
    };
    let late = read.sent.since(due.at);
    let came_due = match promise {
        Promise::OwnInstance => format!("on this very instance, {} before", millis(late)),
        _ => format!(
            "on {}, was in the log by {}, and came due everywhere at {}, {} before",
            life(history, write.life),
            obligations::reached_log_at(history, write, done).map_or_else(String::new, at),
            at(due.at),
            millis(late)
        ),
    };
    format!(
        "{} showed version {version} ({}). Write {} had committed version {}; its invalidation by {} {claimed} at {} {came_due} \
         the read was sent.{}",
        name(history, number, read),
        read.outcome,
        due.write,
        due.version,
        write.way,
        at(done.returned),
        faults(history, done.returned, read.done),
    )
}

pub(super) fn plain(history: &History, number: usize, why: &str) -> String {
    let Some(read) = history.reads.get(number) else { return String::new() };
    let faults = faults(history, read.sent, read.done);
    format!(
        "{}, done at {} ({}): {why}.{faults}",
        name(history, number, read),
        at(history, read.done),
        read.outcome
    )
}

/// Describes a read that showed a write which is certainly before an acknowledged one.
pub(super) fn behind(history: &History, number: usize, shown: u64, acknowledged: u64) -> String {
    let Some(read) = history.reads.get(number) else { return String::new() };
    let began = history.queued_write(acknowledged).map_or(read.sent, |write| write.sent);
    format!(
        "{} showed {} ({}). It is certainly before {}.{}",
        name(history, number, read),
        queued(history, shown),
        read.outcome,
        queued(history, acknowledged),
        faults(history, began, read.done),
    )
}

pub(super) fn change(history: &History, change: &Change, why: &str) -> String {
    let Change { item, sequence, number, at: committed, life: by } = change;
    let began = history.queued_write(*number).map_or(*committed, |write| write.sent);
    format!(
        "The change of {item} to {}, with sequence number {sequence}, committed at {} by {}: {why}.{}",
        queued(history, *number),
        at(history, *committed),
        life(history, *by),
        faults(history, began, *committed),
    )
}

/// Describes an acknowledged write that the database does not have.
pub(super) fn lost(history: &History, number: u64, last: u64) -> String {
    let Some(write) = history.queued_write(number) else { return String::new() };
    let until = write.ended().unwrap_or(write.sent).plus(LOSS_CONTEXT);
    format!(
        "{} of {} is lost: in the end, the database has {}, which cannot have replaced it.{}",
        queued(history, number),
        write.item,
        queued(history, last),
        faults(history, write.sent, until),
    )
}

fn queued(history: &History, number: u64) -> String {
    let Some(write) = history.queued_write(number) else { return "no write".to_owned() };
    let result = match write.done {
        None => "unanswered".to_owned(),
        Some(done) => format!("{} at {}", done.acceptance.as_str(), at(history, done.returned)),
    };
    format!("write {number} ({}, sent at {}, {result})", life(history, write.life), at(history, write.sent))
}

fn name(history: &History, number: usize, read: &Read) -> String {
    format!(
        "Read {number} of {} on {}, sent at {},",
        read.item,
        life(history, read.life),
        at(history, read.sent)
    )
}

/// Lists the faults between two moments.
fn faults(history: &History, from: Moment, until: Moment) -> String {
    let during = history.faults.iter().filter(|fault| fault.from <= until && fault.until >= from);
    let overlapping: Vec<_> = during
        .map(|fault| format!("{} ({} to {})", fault.what, at(history, fault.from), at(history, fault.until)))
        .collect();
    match overlapping.is_empty() {
        true => String::new(),
        false => format!(" Meanwhile: {}.", overlapping.join("; ")),
    }
}

fn life(history: &History, id: LifeId) -> String {
    let instance = history.life(id).map(|life| life.instance);
    format!("instance {} (life {})", instance.unwrap_or_default(), id.0)
}

pub(super) fn at(history: &History, moment: Moment) -> String {
    format!("{:.4} s", moment.since(history.began).as_secs_f64())
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
