//! The lifetimes for caches downstream, on every response that is stored.

use std::time::Duration;

use http::{HeaderMap, Response, StatusCode};
use http_body::Body;
use larder_core::http::age::initial_age;
use larder_core::http::downstream::{DownstreamRules, ServedAge, set_lifetimes};
use larder_core::time::BootTime;

use crate::http::body::CacheBody;
use crate::http::layer_state::LayerState;
use crate::http::memory::cached_response::CachedResponse;

/// States how long caches downstream may use a stored response, if the policy says so.
///
/// The response has its `Age` already.
pub(super) fn set_downstream_fields(
    layer: &LayerState,
    cached: &CachedResponse,
    now: BootTime,
    status: StatusCode,
    fields: &mut HeaderMap,
) {
    if let Some(rules) = rules_for(layer, cached, status) {
        let age = cached.age(now);
        set_fields(rules, cached, age, age, fields);
    }
}

/// States how long caches downstream may use a response that the handler has just made.
///
/// `stored` is the response as it is stored. Without it, the fields do not change. The age that a
/// recipient computes may be less than that of the stored response, which includes the time that
/// the handler took.
pub(super) fn set_downstream_fields_of_new<B: Body>(
    layer: &LayerState,
    stored: Option<&CachedResponse>,
    response: &mut Response<CacheBody<B>>,
) {
    let Some(cached) = stored else { return };
    if let Some(rules) = rules_for(layer, cached, response.status()) {
        let clock = &layer.engine.clock;
        let (age, now) = (cached.age(clock.boot()), clock.wall());
        let stated = initial_age(response.headers(), now, now);
        set_fields(rules, cached, stated, age, response.headers_mut());
    }
}

/// Returns the rules of the policy, if they apply to this response.
fn rules_for<'a>(
    layer: &'a LayerState,
    cached: &CachedResponse,
    status: StatusCode,
) -> Option<&'a DownstreamRules> {
    let rules = layer.policy.downstream.as_ref()?;
    // A 416 has no field about the lifetime of the representation.
    let has_lifetime = !layer.is_unstored_failure(cached) && status != StatusCode::RANGE_NOT_SATISFIABLE;
    has_lifetime.then_some(rules)
}

fn set_fields(
    rules: &DownstreamRules,
    cached: &CachedResponse,
    stated: Duration,
    age: Duration,
    fields: &mut HeaderMap,
) {
    let (lifetime, response_time) = (cached.meta.lifetime(), cached.meta.response_time);
    set_lifetimes(fields, rules, &ServedAge { stated, age, lifetime, response_time });
}
