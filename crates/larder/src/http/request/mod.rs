//! Reading a request: where it goes, and the form in which the handler gets it.
//!
//! * [`target_uri`]: the target URI of a request.
//! * [`axum_route`]: the facts that axum knows about the route of a request.
//! * [`body_hint`]: whether a request has a body that its header fields do not announce.
//! * [`fill_probe`]: an extension that reports how a request was handled.
//! * [`normalize`]: the one spelling of the host and of the content codings that the handler gets.

pub(crate) mod axum_route;
pub(crate) mod body_hint;
pub(crate) mod fill_probe;
pub(crate) mod normalize;
pub(crate) mod target_uri;

use http::Request;
use http::request::Parts;

/// A request, split into its head and its body.
pub(crate) struct SplitRequest<Q> {
    pub(crate) parts: Parts,
    pub(crate) body: Q,
}

impl<Q> SplitRequest<Q> {
    /// Returns the whole request.
    pub(crate) fn join(self) -> Request<Q> {
        Request::from_parts(self.parts, self.body)
    }
}
