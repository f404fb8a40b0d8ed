//! The properties of a request that are needed after the handler has taken the request itself.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::http::content_coding::accepted::AcceptedCodings;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::selector::Tag;
use larder_core::key::redact::redact;
use larder_core::outcome::BypassReason;
use larder_core::time::BootTime;
use tracing::field::Empty;

use crate::engine::coalesce::flight::FlightKey;
use crate::engine::store_time::StoreTime;
use crate::http::layer_state::LayerState;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::lookup::query_scope::{LookupKey, QueryScope};
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::{Access, MemoryLookup};
use crate::http::nesting::OuterRun;
use crate::http::policy::names::NamesBuilder;
use crate::http::request::axum_route::PathParams;
use crate::http::request::fill_probe::FillProbe;
use crate::http::request::normalize;
use crate::http::request::target_uri::TargetUri;

/// The properties of a request that are needed after the handler has taken the request itself.
pub(crate) struct RequestContext {
    /// The key under which the request is looked up.
    pub(crate) key: Box<str>,
    /// The keys for equivalent queries, if the policy matches them.
    pub(crate) scope: Option<Box<QueryScope>>,
    /// The names by which the response can be invalidated.
    pub(crate) names: NamesBuilder,
    /// The origin of the request, if responses may name its groups.
    pub(crate) origin: Option<Box<str>>,
    pub(crate) headers: HeaderMap,
    pub(crate) traits: RequestTraits,
    /// The content codings that the client accepts, if the cache codes stored responses. The
    /// handler is then asked for a response without a coding.
    pub(crate) accepted: AcceptedCodings,
    pub(crate) purpose: Purpose,
    pub(crate) matched_path: Option<Box<str>>,
    pub(crate) span: tracing::Span,
    /// The probe of the sender, if it wants to know how the cache handles the request.
    pub(crate) probe: Option<FillProbe>,
    /// When the cache began to look for a response.
    pub(crate) started: BootTime,
    /// The time that is spent on exchanges with the shared store.
    pub(crate) store_time: Arc<StoreTime>,
    /// The run through which an inner layer reports that it handles the request.
    pub(crate) outer_run: OuterRun,
    /// Whether it is unknown if an inner layer does, because the route has not answered yet.
    pub(crate) is_provisional: bool,
    /// The position that the handler's response has stated, if the handler is behind another cache.
    pub(crate) stated_position: Option<Position>,
    /// Whether the request passed through another layer before it reached this one.
    is_within: bool,
}

/// The reason why a request is still being processed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The client waits for a response.
    Answer,
    /// The client got a stale response, or one that is about to expire. The request goes on to
    /// refresh that response.
    Refresh,
    /// The client got the head and the beginning of a body that broke off. The request goes on to
    /// fetch the rest.
    ResumeBody,
    /// There is no client: an operator asks what would happen to such a request.
    Explain,
}

impl RequestContext {
    /// Creates the context of a request from its own key, and prepares the request for the handler.
    ///
    /// # Errors
    ///
    /// Returns the reason for a bypass if the request turns out not to be for the cache.
    pub(crate) fn new(
        layer: &Arc<LayerState>,
        traits: RequestTraits,
        key: &str,
        parts: &mut Parts,
    ) -> Result<Self, BypassReason> {
        normalize::reject_method_override(parts, &layer.policy.key_headers)?;
        let params = PathParams::of(parts);
        let target = layer.policy.target(TargetUri::from_request(parts)?.require_valid_host()?);
        let names = layer.policy.names_for(key, parts, &params, &target)?;
        let scope = QueryScope::of(layer, parts, key).map(Box::new);
        let key = scope.as_ref().map_or_else(|| key.into(), |scope| scope.lookup_key());
        let origin = layer.policy.invalidation_rules.groups.then(|| layer.policy.group_origin(&target));
        normalize::normalize_host(parts);
        let accepted = if layer.policy.codings().is_empty() {
            normalize::normalize_codings(&mut parts.headers);
            AcceptedCodings::NONE
        } else {
            normalize::take_codings(&mut parts.headers)
        };
        let span = request_span(layer, crate::http::request::axum_route::matched_path(parts), &key);
        let within = OuterRun::is_within(parts);
        let run = OuterRun::begin(&layer.nesting, parts);
        Ok(Self {
            key,
            scope,
            names,
            origin,
            headers: parts.headers.clone(),
            traits,
            accepted,
            purpose: Purpose::Answer,
            started: layer.engine.clock.boot(),
            store_time: Arc::new(layer.engine.store_time()),
            matched_path: crate::http::request::axum_route::matched_path(parts).map(Into::into),
            span,
            probe: parts.extensions.get::<FillProbe>().cloned(),
            outer_run: run,
            is_within: within,
            is_provisional: false,
            stated_position: None,
        })
    }

