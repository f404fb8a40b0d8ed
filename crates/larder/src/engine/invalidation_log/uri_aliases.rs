//! The aliases of a URI, which are invalidated with it.
//!
//! A policy may leave parameters of the query out of its keys, or sort them. A response that was
//! filled for `/a?utm_source=feed` then also answers `/a?utm_source=mail`, and an invalidation of
//! either URI must reach it. So both requests have a name in common: the keyed form of their URI,
//! whose query is the one in the key. A policy that ignores the host has names on every host, and
//! an invalidation on one host must reach these.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::selector::{Event, Selector, UriName, UriParts};
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

/// The distinct rules of all policies in use for the URIs in their keys.
#[derive(Default)]
pub(crate) struct QueryRuleSet {
    registered: Mutex<Registered>,
}

#[derive(Default)]
struct Registered {
    rules: Vec<QueryRules>,
    /// Whether the log had a URI with a query so far.
    has_read_query: bool,
    /// Whether a policy ignores the host.
    ignores_host: bool,
    /// Whether the log had a URI on one host so far.
    has_read_host: bool,
}

impl QueryRuleSet {
    /// Adds the rules of a policy that is in use.
    ///
    /// Returns whether URIs were read from the log that may have a keyed form by these rules, which
    /// was not added.
    pub(crate) fn register(&self, rules: &QueryRules) -> bool {
        let mut registered = self.lock();
        if *rules == QueryRules::all() || registered.rules.contains(rules) {
            return false;
        }
        registered.rules.push(rules.clone());
        registered.has_read_query
    }

    /// Adds the rule of a policy that ignores the host.
    ///
    /// Returns whether URIs on one host were read from the log without it.
    pub(crate) fn ignore_hosts(&self) -> bool {
        let mut registered = self.lock();
        !std::mem::replace(&mut registered.ignores_host, true) && registered.has_read_host
    }

    /// Adds an event for each keyed form of the URIs that this page of the log names.
    ///
    /// The process that appended them may not know the rules: it has no such layer, or is of
    /// another version.
    pub(crate) fn add_keyed_uris(&self, page: &mut LogPage) {
        let mut registered = self.lock();
        for (_, events) in &mut page.entries {
            registered.has_read_query |= events.iter().any(names_query);
            registered.has_read_host |= events.iter().any(names_host);
            *events = registered.with_keyed_uris(std::mem::take(events));
        }
    }

    /// Returns these events, and one for each keyed form of the URIs that they name.
    pub(crate) fn with_keyed_uris(&self, events: Vec<Event>) -> Vec<Event> {
        self.lock().with_keyed_uris(events)
    }

    fn lock(&self) -> MutexGuard<'_, Registered> {
        self.registered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registered {
    fn with_keyed_uris(&self, mut events: Vec<Event>) -> Vec<Event> {
        if self.ignores_host {
            events = add_uris(events, |uri| on_every_host(uri).into_iter().collect());
        }
        add_uris(events, |uri| self.rules.iter().filter_map(|rules| keyed_uri(uri, rules)).collect())
    }
}

/// Returns the name of this URI on every host. `None` if it is one already.
fn on_every_host(uri: &UriName) -> Option<UriName> {
    let UriParts { host, path, query, .. } = uri.parts();
    host.map(|_| UriName::from_parts(None, path, query))
}

fn names_host(event: &Event) -> bool {
    matches!(&event.selector, Selector::Uri(uri) if uri.parts().host.is_some())
}

fn names_query(event: &Event) -> bool {
    matches!(&event.selector, Selector::Uri(uri) if uri.parts().query.is_some())
}

/// Returns these events, and more events for the URIs that they name.
///
/// For each of these URIs, `with` returns further URIs. Each one gets an event of the same mode.
pub(crate) fn add_uris(mut events: Vec<Event>, with: impl Fn(&UriName) -> Vec<UriName>) -> Vec<Event> {
    for at in 0..events.len() {
        // Most events name something else, and are not copied.
        let Some(Event { mode, selector: Selector::Uri(uri) }) = events.get(at) else { continue };
        let (mode, uris) = (*mode, with(uri));
        for event in uris.into_iter().map(|uri| Event { mode, selector: Selector::Uri(uri) }) {
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
    use larder_core::invalidation::position::LogId;
    use larder_core::invalidation::selector::{Mode, Tag};
    use larder_core::time::WallTime;

    use super::*;

    fn of(mode: Mode, selector: impl Into<Selector>) -> Event {
        Event { mode, selector: selector.into() }
    }

    fn uri(text: &str) -> UriName {
        UriName::new(text).unwrap()
    }

    /// The process that appended the event may have no layer, or another version of it.
    #[test]
    fn a_page_of_the_log_gets_the_keyed_forms_by_the_rules_of_this_process() {
        let page = |events: Vec<Event>| LogPage {
            incarnation: crate::testing::INCARNATION,
            floor: LogId::ZERO,
            last: LogId::ZERO,
            now: WallTime::default(),
            entries: vec![(LogId::new(1, 0), vec![]), (LogId::new(2, 0), events)],
            more: false,
            fenced: false,
            is_busy: false,
        };
        let (rule_set, rules) = (QueryRuleSet::default(), QueryRules::ignoring(["utm"]));
        let mut without_query = page(vec![of(Mode::Hard, uri("/a")), of(Mode::Hard, Tag::new("a?b"))]);
        rule_set.add_keyed_uris(&mut without_query);
        assert!(!rule_set.register(&rules), "nothing was missed");
        let mut read = page(vec![of(Mode::Hard, uri("/a?utm=2"))]);
        rule_set.add_keyed_uris(&mut read);
        assert_eq!(read, page(vec![of(Mode::Hard, uri("/a?utm=2")), of(Mode::Hard, uri("/a"))]));
        assert!(!rule_set.register(&rules) && !rule_set.register(&QueryRules::all()));
        assert!(rule_set.register(&QueryRules::only(["q"])), "the URI was read without these rules");
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

    /// A policy that ignores the host has only names on every host.
    #[test]
    fn a_uri_on_one_host_also_names_the_one_on_every_host_if_a_policy_ignores_it() {
        let rule_set = QueryRuleSet::default();
        rule_set.register(&QueryRules::ignoring(["utm"]));
        let on_one_host = vec![of(Mode::Soft, uri("//x/a?utm=1"))];
        assert!(!rule_set.ignore_hosts(), "no URI was read");
        let named = ["//x/a?utm=1", "/a?utm=1", "//x/a", "/a"].map(|name| of(Mode::Soft, uri(name)));
        assert_eq!(rule_set.with_keyed_uris(on_one_host), named);
        let others = vec![of(Mode::Hard, uri("/a")), of(Mode::Hard, Tag::new("//x/a"))];
        assert_eq!(rule_set.with_keyed_uris(others.clone()), others);
        assert!(!rule_set.ignore_hosts(), "the rule is known already");
    }
}
