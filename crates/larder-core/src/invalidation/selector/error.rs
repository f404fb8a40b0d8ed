//! The error for a text that is not a selector.

use std::fmt;

/// The error for a text that is not a selector of the requested kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    kind: &'static str,
    text: Box<str>,
}

impl SelectorError {
    pub(super) fn new(kind: &'static str, text: &str) -> Self {
        Self { kind, text: text.into() }
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cannot be a {}", self.text, self.kind)
    }
}

impl std::error::Error for SelectorError {}
