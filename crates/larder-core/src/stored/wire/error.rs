//! Why a value from the shared tier is not believed.

use std::fmt;

/// What is wrong with a value from the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WireErrorKind {
    /// It was not written by Larder.
    Foreign,
    /// It was written by a Larder with another wire form.
    Version,
    /// It is not what was written: its checksum does not fit.
    Corrupt,
    /// It belongs to another key.
    OtherKey,
    /// Its checksum fits and it makes no sense all the same.
    Malformed,
}

/// A value from the shared tier is not a stored response of the key that it was found under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WireError {
    kind: WireErrorKind,
}

impl WireError {
    /// What is wrong with the value.
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
            WireErrorKind::Foreign => "not a stored response",
            WireErrorKind::Version => "a stored response of another version",
            WireErrorKind::Corrupt => "a stored response whose checksum does not fit",
            WireErrorKind::OtherKey => "the stored response of another key",
            WireErrorKind::Malformed => "a stored response that makes no sense",
        })
    }
}

impl std::error::Error for WireError {}