    /// Whether the request passed through another layer before it reached this one.
    pub(crate) const fn is_within(&self) -> bool {
        self.is_within
    }

    /// Returns the subject of the request's lookup.
    pub(crate) fn lookup_key(&self) -> LookupKey<'_> {
        LookupKey {
            key: &self.key,
            headers: &self.headers,
            scope: self.scope.as_deref(),
            access: self.access(),
            store_time: Some(&self.store_time),
            matched_path: self.matched_path.as_deref(),
        }
    }

    /// Returns the purpose of the request's lookups.
    pub(crate) fn access(&self) -> Access {
        if self.purpose == Purpose::Explain { Access::Inspect } else { Access::Serve }
    }

    /// Returns the request's own key, even if the request is looked up under another one.
    pub(crate) fn exact_key(&self) -> &str {
        self.scope.as_ref().map_or(&self.key, |scope| scope.exact_key())
    }

    /// Moves the lookup to another key if a response has meanwhile stated a newer variation.
    ///
    /// Returns whether it moved.
    pub(crate) fn follow_redirect(&mut self, layer: &LayerState) -> bool {
        let Some(scope) = &mut self.scope else { return false };
        let moves = scope.follow_redirect(layer);
        if moves {
            self.key = scope.lookup_key();
        }
        moves
    }

    /// Moves the lookup to another key after a wait for a response that answers other queries.
    ///
    /// That is the key that follows from the newest variation, or else the request's own key.
    pub(crate) fn leave_scope(&mut self, layer: &LayerState) {
        if self.follow_redirect(layer) {
            return;
        }
        if let Some(scope) = &mut self.scope {
            scope.use_exact_key();
            self.key = scope.lookup_key();
        }
    }

    /// Returns the key of the flight that this request leads or joins.
    ///
    /// If the fields on which responses vary are known, only requests with the same values in them
    /// have the same flight key.
    pub(crate) fn flight_key(&self, layer: &LayerState) -> FlightKey {
        let now = layer.engine.clock.boot();
        let variant = match layer.http.memory.find_as(self.access(), &self.key, &self.headers, now) {
            MemoryLookup::OtherVariants(variants) => variants.variant_for(&self.headers),
            MemoryLookup::Found(cached) => cached.variant(),
            MemoryLookup::HitForMiss | MemoryLookup::Absent => 0,
        };
        self.flight_key_of(layer, &self.key, variant)
    }

    /// Returns the key of the flight of this response, whose variant is known.
    pub(crate) fn flight_key_for(&self, layer: &LayerState, response: &CachedResponse) -> FlightKey {
        self.flight_key_of(layer, &response.meta.key, response.variant())
    }

    fn flight_key_of(&self, layer: &LayerState, key: &str, variant: u128) -> FlightKey {
        // Layers don't share flights. A request may pass through two layers that give it the same
        // key, or twice through the same layer, and the inner pass must not wait for the outer one.
        let layer = std::ptr::from_ref(layer).addr() as u64 ^ u64::from(self.is_within);
        (key.into(), variant ^ u128::from(layer))
    }

    /// Returns the tags that the response states in its fields.
    pub(crate) fn tags(&self, layer: &LayerState, response: &HeaderMap) -> Vec<Tag> {
        layer.policy.invalidation_rules.tags(response, self.origin.as_deref())
    }
}

/// Creates the span of a request. Its key is redacted, because spans are sent to other machines.
pub(crate) fn request_span(layer: &LayerState, matched_path: Option<&str>, key: &str) -> tracing::Span {
    let route = layer.policy.name.as_deref().or(matched_path);
    tracing::debug_span!(
        target: "larder",
        "cache",
        http.route = route,
        cache.key = &*redact(key),
        cache.outcome = Empty,
        cache.tier = Empty,
        cache.reason = Empty,
    )
}
