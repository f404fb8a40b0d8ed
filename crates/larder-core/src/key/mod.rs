//! The cache key and its unambiguous encoding.
//!
//! * [`buf`]: the encoded key and its grammar.
//! * [`canonical`]: the key of a response that answers equivalent queries.
//! * [`query`]: the parts of the query that belong to the key.
//! * [`template`]: texts with parameters, for keys and tags.
//! * [`cookies`]: the cookies of a request.
//! * [`authority`]: the host in one spelling.
//! * [`normalize`]: the normal form of a URI in names. Keys do not use it.

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
