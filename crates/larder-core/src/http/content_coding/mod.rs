//! Content codings: which one a request prefers, and which responses may be coded.
//!
//! * [`accepted`]: the codings that a request accepts (RFC 9110 §12.5.3).
//! * [`codable`]: whether a response may be coded at all.
//! * [`coded_fields`]: the header fields of the coded representation.

pub mod accepted;
pub mod codable;
pub mod coded_fields;

use std::fmt;

/// A content coding that the cache can apply to a stored response (RFC 9110 §8.4.1).
///
/// With serde, it is its name in HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ContentCoding {
    /// Brotli (RFC 7932).
    Br,
    /// Zstandard (RFC 8878).
    Zstd,
    /// gzip (RFC 1952).
    Gzip,
}

impl ContentCoding {
    /// All codings.
    #[doc(hidden)]
    pub const ALL: [Self; 3] = [Self::Br, Self::Zstd, Self::Gzip];

    /// Returns the name of the coding in `Content-Encoding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Returns the place of the coding in [`ALL`](Self::ALL).
    #[doc(hidden)]
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::Br => 0,
            Self::Zstd => 1,
            Self::Gzip => 2,
        }
    }
}

impl fmt::Display for ContentCoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for ContentCoding {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_coding_has_its_own_place_and_name() {
        for (index, coding) in ContentCoding::ALL.into_iter().enumerate() {
            assert_eq!(coding.index(), index);
        }
        assert_eq!(ContentCoding::ALL.map(|coding| coding.to_string()), ["br", "zstd", "gzip"]);
    }
}
