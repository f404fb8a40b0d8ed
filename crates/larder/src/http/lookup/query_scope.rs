//! Where a request is looked for.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::http::no_vary_search::UrlVariation;
use larder_core::key::buf::KeyBuf;
use larder_core::key::canonical;
use larder_core::log::names::Names;

use crate::http::layer_state::LayerState;
use crate::http::memory::cached_response::Held;
use crate::http::request::target_uri::TargetUri;

/// So often a request is looked for elsewhere, because a response said something new meanwhile.
const MOST_MOVES: u8 = 2;

/// A request whose response may answer others with an equivalent query.
pub(crate) struct Search {
    /// The key of its URI without the query.
    pub(super) base: Box<str>,
    /// Its query, as far as that is in its key.
    query: Option<Box<str>>,
    /// What follows the query in its key.
    rest: Box<str>,
    /// Its own key, with the query as it is.
    exact: Box<str>,
    /// What its own response would be invalidated by: whatever it is answered with must not be older than that either.
    own: Names,
    /// By what was said last of equivalent queries; `None` where it is looked for under its own key alone.
    under: Option<Arc<UrlVariation>>,
    moves: u8,
}

/// What is looked for.
#[derive(Clone, Copy)]
pub(crate) struct Sought<'a> {
    pub(crate) key: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) search: Option<&'a Search>,
}

impl Search {
    /// Of a request whose own key this is; `None` if its response answers nobody else.
    pub(crate) fn of(route: &LayerState, parts: &Parts, exact: &str) -> Option<Self> {
        if !route.policy.searches() {
            return None;
        }
        let target = TargetUri::from_request(parts).ok()?.require_valid_host().ok()?;
        let query = route.policy.query.apply(target.query);
        // To some decoders a semicolon separates parameters: one that matters could hide in the value of one that does not.
        if query.as_deref().is_some_and(|query| query.contains(';')) {
            return None;
        }
        let mut key = KeyBuf::new();
        key.uri(target.key_scheme, &target.authority, target.path);
        let base: Box<str> = key.as_str()?.into();
        key.query(&route.policy.query, target.query);
        let rest = exact.strip_prefix(key.as_str()?)?.into();
        let own = Names::new(target.path, &[exact.into()], &route.policy.uris(&target), &[]);
        let cache = &route.engine;
        let under = route.http.variations.get(&base, cache.clock.boot());
        let query = query.map(Into::into);
        Some(Self { base, query, rest, exact: exact.into(), own, under, moves: 0 })
    }

    /// The key that it is looked for under.
    pub(crate) fn key(&self) -> Box<str> {
        let key = self.under.as_ref().and_then(|variation| self.key_under(variation));
        key.unwrap_or_else(|| self.exact.clone())
    }

    pub(crate) const fn exact(&self) -> &str {
        &self.exact
    }

    pub(crate) const fn base(&self) -> &str {
        &self.base
    }

    pub(crate) const fn own(&self) -> &Names {
        &self.own
    }

    /// Whether nothing is known of equivalent queries, and should be asked for.
    pub(crate) const fn asks(&self) -> bool {
        self.under.is_none() && self.moves < MOST_MOVES
    }

    /// The key of a response to it that says this; `None` if that would be too long.
    fn key_under(&self, variation: &UrlVariation) -> Option<Box<str>> {
        let query = variation.canonical(self.query.as_deref());
        canonical::key(&self.base, query.as_deref(), variation, &self.rest)
    }

    /// The key of a response to it with these fields, and what they say of equivalent queries.
    pub(crate) fn key_of(&self, response: &HeaderMap) -> (Box<str>, Option<UrlVariation>) {
        let variation = UrlVariation::of(response);
        match variation.as_ref().and_then(|variation| self.key_under(variation)) {
            Some(key) => (key, variation),
            None => (self.exact.clone(), None),
        }
    }

    /// Whether a response with this key and these fields answers it, by what it says itself (§7 of the draft).
    pub(crate) fn is_answered_by(&self, key: &str, response: &HeaderMap) -> bool {
        *key == *self.exact || *key == *self.key_of(response).0
    }

    /// Whether this response was stored for others as well.
    pub(crate) fn is_of_others(&self, held: &Held) -> bool {
        held.meta.key != self.exact
    }

    /// What it should be looked for by now, if that is something else.
    fn elsewhere(&self, route: &LayerState) -> Option<Arc<UrlVariation>> {
        let cache = &route.engine;
        let newest = route.http.variations.get(&self.base, cache.clock.boot())?;
        (self.moves < MOST_MOVES && self.under.as_ref() != Some(&newest)).then_some(newest)
    }

    /// Whether it should be looked for under another key by now.
    pub(crate) fn is_elsewhere(&self, route: &LayerState) -> bool {
        self.elsewhere(route).is_some()
    }

    /// Looks for it under another key from now on, if there is one.
    pub(crate) fn moves_on(&mut self, route: &LayerState) -> bool {
        let newest = self.elsewhere(route);
        let moves = newest.is_some();
        if moves {
            self.under = newest;
            self.moves += 1;
        }
        moves
    }

    /// Looks for it under its own key from now on: the responses do not say what they were remembered to.
    pub(crate) fn stays_alone(&mut self) {
        self.under = None;
        self.moves = MOST_MOVES;
    }
}
