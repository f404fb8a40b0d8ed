//! The reasons why a value from the shared tier is not believed.

use std::fmt;

/// The kind of a [`WireError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireErrorKind {
    /// The value was not written by Larder.
    Foreign,
    /// The value was written by a Larder with another wire form.
    Version,
    /// The value is not what was written: its checksum does not match.
    Corrupt,
    /// The value belongs to another key.
    OtherKey,
    /// The checksum matches, but the value makes no sense.
    Malformed,
}

/// The error for a value that was not stored under the key at which it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    kind: WireErrorKind,
}

impl WireError {
    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> WireErrorKind {
        self.kind
    }
}

impl From<WireErrorKind> for WireError {
    fn from(kind: WireErrorKind) -> Self {
        Self { kind }
    }
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            WireErrorKind::Foreign => "not a value of Larder",
            WireErrorKind::Version => "a stored value of another version",
            WireErrorKind::Corrupt => "a stored value whose checksum does not fit",
            WireErrorKind::OtherKey => "the stored value of another key",
            WireErrorKind::Malformed => "a stored value that makes no sense",
        })
    }
}

impl std::error::Error for WireError {}
