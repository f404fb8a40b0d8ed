//! The names by which a response can be invalidated.

use larder_core::http::no_vary_search::UrlVariation;
use larder_core::log::names::Names;
use larder_core::log::selector::{Tag, UriName};

/// The names of a response that follow from its request and from the policy.
#[derive(Clone)]
pub(crate) struct NamesBuilder {
    pub(crate) path: Box<str>,
    pub(crate) keys: Vec<Box<str>>,
    pub(crate) uris: Vec<UriName>,
    pub(crate) tags: Vec<Tag>,
}

impl NamesBuilder {
    /// Returns these names, together with the tags of the handler.
    pub(crate) fn build(self, tags: impl IntoIterator<Item = Tag>) -> Names {
        let mut all = self.tags;
        all.extend(tags);
        all.sort_unstable();
        all.dedup();
        Names::new(&self.path, &self.keys, &self.uris, &all)
    }

    /// Adds the names of a response that answers equivalent queries.
    ///
    /// `key` is the key that the response is stored under. `variation` is the meaning of its
    /// `No-Vary-Search`. For each URI, the common form of its equivalents is added.
    pub(crate) fn with_equivalents(mut self, key: &str, variation: &UrlVariation) -> Self {
        self.keys.push(key.into());
        let equivalents: Vec<_> = self.uris.iter().map(|uri| equivalent_uri(uri, variation)).collect();
        for uri in equivalents {
            if !self.uris.contains(&uri) {
                self.uris.push(uri);
            }
        }
        self
    }
}

/// Returns the name with the common form of its query.
pub(crate) fn equivalent_uri(uri: &UriName, variation: &UrlVariation) -> UriName {
    uri.with_query(variation.canonical(uri.parts().query).as_deref())
}
