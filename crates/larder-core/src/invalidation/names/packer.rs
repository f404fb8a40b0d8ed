//! The buffer that the texts of names are packed in.

use bytes::Bytes;

use super::DIGEST_LEN;
use crate::invalidation::selector::{Digest, Kind, Tag, UriName};

/// The letters for the kinds of texts in the buffer.
///
/// Each text has its letter first, then its length in four bytes, then its bytes.
pub(super) const PATH: u8 = b'p';
pub(super) const KEY: u8 = b'k';
pub(super) const URI: u8 = b'u';
pub(super) const TAG: u8 = b't';

/// The length of a letter and a length.
const HEAD_LEN: usize = 5;

/// Names that are being packed.
#[derive(Debug, Default)]
pub(super) struct Packer {
    packed: Vec<u8>,
    digests: Vec<Digest>,
}

impl Packer {
    /// Creates an empty buffer with room for this many texts, of this length together.
    pub(super) fn with_capacity(count: usize, length: usize) -> Self {
        Self { packed: Vec::with_capacity(length + count * HEAD_LEN), digests: Vec::with_capacity(count) }
    }

    pub(super) fn add_key(&mut self, key: &str) {
        self.pack(KEY, key);
        self.digests.push(Digest::of(Kind::Key, key));
    }

    pub(super) fn add_tags(&mut self, tags: &[Tag]) {
        for tag in tags {
            self.pack(TAG, tag.as_str());
            self.digests.push(Digest::of(Kind::Tag, tag.as_str()));
        }
    }

    /// Adds a digest that is not there yet.
    pub(super) fn add_digest(&mut self, digest: Digest) {
        if !self.digests.contains(&digest) {
            self.digests.push(digest);
        }
    }

    pub(super) fn add_uri(&mut self, uri: &UriName) {
        self.pack(URI, uri.as_str());
        self.digests.push(Digest::of(Kind::Uri, uri.as_str()));
    }

    pub(super) fn add_path(&mut self, path: &str) {
        self.pack(PATH, path);
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

    /// Returns the texts and the digests in one buffer, and where the texts end.
    pub(super) fn finish(self) -> (Bytes, usize) {
        let Self { packed, digests } = self;
        // A buffer of exactly this size. What is not used would live as long as the names.
        let mut buffer = Vec::with_capacity(packed.len() + digests.len() * DIGEST_LEN);
        buffer.extend_from_slice(&packed);
        for digest in digests {
            buffer.extend_from_slice(&digest.bits().to_le_bytes());
        }
        (buffer.into(), packed.len())
    }
}

/// Returns the kind of the first text, the text itself, and the rest.
pub(super) fn first(packed: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = packed.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((*kind, text, rest))
}
