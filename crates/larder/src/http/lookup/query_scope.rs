//! Where a request is looked for.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::http::no_vary_search::UrlVariation;
use larder_core::key::buf::KeyBuf;
use larder_core::key::canonical;
use larder_core::log::names::Names;

use crate::http::layer_state::LayerState;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::request::target_uri::TargetUri;

/// So often a request is looked for elsewhere, because a response said something new meanwhile.
const MAX_REDIRECTS: u8 = 2;

/// A request whose response may answer others with an equivalent query.
pub(crate) struct QueryScope {
    /// The key of its URI without the query.
    pub(super) base_key: Box<str>,
    /// Its query, as far as that is in its key.
    query: Option<Box<str>>,
    /// What follows the query in its key.
    key_suffix: Box<str>,
    /// Its own key, with the query as it is.
    exact_key: Box<str>,
    /// What its own response would be invalidated by: whatever it is answered with must not be older than that either.
    request_names: Names,
    /// By what was said last of equivalent queries; `None` where it is looked for under its own key alone.
    variation: Option<Arc<UrlVariation>>,
    redirects: u8,
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(crate) struct LookupKey<'a> {
    pub(crate) key: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) scope: Option<&'a QueryScope>,
}

impl QueryScope {
    /// Of a request whose own key this is; `None` if its response answers nobody else.
    pub(crate) fn of(layer: &LayerState, parts: &Parts, exact: &str) -> Option<Self> {
        if !layer.policy.matches_equivalent_queries() {
            return None;
        }
        let target = TargetUri::from_request(parts).ok()?.require_valid_host().ok()?;
        let query = layer.policy.query.apply(target.query);
        // To some decoders a semicolon separates parameters: one that matters could hide in the value of one that does not.
        if query.as_deref().is_some_and(|query| query.contains(';')) {
            return None;
        }
        let mut key = KeyBuf::new();
        key.uri(target.key_scheme, &target.authority, target.path);
        let base: Box<str> = key.as_str()?.into();
        key.query(&layer.policy.query, target.query);
        let rest = exact.strip_prefix(key.as_str()?)?.into();
        let own = Names::new(target.path, &[exact.into()], &layer.policy.uri_names(&target), &[]);
        let engine = &layer.engine;
        let under = layer.http.variations.get(&base, engine.clock.boot());
        let query = query.map(Into::into);
        Some(Self {
            base_key: base,
            query,
            key_suffix: rest,
            exact_key: exact.into(),
            request_names: own,
            variation: under,
            redirects: 0,
        })
    }

    /// The key that it is looked for under.
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

    /// Whether nothing is known of equivalent queries, and should be asked for.
    pub(crate) const fn should_fetch_variation(&self) -> bool {
        self.variation.is_none() && self.redirects < MAX_REDIRECTS
    }

    /// The key of a response to it that says this; `None` if that would be too long.
    fn key_for(&self, variation: &UrlVariation) -> Option<Box<str>> {
        let query = variation.canonical(self.query.as_deref());
        canonical::key(&self.base_key, query.as_deref(), variation, &self.key_suffix)
    }

    /// The key of a response to it with these fields, and what they say of equivalent queries.
    pub(crate) fn key_for_response(&self, response: &HeaderMap) -> (Box<str>, Option<UrlVariation>) {
        let variation = UrlVariation::of(response);
        match variation.as_ref().and_then(|variation| self.key_for(variation)) {
            Some(key) => (key, variation),
            None => (self.exact_key.clone(), None),
        }
    }

    /// Whether a response with this key and these fields answers it, by what it says itself (§7 of the draft).
    pub(crate) fn is_answered_by(&self, key: &str, response: &HeaderMap) -> bool {
        *key == *self.exact_key || *key == *self.key_for_response(response).0
    }

    /// Whether this response was stored for others as well.
    pub(crate) fn is_equivalent_response(&self, cached: &CachedResponse) -> bool {
        cached.meta.key != self.exact_key
    }

    /// What it should be looked for by now, if that is something else.
    fn newer_scope(&self, layer: &LayerState) -> Option<Arc<UrlVariation>> {
        let engine = &layer.engine;
        let newest = layer.http.variations.get(&self.base_key, engine.clock.boot())?;
        (self.redirects < MAX_REDIRECTS && self.variation.as_ref() != Some(&newest)).then_some(newest)
    }

    /// Whether it should be looked for under another key by now.
    pub(crate) fn has_newer_scope(&self, layer: &LayerState) -> bool {
        self.newer_scope(layer).is_some()
    }

    /// Looks for it under another key from now on, if there is one.
    pub(crate) fn follow_redirect(&mut self, layer: &LayerState) -> bool {
        let newest = self.newer_scope(layer);
        let moves = newest.is_some();
        if moves {
            self.variation = newest;
            self.redirects += 1;
        }
        moves
    }

    /// Looks for it under its own key from now on: the responses do not say what they were remembered to.
    pub(crate) fn use_exact_key(&mut self) {
        self.variation = None;
        self.redirects = MAX_REDIRECTS;
    }
}
