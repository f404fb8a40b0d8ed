//! The checked sizes of the model of operations, the misreadings, and tables of both.

use std::time::Instant;

use super::{OperationReading, OperationReport, check_operations};

/// How often each step may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct OperationBudget {
    /// Pushes.
    pub pushes: u8,
    /// Pushes whose answer is lost. They are repeated.
    pub unheard: u8,
    /// Reads of the queue.
    pub reads: u8,
    /// Times that a worker takes the right to read from another one that has stalled.
    pub takeovers: u8,
    /// Operations that the sink refuses for the last time.
    pub refusals: u8,
    /// Calls of a retry.
    pub retries: u8,
    /// Dead letters that are dropped.
    pub discards: u8,
    /// Losses of what is not durable in the queue.
    pub lost_queues: u8,
    /// Clocks of the queue that go back.
    pub clocks_back: u8,
}

/// One model to check.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)]
pub struct OperationModel {
    /// The name of the scope.
    pub name: &'static str,
    /// The number of keys.
    pub keys: usize,
    /// How often each step may happen.
    pub budget: OperationBudget,
    /// Whether writers and readers wait until the queue is durable.
    pub waits: bool,
    /// The reading of the rules.
    pub reading: OperationReading,
}

const NONE: OperationBudget = OperationBudget {
    pushes: 0,
    unheard: 0,
    reads: 0,
    takeovers: 0,
    refusals: 0,
    retries: 0,
    discards: 0,
    lost_queues: 0,
    clocks_back: 0,
};

const fn with(name: &'static str, keys: usize, budget: OperationBudget) -> OperationModel {
    OperationModel { name, keys, budget, waits: false, reading: OperationReading::Right }
}

const STALLED: OperationModel =
    with("a stalled reader", 1, OperationBudget { pushes: 3, reads: 4, takeovers: 2, ..NONE });
const REFUSED: OperationModel =
    with("refused", 1, OperationBudget { pushes: 4, reads: 3, refusals: 1, retries: 5, ..NONE });
const AGAIN: OperationModel =
    with("refused again", 1, OperationBudget { pushes: 3, reads: 4, refusals: 2, retries: 6, ..NONE });
const KEYS: OperationModel =
    with("two keys", 2, OperationBudget { pushes: 3, reads: 2, refusals: 1, retries: 3, ..NONE });
const TAKEN: OperationModel = with(
    "refused, and a stalled reader",
    1,
    OperationBudget { pushes: 3, reads: 3, takeovers: 1, refusals: 1, retries: 3, ..NONE },
);
const DISCARDED: OperationModel = with(
    "discarded",
    1,
    OperationBudget { pushes: 3, reads: 3, takeovers: 1, refusals: 1, discards: 1, ..NONE },
);
const REPEATED: OperationModel =
    with("repeated", 1, OperationBudget { pushes: 3, unheard: 2, reads: 3, takeovers: 1, ..NONE });
const LOST: OperationModel =
    with("the queue's tail is lost", 1, OperationBudget { pushes: 3, reads: 3, lost_queues: 1, ..NONE });
const WAITS: OperationModel = OperationModel {
    waits: true,
    ..with(
        "lost, and all wait",
        1,
        OperationBudget { pushes: 2, reads: 3, takeovers: 1, lost_queues: 1, ..NONE },
    )
};
const CLOCK: OperationModel = with(
    "the clock goes back",
    1,
    OperationBudget { pushes: 3, reads: 3, refusals: 1, retries: 2, clocks_back: 1, ..NONE },
);

/// Returns the scopes that are explored to the end in seconds.
#[must_use]
pub fn small() -> Vec<OperationModel> {
    vec![STALLED, REFUSED, AGAIN, KEYS, TAKEN, DISCARDED, REPEATED, LOST, WAITS, CLOCK]
}

/// Returns the scopes that take longer.
#[must_use]
pub fn large() -> Vec<OperationModel> {
    let more = |name, scope: OperationModel, budget| OperationModel { name, budget, ..scope };
    let again = OperationBudget { pushes: 4, reads: 5, refusals: 3, retries: 8, ..AGAIN.budget };
    let taken = OperationBudget { pushes: 4, reads: 4, takeovers: 2, refusals: 2, ..TAKEN.budget };
    let keys = OperationBudget { reads: 3, takeovers: 1, ..KEYS.budget };
    let lost = OperationBudget { takeovers: 1, refusals: 1, retries: 3, ..LOST.budget };
    let discarded = OperationBudget { retries: 3, discards: 2, ..DISCARDED.budget };
    let together = OperationBudget { refusals: 1, retries: 2, ..WAITS.budget };
    vec![
        more("refused again and again", AGAIN, again),
        more("refused, and two stalled readers", TAKEN, taken),
        more("two keys, and a stalled reader", KEYS, keys),
        more("lost and refused", LOST, lost),
        more("discarded and retried", DISCARDED, discarded),
        more("faults together", WAITS, together),
    ]
}

