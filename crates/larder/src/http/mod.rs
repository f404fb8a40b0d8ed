//! The HTTP cache: everything that knows requests and responses.
//!
//! The path of a request, from top to bottom:
//!
//! * [`service`]: the middleware, where a request arrives.
//! * [`explain`]: explains what would become of a request.
//! * [`miss`]: handles a request that memory alone could not answer.
//! * [`fill`]: runs the handler and stores its response.
//! * [`serve`]: turns stored responses and responses of the handler into responses of the layer.
//! * [`encode`]: codes stored responses, and selects the coded form that a request prefers.
//! * [`lookup`]: looks up a request, and applies the rules of reuse to the result.
//!
//! The parts that they use:
//!
//! * [`policy`]: the policy of a layer.
//! * [`request`]: reading a request.
//! * [`response`]: the response parts by which a handler talks to the layer.
//! * [`body`]: the bodies of responses.
//! * [`memory`]: the memory tier of responses.
//! * [`explanation`]: the data of an explanation.
//! * [`nesting`]: layers within layers.
//! * [`cache_status`]: the header fields that report what the cache did.
//! * [`coding_jobs`]: the coded forms that are being made.
//! * [`erased_service`]: the inner service without its type.
//! * [`flight_event`]: the events of a flight that fills a response.
//! * [`gateway`]: the fields between a cache and another one in front of it.
//! * [`ready_service`]: the inner service, with or without a reservation.
//! * [`layer_state`] and [`http_state`]: the state of a layer, and the HTTP state of a cache.
//! * [`layer_routes`]: the counters of the routes of a layer.
//! * [`layer_registry`]: the layers of a cache, whose policies operators see.

pub(crate) mod body;
pub(crate) mod cache_status;
pub(crate) mod coding_jobs;
pub(crate) mod encode;
pub(crate) mod erased_service;
pub(crate) mod explain;
pub(crate) mod explanation;
pub(crate) mod fill;
pub(crate) mod flight_event;
pub(crate) mod gateway;
pub(crate) mod http_state;
pub(crate) mod layer_registry;
pub(crate) mod layer_routes;
pub(crate) mod layer_state;
pub(crate) mod lookup;
pub(crate) mod memory;
pub(crate) mod miss;
pub(crate) mod nesting;
pub(crate) mod policy;
pub(crate) mod ready_service;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod serve;
pub(crate) mod service;
