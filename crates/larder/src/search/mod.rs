//! Requests whose queries differ in what means nothing: `No-Vary-Search`, where a policy heeds it.
//!
//! * [`Variations`]: what the newest response of each URI, whatever its query was, said of that;
//! * [`Search`]: where a request is looked for by it.
//!
//! What is remembered only says where to look. What a stored response itself says stands in its key, with the form that the
//! queries have in common which it answers, so that none is found by a request that it does not answer.

mod asked;
mod equivalents;
mod look;
#[cfg(test)]
mod tests;
mod variations;

pub(crate) use asked::{Search, Sought};
pub(crate) use variations::Variations;
