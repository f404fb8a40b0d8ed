//! What is invalidated with a URI: what its equivalents are stored for.

use std::sync::Arc;

use larder_core::http::no_vary_search::UrlVariation;
use larder_core::key::buf::KeyBuf;
use larder_core::log::selector::{Event, UriName};
use larder_core::time::Boot;

use super::variations::Variations;
use crate::log::naming_also;
use crate::policy::Named;

impl Variations {
    /// These events, and for each URI that they name another one: the one that responses to its equivalents have as a name, as
    /// far as it is known here which those are.
    ///
    /// That the URI itself is not answered from anything older needs no such event (see [`Search::own`](super::Search::own)).
    pub(crate) fn with_equivalents(&self, events: Vec<Event>, now: Boot) -> Vec<Event> {
        if self.is_empty() {
            return events;
        }
        naming_also(events, |uri| self.equivalents(uri, now))
    }

    fn equivalents(&self, uri: &UriName, now: Boot) -> Vec<UriName> {
        let (base, query) = parts(uri.as_str());
        let mut equivalents: Vec<_> =
            self.of(base, now).iter().map(|variation| canonical(base, variation, query)).collect();
        // Of many hosts, most say the same.
        equivalents.sort_unstable();
        equivalents.dedup();
        equivalents.iter().filter_map(|uri| UriName::new(uri).ok()).collect()
    }

    /// What is known of this URI without a query, or, where it has no host, of those with all hosts.
    fn of(&self, base: &str, now: Boot) -> Vec<Arc<UrlVariation>> {
        let key = |scheme: &str, authority: &str, path: &str| {
            let mut key = KeyBuf::new();
            key.uri(scheme, authority, path);
            key.as_str().map(str::to_owned)
        };
        let Some((scheme, rest)) = base.split_once("://").filter(|_| !base.starts_with('/')) else {
            let end = key("", "", base).and_then(|key| key.strip_prefix("u||").map(str::to_owned));
            let has_path = |known: &str| end.as_ref().is_some_and(|end| known.ends_with(end.as_str()));
            return self.of_all(has_path, now);
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        // Both forms in which a request can have been sent: see `Target`.
        let forms = [scheme, if scheme == "http" { "http:" } else { "" }];
        forms.iter().filter_map(|form| self.get(&key(form, authority, path)?, now)).collect()
    }
}

impl Named {
    /// These names of a response that says this, and is stored under this key: with what its equivalents are named by, too.
    pub(crate) fn with_equivalents(mut self, key: &str, variation: &UrlVariation) -> Self {
        self.keys.push(key.into());
        let equivalents: Vec<Box<str>> = self
            .uris
            .iter()
            .map(|uri| {
                let (base, query) = parts(uri);
                canonical(base, variation, query).into()
            })
            .collect();
        for uri in equivalents {
            if !self.uris.contains(&uri) {
                self.uris.push(uri);
            }
        }
        self
    }
}

fn parts(uri: &str) -> (&str, Option<&str>) {
    match uri.split_once('?') {
        Some((base, query)) => (base, Some(query)),
        None => (uri, None),
    }
}

fn canonical(base: &str, variation: &UrlVariation, query: Option<&str>) -> String {
    match variation.canonical(query) {
        Some(query) => format!("{base}?{query}"),
        None => base.to_owned(),
    }
}
