//! Stored responses for requests that had to wait.

use std::sync::Arc;
use std::time::Duration;

use http::Response;
use http::header::AGE;
use http_body::Body;
use larder_core::outcome::Outcome;
use larder_core::time::BootTime;

use crate::http::body::CacheBody;
use crate::http::cache_status::{self, ForwardInfo};
use crate::http::encode::form::coded_form;
use crate::http::layer_state::LayerState;
use crate::http::lookup::request_context::RequestContext;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::serve::downstream_fields::set_downstream_fields;
use crate::http::serve::extra_fields::add_extra_fields;
use crate::http::serve::full_response::FullResponse;
use crate::http::serve::hit::add_cache_status;
use crate::http::serve::record::record;
use crate::http::serve::report_served::{attach, report_stored};
use crate::http::serve::select::select_representation;

/// Serves a stored response to a request that had to wait.
pub(crate) fn from_cache<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
    outcome: Outcome,
) -> Response<CacheBody<B>> {
    let form = coded_form(layer, context, cached);
    let cached = form.as_ref().unwrap_or(cached);
    let mut whole = select(layer, context, cached, outcome);
    let (cost, bytes) = (cached.meta.cost(), cached.body.len() as u64);
    let now = layer.engine.clock.boot();
    layer.with_route(
        || context.matched_path.as_deref(),
        |route| {
            route.add_saved(cost, bytes);
            if matches!(outcome, Outcome::Hit(_)) {
                route.record_age(cached.age(now), 1);
            }
        },
    );
    add_cache_status(layer, &mut whole.fields, cached, outcome, now);
    set_downstream_fields(layer, cached, now, whole.status, &mut whole.fields);
    report(layer, context, cached, outcome, now, whole)
}

/// Serves a stale response because the handler failed or is slow.
pub(crate) fn stale_on_error<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
    outcome: Outcome,
    failed: ForwardInfo,
) -> Response<CacheBody<B>> {
    let form = coded_form(layer, context, cached);
    let cached = form.as_ref().unwrap_or(cached);
    let mut whole = select(layer, context, cached, outcome);
    let (now, bytes) = (layer.engine.clock.boot(), cached.body.len() as u64);
    layer.with_route(|| context.matched_path.as_deref(), |route| route.add_saved(Duration::ZERO, bytes));
    cache_status::set_stale_on_error(
        &layer.http.reporting,
        &mut whole.fields,
        outcome,
        cached.age(now),
        cached.meta.fresh(),
        cached.meta.upstream_cache_status(),
        failed,
    );
    set_downstream_fields(layer, cached, now, whole.status, &mut whole.fields);
    report(layer, context, cached, outcome, now, whole)
}

/// Serves the response of another request's fill.
pub(crate) fn collapsed<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &Arc<CachedResponse>,
    outcome: Outcome,
    forwarded: ForwardInfo,
) -> Response<CacheBody<B>> {
    let form = coded_form(layer, context, cached);
    let cached = form.as_ref().unwrap_or(cached);
    let mut whole = select(layer, context, cached, outcome);
    cache_status::unreserve(&mut whole.fields, cached.meta.upstream_cache_status());
    let now = layer.engine.clock.boot();
    whole.fields.insert(AGE, cache_status::whole_seconds(cached.age(now)));
    set_downstream_fields(layer, cached, now, whole.status, &mut whole.fields);
    cache_status::set_forwarded(&layer.http.reporting, &mut whole.fields, outcome, forwarded);
    report(layer, context, cached, outcome, now, whole)
}

/// Selects what a request gets of a stored response, and records the outcome.
fn select(
    layer: &LayerState,
    context: &RequestContext,
    cached: &CachedResponse,
    outcome: Outcome,
) -> FullResponse {
    record(layer, context, outcome);
    let mut whole = select_representation(cached, &context.headers, context.traits);
    if layer.policy.adds_fields {
        let position = Some(&cached.meta.position);
        add_extra_fields(layer, &context.headers, &mut whole.fields, &context.key, position);
    }
    whole
}

/// Returns the response, with the extension that reports the outcome if the policy asks for it.
fn report<B: Body>(
    layer: &LayerState,
    context: &RequestContext,
    cached: &CachedResponse,
    outcome: Outcome,
    now: BootTime,
    whole: FullResponse,
) -> Response<CacheBody<B>> {
    let served = report_stored(layer, || context.matched_path.as_deref(), outcome, cached, now);
    attach(served, whole.into_response())
}
