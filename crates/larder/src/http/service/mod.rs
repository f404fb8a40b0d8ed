//! The middleware: the layer, the service and its future. Here each request enters the cache.
//!
//! * [`layer`] and [`cache_service`] have the Tower layer and service. The service classifies a
//!   request and serves a hit in memory at once.
//! * [`future`] is the future of every response.
//! * [`before_lookup`] has the steps before a lookup. `await_token` waits until this instance has
//!   read the invalidation log up to the client's token.
//! * `unsafe_method` handles requests that may change something, and invalidates their URIs.
//!   `related_uris` finds the other URIs and groups that the response to such a request names.

mod await_token;
pub(crate) mod before_lookup;
pub(crate) mod cache_service;
pub(crate) mod future;
mod related_uris;
mod unsafe_method;
