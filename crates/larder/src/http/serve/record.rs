//! The record of how a request was answered: counters and, at debug level, a span.

use http::request::Parts;
use larder_core::outcome::{Outcome, Tier};
use tracing::Span;

use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::{Purpose, RequestContext, request_span};
use crate::http::request::axum_route::matched_path;

/// Records a request that bypasses the cache, or that gets a 504 instead.
#[inline]
pub(crate) fn record_bypass(layer: &LayerState, parts: &Parts, key: &str, outcome: Outcome) {
    emit(&count_bypass(layer, parts, key, outcome), outcome);
}

/// Counts a request that bypasses the cache, and returns its span. The caller emits its event.
#[inline]
pub(crate) fn count_bypass(layer: &LayerState, parts: &Parts, key: &str, outcome: Outcome) -> Span {
    count_outcome(layer, || matched_path(parts), outcome);
    // Without a subscriber for this level, nothing more is computed.
    if tracing::enabled!(target: "larder", tracing::Level::DEBUG) {
        request_span(layer, matched_path(parts), key)
    } else {
        Span::none()
    }
}

/// Records a fresh hit.
///
/// `cost` is the time in nanoseconds that the handler took for the response, which the hit saves.
#[inline]
pub(crate) fn record_hit(layer: &LayerState, parts: &Parts, key: &str, tier: Tier, cost: u64) {
    let outcome = Outcome::Hit(tier);
    layer.engine.report.record_hit(tier, cost);
    count_for_route(layer, || matched_path(parts), outcome);
    if tracing::enabled!(target: "larder", tracing::Level::DEBUG) {
        emit(&request_span(layer, matched_path(parts), key), outcome);
    }
}

/// Records the outcome of a request that had to wait.
///
/// A request that only refreshes a response has no client to answer. A request that only fetches
/// the rest of a body was recorded before. Neither is recorded here.
pub(crate) fn record(layer: &LayerState, context: &RequestContext, outcome: Outcome) {
    if context.purpose != Purpose::Answer {
        return;
    }
    count_outcome(layer, || context.matched_path.as_deref(), outcome);
    emit(&context.span, outcome);
}

#[inline]
fn count_outcome<'a>(
    layer: &'a LayerState,
    matched_path: impl FnOnce() -> Option<&'a str>,
    outcome: Outcome,
) {
    layer.engine.report.record(outcome);
    count_for_route(layer, matched_path, outcome);
}

// Only metrics distinguish routes.
#[inline]
#[cfg_attr(not(feature = "metrics"), allow(unused_variables, clippy::unused_self))]
fn count_for_route<'a>(
    layer: &'a LayerState,
    matched_path: impl FnOnce() -> Option<&'a str>,
    outcome: Outcome,
) {
    #[cfg(feature = "metrics")]
    {
        layer.request_counters.record(layer.policy.route_name(matched_path), outcome);
    }
}

/// Emits the event of a request that was answered.
pub(crate) fn emit(span: &Span, outcome: Outcome) {
    if span.is_disabled() {
        return;
    }
    span.record("outcome", outcome.as_str());
    if let Some(tier) = outcome.tier() {
        span.record("tier", tier.as_str());
    }
    if !matches!(outcome, Outcome::Hit(_)) {
        span.record("reason", outcome.reason());
    }
    span.in_scope(|| tracing::debug!(target: "larder", "answered"));
}
