//! The state of a model: a database, a log, a shared tier, and processes.

use larder_core::log::position::{Incarnation, LogId, Position};
use larder_core::log::tail::Tail;
use larder_core::store::Appended;
use larder_core::time::Boot;

use crate::scope::Budget;
use crate::server::{Answer, Server};
use crate::what::{KEYS, PerKey, What};

/// Everything that there is. It is always now: time passes by making all moments older.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct World {
    /// What may still happen.
    pub left: Budget,
    /// The version of each key in the database.
    pub db: PerKey,
    /// How many incarnations there were, and placeholders for one.
    pub births: u8,
    /// The primary that everybody can reach.
    pub server: Server,
    /// One that was cut off and goes on.
    pub old: Option<Server>,
    /// Whether another process told the old one something, and will say *all* to the new one (rule
    /// 6).
    pub is_owed: bool,
    /// The processes.
    pub instances: Vec<Instance>,
    /// Those that P1 and P2 are still about to begin for.
    pub invalidations: Vec<Invalidation>,
    /// What no request may see any more, wherever it is made (P2).
    pub everywhere: Least,
    /// What was sent to the shared tier.
    pub shared: Vec<StoredResponse>,
    /// What it holds, where that is told apart.
    pub register: [Option<StoredResponse>; KEYS],
    /// What invalidations gave to their callers (rule 17).
    pub tokens: Vec<Token>,
    /// The promise that a request found broken.
    pub found: Option<Promise>,
}

/// The least version that may be served, of each key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct Least {
    /// In any way.
    pub at_all: PerKey,
    /// As fresh.
    pub as_fresh: PerKey,
}

/// What has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Promise {
    /// P1.
    NothingComesBackHere,
    /// P2.
    NothingComesBackAnywhere,
    /// Rule 17: who brings a token sees nothing from before it.
    TokensAreHonoured,
}

impl Promise {
    /// Its name among the log's rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingComesBackHere => "P1",
            Self::NothingComesBackAnywhere => "P2",
            Self::TokensAreHonoured => "rule 17",
        }
    }
}

/// One process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Instance {
    /// The rules.
    pub tail: Tail,
    /// A look that was answered.
    pub look: Option<PendingLook>,
    /// All that its memory may hold.
    pub memory: Vec<StoredResponse>,
    /// Its fills.
    pub flights: Vec<Flight>,
    /// A request to the shared tier.
    pub ask: Option<Ask>,
    /// A hit that found a response valid and has yet to remember it; whether the generation is
    /// still the same.
    pub hit: Option<(StoredResponse, bool)>,
    /// What no request here may see any more, from invalidations that were applied (P1).
    pub here: Least,
    /// Rule 11 misread: what was published before the rows.
    pub early: Option<Boot>,
    /// Rule 4 misread: the mark that it asked for.
    pub sought: Option<u8>,
}

/// A look under way to its process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct PendingLook {
    /// When it was sent, and answered.
    pub sent: Boot,
    /// The answer.
    pub answer: Answer,
    /// Rule 4 misread: its events have yet to be read, from this server.
    pub half: Option<bool>,
}

/// A stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct StoredResponse {
    /// Of this key.
    pub key: u8,
    /// What the database had.
    pub version: u8,
    /// The position before its fill began.
    pub position: Position,
    /// The moment before its fill began, here.
    pub filled_at: Option<Boot>,
    /// Whether it was found valid at the present generation.
    pub is_remembered: bool,
}

/// A run of the handler. It reads the database as it begins: later would only be fresher.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Flight {
    /// What will come of it.
    pub brings: StoredResponse,
    /// What it validates.
    pub base: Option<StoredResponse>,
    /// Rules 2 and 3 misread: it has yet to take its position.
    pub is_late: bool,
    /// Somebody who joined.
    pub waiter: Option<Waiter>,
}

/// A request that waits for a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Waiter {
    /// When it joined.
    pub joined_at: Boot,
    /// Where its process was then.
    pub position: Position,
    /// What it may not see, and why.
    pub least: [(Promise, u8); 3],
}

/// A request that asks the shared tier, and leads a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Ask {
    /// For this key.
    pub key: u8,
    /// When the flight began.
    pub began: Boot,
    /// Where its process was then.
    pub position: Position,
    /// What it may not see, and why.
    pub least: [(Promise, u8); 3],
    /// Somebody who joined.
    pub waiter: Option<Waiter>,
}

/// Whoever invalidates elsewhere.
pub const OTHER_PROCESS: u8 = u8::MAX;

/// A call of `invalidate`, after its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Invalidation {
    /// By this process.
    pub by: u8,
    /// Of this.
    pub what: What,
    /// The versions after the commit.
    pub versions: PerKey,
    /// How far it is.
    pub progress: Progress,
}

/// How far an invalidation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Progress {
    /// Appended; the answer is on its way.
    Sent {
        /// To this incarnation.
        incarnation: u8,
        /// At this id.
        id: u8,
    },
    /// Answered; our own tail has yet to pass it.
    Waiting(Appended),
    /// It returned `Deferred`, and has been appended since, or not.
    Deferred(Option<Appended>),
    /// It returned `Applied` then, or what was deferred was told.
    Applied(Boot),
}

/// A read-your-writes token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Token {
    /// Where the event stands.
    pub incarnation: Incarnation,
    /// Its id.
    pub id: LogId,
    /// What it is about.
    pub what: What,
    /// The versions after the commit.
    pub versions: PerKey,
}

/// The incarnation of this number.
#[must_use]
pub const fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

/// The log id of this number.
#[must_use]
pub fn log_id(number: u8) -> LogId {
    LogId::new(u64::from(number), 0)
}

/// The number of a log id.
#[must_use]
pub fn id_number(id: LogId) -> u8 {
    u8::try_from(id.millis).unwrap_or(u8::MAX)
}
