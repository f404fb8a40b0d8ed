//! What a stored response answers to.

use bytes::Bytes;

use super::selector::{Digest, Glob, Kind, Lineage, Tag, prefixes};

/// The names of a stored response: its tags, its key and URI, and the path that prefixes and globs are held against.
///
/// The texts travel with the response into the shared tier, and so do the digests made of them: a hit there compares
/// digests and reads no text. Therefore both are packed into buffers, which may be slices of a larger one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    packed: Bytes,
    /// Each in [`DIGEST_LEN`] bytes.
    digests: Bytes,
}

/// The length of a packed digest, whose bits are little-endian.
pub const DIGEST_LEN: usize = size_of::<u64>();

/// What a text in the buffer is: a letter, before its length in four bytes and itself.
const PATH: u8 = b'p';
const KEY: u8 = b'k';
const URI: u8 = b'u';
const TAG: u8 = b't';

impl Names {
    /// The names of the response at `path`, known by these keys (the text of a template, the whole encoded key), these
    /// URIs (with and without host, with the query as sent and as keyed) and these tags.
    #[must_use]
    pub fn new(path: &str, keys: &[Box<str>], uris: &[Box<str>], tags: &[Tag]) -> Self {
        let mut packed = Vec::new();
        let mut digests: Vec<Digest> = Vec::new();
        pack(&mut packed, PATH, path);
        digests.extend(prefixes(path).map(|prefix| Digest::of(Kind::Prefix, prefix)));
        // Also those of each URI, whose path may be another one: a response has to have every name that a name of it can
        // be folded into.
        let lineages = std::iter::once(Lineage::at(path));
        for digest in lineages.chain(uris.iter().map(|uri| Lineage::of_uri(uri))).flat_map(Lineage::ancestors)
        {
            if !digests.contains(&digest) {
                digests.push(digest);
            }
        }
        for key in keys {
            pack(&mut packed, KEY, key);
            digests.push(Digest::of(Kind::Key, key));
        }
        for uri in uris {
            pack(&mut packed, URI, uri);
            digests.push(Digest::of(Kind::Uri, uri));
        }
        for tag in tags {
            pack(&mut packed, TAG, tag.as_str());
            digests.push(Digest::of(Kind::Tag, tag.as_str()));
        }
        packed.shrink_to_fit();
        let digests: Vec<_> = digests.iter().flat_map(|digest| digest.bits().to_le_bytes()).collect();
        Self { packed: packed.into(), digests: digests.into() }
    }

    /// The names whose [`packed`](Self::packed) texts and [`packed_digests`](Self::packed_digests) these are; `None` if
    /// they cannot be.
    #[must_use]
    pub fn unpack(packed: Bytes, digests: Bytes) -> Option<Self> {
        if !digests.len().is_multiple_of(DIGEST_LEN) {
            return None;
        }
        // Most are, and then one look at the whole buffer tells that every text in it is UTF-8.
        let all_ascii = packed.is_ascii();
        let mut rest = &*packed;
        while !rest.is_empty() {
            let (_, text, after) = first(rest)?;
            if !all_ascii {
                str::from_utf8(text).ok()?;
            }
            rest = after;
        }
        packed.starts_with(&[PATH]).then_some(Self { packed, digests })
    }

    /// The texts in one buffer.
    #[must_use]
    pub const fn packed(&self) -> &Bytes {
        &self.packed
    }

    /// The path that prefixes and globs are held against.
    #[must_use]
    pub fn path(&self) -> &str {
        self.texts(PATH).next().unwrap_or_default()
    }

    /// Its tags.
    pub fn tags(&self) -> impl Iterator<Item = Tag> {
        self.texts(TAG).map(Tag::new)
    }

    /// These names and the other's tags; `None` if the two are not known by the same path, keys and URIs.
    #[must_use]
    pub fn with_tags_of(&self, other: &Self) -> Option<Self> {
        let are_same = [PATH, KEY, URI].iter().all(|kind| self.texts(*kind).eq(other.texts(*kind)));
        if !are_same {
            return None;
        }
        let boxed = |kind| self.texts(kind).map(Into::into).collect::<Vec<Box<str>>>();
        let mut tags: Vec<_> = self.tags().chain(other.tags()).collect();
        tags.sort_unstable();
        tags.dedup();
        Some(Self::new(self.path(), &boxed(KEY), &boxed(URI), &tags))
    }

    /// What the table looks it up by.
    pub fn digests(&self) -> impl Iterator<Item = Digest> {
        let (digests, _) = self.digests.as_chunks();
        digests.iter().map(|digest| Digest::from_bits(u64::from_le_bytes(*digest)))
    }

