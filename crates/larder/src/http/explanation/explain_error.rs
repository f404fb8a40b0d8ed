//! The error of a request that cannot be explained.

use std::error::Error;
use std::fmt;

use http::StatusCode;

/// The reason why a request cannot be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExplainErrorKind {
    /// The method is unsafe, such as `POST`, so the request is not sent.
    ///
    /// The outcome of such a request is always `bypass: method`.
    UnsafeMethod,
    /// The request reaches no layer of this cache.
    ///
    /// A layer around the cache may have answered it: an authentication layer that refuses it, for
    /// example. Or its route has no layer of this cache, and its handler has run.
    NoCacheLayer,
    /// The service failed before the request reached a layer.
    Service,
}

/// The error of [`Cache::explain`](crate::Cache::explain).
#[derive(Debug)]
pub struct ExplainError {
    kind: ExplainErrorKind,
    status: Option<StatusCode>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl ExplainError {
    pub(crate) const fn unsafe_method() -> Self {
        Self { kind: ExplainErrorKind::UnsafeMethod, status: None, source: None }
    }

    pub(crate) const fn no_cache_layer(status: StatusCode) -> Self {
        Self { kind: ExplainErrorKind::NoCacheLayer, status: Some(status), source: None }
    }

    pub(crate) fn service(source: Box<dyn Error + Send + Sync>) -> Self {
        Self { kind: ExplainErrorKind::Service, status: None, source: Some(source) }
    }

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> ExplainErrorKind {
        self.kind
    }

    /// Returns the status with which something other than a layer of this cache has answered.
    #[must_use]
    pub const fn status(&self) -> Option<StatusCode> {
        self.status
    }
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.kind, self.status) {
            (ExplainErrorKind::UnsafeMethod, _) => {
                f.write_str("explained request: its method is unsafe, so it bypasses every cache")
            }
            (ExplainErrorKind::NoCacheLayer, Some(status)) => {
                write!(
                    f,
                    "explained request: it reached no layer of this cache, and was answered with {status}"
                )
            }
            (ExplainErrorKind::NoCacheLayer, None) => {
                f.write_str("explained request: it reached no layer of this cache")
            }
            (ExplainErrorKind::Service, _) => f.write_str("explained request: the service failed"),
        }
    }
}

impl Error for ExplainError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}
