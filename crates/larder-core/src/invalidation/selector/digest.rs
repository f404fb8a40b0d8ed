//! Digests of names, by which the table files them.

use twox_hash::XxHash3_64;

/// The kinds of names that are found by their digests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Tag,
    Key,
    Uri,
    Prefix,
    Path,
    Directory,
}

/// A 64-bit digest of a name.
///
/// Two names with the same digest cost a needless miss, never a stale hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Digest {
    pub(crate) fn of(kind: Kind, text: &str) -> Self {
        Self(XxHash3_64::oneshot_with_seed(kind as u64, text.as_bytes()))
    }

    /// Creates the digest with the bits that came with a stored response.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}
