//! The checked sizes of the model of writes, and the misreadings.

use larder_core::invalidation::fault_injection::Rule;
use larder_core::invalidation::tail::Limits;

use super::{Invalidation, WriteReading};

/// How often each step may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct WriteBudget {
    /// Writes that store their value.
    pub writes: u8,
    /// Other changes, each with an invalidation.
    pub changes: u8,
    /// Loads of the value.
    pub loads: u8,
    /// Values that are read from the shared tier.
    pub gets: u8,
    /// Ticks.
    pub ticks: u8,
    /// Deferred events.
    pub deferred: u8,
    /// Appends whose answer is lost.
    pub lost_answers: u8,
    /// Writes that fail or are cancelled after their commit.
    pub failures: u8,
    /// Invalidations of something else.
    pub others: u8,
    /// Lost entries of the log.
    pub trims: u8,
    /// Lost logs.
    pub losses: u8,
    /// Restarts of processes.
    pub restarts: u8,
}

/// One model to check.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)]
pub struct WriteModel {
    /// The name of the scope.
    pub name: &'static str,
    /// The number of processes.
    pub processes: usize,
    /// How often each step may happen.
    pub budget: WriteBudget,
    /// The invalidations of the other changes.
    pub changes: &'static [Invalidation],
    /// Whether worlds are the same that differ in the numbers of processes.
    ///
    /// In a path, a number then means another process at each step.
    pub has_like_processes: bool,
    /// Whether a poll may end before the end of the log.
    pub polls_in_parts: bool,
    /// The limits of the tails.
    pub limits: Limits,
    /// The reading of the rule.
    pub reading: WriteReading,
}

const NONE: WriteBudget = WriteBudget {
    writes: 0,
    changes: 0,
    loads: 0,
    gets: 0,
    ticks: 0,
    deferred: 0,
    lost_answers: 0,
    failures: 0,
    others: 0,
    trims: 0,
    losses: 0,
    restarts: 0,
};

/// Writes on one process.
const HERE: WriteModel = WriteModel {
    name: "here",
    processes: 1,
    budget: WriteBudget { writes: 3, loads: 1, ..NONE },
    changes: &[],
    has_like_processes: false,
    polls_in_parts: true,
    limits: Limits { rows: 16, globs: 1, outbox: 4 },
    reading: WriteReading::Right,
};

const fn with(name: &'static str, processes: usize, budget: WriteBudget) -> WriteModel {
    WriteModel { name, processes, budget, ..HERE }
}

const ELSEWHERE: WriteModel = with("elsewhere", 2, WriteBudget { writes: 2, ticks: 2, ..NONE });
const SHARED: WriteModel = WriteModel {
    polls_in_parts: false,
    ..with("shared tier", 2, WriteBudget { writes: 2, gets: 1, losses: 1, ..NONE })
};
const NAMES: WriteModel = WriteModel {
    changes: &[Invalidation::Key, Invalidation::Tag, Invalidation::SoftTag, Invalidation::All],
    ..with("other names", 1, WriteBudget { writes: 1, changes: 2, loads: 1, ..NONE })
};
const DEFERRED: WriteModel = WriteModel {
    changes: &[Invalidation::Tag],
    ..with("deferred", 1, WriteBudget { writes: 2, changes: 1, deferred: 2, ..NONE })
};
const LOST: WriteModel =
    with("log lost", 1, WriteBudget { writes: 2, loads: 1, losses: 1, lost_answers: 1, ticks: 1, ..NONE });
const TRIMMED: WriteModel = with("log trimmed", 2, WriteBudget { writes: 2, loads: 1, trims: 2, ..NONE });
const FAILED: WriteModel =
    with("failed", 1, WriteBudget { writes: 2, failures: 2, loads: 1, deferred: 1, lost_answers: 1, ..NONE });
const DROPPED: WriteModel = WriteModel {
    limits: Limits { rows: 2, globs: 1, outbox: 1 },
    ..with("rows dropped", 1, WriteBudget { writes: 2, others: 3, deferred: 1, loads: 1, ..NONE })
};
const RESTARTED: WriteModel = with("restarted", 2, WriteBudget { writes: 2, loads: 1, restarts: 1, ..NONE });

