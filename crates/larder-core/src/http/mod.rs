//! The rules of RFC 9111 and its neighbours, as pure functions.
//!
//! What a field says:
//!
//! * [`cache_control`]: the directives of a response and of a request;
//! * [`date`]: HTTP dates; [`age`]: how old a response is;
//! * [`vary`]: which requests a response answers, [`no_vary_search`]: and under which other queries.
//!
//! What follows from it:
//!
//! * [`storable`]: whether a response may be stored, [`freshness`]: and for how long it is of use, [`heuristic`]: by a guess
//!   where it does not say, [`jitter`]: or nearly;
//! * [`reuse`]: whether a stored response may be served now, and if not, why; [`early`]: whether it is refreshed before;
//! * [`validators`]: conditional requests, to the cache and from it; [`update`]: what a 304 changes in what is stored;
//! * [`range`]: which part of a representation is asked for, and what parts make together; [`complete`]: whether one came whole;
//! * [`fields`]: which header fields are stored;
//! * [`mod@reference`]: which other URIs an unsafe request invalidates; [`groups`]: and which names a response has for that.
//!
//! Nothing here can panic, whatever the bytes of a field are. What is malformed is read in the way that serves less from
//! the cache: freshness that makes no sense is none (RFC 9111 §4.2.1), a restriction that makes no sense still restricts.

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
