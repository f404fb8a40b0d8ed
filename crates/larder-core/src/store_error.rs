//! The error of a store that could not perform a call.

/// The kind of a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store did not answer in time.
    Timeout,
    /// The store cannot be reached.
    Unreachable,
    /// The store was not called, because it has failed too often recently.
    CircuitOpen,
    /// The store refuses the request: it is full, read-only or loading, or denies us access.
    Refused,
    /// The store returned an answer that cannot be interpreted.
    Unreadable,
    /// The store has no such operation.
    Unsupported,
}

impl StoreErrorKind {
    /// Returns the word for the kind in metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable => "unreachable",
            Self::CircuitOpen => "circuit-open",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Unsupported => "unsupported",
        }
    }
}

/// The error of a store that could not perform a call.
#[derive(Debug, Clone)]
pub struct StoreError {
    kind: StoreErrorKind,
    detail: Box<str>,
}

impl StoreError {
    /// Creates an error of this kind, with the store's own description of it.
    #[must_use]
    pub fn new(kind: StoreErrorKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl std::fmt::Display for StoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &*self.detail {
            "" => f.write_str(self.kind.as_str()),
            detail => write!(f, "{}: {detail}", self.kind.as_str()),
        }
    }
}

impl std::error::Error for StoreError {}