    /// The same in one buffer.
    #[must_use]
    pub const fn packed_digests(&self) -> &Bytes {
        &self.digests
    }

    /// Whether the glob names it.
    #[must_use]
    pub fn matches(&self, glob: &Glob) -> bool {
        glob.matches(self.path())
    }

    /// About how many bytes of memory it holds.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.packed.len() + self.digests.len()
    }

    fn texts(&self, kind: u8) -> impl Iterator<Item = &str> {
        let mut rest = &*self.packed;
        std::iter::from_fn(move || {
            let (kind, text, after) = first(rest)?;
            rest = after;
            Some((kind, str::from_utf8(text).ok()?))
        })
        .filter_map(move |(found, text)| (found == kind).then_some(text))
    }
}

fn pack(packed: &mut Vec<u8>, kind: u8, text: &str) {
    // No request, policy or handler has a text of four gigabytes; what is cut off could not be found by its digest.
    let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
    packed.push(kind);
    packed.extend_from_slice(&length.to_le_bytes());
    packed.extend(text.bytes().take(usize::try_from(length).unwrap_or(usize::MAX)));
}

/// The first text, what it is, and what follows.
fn first(packed: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = packed.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((*kind, text, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_add_up_where_all_else_is_the_same() {
        let names = |path: &str, key: &str, uri: &str, tags: &[&str]| {
            let tags: Vec<_> = tags.iter().map(|tag| Tag::new(*tag)).collect();
            Names::new(path, &[key.into()], &[uri.into()], &tags)
        };
        let one = names("/a", "k", "u", &["x", "y"]);
        let both = one.with_tags_of(&names("/a", "k", "u", &["z", "x"]));
        assert_eq!(both, Some(names("/a", "k", "u", &["x", "y", "z"])));
        for other in [names("/b", "k", "u", &[]), names("/a", "l", "u", &[]), names("/a", "k", "v", &[])] {
            assert_eq!(one.with_tags_of(&other), None);
        }
    }
    use crate::log::selector::{PathName, Prefix, Selector, UriName};

    #[test]
    fn a_response_is_found_by_every_selector_that_names_it_and_by_no_other() {
        let names = Names::new(
            "/products/42",
            &["product-42".into()],
            &["/products/42?a=1".into(), "http://shop/products/42?a=1".into()],
            &[Tag::new("product:42")],
        );
        let named = |selector: Selector| names.digests().any(|digest| digest == selector.digest().unwrap());
        assert!(named(Tag::new("product:42").into()));
        assert!(named(Selector::Key("product-42".into())));
        assert!(named(UriName::new("/products/42?a=1").unwrap().into()));
        assert!(named(UriName::new("http://SHOP:80/products/42?a=1").unwrap().into()));
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

    /// Also of a URI with another path than the response's own, as a layer further in may have given it.
    #[test]
    fn a_response_has_every_name_that_one_of_its_names_can_be_folded_into() {
        let deep = format!("/deep{}/x?y", "/a//b".repeat(30));
        let uris = ["/a/b/c?d", "http://shop/e/f/g", "/h", "/", "//i//j/", &deep].map(Box::from);
        let names = Names::new("/k/l/m", &[], &uris, &[]);
        let paths = ["/k/l/m"].into_iter().chain(uris.iter().map(AsRef::as_ref));
        for lineage in paths.map(Lineage::of_uri) {
            assert!(lineage.ancestors().count() >= 2);
            assert!(lineage.ancestors().all(|ancestor| names.digests().any(|digest| digest == ancestor)));
        }
    }

    #[test]
    fn packed_names_are_what_they_were_and_nothing_else_is_taken_for_names() {
        let names = Names::new("/a", &["k".into()], &["/a?b".into()], &[Tag::new("t"), Tag::new("ü")]);
        let again = Names::unpack(names.packed().clone(), names.packed_digests().clone());
        assert_eq!(again.as_ref(), Some(&names));
        assert_eq!(
            (names.path(), names.tags().collect::<Vec<_>>()),
            ("/a", vec![Tag::new("t"), Tag::new("ü")])
        );
        let unreadable: [&[u8]; 6] =
            [b"", b"p", b"p\x01\0\0\0", b"k\x01\0\0\0x", b"p\x01\0\0\0\xff", b"p\0\0\0\0t\xff\xff\xff\xff"];
        for packed in unreadable {
            assert_eq!(Names::unpack(Bytes::from_static(packed), Bytes::new()), None, "{packed:?}");
        }
        let half_a_digest = names.packed_digests().slice(..DIGEST_LEN / 2);
        assert_eq!(Names::unpack(names.packed().clone(), half_a_digest), None);
    }
}
