//! Requests that want nothing but what is stored.
//!
//! RFC 9111 §5.2.1.7: "Caches that honor this request directive SHOULD, upon receiving it, respond with either a stored
//! response consistent with the other constraints of the request or a 504 (Gateway Timeout) status code." So no way that
//! leads to the handler is open to them, but that of an unsafe method (§4): "a cache is not allowed to generate a reply to such a
//! request before having forwarded the request".

use http::HeaderMap;
use larder_core::http::cache_control::RequestDirectives;
use larder_core::outcome::BypassReason;

use crate::http::layer_state::LayerState;

/// Whether a request wants nothing but what is stored, and may decide that.
#[inline]
pub(crate) fn is_only_if_cached(layer: &LayerState, headers: &HeaderMap) -> bool {
    layer.policy.store.follow_request && RequestDirectives::parse(headers).only_if_cached
}

/// The same of a request that would go past the cache. A layer further in leaves it to the one further out, which let it
/// pass: its policy may not have requests decide, and others may wait there for what comes of this one.
pub(crate) fn forbids_bypass(layer: &LayerState, reason: BypassReason, headers: &HeaderMap) -> bool {
    reason != BypassReason::Nested && is_only_if_cached(layer, headers)
}
