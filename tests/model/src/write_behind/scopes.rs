//! The checked sizes of the model of write-behind, and the misreadings.

use super::BehindReading;

/// How often each step may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct BehindBudget {
    /// Writes.
    pub writes: u8,
    /// Writes whose push appends the event and polls.
    pub logged: u8,
    /// Loads.
    pub loads: u8,
    /// Reads of the queue by a worker.
    pub flushes: u8,
    /// Times that a worker takes the right to read from another one that has stalled.
    pub takeovers: u8,
    /// Ticks.
    pub ticks: u8,
    /// Values that are read from the shared tier.
    pub gets: u8,
    /// Deferred events.
    pub deferred: u8,
    /// Pushes whose answer is lost. They are repeated.
    pub unheard: u8,
    /// Writes that end between their push and their event.
    pub abandoned: u8,
    /// Restarts of processes.
    pub restarts: u8,
    /// Writes that the sink refuses for the last time.
    pub refusals: u8,
    /// Dead letters that are moved back.
    pub retries: u8,
    /// Dead letters that are dropped.
    pub discards: u8,
    /// Losses of what is not durable in the queue.
    pub lost_queues: u8,
    /// Lost logs.
    pub lost_logs: u8,
    /// Clocks of the queue that go back.
    pub clocks_back: u8,
}

/// How durable a push is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Durability {
    /// Whatever was acknowledged may be lost.
    Memory,
    /// A write waits until its push is durable.
    Waits,
    /// Each push is durable at once, and everything before it.
    Always,
}

/// One model to check.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs)]
pub struct BehindModel {
    /// The name of the scope.
    pub name: &'static str,
    /// The number of processes.
    pub processes: usize,
    /// How often each step may happen.
    pub budget: BehindBudget,
    /// How durable a push is.
    pub durability: Durability,
    /// The lag of the database's replica, in ticks. 0 is no replica.
    pub lag: u64,
    /// Whether a load stores a pending value that a loss of the queue has brought back, although
    /// the database has a newer one.
    ///
    /// It is served, as it is pending again. If it is stored, no event comes after its completion.
    pub stores_revived: bool,
    /// The reading of the rule.
    pub reading: BehindReading,
}

const NONE: BehindBudget = BehindBudget {
    writes: 0,
    logged: 0,
    loads: 0,
    flushes: 0,
    takeovers: 0,
    ticks: 0,
    gets: 0,
    deferred: 0,
    unheard: 0,
    abandoned: 0,
    restarts: 0,
    refusals: 0,
    retries: 0,
    discards: 0,
    lost_queues: 0,
    lost_logs: 0,
    clocks_back: 0,
};

const fn with(name: &'static str, budget: BehindBudget) -> BehindModel {
    BehindModel {
        name,
        processes: 2,
        budget,
        durability: Durability::Memory,
        lag: 0,
        stores_revived: false,
        reading: BehindReading::Right,
    }
}

const fn one(scope: BehindModel) -> BehindModel {
    BehindModel { processes: 1, ..scope }
}

const fn durable(durability: Durability, scope: BehindModel) -> BehindModel {
    BehindModel { durability, ..scope }
}

const FLUSHED: BehindModel = with("flushed", BehindBudget { writes: 2, loads: 1, flushes: 1, ..NONE });
const STALLED: BehindModel =
    with("a stalled reader", BehindBudget { writes: 2, flushes: 2, takeovers: 1, ..NONE });
const ELSEWHERE: BehindModel =
    with("elsewhere", BehindBudget { writes: 1, loads: 1, flushes: 1, ticks: 2, ..NONE });
const ABANDONED: BehindModel = with(
    "writer and reader die",
    BehindBudget { writes: 1, loads: 1, flushes: 2, abandoned: 1, restarts: 1, takeovers: 1, ..NONE },
);
const DEFERRED: BehindModel =
    with("deferred", BehindBudget { writes: 1, flushes: 2, deferred: 1, ticks: 2, ..NONE });
