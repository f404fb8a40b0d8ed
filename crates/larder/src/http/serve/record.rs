//! The record of how a request was answered: counters and, at debug level, a span.

use std::sync::Arc;

use http::request::Parts;
use larder_core::outcome::{Outcome, Tier};
use larder_core::time::BootTime;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span};

use crate::engine::report::hits::RequestNumber;
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
    let span = if tracing::enabled!(target: "larder", Level::DEBUG) {
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
    let number = match cached.route_in(layer.routes.layer) {
        Some(route) => route.hit(tier, cached.meta.cost_nanos, cached.body.len() as u64),
        None => count_hit_by_path(layer, parts, cached, tier),
    };
    // All else is rare, and is kept out of this function, which is then part of its callers.
    if number.weight().is_some() || LevelFilter::current() >= Level::DEBUG {
        report_hit(layer, parts, cached, &Hit { key, tier, looked_up, number });
    }
}

/// Counts a hit whose route is only known from the path that axum matched.
#[inline(never)]
fn count_hit_by_path(
    layer: &LayerState,
    parts: &Parts,
    cached: &CachedResponse,
    tier: Tier,
) -> RequestNumber {
    let (cost, bytes) = (cached.meta.cost_nanos, cached.body.len() as u64);
    layer.with_route(|| matched_path(parts), |route| route.hit(tier, cost, bytes))
}

/// A hit that was counted.
struct Hit<'a> {
    key: &'a str,
    tier: Tier,
    looked_up: BootTime,
    number: RequestNumber,
}

/// Records the time and the age of a hit if it is a sample, and emits its span and event.
#[cold]
#[inline(never)]
fn report_hit(layer: &LayerState, parts: &Parts, cached: &CachedResponse, hit: &Hit<'_>) {
    if let Some(weight) = hit.number.weight() {
        let now = layer.engine.clock.boot();
        layer.with_route(
            || matched_path(parts),
            |route| {
                route.record_time(Outcome::Hit(hit.tier), now.saturating_since(hit.looked_up), weight);
                route.record_age(cached.age(now), weight);
            },
        );
        if let Some(top) = &layer.engine.report.top_keys {
            top.hits(hit.key, cached.body.len() as u64, weight);
        }
    }
    if tracing::enabled!(target: "larder", Level::DEBUG) {
        emit(&request_span(layer, matched_path(parts), hit.key), Outcome::Hit(hit.tier));
    }
}

/// Records a stale response from memory, for a request that did not wait and did not refresh it.
///
/// `looked_up` is when the lookup began.
pub(crate) fn record_stale_hit(
    layer: &LayerState,
    parts: &Parts,
    cached: &CachedResponse,
    outcome: Outcome,
    looked_up: BootTime,
) {
    layer.with_route(
        || matched_path(parts),
        |route| {
            route.add_saved(cached.meta.cost(), cached.body.len() as u64);
            if let Some(weight) = route.request(outcome).weight() {
                let time = layer.engine.clock.boot().saturating_since(looked_up);
                route.record_time(outcome, time, weight);
            }
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
    if let Some(probe) = &context.probe {
        probe.note_outcome(outcome);
    }
    let time = layer.engine.clock.boot().saturating_since(context.started);
    layer.with_route(
        || context.matched_path.as_deref(),
        |route| {
            route.request(outcome);
            route.record_time(outcome, time, 1);
        },
    );
    if let (Some(top), Outcome::Miss(_)) = (&layer.engine.report.top_keys, outcome) {
        top.miss(&context.key);
    }
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
