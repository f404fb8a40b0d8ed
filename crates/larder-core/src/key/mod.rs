//! The cache key and its unambiguous encoding.
//!
//! * [`buf`]: the encoded key and its grammar.
//! * [`query`]: the parts of the query that belong to the key.
//! * [`template`]: texts with parameters, for keys and tags.
//! * [`cookies`]: the cookies of a request.
//! * [`authority`]: the host in one spelling.
//! * [`normalize`]: the normal form of a URI in names. Keys do not use it.
//! * [`redact`]: keys without credentials, for operators.
//! * [`request_parts`]: the request that a key was made from.
//! * [`list_order`]: the order in which keys are listed.

pub mod authority;
pub mod buf;
pub mod cookies;
pub(crate) mod escape;
pub mod list_order;
pub mod normalize;
pub(crate) mod percent_decoded;
pub mod query;
pub mod redact;
pub mod request_parts;
pub mod template;
mod word_scan;
