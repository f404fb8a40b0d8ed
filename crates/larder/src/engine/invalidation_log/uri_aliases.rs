//! The aliases of a URI, which are invalidated with it.
//!
//! A policy may leave parameters of the query out of its keys, or sort them. Then
//! `/a?utm_source=mail` names the response that answers it, even if a request for
//! `/a?utm_source=feed` filled that response. Both requests have one name in common: the keyed form
//! of the URI, in which the query is as it is in the key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder_core::key::query::QueryRules;
use larder_core::log::selector::{Event, Selector, UriName};
use larder_core::time::Boot;

/// The aliases of URIs, by the rules of policies and by equivalence.
pub(crate) struct UriAliases {
    pub(crate) keyed_by: QueryRuleSet,
    equivalents: Arc<dyn EquivalentUris>,
}

/// The URIs that a layer above the engine considers equivalent.
pub(crate) trait EquivalentUris: Send + Sync {
    /// Returns these events, and one event for each equivalent of each URI that they name.
    fn with_equivalents(&self, events: Vec<Event>, now: Boot) -> Vec<Event>;
}

impl UriAliases {
    pub(crate) fn new(equivalents: Arc<dyn EquivalentUris>) -> Self {
        Self { keyed_by: QueryRuleSet::default(), equivalents }
    }

    /// Returns these events, and one event for each alias of each URI that they name.
    pub(crate) fn with_aliases(&self, events: Vec<Event>, now: Boot) -> Vec<Event> {
        self.equivalents.with_equivalents(self.keyed_by.with_keyed_uris(events), now)
    }
}

/// The different rules by which policies put queries into their keys.
#[derive(Default)]
pub(crate) struct QueryRuleSet {
    rules: Mutex<Vec<QueryRules>>,
}

impl QueryRuleSet {
    /// Adds the rules of a policy that is in use.
    pub(crate) fn register(&self, rules: &QueryRules) {
        let mut registered = self.lock();
        if *rules != QueryRules::all() && !registered.contains(rules) {
            registered.push(rules.clone());
        }
    }

    /// Returns these events, and one event for each keyed form of each URI that they name.
    pub(crate) fn with_keyed_uris(&self, events: Vec<Event>) -> Vec<Event> {
        let registered = self.lock();
        add_uris(events, |uri| registered.iter().filter_map(|rules| keyed_uri(uri, rules)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<QueryRules>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns these events, and for each URI that they name the URIs of `with`, in the same mode.
pub(crate) fn add_uris(mut events: Vec<Event>, with: impl Fn(&UriName) -> Vec<UriName>) -> Vec<Event> {
    for at in 0..events.len() {
        let Some(Event { mode, selector: Selector::Uri(uri) }) = events.get(at).cloned() else { continue };
        for event in with(&uri).into_iter().map(|uri| Event { mode, selector: Selector::Uri(uri) }) {
            if !events.contains(&event) {
                events.push(event);
            }
        }
    }
    events
}

/// Returns the keyed form of this URI by these rules, if it has a query.
fn keyed_uri(uri: &UriName, rules: &QueryRules) -> Option<UriName> {
    let query = uri.parts().query?;
    Some(uri.with_query(rules.apply(Some(query)).as_deref()))
}

#[cfg(test)]
mod tests {
    use larder_core::log::selector::{Mode, Tag};

    use super::*;

    fn of(mode: Mode, selector: impl Into<Selector>) -> Event {
        Event { mode, selector: selector.into() }
    }

    fn uri(text: &str) -> UriName {
        UriName::new(text).unwrap()
    }

    #[test]
    fn a_uri_names_what_it_is_keyed_as_by_each_policy_too() {
        let rule_set = QueryRuleSet::default();
        let events = vec![of(Mode::Soft, uri("/a?utm=1&z=1&b=2")), of(Mode::Hard, Tag::new("a?b"))];
        assert_eq!(rule_set.with_keyed_uris(events.clone()), events);
        for rules in [QueryRules::all(), QueryRules::ignoring(["utm"]), QueryRules::ignoring(["utm"])] {
            rule_set.register(&rules);
        }
        rule_set.register(&QueryRules::only(["q"]).sorted());
        rule_set.register(&QueryRules::ignoring(["utm"]).sorted());
        let more = ["/a?z=1&b=2", "/a", "/a?b=2&z=1"].map(|keyed| of(Mode::Soft, uri(keyed)));
        assert_eq!(rule_set.with_keyed_uris(events.clone()), [events, more.into()].concat());
        let on_one_host = vec![of(Mode::Hard, uri("https://x:443/a?utm=1"))];
        let keyed = of(Mode::Hard, uri("//x/a"));
        assert_eq!(rule_set.with_keyed_uris(on_one_host.clone()), [on_one_host, vec![keyed]].concat());
        // There is no alias without a query, or if the whole query is in the key.
        let whole = vec![of(Mode::Hard, uri("https://x/a")), of(Mode::Hard, uri("/a?b=2;utm=1"))];
        assert_eq!(rule_set.with_keyed_uris(whole.clone()), whole);
    }
}
