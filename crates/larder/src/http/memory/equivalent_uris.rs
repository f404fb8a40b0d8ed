//! What is invalidated with a URI: what its equivalents are stored for.

use larder_core::http::no_vary_search::UrlVariation;
use larder_core::log::selector::{Event, Selector, UriName};
use larder_core::time::Boot;

use crate::engine::invalidation_log::uri_aliases::naming_also;
use crate::http::memory::variation_table::Variations;
use crate::http::policy::key::Named;

impl Variations {
    /// These events, and for each URI that they name another one: the one that responses to its equivalents have as a name, as
    /// far as it is known here which those are.
    ///
    /// That the URI itself is not answered from anything older needs no such event (see [`Search::own`](crate::http::lookup::query_scope::Search::own)).
    pub(crate) fn with_equivalents(&self, events: Vec<Event>, now: Boot) -> Vec<Event> {
        if self.is_empty() {
            return events;
        }
        naming_also(events, |uri| self.equivalents(uri, now))
    }

    fn equivalents(&self, uri: &UriName, now: Boot) -> Vec<UriName> {
        // Variations are remembered by key, and a key has a scheme, a host and the spelling that was sent.
        let without_query = Selector::Uri(uri.with_query(None));
        let known = self.of_all(|base| without_query.names_key(base), now);
        let mut equivalents: Vec<UriName> = Vec::new();
        for variation in known {
            let equivalent = canonical(uri, &variation);
            // Most say the same.
            if !equivalents.contains(&equivalent) {
                equivalents.push(equivalent);
            }
        }
        equivalents
    }
}

impl Named {
    /// These names of a response that says this, and is stored under this key: with what its equivalents are named by, too.
    pub(crate) fn with_equivalents(mut self, key: &str, variation: &UrlVariation) -> Self {
        self.keys.push(key.into());
        let equivalents: Vec<_> = self.uris.iter().map(|uri| canonical(uri, variation)).collect();
        for uri in equivalents {
            if !self.uris.contains(&uri) {
                self.uris.push(uri);
            }
        }
        self
    }
}

/// The name with the common form of its query.
fn canonical(uri: &UriName, variation: &UrlVariation) -> UriName {
    uri.with_query(variation.canonical(uri.parts().query).as_deref())
}
