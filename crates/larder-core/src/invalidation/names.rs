//! The names of a stored response.

mod describe;

use bytes::Bytes;

use super::selector::{Digest, Glob, Kind, Lineage, Tag, UriName, prefixes};
use crate::key::normalize;

/// The names of a stored response: its tags, its keys, its URIs, and its paths.
///
/// Prefixes and globs are compared with the paths. A [value](Self::of_value), which is stored below
/// HTTP, has a key and tags, but no URI and no path.
///
/// The texts travel with the response into the shared tier, and so do their digests. A hit there
/// compares digests and reads no text. So both are packed into buffers, which may be slices of a
/// larger one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    packed: Bytes,
    /// The digests, each in [`DIGEST_LEN`] bytes.
    digests: Bytes,
}

/// The length of a packed digest in bytes. Its bits are little-endian.
pub const DIGEST_LEN: usize = size_of::<u64>();

/// The letters for the kinds of texts in the buffer.
///
/// Each text has its letter first, then its length in four bytes, then its bytes.
const PATH: u8 = b'p';
const KEY: u8 = b'k';
const URI: u8 = b'u';
const TAG: u8 = b't';

/// The length of a letter and a length.
const HEAD_LEN: usize = 5;

impl Names {
    /// Creates the names of the response at `path`.
    ///
    /// The response is known by these keys (the text of a template, the whole encoded key), these
    /// URIs (with and without host, with the query as sent and as keyed) and these tags.
    ///
    /// The path may be as it was sent. A path with dot segments is named as it is, because a
    /// handler may be routed so, and also by the path that it resolves to.
    #[must_use]
    pub fn new(path: &str, keys: &[Box<str>], uris: &[UriName], tags: &[Tag]) -> Self {
        let mut names = Packer::default();
        let sent = normalize::path_with_dots(path);
        let resolved = normalize::without_dots(&sent);
        let also = (resolved != sent).then_some(&*resolved);
        let paths = std::iter::once(&*sent).chain(also);
        for path in paths.clone() {
            names.pack(PATH, path);
        }
        let found = paths.clone().flat_map(prefixes).map(|prefix| Digest::of(Kind::Prefix, prefix));
        // The coarser names of each URI are added as well. Its path may be a different one, and a
        // response must have every name into which one of its names can be folded.
        let lineages = paths.map(Lineage::at).chain(uris.iter().map(Lineage::of_uri));
        for digest in found.chain(lineages.flat_map(Lineage::ancestors)) {
            if !names.digests.contains(&digest) {
                names.digests.push(digest);
            }
        }
        keys.iter().for_each(|key| names.add_key(key));
        for uri in uris {
            names.pack(URI, uri.as_str());
            names.digests.push(Digest::of(Kind::Uri, uri.as_str()));
        }
        names.add_tags(tags);
        names.finish()
    }

    /// Creates the names of a value that is stored below HTTP: its key and its tags.
    ///
    /// The value has no URI and no path, so no URI, path, prefix or glob names it.
    /// [`Selector::All`](super::selector::Selector::All) names it, as everything else.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder_core::invalidation::names::Names;
    /// use larder_core::invalidation::selector::{Prefix, Selector, Tag};
    ///
    /// let names = Names::of_value("product-42", &[Tag::new("products")]);
    /// let has = |selector: Selector| names.digests().any(|digest| Some(digest) == selector.digest());
    /// assert!(has(Selector::Key("product-42".into())));
    /// assert!(has(Tag::new("products").into()));
    /// assert!(!has(Prefix::new("/")?.into()));
    /// # Ok::<(), larder_core::invalidation::selector::SelectorError>(())
    /// ```
    #[must_use]
    pub fn of_value(key: &str, tags: &[Tag]) -> Self {
        let texts = tags.iter().map(|tag| tag.as_str().len()).sum::<usize>() + key.len();
        let count = 1 + tags.len();
        let mut names = Packer {
            packed: Vec::with_capacity(texts + count * HEAD_LEN),
            digests: Vec::with_capacity(count),
        };
        names.add_key(key);
        names.add_tags(tags);
        names.finish()
    }