/// Returns the scopes that are explored to the end in seconds.
#[must_use]
pub fn small() -> Vec<WriteModel> {
    vec![HERE, ELSEWHERE, SHARED, NAMES, DEFERRED, LOST, TRIMMED, FAILED, DROPPED, RESTARTED]
}

/// Returns the scopes that take longer.
#[must_use]
pub fn large() -> Vec<WriteModel> {
    let with_tag = |scope| WriteModel { changes: &[Invalidation::Tag], ..scope };
    let with_names = |scope| WriteModel { changes: NAMES.changes, ..scope };
    let with_soft = |scope| WriteModel { changes: &[Invalidation::Tag, Invalidation::SoftTag], ..scope };
    let small_table = |scope| WriteModel { limits: DROPPED.limits, ..scope };
    let faults = WriteBudget {
        writes: 1,
        changes: 1,
        gets: 1,
        ticks: 1,
        deferred: 1,
        lost_answers: 1,
        losses: 1,
        ..NONE
    };
    let scopes = [
        with("three writes", 2, WriteBudget { writes: 3, loads: 2, ..NONE }),
        with("writes and loads", 2, WriteBudget { writes: 2, loads: 1, ticks: 2, ..NONE }),
        with("three processes", 3, WriteBudget { writes: 3, ..NONE }),
        with_soft(with("a long history", 1, WriteBudget { writes: 1, changes: 3, ..NONE })),
        with_names(with(
            "other names, elsewhere",
            2,
            WriteBudget { writes: 1, changes: 1, ticks: 2, ..NONE },
        )),
        with("shared tier, with time", 2, WriteBudget { writes: 2, loads: 1, gets: 1, ticks: 2, ..NONE }),
        with_tag(with(
            "deferred, shared tier",
            2,
            WriteBudget { writes: 2, changes: 1, gets: 1, deferred: 2, ..NONE },
        )),
        with(
            "logs lost",
            2,
            WriteBudget { writes: 2, gets: 1, lost_answers: 1, losses: 1, ticks: 1, ..NONE },
        ),
        small_table(with(
            "rows dropped, log trimmed",
            2,
            WriteBudget { writes: 2, loads: 1, others: 3, trims: 2, ..NONE },
        )),
        with("restarted, with time", 2, WriteBudget { writes: 2, gets: 1, restarts: 1, ticks: 2, ..NONE }),
        with_tag(with("faults together", 2, faults)),
    ];
    scopes.into_iter().map(|scope| WriteModel { has_like_processes: true, ..scope }).collect()
}

/// Returns each mistake, in a scope that finds it.
#[must_use]
pub fn misreadings() -> Vec<WriteModel> {
    let misread = |scope: WriteModel, reading| WriteModel { reading, ..scope };
    vec![
        misread(HERE, WriteReading::StoredUnderItsBeginning),
        misread(HERE, WriteReading::IntervalIsIgnored),
        misread(NAMES, WriteReading::OnlyTheKeyCounts),
        misread(HERE, WriteReading::Inside(Rule::LastEventDecides)),
        misread(NAMES, WriteReading::Inside(Rule::SoftEventsDoNotCount)),
        misread(DROPPED, WriteReading::Inside(Rule::DroppedRowsHadNothing)),
        misread(DEFERRED, WriteReading::LocalNumberAtTheEnd),
        misread(LOST, WriteReading::IncarnationsAreCompared),
        misread(SHARED, WriteReading::TailMayBeElsewhere),
        misread(HERE, WriteReading::BeginsAfterTheRead),
        misread(HERE, WriteReading::BeginsAfterTheCommit),
        misread(HERE, WriteReading::StoredWhenAppended),
        misread(HERE, WriteReading::StoredUnderTheTail),
        misread(HERE, WriteReading::EntryIsShared),
        misread(HERE, WriteReading::EventIsSoft),
        misread(FAILED, WriteReading::FailureAppendsNothing),
        misread(ELSEWHERE, WriteReading::CountsAsFilled),
        misread(DEFERRED, WriteReading::DeferredIsStored),
        misread(DEFERRED, WriteReading::FlushedIsStored),
    ]
}

/// Returns the mistakes that do no harm, because another rule refuses their results.
#[must_use]
pub fn harmless() -> Vec<WriteModel> {
    vec![WriteModel { reading: WriteReading::CountsAsFilledAtItsBeginning, ..ELSEWHERE }]
}
