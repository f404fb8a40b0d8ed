//! The invalidation log: all invalidations in one order, and the check of a response against them.
//!
//! > A stored response may be served if and only if nothing that it is named by was invalidated
//! > after its position.
//!
//! * [`position`]: positions in the log, and how they are compared;
//! * [`selector`]: selectors, which name the responses to invalidate;
//! * [`names`]: the names of a stored response;
//! * [`reach`]: the reach of an invalidation before it is appended;
//! * [`table`]: name → last position, and the check of a stored response against it;
//! * `refusal`: which invalidations concern a stored response, for explanations;
//! * [`log_page`]: polls of the log, and the answers to them;
//! * [`last_appends`]: what an instance appended last, which a new incarnation may have missed;
//! * [`append_status`]: appended events, and how far our own tail is with them;
//! * [`outbox`]: deferred invalidations, which are not in the log yet;
//! * [`tail`]: the state machine that follows the log;
//! * [`token`]: consistency tokens, with which a client carries a position to another instance.

pub mod append_status;
pub(crate) mod event_time;
#[doc(hidden)]
pub mod fault_injection;
pub mod last_appends;
pub mod log_page;
pub mod names;
pub mod outbox;
pub mod position;
pub mod reach;
#[doc(hidden)]
pub mod refusal;
pub mod selector;
pub mod table;
pub mod tail;
pub mod token;
