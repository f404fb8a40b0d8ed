//! The names that a response of a route can be invalidated by.

use larder_core::http::no_vary_search::UrlVariation;
use larder_core::log::names::Names;
use larder_core::log::selector::{Tag, UriName};

/// What a response of a route can be invalidated by, as far as the request and the policy say.
#[derive(Clone)]
pub(crate) struct NamesBuilder {
    pub(crate) path: Box<str>,
    pub(crate) keys: Vec<Box<str>>,
    pub(crate) uris: Vec<UriName>,
    pub(crate) tags: Vec<Tag>,
}

impl NamesBuilder {
    /// With the tags that the handler gave.
    pub(crate) fn build(self, tags: impl IntoIterator<Item = Tag>) -> Names {
        let mut all = self.tags;
        all.extend(tags);
        all.sort_unstable();
        all.dedup();
        Names::new(&self.path, &self.keys, &self.uris, &all)
    }

    /// These names of a response that says this, and is stored under this key: with what its equivalents are named by, too.
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

/// The name with the common form of its query.
pub(crate) fn equivalent_uri(uri: &UriName, variation: &UrlVariation) -> UriName {
    uri.with_query(variation.canonical(uri.parts().query).as_deref())
}
