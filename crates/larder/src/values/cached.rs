//! The answer to a lookup that loads nothing.

use std::fmt;
use std::sync::Arc;

/// A cached value, a cached absence, or neither.
///
/// Returned by [`Values::get`](crate::values::Values::get).
///
/// # Examples
///
/// ```
/// use larder::Cache;
/// use larder::values::{Cached, Values};
///
/// # fn main() -> Result<(), larder::ConfigError> {
/// let names: Values<u64, String> = Cache::default().values("name").build()?;
/// match names.get_cached(&7) {
///     Cached::Value(name) => println!("{name}"),
///     Cached::Absence => println!("there is no such name"),
///     Cached::Nothing => println!("the database has to be asked"),
/// }
/// # Ok(())
/// # }
/// ```
#[allow(clippy::exhaustive_enums)] // There is no fourth state.
pub enum Cached<V> {
    /// A value is cached.
    Value(Arc<V>),
    /// It is cached that there is no value.
    Absence,
    /// Nothing is cached.
    Nothing,
}

impl<V> Cached<V> {
    /// Returns the value, if one is cached.
    #[must_use]
    pub fn into_value(self) -> Option<Arc<V>> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absence | Self::Nothing => None,
        }
    }

    /// Returns whether a value or an absence is cached.
    #[must_use]
    pub const fn is_cached(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    #[inline]
    pub(super) fn of(value: Option<Arc<V>>) -> Self {
        value.map_or(Self::Absence, Self::Value)
    }
}

impl<V> Clone for Cached<V> {
    fn clone(&self) -> Self {
        match self {
            Self::Value(value) => Self::Value(Arc::clone(value)),
            Self::Absence => Self::Absence,
            Self::Nothing => Self::Nothing,
        }
    }
}

impl<V: PartialEq> PartialEq for Cached<V> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(one), Self::Value(other)) => one == other,
            (Self::Absence, Self::Absence) | (Self::Nothing, Self::Nothing) => true,
            _ => false,
        }
    }
}

impl<V: Eq> Eq for Cached<V> {}

impl<V: fmt::Debug> fmt::Debug for Cached<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => f.debug_tuple("Value").field(value).finish(),
            Self::Absence => f.write_str("Absence"),
            Self::Nothing => f.write_str("Nothing"),
        }
    }
}
