//! The record of how a request was answered: counters and, at debug level, a span.

use std::sync::Arc;

use http::request::Parts;
use larder_core::outcome::{Outcome, Tier};
use larder_core::time::BootTime;
use tracing::Span;

use crate::engine::report::route_counters::RouteCounters;
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::{Purpose, RequestContext, request_span};
use crate::http::memory::cached_response::CachedResponse;
use crate::http::request::axum_route::matched_path;

/// Records a request that bypasses the cache, or that gets a 504 instead.
#[inline]
pub(crate) fn record_bypass(
    layer: &LayerState,
    parts: &Parts,
    key: &str,
    outcome: Outcome,
) -> Option<BypassTimer> {
    let (span, timer) = count_bypass(layer, parts, key, outcome);
    emit(&span, outcome);
    timer
}

/// Counts a request that bypasses the cache, and returns its span. The caller emits its event.
#[inline]
pub(crate) fn count_bypass(
    layer: &LayerState,
    parts: &Parts,
    key: &str,
    outcome: Outcome,
) -> (Span, Option<BypassTimer>) {
    let timer = layer.with_route(
        || matched_path(parts),
        |route| {
            let weight = route.request(outcome).weight()?;
            let (started, route) = (layer.engine.clock.boot(), Arc::clone(route));
            Some(BypassTimer(Box::new(Bypassing { route, outcome, started, weight })))
        },
    );
    // Without a subscriber for this level, nothing more is computed.
    let span = if tracing::enabled!(target: "larder", tracing::Level::DEBUG) {
        request_span(layer, matched_path(parts), key)
    } else {
        Span::none()
    };
    (span, timer)
}

/// Measures the time of a bypass, on behalf of others.
#[derive(Debug)]
pub(crate) struct BypassTimer(Box<Bypassing>);

#[derive(Debug)]
struct Bypassing {
    route: Arc<RouteCounters>,
    outcome: Outcome,
    started: BootTime,
    weight: u64,
}

impl BypassTimer {
    /// Records the time until now.
    #[cold]
    pub(crate) fn finish(self, layer: &LayerState) {
        let Bypassing { route, outcome, started, weight } = *self.0;
        route.record_time(outcome, layer.engine.clock.boot().saturating_since(started), weight);
    }
}

/// Records a fresh hit in memory or in the shared tier, for a request that did not wait for others.
///
/// `looked_up` is when the lookup began.
#[inline]
pub(crate) fn record_hit(
    layer: &LayerState,
    parts: &Parts,
    key: &str,
    cached: &CachedResponse,
    tier: Tier,
    looked_up: BootTime,
) {
    let (cost, bytes) = (cached.cost, cached.body.len() as u64);
    let number = layer.with_route(|| matched_path(parts), |route| route.hit(tier, cost, bytes));
    if let Some(weight) = number.weight() {
        record_sample(layer, parts, cached, Sample { tier, looked_up, weight });
    }
    if tracing::enabled!(target: "larder", tracing::Level::DEBUG) {
        emit(&request_span(layer, matched_path(parts), key), Outcome::Hit(tier));
    }
}

/// A hit whose time and age are recorded on behalf of others.
#[derive(Clone, Copy)]
struct Sample {
    tier: Tier,
    looked_up: BootTime,
    weight: u64,
}

#[cold]
fn record_sample(layer: &LayerState, parts: &Parts, cached: &CachedResponse, sample: Sample) {
    let Sample { tier, looked_up, weight } = sample;
    let now = layer.engine.clock.boot();
    layer.with_route(
        || matched_path(parts),
        |route| {
            route.record_time(Outcome::Hit(tier), now.saturating_since(looked_up), weight);
            route.record_age(cached.age(now), weight);
        },
    );
}

/// Records the outcome of a request that had to wait.
///
/// A request that only refreshes a response has no client to answer. A request that only fetches
/// the rest of a body was recorded before. Neither is recorded here.
pub(crate) fn record(layer: &LayerState, context: &RequestContext, outcome: Outcome) {
    if context.purpose != Purpose::Answer {
        return;
    }
    let time = layer.engine.clock.boot().saturating_since(context.started);
    layer.with_route(
        || context.matched_path.as_deref(),
        |route| {
            route.request(outcome);
            route.record_time(outcome, time, 1);
        },
    );
    emit(&context.span, outcome);
}

/// Emits the event of a request that was answered.
pub(crate) fn emit(span: &Span, outcome: Outcome) {
    if span.is_disabled() {
        return;
    }
    span.record("cache.outcome", outcome.as_str());
    if let Some(tier) = outcome.tier() {
        span.record("cache.tier", tier.as_str());
    }
    if !matches!(outcome, Outcome::Hit(_)) {
        span.record("cache.reason", outcome.reason());
    }
    span.in_scope(|| tracing::debug!(target: "larder", "answered"));
}
