//! The rules of RFC 9111 and related RFCs, as pure functions.
//!
//! Reading header fields:
//!
//! * [`cache_control`]: the cache directives of requests and responses.
//! * [`field_lines`]: the header fields of a response, in whatever form they are stored.
//! * [`date`]: HTTP dates.
//! * [`age`]: the age of a response.
//! * [`vary`]: the requests that a response can answer.
//! * [`no_vary_search`]: the differences in a query that don't matter to a response.
//! * [`equivalent_key`]: the key of a response that answers equivalent queries.
//!
//! Storing a response:
//!
//! * [`storable`]: whether a response may be stored.
//! * [`freshness`]: how long a response is fresh, and how long it may be used stale after that.
//! * [`heuristic`]: a freshness lifetime for responses that don't state one.
//! * [`varied_lifetime`]: random variation of freshness lifetimes.
//! * [`storable_fields`]: the header fields that are stored.
//! * [`mark_private`]: `private`, for the response of one user.
//! * [`completeness`]: whether a response body arrived completely.
//! * [`response_flags`]: the conditions of use that a response states.
//!
//! Using a stored response:
//!
//! * [`reuse`]: whether a stored response may be served now, and if not, why.
//! * [`downstream`]: how long caches downstream may use a stored response.
//! * [`retry_after`]: when a failing handler wants to be asked again.
//! * [`validators`]: conditional requests, from clients to the cache and from the cache to the
//!   handler.
//! * [`freshen`]: the changes that a 304 makes to a stored response.
//! * [`content_coding`]: the content codings that a request accepts, and the responses that may be
//!   coded.
//! * [`range`]: the requested parts of a representation, and how parts are combined.
//!
//! Invalidation:
//!
//! * [`location`]: the other URIs that an unsafe request invalidates.
//! * [`groups`]: the names that a response has for invalidation.
//!
//! No function here panics, whatever bytes a field contains. A malformed field is read in the way
//! that serves less from the cache: invalid freshness information counts as no freshness (RFC 9111
//! §4.2.1), and a restriction with an invalid argument still restricts.

pub mod age;
pub mod cache_control;
pub mod completeness;
pub mod content_coding;
pub mod date;
pub mod downstream;
pub mod equivalent_key;
pub mod field_lines;
pub mod freshen;
pub mod freshness;
pub mod groups;
pub mod heuristic;
mod list;
pub mod location;
pub mod mark_private;
pub mod no_vary_search;
pub mod range;
pub mod response_flags;
pub mod retry_after;
pub mod reuse;
pub mod storable;
pub mod storable_fields;
#[cfg(test)]
mod testing;
pub mod validators;
pub mod varied_lifetime;
pub mod vary;
