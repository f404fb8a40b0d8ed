//! The middleware: the layer, the service and its future. Here each request enters the cache.
//!
//! * [`layer`] and [`cache_service`] have the Tower layer and service. The service classifies a
//!   request and serves a hit in memory at once.
//! * [`future`] is the future of every response.
//! * [`before_lookup`] has the steps before a lookup. `await_token` waits until this instance has
//!   read the invalidation log up to the client's token.
//! * [`invalidation_service`] and [`invalidation_future`] are the service that caches nothing and
//!   only carries out the invalidations in responses.
//! * `detached_write` runs writes to their end even if their clients disconnect.
//! * `extended_call` serves hits that are reported, coded, or for equivalent queries.
//! * `erased_calls` has the calls that do not know the type of the inner service.
//! * `explained_call` explains a request instead of serving it.
//! * `unsafe_method` handles requests that may change something, and invalidates their URIs.
//!   `related_uris` finds the other URIs and groups that the response to such a request names.

mod await_token;
pub(crate) mod before_lookup;
pub(crate) mod cache_service;
mod detached_write;
mod erased_calls;
mod explained_call;
mod extended_call;
pub(crate) mod future;
pub(crate) mod invalidation_future;
pub(crate) mod invalidation_service;
mod related_uris;
mod unsafe_method;
mod while_refreshed;
