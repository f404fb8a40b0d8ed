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
/// compares digests and reads no text. So both are packed into one buffer, which may be a slice of
/// a larger one.
#[derive(Debug, Clone)]
pub struct Names {
    /// The texts, and the digests after them.
    buffer: Bytes,
    /// Where the texts end.
    texts_end: u32,
    /// Where the digests begin. Each has [`DIGEST_LEN`] bytes.
    digests_at: u32,
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
        Self::of_packer(names)
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
        Self::of_packer(names)
    }

    fn of_packer(packer: Packer) -> Self {
        let (buffer, texts_end) = packer.finish();
        let texts_end = u32::try_from(texts_end).unwrap_or(u32::MAX);
        Self { buffer, texts_end, digests_at: texts_end }
    }

    /// Creates names from a buffer whose first `texts_len` bytes are [`packed`](Self::packed), and
    /// whose bytes from `digests_at` on are [`packed_digests`](Self::packed_digests).
    ///
    /// Returns `None` if they cannot be names.
    #[must_use]
    pub fn unpack(buffer: Bytes, texts_len: usize, digests_at: usize) -> Option<Self> {
        let (texts, digests) = (buffer.get(..texts_len)?, buffer.get(digests_at..)?);
        if digests.len() % DIGEST_LEN != 0 || digests_at < texts_len {
            return None;
        }
        let (texts_end, digests_at) = (u32::try_from(texts_len).ok()?, u32::try_from(digests_at).ok()?);
        // Most buffers are ASCII. Then one check of the whole buffer shows that every text in it is
        // UTF-8.
        let all_ascii = texts.is_ascii();
        // The names of a response begin with its path, and those of a value with its key.
        let has_path = match *texts.first()? {
            PATH => true,
            KEY => false,
            _ => return None,
        };
        let mut rest = texts;
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
        Some(Self { buffer, texts_end, digests_at })
    }

    /// Returns a copy in a buffer of its own.
    ///
    /// Names that were read are slices of a larger buffer, and keep all of it alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        let mut buffer = Vec::with_capacity(self.weight());
        self.write_to(&mut buffer);
        self.moved_to(buffer.into())
    }

    /// Appends the texts and the digests to a buffer. They take [`weight`](Self::weight) bytes.
    pub fn write_to(&self, buffer: &mut Vec<u8>) {
        buffer.extend_from_slice(self.packed());
        buffer.extend_from_slice(self.packed_digests());
    }

    /// Returns these names in a buffer that has what [`write_to`](Self::write_to) wrote, and
    /// nothing else.
    #[must_use]
    pub fn moved_to(&self, buffer: Bytes) -> Self {
        debug_assert_eq!(buffer.len(), self.weight());
        Self { buffer, texts_end: self.texts_end, digests_at: self.texts_end }
    }

    /// Returns the texts in one buffer.
    #[must_use]
    pub fn packed(&self) -> &[u8] {
        self.buffer.get(..index(self.texts_end)).unwrap_or_default()
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
        let digests = self.packed_digests().chunks_exact(DIGEST_LEN).filter_map(<[u8]>::first_chunk);
        digests.map(|digest| Digest::from_bits(u64::from_le_bytes(*digest)))
    }

    /// Returns the digests in one buffer.
    #[must_use]
    #[inline]
    pub fn packed_digests(&self) -> &[u8] {
        self.buffer.get(index(self.digests_at)..).unwrap_or_default()
    }

    /// Returns whether the glob names the response.
    #[must_use]
    pub fn matches(&self, glob: &Glob) -> bool {
        self.texts(PATH).any(|path| glob.matches(path))
    }

    /// Returns about how many bytes of memory the names take.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.packed().len() + self.packed_digests().len()
    }

    fn texts(&self, kind: u8) -> impl Iterator<Item = &str> {
        let mut rest = self.packed();
        std::iter::from_fn(move || {
            let (kind, text, after) = first(rest)?;
            rest = after;
            Some((kind, std::str::from_utf8(text).ok()?))
        })
        .filter_map(move |(found, text)| (found == kind).then_some(text))
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        self.packed() == other.packed() && self.packed_digests() == other.packed_digests()
    }
}

impl Eq for Names {}

#[inline]
fn index(place: u32) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}
