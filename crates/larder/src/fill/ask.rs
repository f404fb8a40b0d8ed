//! What has to be known of a request after it was handed to the handler.

use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use larder_core::http::storable::Credentials;
use larder_core::log::selector::Tag;
use larder_core::outcome::BypassReason;

use super::flight::FlightKey;
use crate::memory::Found;
use crate::policy::Named;
use crate::route::Params;
use crate::search::{Search, Sought};
use crate::service::nesting::OuterRun;
use crate::service::plan::Look;
use crate::service::route::Route;
use crate::service::spelling;
use crate::service::target::Target;

/// A request, as far as it matters after the handler got it.
pub(crate) struct Ask {
    /// What it is looked for under.
    pub(crate) key: Box<str>,
    /// Where responses may answer equivalent queries.
    pub(crate) search: Option<Box<Search>>,
    pub(crate) named: Named,
    /// Its origin, if responses may name groups of that.
    pub(crate) origin: Option<Box<str>>,
    pub(crate) headers: HeaderMap,
    pub(crate) head: bool,
    pub(crate) conditional: bool,
    pub(crate) range: bool,
    pub(crate) credentials: Credentials,
    pub(crate) matched_path: Option<Box<str>>,
    pub(crate) span: tracing::Span,
    /// The request was answered with what is stale, and goes on only to refresh that.
    pub(crate) refreshes: bool,
    /// The request was answered, and asks again only for the rest of a body that broke off.
    pub(crate) completes: bool,
    /// Whether a layer further in handles it.
    pub(crate) run: OuterRun,
    /// Whether that is not known, as its route has not answered yet.
    pub(crate) provisional: bool,
    /// Whether it came through another layer before.
    within: bool,
}

impl Ask {
    /// A request whose own key this is.
    pub(crate) fn new(
        route: &Arc<Route>,
        look: Look,
        key: &str,
        parts: &mut Parts,
    ) -> Result<Self, BypassReason> {
        spelling::of_first_line(parts, &route.policy.key_headers)?;
        let params = Params::of(parts);
        let target = Target::of(parts)?.with_host()?;
        let named = route.policy.names(key, parts, &params, &target)?;
        let search = Search::of(route, parts, key).map(Box::new);
        let key = search.as_ref().map_or_else(|| key.into(), |search| search.key());
        let origin = route.policy.effects.groups.then(|| target.origin());
        spelling::of_host(parts);
        let span = route.span(crate::route::matched_path(parts), &key);
        let within = OuterRun::is_within(parts);
        let run = OuterRun::begin(route, parts);
        Ok(Self {
            key,
            search,
            named,
            origin,
            headers: parts.headers.clone(),
            head: look.head,
            conditional: look.conditional,
            range: look.range,
            credentials: look.credentials,
            matched_path: crate::route::matched_path(parts).map(Into::into),
            span,
            refreshes: false,
            completes: false,
            run,
            within,
            provisional: false,
        })
    }

    /// What it asks for.
    pub(crate) fn sought(&self) -> Sought<'_> {
        Sought { key: &self.key, headers: &self.headers, search: self.search.as_deref() }
    }

    /// Its own key, whatever it is looked for under.
    pub(super) fn exact_key(&self) -> &str {
        self.search.as_ref().map_or(&self.key, |search| search.exact())
    }

    /// Whether a response has said meanwhile that it is to be looked for under another key; from now on it is.
    pub(super) fn moves_on(&mut self, route: &Route) -> bool {
        let Some(search) = &mut self.search else { return false };
        let moves = search.moves_on(route);
        if moves {
            self.key = search.key();
        }
        moves
    }

    /// What it waited for answers other queries: it is looked for where that belongs by now, or under its own key.
    pub(super) fn is_left(&mut self, route: &Route) {
        if !self.moves_on(route) {
            if let Some(search) = &mut self.search {
                search.stays_alone();
                self.key = search.key();
            }
        }
    }

    /// Under which name others wait with this request: where the fields are known that responses vary on, only those
    /// with the same values.
    pub(crate) fn flight(&self, route: &Route) -> FlightKey {
        let inner = &route.cache;
        let variant = match inner.memory.find(&self.key, &self.headers, inner.clock.boot()) {
            Found::OtherVariants(variants) => variants.of_request(&self.headers),
            Found::Held(held) => held.variant(),
            Found::Pass | Found::Nothing => 0,
        };
        // Layers do not wait for each other: a request may be on its way through two that give it the same key, or twice
        // through the same one.
        let layer = std::ptr::from_ref(route).addr() as u64 ^ u64::from(self.within);
        (self.key.clone(), variant ^ u128::from(layer))
    }

    /// The tags that the response to it gives itself in its fields.
    pub(crate) fn tags(&self, route: &Route, response: &HeaderMap) -> Vec<Tag> {
        route.policy.effects.tags(response, self.origin.as_deref())
    }
}
