//! The roles of tokens.

use std::fmt;

/// The role of a token: the operations that it permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// To see: statistics, stored responses, explanations.
    Read,
    /// To see, and to change: purge, switch off, warm up.
    Purge,
}

impl Role {
    /// Returns the word for the role.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Purge => "purge",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
