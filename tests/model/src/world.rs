//! The state of a model: a database, a log, a shared tier, and processes.

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::position::{Incarnation, LogId, Position};
use larder_core::invalidation::tail::Tail;
use larder_core::time::BootTime;

use crate::scope::Budget;
use crate::server::{Answer, Server};
use crate::target::{KEYS, PerKey, Target};

/// A complete state. The current moment is constant: time passes by making all other moments older.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct World {
    /// The remaining actions.
    pub left: Budget,
    /// The version of each key in the database.
    pub db: PerKey,
    /// The number of incarnations so far, including placeholders.
    pub births: u8,
    /// The primary that every process can reach.
    pub server: Server,
    /// A primary that was cut off and keeps running.
    pub old: Option<Server>,
    /// When another process last appended to the old primary. It may have to append *all* to the
    /// new one (rule 6).
    pub owed: Option<BootTime>,
    /// The processes.
    pub instances: Vec<Instance>,
    /// Invalidations for which P1 or P2 is not in force yet.
    pub invalidations: Vec<Invalidation>,
    /// The lowest versions that any request may see (P2).
    pub everywhere: LowestVersions,
    /// Everything that was sent to the shared tier.
    pub shared: Vec<StoredResponse>,
    /// The contents of the shared tier, if it is modeled as a register.
    pub register: [Option<StoredResponse>; KEYS],
    /// The tokens that invalidations returned (rule 17).
    pub tokens: Vec<Token>,
    /// The promise that a request found broken.
    pub found: Option<Promise>,
}

/// The lowest version of each key that may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
pub struct LowestVersions {
    /// At all.
    pub at_all: PerKey,
    /// As fresh.
    pub as_fresh: PerKey,
}

/// A property to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Promise {
    /// P1.
    NothingComesBackHere,
    /// P2.
    NothingComesBackAnywhere,
    /// Rule 17: a request with a token sees nothing older.
    TokensAreHonoured,
}

impl Promise {
    /// Returns its name among the log's rules.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NothingComesBackHere => "P1",
            Self::NothingComesBackAnywhere => "P2",
            Self::TokensAreHonoured => "rule 17",
        }
    }
}

/// An observed process.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Instance {
    /// The state machine with the rules.
    pub tail: Tail,
    /// An answered poll.
    pub look: Option<PendingLook>,
    /// All responses that its memory may contain.
    pub memory: Vec<StoredResponse>,
    /// Its fills.
    pub flights: Vec<Flight>,
    /// Its request to the shared tier.
    pub ask: Option<Ask>,
    /// A hit that found a response valid and has not remembered that yet, and whether the
    /// generation is still the same.
    pub hit: Option<(StoredResponse, bool)>,
    /// The lowest versions that a request here may see, from applied invalidations (P1).
    pub here: LowestVersions,
    /// Rule 11 misread: the confirmation that was published before the rows.
    pub early: Option<BootTime>,
    /// Rule 4 misread: the requested checkpoint.
    pub sought: Option<u8>,
}

/// An answer to a poll that has not been applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct PendingLook {
    /// When it was sent and answered.
    pub sent: BootTime,
    /// The answer.
    pub answer: Answer,
    /// Rule 4 misread: its events have not been read yet, from this server.
    pub half: Option<bool>,
}

/// A stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct StoredResponse {
    /// The key.
    pub key: u8,
    /// The version in the database.
    pub version: u8,
    /// The position before the fill began.
    pub position: Position,
    /// The moment before the fill began, if it was filled here.
    pub filled_at: Option<BootTime>,
    /// Whether a hit found it valid in the current generation.
    pub is_remembered: bool,
}

/// A run of the handler. It reads the database when it begins; later would only be fresher.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Flight {
    /// The response that it will produce.
    pub brings: StoredResponse,
    /// The response that it revalidates.
    pub base: Option<StoredResponse>,
    /// Rules 2 and 3 misread: it has not taken its position yet.
    pub is_late: bool,
    /// A request that joined.
    pub waiter: Option<Waiter>,
}

/// A request that waits for a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Waiter {
    /// When it joined.
    pub joined_at: BootTime,
    /// The position of its process at that time.
    pub position: Position,
    /// The lowest versions that it may see, with the promises.
    pub least: [(Promise, u8); 3],
}

/// A request that asks the shared tier, and leads a flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Ask {
    /// The key.
    pub key: u8,
    /// When the flight began.
    pub began: BootTime,
    /// The position of its process at that time.
    pub position: Position,
    /// The lowest versions that it may see, with the promises.
    pub least: [(Promise, u8); 3],
    /// A request that joined.
    pub waiter: Option<Waiter>,
}

/// Stands for the unobserved processes.
pub const OTHER_PROCESS: u8 = u8::MAX;

/// A call of `invalidate`, after its commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Invalidation {
    /// The process.
    pub by: u8,
    /// The target.
    pub target: Target,
    /// The versions after the commit.
    pub versions: PerKey,
    /// The progress.
    pub progress: Progress,
}

/// The progress of an invalidation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Progress {
    /// Appended. The reply is on its way.
    Sent {
        /// The incarnation.
        incarnation: u8,
        /// The id.
        id: u8,
    },
    /// Answered. The process's tail has not passed it yet.
    Waiting(Appended),
    /// It returned `Deferred`. It may have been appended since then.
    Deferred(Option<Appended>),
    /// It returned `Applied` at this time, or the deferred event was applied.
    Applied(BootTime),
}

/// A read-your-writes token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Token {
    /// The incarnation of the event.
    pub incarnation: Incarnation,
    /// The id of the event.
    pub id: LogId,
    /// The target.
    pub target: Target,
    /// The versions after the commit.
    pub versions: PerKey,
}

/// Returns the incarnation with this number.
#[must_use]
pub const fn incarnation(number: u8) -> Incarnation {
    Incarnation::from_bytes([number; 16])
}

/// Returns the log id with this number.
#[must_use]
pub fn log_id(number: u8) -> LogId {
    LogId::new(u64::from(number), 0)
}

/// Returns the number of a log id.
#[must_use]
pub fn id_number(id: LogId) -> u8 {
    u8::try_from(id.millis).unwrap_or(u8::MAX)
}