const REPEATED: BehindModel =
    one(with("repeated", BehindBudget { writes: 2, loads: 1, flushes: 2, unheard: 2, ..NONE }));
const REFUSED: BehindModel =
    one(with("refused", BehindBudget { writes: 2, flushes: 2, loads: 1, refusals: 1, retries: 1, ..NONE }));
const DISCARDED: BehindModel = with(
    "discarded",
    BehindBudget { writes: 1, flushes: 2, loads: 1, refusals: 1, discards: 1, takeovers: 1, ..NONE },
);
const LAGGING: BehindModel = BehindModel {
    lag: 1,
    ..one(with("a lagging replica", BehindBudget { writes: 1, flushes: 2, loads: 1, ticks: 2, ..NONE }))
};
const LOST: BehindModel = one(with(
    "the queue's tail is lost",
    BehindBudget { writes: 2, flushes: 2, loads: 1, lost_queues: 1, ..NONE },
));
const WAITS: BehindModel = BehindModel { name: "lost, and writes wait", ..durable(Durability::Waits, LOST) };
const WAITS_AGAIN: BehindModel = BehindModel {
    name: "lost, repeated, and all wait",
    budget: BehindBudget { unheard: 1, loads: 0, flushes: 3, ..LOST.budget },
    ..WAITS
};
const ALWAYS: BehindModel = BehindModel { name: "lost, always durable", ..durable(Durability::Always, LOST) };
const CLOCK: BehindModel =
    one(with("the clock goes back", BehindBudget { writes: 3, flushes: 2, clocks_back: 1, ..NONE }));
const LOG_LOST: BehindModel =
    one(with("log lost", BehindBudget { writes: 2, flushes: 1, loads: 1, lost_logs: 1, ticks: 1, ..NONE }));

const LOGGED: BehindModel =
    with("logged", BehindBudget { writes: 2, logged: 2, loads: 1, flushes: 1, ..NONE });
const LOGGED_ELSEWHERE: BehindModel = with(
    "logged, elsewhere",
    BehindBudget { writes: 1, logged: 1, loads: 1, flushes: 1, abandoned: 1, ticks: 2, ..NONE },
);
const LOGGED_LOST: BehindModel = one(with(
    "logged, and the log lost",
    BehindBudget { writes: 2, logged: 2, flushes: 1, lost_logs: 1, ticks: 1, ..NONE },
));

/// Returns the scopes that are explored to the end in seconds.
#[must_use]
pub fn small() -> Vec<BehindModel> {
    vec![
        FLUSHED,
        STALLED,
        ELSEWHERE,
        ABANDONED,
        DEFERRED,
        REPEATED,
        REFUSED,
        DISCARDED,
        LAGGING,
        LOST,
        WAITS,
        WAITS_AGAIN,
        ALWAYS,
        CLOCK,
        LOG_LOST,
        LOGGED,
        LOGGED_ELSEWHERE,
        LOGGED_LOST,
    ]
}

/// Returns the scopes that take longer.
#[must_use]
pub fn large() -> Vec<BehindModel> {
    let two = |scope: BehindModel| BehindModel { processes: 2, ..scope };
    let more = |name, scope: BehindModel, budget| BehindModel { name, budget, ..scope };
    let stalled = BehindBudget { loads: 1, ..STALLED.budget };
    let dead = BehindBudget { writes: 2, ..ABANDONED.budget };
    let deferred = BehindBudget { loads: 1, deferred: 2, ..DEFERRED.budget };
    let refused = BehindBudget { takeovers: 1, ..REFUSED.budget };
    let lagging = BehindBudget { takeovers: 1, ..LAGGING.budget };
    vec![
        more("a stalled reader, with loads", STALLED, stalled),
        more("writers and readers die", one(ABANDONED), dead),
        more("deferred, with loads", DEFERRED, deferred),
        more("refused, elsewhere", two(REFUSED), refused),
        more("a lagging replica, elsewhere", two(LAGGING), lagging),
        more("the shared tier", FLUSHED, BehindBudget { gets: 1, ..FLUSHED.budget }),
        more("the queue's tail is lost, elsewhere", two(LOST), BehindBudget { loads: 0, ..LOST.budget }),
        more("lost, and writes wait, elsewhere", two(WAITS), WAITS.budget),
        more("three writes", one(FLUSHED), BehindBudget { writes: 3, flushes: 2, ..FLUSHED.budget }),
        more("logged, three writes", one(LOGGED), BehindBudget { writes: 3, logged: 3, ..LOGGED.budget }),
        more(
            "logged, and two logs lost",
            LOGGED_LOST,
            BehindBudget { loads: 1, lost_logs: 2, ..LOGGED_LOST.budget },
        ),
        more("log lost, elsewhere", two(LOG_LOST), BehindBudget { writes: 1, ..LOG_LOST.budget }),
    ]
}

