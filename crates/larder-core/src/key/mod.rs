//! The cache key and its unambiguous encoding.
//!
//! * [`buf`]: the encoded key and its grammar;
//! * [`canonical`]: that of a response which answers equivalent queries;
//! * [`query`]: which parts of the query belong to it;
//! * [`template`]: texts with parameters, for keys and tags;
//! * [`cookies`]: the cookies of a request;
//! * [`authority`]: the host in one spelling;
//! * [`normalize`]: the one spelling of a URI in names, which keys do not have.

pub mod authority;
pub mod buf;
pub mod canonical;
pub mod cookies;
pub(crate) mod decoded;
pub(crate) mod escape;
pub mod normalize;
pub mod query;
pub mod template;
mod words;
