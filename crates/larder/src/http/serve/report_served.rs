//! The extension that reports how a request was answered, if the policy asks for it.

use std::sync::Arc;

use http::Response;
use larder_core::outcome::Outcome;
use larder_core::time::BootTime;

use crate::http::layer_state::LayerState;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::policy::diagnostics::UNNAMED;
use crate::http::response::served::Served;

/// Returns the extension of a stored response, or of one that another request has filled.
pub(crate) fn report_stored<'a>(
    layer: &LayerState,
    matched_path: impl FnOnce() -> Option<&'a str>,
    outcome: Outcome,
    cached: &CachedResponse,
    now: BootTime,
) -> Option<Box<Served>> {
    layer.policy.has_served_extension().then(|| {
        let ttl = (!layer.is_unstored_failure(cached)).then(|| cached.fresh_for(now));
        let (tier, age) = (outcome.tier(), Some(cached.age(now)));
        Box::new(Served { outcome, tier, age, ttl, route: route(layer, matched_path) })
    })
}

/// Returns the extension of a response that the handler made for this request, or of a 504.
///
/// `stored` is the response as it is stored, if it is.
pub(crate) fn report_handled<'a>(
    layer: &LayerState,
    matched_path: impl FnOnce() -> Option<&'a str>,
    outcome: Outcome,
    stored: Option<&CachedResponse>,
) -> Option<Box<Served>> {
    layer.policy.has_served_extension().then(|| {
        let ttl = stored.map(|cached| cached.fresh_for(layer.engine.clock.boot()));
        Box::new(Served { outcome, tier: None, age: None, ttl, route: route(layer, matched_path) })
    })
}

/// Inserts the extension into its response.
pub(crate) fn attach<B>(served: Option<Box<Served>>, mut response: Response<B>) -> Response<B> {
    if let Some(served) = served {
        response.extensions_mut().insert(*served);
    }
    response
}

fn route<'a>(layer: &LayerState, matched_path: impl FnOnce() -> Option<&'a str>) -> Arc<str> {
    layer.policy.name.clone().unwrap_or_else(|| matched_path().unwrap_or(UNNAMED).into())
}