/// Returns each mistake, in a scope that finds it.
#[must_use]
pub fn misreadings() -> Vec<BehindModel> {
    use BehindReading as Reading;
    let misread = |scope: BehindModel, reading| BehindModel { reading, ..scope };
    vec![
        misread(STALLED, Reading::NoFence),
        misread(LOST, Reading::NoFence),
        misread(LOST, Reading::SequenceIsACounter),
        misread(CLOCK, Reading::SequenceIsTheTime),
        misread(STALLED, Reading::SequenceIsTheLocalTime),
        misread(REPEATED, Reading::DuplicateIsQueued),
        misread(REPEATED, Reading::DuplicateIsStored),
        misread(FLUSHED, Reading::BeginsAfterThePush),
        misread(FLUSHED, Reading::AcknowledgedBeforeTheEvent),
        misread(LOGGED_ELSEWHERE, Reading::EventBeforeThePush),
        misread(LOGGED_LOST, Reading::PageInAnyOrder),
        misread(WAITS, Reading::AcknowledgedBeforeItIsDurable),
        misread(WAITS_AGAIN, Reading::FlushedBeforeItIsDurable),
        misread(FLUSHED, Reading::LoadsWithoutAsking),
        misread(FLUSHED, Reading::AsksAfterTheRead),
        misread(FLUSHED, Reading::AsksBeforeThePosition),
        misread(LOST, Reading::AsksAReplica),
        misread(REFUSED, Reading::QuarantineIsIgnored),
        misread(REFUSED, Reading::QuarantineByKey),
        misread(DISCARDED, Reading::DiscardAppendsNothing),
        misread(FLUSHED, Reading::CompletedBeforeTheCommit),
        misread(STALLED, Reading::CompletesTheKey),
        misread(ABANDONED, Reading::FlushAppendsNothing),
        misread(ABANDONED, Reading::NoEventWithoutAChange),
        misread(LOST, Reading::EventBeforeTheCommit),
        misread(DEFERRED, Reading::CompletedWithADeferredEvent),
        misread(LAGGING, Reading::CompletedBeforeTheLag),
        misread(LAGGING, Reading::LagCountsFromTheRead),
    ]
}

/// Returns the mistakes that do no harm, because another rule makes up for them.
#[must_use]
pub fn harmless() -> Vec<BehindModel> {
    use BehindReading as Reading;
    vec![
        BehindModel { reading: Reading::RetryGetsANewNumber, ..REFUSED },
        BehindModel { reading: Reading::AnyReaderQuarantines, ..REFUSED },
        BehindModel { reading: Reading::EventBeforeTheCommit, ..ABANDONED },
    ]
}

/// Returns the known limits: faults for which no promise is made.
#[must_use]
pub fn limits() -> Vec<BehindModel> {
    let budget = BehindBudget { clocks_back: 1, ..LOST.budget };
    vec![
        BehindModel { name: "the queue's tail is lost, and its clock goes back", budget, ..LOST },
        BehindModel { name: "a load stores what came back", stores_revived: true, ..LOST },
    ]
}
