//! The rules of RFC 9111 and related RFCs, as pure functions.
//!
//! Reading header fields:
//!
//! * [`cache_control`]: the cache directives of requests and responses.
//! * [`date`]: HTTP dates.
//! * [`age`]: the age of a response.
//! * [`vary`]: the requests that a response can answer.
//! * [`no_vary_search`]: the differences in a query that don't matter to a response.
//!
//! Storing a response:
//!
//! * [`storable`]: whether a response may be stored.
//! * [`freshness`]: how long a response is fresh, and how long it may be used stale after that.
//! * [`heuristic`]: a freshness lifetime for responses that don't state one.
//! * [`jitter`]: random variation of freshness lifetimes.
//! * [`fields`]: the header fields that are stored.
//! * [`complete`]: whether a response body arrived completely.
//!
//! Using a stored response:
//!
//! * [`reuse`]: whether a stored response may be served now, and if not, why.
//! * [`early`]: whether a stored response is refreshed before it becomes stale.
//! * [`validators`]: conditional requests, from clients to the cache and from the cache to the
//!   handler.
//! * [`update`]: the changes that a 304 makes to a stored response.
//! * [`range`]: the requested parts of a representation, and how parts are combined.
//!
//! Invalidation:
//!
//! * [`mod@reference`]: the other URIs that an unsafe request invalidates.
//! * [`groups`]: the names that a response has for invalidation.
//!
//! No function here panics, whatever bytes a field contains. A malformed field is read in the way
//! that serves less from the cache: invalid freshness information counts as no freshness (RFC 9111
//! §4.2.1), and a restriction with an invalid argument still restricts.

pub mod age;
pub mod cache_control;
pub mod complete;
pub mod date;
pub mod early;
pub mod fields;
pub mod freshness;
pub mod groups;
pub mod heuristic;
pub mod jitter;
mod list;
pub mod no_vary_search;
pub mod range;
pub mod reference;
pub mod reuse;
pub mod storable;
#[cfg(test)]
mod testing;
pub mod update;
pub mod validators;
pub mod vary;
