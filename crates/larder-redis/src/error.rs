//! Why a store could not be set up.

use std::fmt;

/// What is wrong with what a store was to be made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// The URL's scheme is none that means Redis.
    Scheme,
    /// The URL asks for what this build was made without: TLS, or Unix sockets.
    Feature,
    /// The rest of the URL cannot be right.
    Url,
    /// The URL asks for TLS, and there are no root certificates to check a server's with: the given ones cannot be read,
    /// or this machine has none.
    Certificates,
    /// A setting of the builder cannot be right.
    Setting,
    /// There is no Tokio runtime here.
    NoRuntime,
}

/// A store cannot be made from this, whatever the state of Redis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    kind: ConnectErrorKind,
    detail: Box<str>,
}

impl ConnectError {
    pub(crate) fn new(kind: ConnectErrorKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// What is wrong.
    #[must_use]
    pub const fn kind(&self) -> ConnectErrorKind {
        self.kind
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ConnectError {}
