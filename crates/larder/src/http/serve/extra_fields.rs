//! Fields that only some policies add to responses.

use http::HeaderMap;
use larder_core::invalidation::position::Position;

use crate::http::cache_status;
use crate::http::gateway;
use crate::http::layer_state::LayerState;

/// Adds the key, and the position if the request asks for it, as far as the policy says so.
#[cold]
pub(super) fn add_extra_fields(
    layer: &LayerState,
    request: &HeaderMap,
    fields: &mut HeaderMap,
    key: &str,
    position: Option<&Position>,
) {
    if layer.policy.expose_cache_key {
        cache_status::set_key(fields, key);
    }
    if layer.policy.states_position && gateway::asks_for_position(request) {
        if let Some(position) = position {
            gateway::set_position(fields, position);
        }
    }
}
