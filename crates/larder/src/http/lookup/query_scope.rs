//! The keys under which a request may be looked up if responses may answer equivalent queries.
//!
//! A *variation* is the statement of a response, in `No-Vary-Search`, about the queries that it
//! answers.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::http::equivalent_key;
use larder_core::http::no_vary_search::UrlVariation;
use larder_core::invalidation::names::Names;
use larder_core::key::buf::KeyBuf;

use crate::engine::store_time::StoreTime;
use crate::http::layer_state::LayerState;
use crate::http::memory::Access;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::request::target_uri::TargetUri;

/// Maximum number of times that the lookup of a request moves to another key.
///
/// It moves when a newer response has another variation.
const MAX_REDIRECTS: u8 = 2;

/// The keys of a request whose response may also answer equivalent queries.
pub(crate) struct QueryScope {
    /// The key of the URI without the query.
    pub(super) base_key: Box<str>,
    /// The query, as far as the key contains it.
    query: Option<Box<str>>,
    /// The part of the key after the query.
    key_suffix: Box<str>,
    /// The request's own key, with the query as it is.
    exact_key: Box<str>,
    /// The names by which the request's own response would be invalidated.
    ///
    /// An invalidation of these names must also take effect if an equivalent response is served.
    request_names: Names,
    /// The newest known variation. `None` if the request is looked up under its own key only.
    variation: Option<Arc<UrlVariation>>,
    /// The number of times that the lookup has moved to another key.
    redirects: u8,
}

/// The subject of a lookup: a key, and the request's fields that select a variant.
#[derive(Clone, Copy)]
pub(crate) struct LookupKey<'a> {
    pub(crate) key: &'a str,
    pub(crate) headers: &'a HeaderMap,
    /// The keys for equivalent queries, if the policy matches them.
    pub(crate) scope: Option<&'a QueryScope>,
    /// Whether what is found is served, or only explained.
    pub(crate) access: Access,
    /// The time of the request for exchanges with the shared store. `None` for a lookup in memory.
    pub(crate) store_time: Option<&'a StoreTime>,
    /// The path that axum matched, which names the route.
    pub(crate) matched_path: Option<&'a str>,
}

impl QueryScope {
    /// Creates the scope of a request from its own key.
    ///
    /// Returns `None` if the response cannot answer other requests.
    pub(crate) fn of(layer: &LayerState, parts: &Parts, exact: &str) -> Option<Self> {
        if !layer.policy.matches_equivalent_queries() {
            return None;
        }
        let target = layer.policy.target(TargetUri::from_request(parts).ok()?.require_valid_host().ok()?);
        let query = layer.policy.query.apply(target.query);
        // Some decoders treat a semicolon as a separator of parameters. A parameter that matters
        // could then hide in the value of one that doesn't.
        if query.as_deref().is_some_and(|query| query.contains(';')) {
            return None;
        }
        let mut key = KeyBuf::new();
        key.uri(target.key_scheme, &target.authority, target.path);
        let base_key: Box<str> = key.as_str()?.into();
        key.query(&layer.policy.query, target.query);
        let key_suffix = exact.strip_prefix(key.as_str()?)?.into();
        let request_names = Names::new(target.path, &[exact.into()], &layer.policy.uri_names(&target), &[]);
        let engine = &layer.engine;
        let variation = layer.http.variations.get(&base_key, engine.clock.boot());
        let query = query.map(Into::into);
        Some(Self {
            base_key,
            query,
            key_suffix,
            exact_key: exact.into(),
            request_names,
            variation,
            redirects: 0,
        })
    }

    /// Returns the key under which the request is looked up now.
    pub(crate) fn lookup_key(&self) -> Box<str> {
        let key = self.variation.as_ref().and_then(|variation| self.key_for(variation));
        key.unwrap_or_else(|| self.exact_key.clone())
    }

    pub(crate) const fn exact_key(&self) -> &str {
        &self.exact_key
    }

    pub(crate) const fn base_key(&self) -> &str {
        &self.base_key
    }

    pub(crate) const fn request_names(&self) -> &Names {
        &self.request_names
    }

    /// Whether no variation is known, and one should be fetched from the shared tier.
    pub(crate) const fn should_fetch_variation(&self) -> bool {
        self.variation.is_none() && self.redirects < MAX_REDIRECTS
    }

    /// Returns the key of a response with this variation, or `None` if the key is too long.
    fn key_for(&self, variation: &UrlVariation) -> Option<Box<str>> {
        let query = variation.canonical(self.query.as_deref());
        equivalent_key::key(&self.base_key, query.as_deref(), variation, &self.key_suffix)
    }

    /// Returns the key and the variation of a response with these fields.
    ///
    /// Without a variation, or if the key is too long, this is the request's own key and `None`.
    pub(crate) fn key_for_response(&self, response: &HeaderMap) -> (Box<str>, Option<UrlVariation>) {
        let variation = UrlVariation::of(response);
        match variation.as_ref().and_then(|variation| self.key_for(variation)) {
            Some(key) => (key, variation),
            None => (self.exact_key.clone(), None),
        }
    }

    /// Whether a response with this key and these fields answers the request.
    ///
    /// The variation that the response itself states decides (§7 of the draft).
    pub(crate) fn is_answered_by(&self, key: &str, response: &HeaderMap) -> bool {
        *key == *self.exact_key || *key == *self.key_for_response(response).0
    }

    /// Whether this response was stored for equivalent queries too.
    pub(crate) fn is_equivalent_response(&self, cached: &CachedResponse) -> bool {
        *cached.meta.key != *self.exact_key
    }

    /// Returns the newest variation if the lookup should move to the key that follows from it.
    fn newer_scope(&self, layer: &LayerState) -> Option<Arc<UrlVariation>> {
        let engine = &layer.engine;
        let newest = layer.http.variations.get(&self.base_key, engine.clock.boot())?;
        (self.redirects < MAX_REDIRECTS && self.variation.as_ref() != Some(&newest)).then_some(newest)
    }

    /// Whether the lookup should move to another key.
    pub(crate) fn has_newer_scope(&self, layer: &LayerState) -> bool {
        self.newer_scope(layer).is_some()
    }

    /// Moves the lookup to another key if there is a newer variation. Returns whether it moved.
    pub(crate) fn follow_redirect(&mut self, layer: &LayerState) -> bool {
        let newest = self.newer_scope(layer);
        let moves = newest.is_some();
        if moves {
            self.variation = newest;
            self.redirects += 1;
        }
        moves
    }

    /// Moves the lookup to the request's own key, for good.
    ///
    /// Used if the responses no longer state the variation that was recorded for them.
    pub(crate) fn use_exact_key(&mut self) {
        self.variation = None;
        self.redirects = MAX_REDIRECTS;
    }
}
