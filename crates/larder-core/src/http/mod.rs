//! The rules of RFC 9111 and its neighbours, as pure functions.

pub mod freshness;