    /// Creates names from [`packed`](Self::packed) and [`packed_digests`](Self::packed_digests).
    ///
    /// Returns `None` if the two cannot be names.
    #[must_use]
    pub fn unpack(packed: Bytes, digests: Bytes) -> Option<Self> {
        if digests.len() % DIGEST_LEN != 0 {
            return None;
        }
        // Most buffers are ASCII. Then one check of the whole buffer shows that every text in it is
        // UTF-8.
        let all_ascii = packed.is_ascii();
        // The names of a response begin with its path, and those of a value with its key.
        let has_path = match *packed.first()? {
            PATH => true,
            KEY => false,
            _ => return None,
        };
        let mut rest = &*packed;
        while !rest.is_empty() {
            let (kind, text, after) = first(rest)?;
            if !all_ascii {
                std::str::from_utf8(text).ok()?;
            }
            if !has_path && matches!(kind, PATH | URI) {
                return None;
            }
            rest = after;
        }
        Some(Self { packed, digests })
    }

    /// Returns a copy in a buffer of its own.
    ///
    /// Names that were read are slices of a larger buffer, and keep all of it alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        let mut packed = Vec::with_capacity(self.weight());
        packed.extend_from_slice(&self.packed);
        packed.extend_from_slice(&self.digests);
        let mut packed = Bytes::from(packed);
        let digests = packed.split_off(self.packed.len());
        Self { packed, digests }
    }

    /// Returns the texts in one buffer.
    #[must_use]
    pub const fn packed(&self) -> &Bytes {
        &self.packed
    }

    /// Returns the path as it was sent, in the spelling that names have.
    ///
    /// It is empty for a [value](Self::of_value).
    #[must_use]
    pub fn path(&self) -> &str {
        self.texts(PATH).next().unwrap_or_default()
    }

    /// Returns the tags.
    pub fn tags(&self) -> impl Iterator<Item = Tag> {
        self.texts(TAG).map(Tag::new)
    }

    /// Returns these names together with the tags of `other`.
    ///
    /// Returns `None` if the two are not known by the same path, keys and URIs.
    #[must_use]
    pub fn with_tags_of(&self, other: &Self) -> Option<Self> {
        let are_same = [PATH, KEY, URI].iter().all(|kind| self.texts(*kind).eq(other.texts(*kind)));
        if !are_same {
            return None;
        }
        let keys: Vec<Box<str>> = self.texts(KEY).map(Into::into).collect();
        let uris: Vec<_> = self.texts(URI).map(UriName::from_normal).collect();
        let mut tags: Vec<_> = self.tags().chain(other.tags()).collect();
        tags.sort_unstable();
        tags.dedup();
        match (self.texts(PATH).next(), &*keys) {
            (None, [key]) => Some(Self::of_value(key, &tags)),
            (path, keys) => Some(Self::new(path.unwrap_or_default(), keys, &uris, &tags)),
        }
    }

    /// Returns the digests by which the table finds the response.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let digests = self.digests.chunks_exact(DIGEST_LEN).filter_map(<[u8]>::first_chunk);
        digests.map(|digest| Digest::from_bits(u64::from_le_bytes(*digest)))
    }

    /// Returns the digests in one buffer.
    #[must_use]
    pub const fn packed_digests(&self) -> &Bytes {
        &self.digests
    }

    /// Returns whether the glob names the response.
    #[must_use]
    pub fn matches(&self, glob: &Glob) -> bool {
        self.texts(PATH).any(|path| glob.matches(path))
    }

    /// Returns about how many bytes of memory the names take.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.packed.len() + self.digests.len()
    }

    fn texts(&self, kind: u8) -> impl Iterator<Item = &str> {
        let mut rest = &*self.packed;
        std::iter::from_fn(move || {
            let (kind, text, after) = first(rest)?;
            rest = after;
            Some((kind, std::str::from_utf8(text).ok()?))
        })
        .filter_map(move |(found, text)| (found == kind).then_some(text))
    }
}

/// Names that are being packed.
#[derive(Debug, Default)]
struct Packer {
    packed: Vec<u8>,
    digests: Vec<Digest>,
}

impl Packer {
    fn add_key(&mut self, key: &str) {
        self.pack(KEY, key);
        self.digests.push(Digest::of(Kind::Key, key));
    }

    fn add_tags(&mut self, tags: &[Tag]) {
        for tag in tags {
            self.pack(TAG, tag.as_str());
            self.digests.push(Digest::of(Kind::Tag, tag.as_str()));
        }
    }

