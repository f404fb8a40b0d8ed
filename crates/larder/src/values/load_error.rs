//! The error of a load.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The error of a load, shared by all requests that waited for it. Its type is that of the caller.
pub(super) type SharedError = Arc<dyn Any + Send + Sync>;

/// An error of a load, and how this request got it.
pub(super) struct Failure {
    pub(super) error: SharedError,
    pub(super) kind: LoadErrorKind,
}

impl Failure {
    /// Returns the failure of a request's own load.
    pub(super) const fn own(error: SharedError) -> Self {
        Self { error, kind: LoadErrorKind::Failed }
    }
}

/// Where a [`LoadError`] comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LoadErrorKind {
    /// The load of this call failed.
    Failed,
    /// The load of another call failed, and this one waited for it.
    Shared,
    /// A load failed a moment ago, and the collection
    /// [remembers errors](crate::values::ValuesBuilder::error_ttl).
    Remembered,
}

/// The error of a load that failed.
///
/// All calls that waited for the load share the error. The cache adds no errors of its own: if the
/// shared store fails, the load runs.
///
/// # Examples
///
/// ```
/// use std::io;
///
/// use larder::values::{LoadError, Values};
///
/// async fn price(prices: &Values<u64, u64>, id: u64) -> Result<u64, LoadError<io::Error>> {
///     let load = async || Err::<u64, _>(io::Error::other("the database is away"));
///     let price = prices.get_or_load(&id, load).await.inspect_err(|error| {
///         eprintln!("{error}: {}", error.get_ref());
///     })?;
///     Ok(price.map_or(0, |price| *price))
/// }
/// ```
pub struct LoadError<E> {
    error: Arc<E>,
    kind: LoadErrorKind,
}

impl<E> LoadError<E> {
    /// Returns where the error comes from.
    #[must_use]
    pub const fn kind(&self) -> LoadErrorKind {
        self.kind
    }

    /// Returns the error of the load.
    #[must_use]
    pub fn get_ref(&self) -> &E {
        &self.error
    }

    /// Returns the error of the load, which other calls may share.
    #[must_use]
    pub fn into_shared(self) -> Arc<E> {
        self.error
    }
}

impl<E: Send + Sync + 'static> LoadError<E> {
    /// Returns the failure with the caller's type of errors.
    ///
    /// Returns `None` if the error has another type: it comes from a load of other code.
    pub(super) fn from_failure(failure: Failure) -> Option<Self> {
        let Failure { error, kind } = failure;
        error.downcast().ok().map(|error| Self { error, kind })
    }
}

impl<E> Clone for LoadError<E> {
    fn clone(&self) -> Self {
        Self { error: Arc::clone(&self.error), kind: self.kind }
    }
}

impl<E: fmt::Debug> fmt::Debug for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadError").field("kind", &self.kind).field("error", &self.error).finish()
    }
}

impl<E> fmt::Display for LoadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            LoadErrorKind::Failed => "load failed",
            LoadErrorKind::Shared => "load of another call failed",
            LoadErrorKind::Remembered => "load failed a moment ago",
        })
    }
}

impl<E: Error + 'static> Error for LoadError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.error)
    }
}

/// Returns whether an error of another call has the type `E`.
pub(super) fn is_error_of<E: 'static>(error: &SharedError) -> bool {
    (**error).is::<E>()
}

/// Returns an error that calls can share.
pub(super) fn shared<E: Send + Sync + 'static>(error: E) -> SharedError {
    Arc::new(error)
}

/// Returns the failure with the caller's type of errors.
#[allow(clippy::expect_used)] // `is_error_of` was asked about each error of another call.
pub(super) fn own<E: Send + Sync + 'static>(failure: Failure) -> LoadError<E> {
    LoadError::from_failure(failure).expect("the error has the caller's type")
}
