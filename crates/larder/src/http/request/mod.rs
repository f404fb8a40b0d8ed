//! Reading a request.

pub(crate) mod axum_route;
pub(crate) mod body_hint;
pub(crate) mod normalize;
pub(crate) mod target_uri;
