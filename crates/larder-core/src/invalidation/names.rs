//! The names of a stored response.

mod describe;
mod packer;
#[cfg(test)]
mod tests;

use bytes::Bytes;

use self::packer::{KEY, PATH, Packer, TAG, URI, first};
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
            names.add_path(path);
        }
        let found = paths.clone().flat_map(prefixes).map(|prefix| Digest::of(Kind::Prefix, prefix));
        // The coarser names of each URI are added as well. Its path may be a different one, and a
        // response must have every name into which one of its names can be folded.
        let lineages = paths.map(Lineage::at).chain(uris.iter().map(Lineage::of_uri));
        for digest in found.chain(lineages.flat_map(Lineage::ancestors)) {
            names.add_digest(digest);
        }
        keys.iter().for_each(|key| names.add_key(key));
        uris.iter().for_each(|uri| names.add_uri(uri));
        names.add_tags(tags);
        let (packed, digests) = names.finish();
        Self { packed, digests }
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
        let mut names = Packer::with_capacity(1 + tags.len(), texts);
        names.add_key(key);
        names.add_tags(tags);
        let (packed, digests) = names.finish();
        Self { packed, digests }
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