    fn pack(&mut self, kind: u8, text: &str) {
        // No request, policy or handler has a text of four gigabytes. A text that is cut off could
        // not be found by its digest.
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.packed.push(kind);
        self.packed.extend_from_slice(&length.to_le_bytes());
        let text = text.as_bytes();
        self.packed.extend_from_slice(&text[..text.len().min(usize::try_from(length).unwrap_or(usize::MAX))]);
    }

    fn finish(self) -> Names {
        let Self { mut packed, digests } = self;
        packed.shrink_to_fit();
        let digests: Vec<_> = digests.iter().flat_map(|digest| digest.bits().to_le_bytes()).collect();
        Names { packed: packed.into(), digests: digests.into() }
    }
}

/// Returns the kind of the first text, the text itself, and the rest.
fn first(packed: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = packed.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((*kind, text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::selector::{PathName, Prefix, Selector};

    #[test]
    fn tags_add_up_where_all_else_is_the_same() {
        let names = |path: &str, key: &str, uri: &str, tags: &[&str]| {
            let tags: Vec<_> = tags.iter().map(|tag| Tag::new(*tag)).collect();
            Names::new(path, &[key.into()], &[UriName::new(uri).unwrap()], &tags)
        };
        let one = names("/a/../b", "k", "/u", &["x", "y"]);
        let both = one.with_tags_of(&names("/a/../b", "k", "/u", &["z", "x"]));
        assert_eq!(both, Some(names("/a/../b", "k", "/u", &["x", "y", "z"])));
        let path = "/a/../b";
        for other in [names("/b", "k", "/u", &[]), names(path, "l", "/u", &[]), names(path, "k", "/v", &[])] {
            assert_eq!(one.with_tags_of(&other), None);
        }
    }

    #[test]
    fn the_tags_of_values_add_up_where_the_key_is_the_same() {
        let value = |key, tags: &[&str]| {
            Names::of_value(key, &tags.iter().map(|tag| Tag::new(*tag)).collect::<Vec<_>>())
        };
        let both = value("k", &["x", "y"]).with_tags_of(&value("k", &["z", "x"]));
        assert_eq!(both, Some(value("k", &["x", "y", "z"])));
        assert_eq!(value("k", &[]).with_tags_of(&value("l", &[])), None);
        let response = Names::new("", &["k".into()], &[], &[]);
        assert_eq!(value("k", &[]).with_tags_of(&response), None);
        assert_eq!(response.with_tags_of(&value("k", &[])), None);
    }

    #[test]
    fn a_value_is_named_by_its_key_its_tags_and_all_and_by_nothing_else() {
        let names = Names::of_value("/a", &[Tag::new("t"), Tag::new("ü")]);
        let expected = [Selector::Key("/a".into()), Tag::new("t").into(), Tag::new("ü").into()];
        let digests: Vec<_> = expected.iter().map(|selector| selector.digest().unwrap()).collect();
        assert_eq!(names.digests().collect::<Vec<_>>(), digests);
        let others = [
            Selector::Key("t".into()),
            Tag::new("/a").into(),
            UriName::new("/a").unwrap().into(),
            PathName::new("/a").unwrap().into(),
            Prefix::new("/a").unwrap().into(),
            Prefix::new("/").unwrap().into(),
        ];
        for other in others {
            assert!(names.digests().all(|digest| Some(digest) != other.digest()), "{other}");
        }
        // The second one matches every path.
        for pattern in ["/a", "/*"] {
            assert!(!names.matches(&Glob::new(pattern).unwrap()), "{pattern}");
        }
        assert_eq!(names.path(), "");
        assert_eq!(names.tags().collect::<Vec<_>>(), [Tag::new("t"), Tag::new("ü")]);
        assert_eq!(Names::unpack(names.packed().clone(), names.packed_digests().clone()), Some(names));
    }

    #[test]
    fn a_response_is_found_by_every_selector_that_names_it_and_by_no_other() {
        let names = Names::new(
            "/products/42",
            &["product-42".into()],
            &["/products/42?a=1", "http://shop/products/42?a=1"].map(|uri| UriName::new(uri).unwrap()),
            &[Tag::new("product:42")],
        );
        let named = |selector: Selector| names.digests().any(|digest| digest == selector.digest().unwrap());
        assert!(named(Tag::new("product:42").into()));
        assert!(named(Selector::Key("product-42".into())));
        assert!(named(UriName::new("/products/42?a=1").unwrap().into()));
        assert!(named(UriName::new("https://SHOP:443/products/42?a=1").unwrap().into()));
        assert!(named(PathName::new("/products/42").unwrap().into()));
        assert!(!named(PathName::new("/products").unwrap().into()));
        assert!(!named(PathName::new("/products/42/").unwrap().into()));
        for path in ["/", "/products", "/products/", "/products/42"] {
            assert!(named(Prefix::new(path).unwrap().into()), "{path}");
        }
        // A key that is spelled like a tag is not that tag.
        assert!(!named(Selector::Key("product:42".into())));
        assert!(!named(Tag::new("product-42").into()));
        assert!(!named(Prefix::new("/products/4").unwrap().into()));
        assert!(!named(UriName::new("/products/42").unwrap().into()));
    }

    /// This includes a URI with a path other than the response's own.
    ///
    /// A layer further in may have given it.
    #[test]
    fn a_response_has_every_name_that_one_of_its_names_can_be_folded_into() {
        let deep = format!("/deep{}/x?y", "/a//b".repeat(30));
        let uris = ["/a/b/c?d", "http://shop/e/f/g", "/h", "/", "/.//i//j/", &deep];
        let uris = uris.map(|text| UriName::new(text).unwrap());
        let names = Names::new("/k/../l/m", &[], &uris, &[]);
        let paths = ["/k/../l/m", "/l/m"].map(Lineage::at);
        for lineage in paths.into_iter().chain(uris.iter().map(Lineage::of_uri)) {
            assert!(lineage.ancestors().count() >= 2);
            assert!(lineage.ancestors().all(|ancestor| names.digests().any(|digest| digest == ancestor)));
        }
    }

    #[test]
    fn a_path_is_named_in_every_spelling_and_by_what_it_resolves_to() {
        let names = Names::new("/x/%2e%2E/caf%c3%a9", &[], &[], &[]);
        let named = |path| {
            let digest = Selector::Prefix(Prefix::new(path).unwrap()).digest();
            names.digests().any(|known| Some(known) == digest)
        };
        for (path, expected) in [("/", true), ("/x", true), ("/café", true), ("/y/../caf%C3%A9", true)]
            .into_iter()
            .chain([("/x/café", false), ("/c", false)])
        {
            assert_eq!(named(path), expected, "{path}");
        }
        for (pattern, expected) in [("/caf*", true), ("/x/*", true), ("/*é", true), ("/x/caf*", false)] {
            assert_eq!(names.matches(&Glob::new(pattern).unwrap()), expected, "{pattern}");
        }
        assert_eq!(Names::unpack(names.packed().clone(), names.packed_digests().clone()), Some(names));
    }

    #[test]
    fn packed_names_are_what_they_were_and_nothing_else_is_taken_for_names() {
        let names = Names::new(
            "/a",
            &["k".into()],
            &[UriName::new("/a?b").unwrap()],
            &[Tag::new("t"), Tag::new("ü")],
        );
        let again = Names::unpack(names.packed().clone(), names.packed_digests().clone());
        assert_eq!(again.as_ref(), Some(&names));
        assert_eq!(
            (names.path(), names.tags().collect::<Vec<_>>()),
            ("/a", vec![Tag::new("t"), Tag::new("ü")])
        );
        let unreadable: [&[u8]; 9] = [
            b"",
            b"p",
            b"p\x01\0\0\0",
            b"t\x01\0\0\0x",
            b"p\x01\0\0\0\xff",
            b"p\0\0\0\0t\xff\xff\xff\xff",
            // A value, which has no path and no URI.
            b"k\x01\0\0\0\xff",
            b"k\x01\0\0\0xp\x01\0\0\0/",
            b"k\x01\0\0\0xu\x01\0\0\0/",
        ];
        for packed in unreadable {
            assert_eq!(Names::unpack(Bytes::from_static(packed), Bytes::new()), None, "{packed:?}");
        }
        let half_a_digest = names.packed_digests().slice(..DIGEST_LEN / 2);
        assert_eq!(Names::unpack(names.packed().clone(), half_a_digest), None);
    }
}
