//! The error for a switch that cannot be changed.

use std::fmt;

use larder_core::store::{StoreError, StoreErrorKind};

/// The reason why a switch cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SwitchErrorKind {
    /// The duration is zero, or longer than a day.
    Duration,
    /// The name of the operator is empty, too long, or has control characters.
    Who,
    /// The name of the route or class is empty or too long.
    Scope,
    /// Too many switches are set.
    TooMany,
    /// The cache has no shared store, or its store keeps no switches.
    NoStore,
    /// The shared store could not be asked. The change may have been made anyway.
    Store,
    /// Other instances change the switches at the same moment.
    Conflict,
}

/// The error for a switch that cannot be changed.
///
/// Returned by [`Cache::bypass`](crate::Cache::bypass) and the methods beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchError {
    kind: SwitchErrorKind,
    what: Box<str>,
}

impl SwitchError {
    pub(crate) fn new(kind: SwitchErrorKind, what: impl Into<Box<str>>) -> Self {
        Self { kind, what: what.into() }
    }

    pub(crate) fn of_store(error: &StoreError) -> Self {
        let kind = match error.kind() {
            StoreErrorKind::Unsupported => SwitchErrorKind::NoStore,
            _ => SwitchErrorKind::Store,
        };
        Self::new(kind, format!("shared store: {error}"))
    }

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> SwitchErrorKind {
        self.kind
    }
}

impl fmt::Display for SwitchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "switch: {}", self.what)
    }
}

impl std::error::Error for SwitchError {}
