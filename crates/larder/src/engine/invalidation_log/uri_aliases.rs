//! The aliases of a URI, which are invalidated with it.
//!
//! A policy may leave parameters of the query out of its keys, or sort them. A response that was
//! filled for `/a?utm_source=feed` then also answers `/a?utm_source=mail`, and an invalidation of
//! either URI must reach it. So both requests have a name in common: the keyed form of their URI,
//! whose query is the one in the key.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder_core::invalidation::selector::{Event, Selector, UriName};
use larder_core::key::query::QueryRules;
use larder_core::time::BootTime;

/// The aliases of URIs, from the query rules of policies and from equivalent URIs.
pub(crate) struct UriAliases {
    pub(crate) keyed_by: QueryRuleSet,
    equivalents: Arc<dyn EquivalentUris>,
}

/// The URIs that a layer above the engine considers equivalent.
pub(crate) trait EquivalentUris: Send + Sync {
    /// Returns these events, and one for each URI that is equivalent to one that they name.
    fn with_equivalents(&self, events: Vec<Event>, now: BootTime) -> Vec<Event>;
}

impl UriAliases {
    pub(crate) fn new(equivalents: Arc<dyn EquivalentUris>) -> Self {
        Self { keyed_by: QueryRuleSet::default(), equivalents }
    }

    /// Returns these events, and one for each alias of the URIs that they name.
    pub(crate) fn with_aliases(&self, events: Vec<Event>, now: BootTime) -> Vec<Event> {
        self.equivalents.with_equivalents(self.keyed_by.with_keyed_uris(events), now)
    }
}

/// The distinct rules of all policies in use for the queries in their keys.
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

    /// Returns these events, and one for each keyed form of the URIs that they name.
    pub(crate) fn with_keyed_uris(&self, events: Vec<Event>) -> Vec<Event> {
        let registered = self.lock();
        add_uris(events, |uri| registered.iter().filter_map(|rules| keyed_uri(uri, rules)).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<QueryRules>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns these events, and more events for the URIs that they name.
///
/// For each of these URIs, `with` returns further URIs. Each one gets an event of the same mode.
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

/// Returns the keyed form of this URI by these rules. `None` if the URI has no query.
fn keyed_uri(uri: &UriName, rules: &QueryRules) -> Option<UriName> {
    let query = uri.parts().query?;
    Some(uri.with_query(rules.apply(Some(query)).as_deref()))
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::selector::{Mode, Tag};

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
