//! The middleware: key → lookup → decide → serve, or hand the request to the fill.

mod await_token;
pub(crate) mod before_lookup;
pub(crate) mod cache_service;
pub(crate) mod future;
mod related_uris;
mod unsafe_method;
