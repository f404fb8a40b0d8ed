//! What a stored response answers to.

use super::selector::{Digest, Glob, Kind, Tag, prefixes};

/// The names of a stored response: its tags, its key and URI, and the path that prefixes and globs are held against.
///
/// The texts travel with the response into the shared tier; the digests are made from them on arrival.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    path: Box<str>,
    keys: Box<[Box<str>]>,
    uris: Box<[Box<str>]>,
    tags: Box<[Tag]>,
    digests: Box<[Digest]>,
}

impl Names {
    /// The names of the response at `path`, known by these keys (the text of a template, the whole encoded key), these
    /// URIs (with and without host, with the query as sent and as keyed) and these tags.
    #[must_use]
    pub fn new(path: &str, keys: Vec<Box<str>>, uris: Vec<Box<str>>, tags: Vec<Tag>) -> Self {
        let digests = tags
            .iter()
            .map(|tag| Digest::of(Kind::Tag, tag.as_str()))
            .chain(keys.iter().map(|key| Digest::of(Kind::Key, key)))
            .chain(uris.iter().map(|uri| Digest::of(Kind::Uri, uri)))
            .chain(prefixes(path).map(|prefix| Digest::of(Kind::Prefix, prefix)))
            .collect();
        Self { path: path.into(), keys: keys.into(), uris: uris.into(), tags: tags.into(), digests }
    }

    /// The path that prefixes and globs are held against.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The keys it is known by.
    #[must_use]
    pub fn keys(&self) -> &[Box<str>] {
        &self.keys
    }

    /// The URIs it is known by.
    #[must_use]
    pub fn uris(&self) -> &[Box<str>] {
        &self.uris
    }

    /// Its tags.
    #[must_use]
    pub fn tags(&self) -> &[Tag] {
        &self.tags
    }

    /// What the table looks it up by.
    #[must_use]
    pub fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Whether the glob names it.
    #[must_use]
    pub fn matches(&self, glob: &Glob) -> bool {
        glob.matches(&self.path)
    }

    /// About how many bytes of memory it holds.
    #[must_use]
    pub fn weight(&self) -> usize {
        let texts = self.keys.iter().chain(&self.uris).map(|text| text.len() + size_of::<Box<str>>());
        let tags = self.tags.iter().map(|tag| tag.as_str().len() + size_of::<Tag>());
        self.path.len() + texts.chain(tags).sum::<usize>() + size_of_val(&*self.digests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::selector::{Prefix, Selector, UriName};

    #[test]
    fn a_response_is_found_by_every_selector_that_names_it_and_by_no_other() {
        let names = Names::new(
            "/products/42",
            vec!["product-42".into()],
            vec!["/products/42?a=1".into(), "http://shop/products/42?a=1".into()],
            vec![Tag::new("product:42")],
        );
        let named = |selector: Selector| names.digests().contains(&selector.digest().unwrap());
        assert!(named(Tag::new("product:42").into()));
        assert!(named(Selector::Key("product-42".into())));
        assert!(named(UriName::new("/products/42?a=1").unwrap().into()));
        assert!(named(UriName::new("http://SHOP:80/products/42?a=1").unwrap().into()));
        for path in ["/", "/products", "/products/", "/products/42"] {
            assert!(named(Prefix::new(path).unwrap().into()), "{path}");
        }
        // A key that is spelled like a tag is not that tag.
        assert!(!named(Selector::Key("product:42".into())));
        assert!(!named(Tag::new("product-42").into()));
        assert!(!named(Prefix::new("/products/4").unwrap().into()));
        assert!(!named(UriName::new("/products/42").unwrap().into()));
    }
}
