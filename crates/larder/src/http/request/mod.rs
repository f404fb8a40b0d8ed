//! Reading a request.

pub(crate) mod axum_route;
pub(crate) mod body_hint;
pub(crate) mod normalize;
pub(crate) mod target_uri;

use http::request::Parts;

/// A request in two parts.
pub(crate) struct SplitRequest<Q> {
    pub(crate) parts: Parts,
    pub(crate) body: Q,
}
