//! Requests that accept only a stored response (`only-if-cached`).
//!
//! RFC 9111 §5.2.1.7: "Caches that honor this request directive SHOULD, upon receiving it, respond
//! with either a stored response consistent with the other constraints of the request or a 504
//! (Gateway Timeout) status code." So these requests never reach the handler, with one exception:
//! those with an unsafe method, such as `CONNECT` (§4): "a cache is not allowed to generate a reply
//! to such a request before having forwarded the request".

use http::request::Parts;
use http::{HeaderMap, Method};
use larder_core::http::cache_control::RequestDirectives;
use larder_core::outcome::BypassReason;

use crate::http::layer_state::LayerState;

/// Whether a request accepts only a stored response, and the policy honors that.
#[inline]
pub(crate) fn is_only_if_cached(layer: &LayerState, headers: &HeaderMap) -> bool {
    layer.policy.store.honor_request && RequestDirectives::parse(headers).only_if_cached
}

/// Whether a request must get a 504 instead of a bypass, because it accepts only a stored response.
///
/// A request that an inner layer handles is passed on to that layer, and the inner layer decides:
/// its policy may ignore the directives of requests, and other requests may wait there for the
/// response to this one. A cache that is disabled or switched off answers no request.
pub(crate) fn forbids_bypass(layer: &LayerState, reason: BypassReason, parts: &Parts) -> bool {
    let must_forward =
        matches!(reason, BypassReason::Nested | BypassReason::Disabled | BypassReason::SwitchedOff)
            || parts.method == Method::CONNECT;
    !must_forward && is_only_if_cached(layer, &parts.headers)
}
