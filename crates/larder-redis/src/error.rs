//! The error of a store that cannot be created.

use std::fmt;

/// The kind of a [`ConnectError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// The URL's scheme does not stand for Redis.
    Scheme,
    /// The URL needs a feature that this build lacks: TLS or Unix sockets.
    Feature,
    /// The part of the URL after the scheme is invalid.
    Url,
    /// The URL asks for TLS, but there are no root certificates to check the server with.
    ///
    /// Either the given certificates cannot be read, or this machine has none.
    Certificates,
    /// A setting of the builder is invalid.
    Setting,
    /// The call was made outside a Tokio runtime.
    NoRuntime,
}

/// The error of a store that cannot be created, whatever the state of Redis.
///
/// # Examples
///
/// ```
/// use larder_redis::{ConnectErrorKind, RedisStore};
///
/// let error = RedisStore::connect("http://127.0.0.1").unwrap_err();
/// assert_eq!(error.kind(), ConnectErrorKind::Scheme);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectError {
    kind: ConnectErrorKind,
    detail: Box<str>,
}

impl ConnectError {
    pub(crate) fn new(kind: ConnectErrorKind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// Returns the kind of the error.
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
