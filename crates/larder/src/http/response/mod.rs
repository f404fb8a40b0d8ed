//! Response parts, by which a handler controls the layer.

pub(crate) mod cache_for;
pub(crate) mod invalidation_part;
#[cfg(feature = "axum")]
mod response_parts;
pub(crate) mod tags;
