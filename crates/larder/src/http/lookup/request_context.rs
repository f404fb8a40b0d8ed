//! What has to be known of a request after it was handed to the handler.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::log::selector::Tag;
use larder_core::outcome::BypassReason;
use tracing::field::Empty;

use crate::engine::coalesce::flight::FlightKey;
use crate::http::layer_state::LayerState;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::query_scope::{LookupKey, QueryScope};
use crate::http::memory::MemoryLookup;
use crate::http::nesting::OuterRun;
use crate::http::policy::names::NamesBuilder;
use crate::http::request::axum_route::PathParams;
use crate::http::request::normalize;
use crate::http::request::target_uri::TargetUri;

/// A request, as far as it matters after the handler got it.
pub(crate) struct RequestContext {
    /// What it is looked for under.
    pub(crate) key: Box<str>,
    /// Where responses may answer equivalent queries.
    pub(crate) scope: Option<Box<QueryScope>>,
    pub(crate) names: NamesBuilder,
    /// Its origin, if responses may name groups of that.
    pub(crate) origin: Option<Box<str>>,
    pub(crate) headers: HeaderMap,
    pub(crate) traits: RequestTraits,
    pub(crate) purpose: Purpose,
    pub(crate) matched_path: Option<Box<str>>,
    pub(crate) span: tracing::Span,
    /// Whether a layer further in handles it.
    pub(crate) outer_run: OuterRun,
    /// Whether that is not known, as its route has not answered yet.
    pub(crate) is_provisional: bool,
    /// Whether it came through another layer before.
    is_within: bool,
}

/// The reason why a request is still being processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Its client waits for a response.
    Answer,
    /// Its client got a stale response, or one that is near its end. The request goes on to refresh that.
    Refresh,
    /// Its client got the head and a part of a body that broke off. The request goes on for the rest.
    ResumeBody,
}

impl RequestContext {
    /// A request whose own key this is.
    pub(crate) fn new(
        layer: &Arc<LayerState>,
        traits: RequestTraits,
        key: &str,
        parts: &mut Parts,
    ) -> Result<Self, BypassReason> {
        normalize::reject_method_override(parts, &layer.policy.key_headers)?;
        let params = PathParams::of(parts);
        let target = TargetUri::from_request(parts)?.require_valid_host()?;
        let named = layer.policy.names_for(key, parts, &params, &target)?;
        let scope = QueryScope::of(layer, parts, key).map(Box::new);
        let key = scope.as_ref().map_or_else(|| key.into(), |scope| scope.lookup_key());
        let origin = layer.policy.invalidation_rules.groups.then(|| target.origin());
        normalize::normalize_host(parts);
        let span = request_span(layer, crate::http::request::axum_route::matched_path(parts), &key);
        let within = OuterRun::is_within(parts);
        let run = OuterRun::begin(&layer.nesting, parts);
        Ok(Self {
            key,
            scope,
            names: named,
            origin,
            headers: parts.headers.clone(),
            traits,
            purpose: Purpose::Answer,
            matched_path: crate::http::request::axum_route::matched_path(parts).map(Into::into),
            span,
            outer_run: run,
            is_within: within,
            is_provisional: false,
        })
    }

    /// What it asks for.
    pub(crate) fn lookup_key(&self) -> LookupKey<'_> {
        LookupKey { key: &self.key, headers: &self.headers, scope: self.scope.as_deref() }
    }

    /// Its own key, whatever it is looked for under.
    pub(crate) fn exact_key(&self) -> &str {
        self.scope.as_ref().map_or(&self.key, |scope| scope.exact_key())
    }

    /// Whether a response has said meanwhile that it is to be looked for under another key; from now on it is.
    pub(crate) fn follow_redirect(&mut self, layer: &LayerState) -> bool {
        let Some(scope) = &mut self.scope else { return false };
        let moves = scope.follow_redirect(layer);
        if moves {
            self.key = scope.lookup_key();
        }
        moves
    }

    /// What it waited for answers other queries: it is looked for where that belongs by now, or under its own key.
    pub(crate) fn leave_scope(&mut self, layer: &LayerState) {
        if self.follow_redirect(layer) {
            return;
        }
        if let Some(scope) = &mut self.scope {
            scope.use_exact_key();
            self.key = scope.lookup_key();
        }
    }

    /// Under which name others wait with this request: where the fields are known that responses vary on, only those
    /// with the same values.
    pub(crate) fn flight_key(&self, layer: &LayerState) -> FlightKey {
        let inner = &layer.engine;
        let variant = match layer.http.memory.find(&self.key, &self.headers, inner.clock.boot()) {
            MemoryLookup::OtherVariants(variants) => variants.variant_for(&self.headers),
            MemoryLookup::Found(cached) => cached.variant(),
            MemoryLookup::HitForMiss | MemoryLookup::Absent => 0,
        };
        // Layers do not wait for each other: a request may be on its way through two that give it the same key, or twice
        // through the same one.
        let layer = std::ptr::from_ref(layer).addr() as u64 ^ u64::from(self.is_within);
        (self.key.clone(), variant ^ u128::from(layer))
    }

    /// The tags that the response to it gives itself in its fields.
    pub(crate) fn tags(&self, layer: &LayerState, response: &HeaderMap) -> Vec<Tag> {
        layer.policy.invalidation_rules.tags(response, self.origin.as_deref())
    }
}

/// The span of a request.
pub(crate) fn request_span(layer: &LayerState, matched_path: Option<&str>, key: &str) -> tracing::Span {
    let layer = layer.policy.name.as_deref().or(matched_path);
    tracing::debug_span!(target: "larder", "cache", layer, key, outcome = Empty, tier = Empty, reason = Empty)
}
