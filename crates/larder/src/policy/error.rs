//! What can be wrong with a policy.

use std::fmt;

/// What kind of value was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// A lifetime or window under a second or over a year.
    Lifetime,
    /// A template that cannot be read.
    Template,
    /// A status that cannot be stored.
    Status,
    /// A size limit of zero.
    Limit,
    /// A text that cannot be the name of a cookie.
    Cookie,
}

/// A policy that cannot be right. Says which value, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    pub(super) kind: PolicyErrorKind,
    pub(super) what: Box<str>,
}

impl PolicyError {
    /// What kind of value was wrong.
    #[must_use]
    pub const fn kind(&self) -> PolicyErrorKind {
        self.kind
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, what } = self;
        match kind {
            PolicyErrorKind::Lifetime => write!(f, "{what} is not between a second and a year"),
            PolicyErrorKind::Template => f.write_str(what),
            PolicyErrorKind::Status => write!(f, "responses with status {what} cannot be stored"),
            PolicyErrorKind::Limit => write!(f, "{what}: a limit of zero stores nothing"),
            PolicyErrorKind::Cookie => write!(f, "{what:?} cannot be the name of a cookie"),
        }
    }
}

impl std::error::Error for PolicyError {}
