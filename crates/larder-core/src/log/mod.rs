//! The invalidation log: what was invalidated, in one order, and whether a stored response is older than that.
//!
//! > A stored response may be served if and only if nothing that it is named by was invalidated after its position.
//!
//! * [`position`]: places in the log, and how they are compared;
//! * [`selector`]: what an invalidation names, [`names`]: what a stored response answers to;
//! * [`table`]: name → last position, and the check between a stored response and it;
//! * [`outbox`]: invalidations that the log has not been told yet;
//! * [`tail`]: the state machine that follows the log;
//! * [`token`]: how much of it an instance knew, for a client to bring to another one.

#[doc(hidden)]
pub mod broken;
pub mod names;
pub mod outbox;
pub mod position;
pub mod selector;
pub mod table;
pub mod tail;
pub mod token;
