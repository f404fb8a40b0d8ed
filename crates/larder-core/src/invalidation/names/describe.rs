//! The names of a stored response as texts, for explanations.

use super::Names;
use super::packer::{KEY, PATH, TAG, URI};
use crate::invalidation::refusal::NameKind;
use crate::invalidation::selector::{Digest, Kind, UriName, directory_of, prefixes};

impl Names {
    /// Returns the keys: the text of a template, and the whole encoded key.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.texts(KEY)
    }

    /// Returns the URIs in their normal form.
    pub fn uris(&self) -> impl Iterator<Item = &str> {
        self.texts(URI)
    }

    /// Returns the path prefixes that name the response, from the shortest to the longest.
    ///
    /// The root is `/`. The others have no slash at their end.
    pub fn prefixes(&self) -> impl Iterator<Item = &str> {
        self.texts(PATH).flat_map(prefixes).map(|prefix| if prefix.is_empty() { "/" } else { prefix })
    }

    /// Returns the name with this digest. `None` if no text of the response has it.
    pub(crate) fn with_digest(&self, digest: Digest) -> Option<(NameKind, &str)> {
        let is_it = |kind: Kind, text: &str| Digest::of(kind, text) == digest;
        let find = |texts: u8, kind: Kind| self.texts(texts).find(|text| is_it(kind, text));
        if let Some(tag) = find(TAG, Kind::Tag) {
            return Some((NameKind::Tag, tag));
        }
        if let Some(key) = find(KEY, Kind::Key) {
            return Some((NameKind::Key, key));
        }
        if let Some(uri) = find(URI, Kind::Uri) {
            return Some((NameKind::Uri, uri));
        }
        let paths = self.texts(PATH).chain(self.texts(URI).map(UriName::path_of_normal));
        paths.into_iter().find_map(|path| {
            let prefix = prefixes(path).find(|prefix| is_it(Kind::Prefix, prefix));
            match prefix {
                Some("") => Some((NameKind::Prefix, "/")),
                Some(prefix) => Some((NameKind::Prefix, prefix)),
                None if is_it(Kind::Path, path) => Some((NameKind::Path, path)),
                None => {
                    let directory = directory_of(path);
                    is_it(Kind::Directory, directory).then_some((NameKind::Directory, directory))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::selector::Tag;

    fn names() -> Names {
        let uris = ["/shop/a?b=1", "http://x/other/c"].map(|uri| UriName::new(uri).unwrap());
        Names::new("/shop/a", &["k:1".into()], &uris, &[Tag::new("t")])
    }

    #[test]
    fn every_digest_of_a_response_has_a_text() {
        let names = names();
        for digest in names.digests() {
            let (kind, text) = names.with_digest(digest).expect("a name");
            let again = match kind {
                NameKind::Tag => Digest::of(Kind::Tag, text),
                NameKind::Key => Digest::of(Kind::Key, text),
                NameKind::Uri => Digest::of(Kind::Uri, text),
                NameKind::Path => Digest::of(Kind::Path, text),
                NameKind::Directory => Digest::of(Kind::Directory, text),
                NameKind::Prefix => Digest::of(Kind::Prefix, text.trim_end_matches('/')),
                other => panic!("{other:?}"),
            };
            assert_eq!(again, digest, "{kind:?} {text}");
        }
        assert_eq!(names.with_digest(Digest::of(Kind::Tag, "u")), None);
    }

    #[test]
    fn the_texts_are_those_that_the_response_was_named_by() {
        let names = names();
        assert_eq!(names.keys().collect::<Vec<_>>(), ["k:1"]);
        assert_eq!(names.uris().collect::<Vec<_>>(), ["/shop/a?b=1", "//x/other/c"]);
        assert_eq!(names.prefixes().collect::<Vec<_>>(), ["/", "/shop", "/shop/a"]);
    }
}