/// Returns each mistake, in a scope that finds it.
#[must_use]
pub fn misreadings() -> Vec<OperationModel> {
    use OperationReading as Reading;
    let misread = |scope: OperationModel, reading| OperationModel { reading, ..scope };
    vec![
        misread(STALLED, Reading::NoFence),
        misread(KEYS, Reading::OneFenceForAllKeys),
        misread(LOST, Reading::SequenceIsACounter),
        misread(REPEATED, Reading::DuplicateIsQueued),
        misread(WAITS, Reading::FlushedBeforeItIsDurable),
        misread(STALLED, Reading::CompletedBeforeTheCommit),
        misread(STALLED, Reading::CompletesTheKey),
        misread(REFUSED, Reading::GoesOnAfterARefusal),
        misread(STALLED, Reading::FlushesInAnyOrder),
        misread(REFUSED, Reading::LaterOnesAreNotHeld),
        misread(REFUSED, Reading::PushIsNotHeld),
        misread(REFUSED, Reading::RetryDoesNotSweep),
        misread(REFUSED, Reading::RetrySweepsOnePage),
        misread(REFUSED, Reading::RetryInReverse),
        misread(TAKEN, Reading::RetryGetsANewNumber),
        misread(REFUSED, Reading::RetryEndsTheQuarantine),
        misread(DISCARDED, Reading::DiscardEndsTheQuarantine),
    ]
}

/// Returns the mistakes that do no harm, because another rule makes up for them.
#[must_use]
pub fn harmless() -> Vec<OperationModel> {
    use OperationReading as Reading;
    let misread = |scope: OperationModel, reading| OperationModel { reading, ..scope };
    vec![misread(TAKEN, Reading::AnyReaderQuarantines), misread(AGAIN, Reading::SweptStays)]
}

/// Returns the known limits: faults for which no promise is made.
#[must_use]
pub fn limits() -> Vec<OperationModel> {
    let budget = OperationBudget { clocks_back: 1, ..LOST.budget };
    let repeated = OperationBudget { unheard: 1, ..LOST.budget };
    vec![
        OperationModel { name: "the queue's tail is lost, and its clock goes back", budget, ..LOST },
        OperationModel { name: "the queue's tail is lost with an id", budget: repeated, ..LOST },
    ]
}

/// Explores the scopes and misreadings with this word, and prints the results.
///
/// Returns whether each scope holds, and each misreading does not.
#[must_use]
pub fn explore_operations(only: &str, most: usize, threads: usize) -> bool {
    let is_wanted =
        |model: &OperationModel| format!("operations: {} {:?}", model.name, model.reading).contains(only);
    let check = |model: &OperationModel| {
        let began = Instant::now();
        let report = check_operations(*model, most, threads);
        (report, began.elapsed().as_secs_f64())
    };
    println!("\n| operations | keys | budget | unique | depth | seconds | | held |");
    println!("| --- | ---: | --- | ---: | ---: | ---: | --- | --- |");
    let mut is_right = true;
    for model in small().iter().chain(&large()).filter(|model| is_wanted(model)) {
        let (OperationReport { unique, depth, is_exhausted, violation }, secs) = check(model);
        is_right &= violation.is_none();
        let all = if is_exhausted { "exhausted" } else { "bounded" };
        let held = violation.map_or_else(|| "all".to_owned(), |found| format!("**{found:?}**"));
        let (name, keys, budget) = (model.name, model.keys, budget_text(&model.budget));
        println!("| {name} | {keys} | {budget} | {unique} | {depth} | {secs:.1} | {all} | {held} |");
    }
    println!("\n| operations misread | scope | unique | seconds | steps | breaks |");
    println!("| --- | --- | ---: | ---: | ---: | --- |");
    let misread = misreadings().into_iter().chain(limits()).map(|model| (model, true));
    let all = misread.chain(harmless().into_iter().map(|model| (model, false)));
    for (model, does_harm) in all.filter(|(model, _)| is_wanted(model)) {
        let (OperationReport { unique, violation, .. }, secs) = check(&model);
        is_right &= violation.is_some() == does_harm;
        let found = violation.map(|found| format!("{} | {:?}", found.steps.len(), found.broken));
        let found = found.unwrap_or_else(|| "| nothing: another rule does its work".to_owned());
        println!("| `{:?}` | {} | {unique} | {secs:.1} | {found} |", model.reading, model.name);
    }
    is_right
}

fn budget_text(budget: &OperationBudget) -> String {
    let OperationBudget { pushes, unheard, reads, takeovers, refusals, retries, .. } = *budget;
    let OperationBudget { discards, lost_queues, clocks_back, .. } = *budget;
    let parts = [
        (pushes, "push"),
        (unheard, "answer lost"),
        (reads, "read"),
        (takeovers, "takeover"),
        (refusals, "refusal"),
        (retries, "retry"),
        (discards, "discard"),
        (lost_queues, "queue lost"),
        (clocks_back, "clock back"),
    ];
    let used = parts.into_iter().filter(|(number, _)| *number > 0);
    used.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
}
