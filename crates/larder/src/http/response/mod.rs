//! Response parts, by which a handler controls the layer.
//!
//! [`served`] goes the other way: it reports to layers around the cache.

pub(crate) mod cache_for;
pub(crate) mod invalidation_part;
#[cfg(feature = "axum")]
mod response_parts;
pub(crate) mod served;
pub(crate) mod tags;
