//! The name of a path, in the one form that reads, writes and invalidations share.

use super::error::SelectorError;
use crate::key::buf::LIMIT;
use crate::key::normalize;

/// One path with every query, on every host. It is normalized like a
/// [`UriName`](super::UriName).
///
/// `/search` names `/search` and `/search?q=1`, but not `/search/all`. Use
/// [`Prefix`](super::Prefix) for that.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PathName(Box<str>);

impl PathName {
    /// Creates the name of this path.
    ///
    /// # Errors
    ///
    /// Returns an error if the text does not begin with `/`, or contains a `?`, a `#`, a control
    /// character or a `%` without two hexadecimal digits. A path that is longer than a [key](LIMIT)
    /// is an error too, because no response is stored under it.
    pub fn new(path: &str) -> Result<Self, SelectorError> {
        let begins_as_path = path.starts_with('/') && is_path(path);
        let name = if begins_as_path { Self::from_normal(&normalize::path(path)) } else { None };
        name.ok_or_else(|| SelectorError::new("path", path))
    }

    /// Parses a name from the log.
    ///
    /// A request may have a path that is not valid. Its name is parsed as it was written.
    pub(super) fn read(text: &str) -> Result<Self, SelectorError> {
        let is_written = text.starts_with('/') && !text.contains(['?', '#']) && normalize::path(text) == text;
        let name = if is_written { Self::from_normal(text) } else { None };
        name.map_or_else(|| Self::new(text), Ok)
    }

    /// Creates the name from a text in its normal form.
    ///
    /// Returns `None` if the text is too long for a key.
    pub(super) fn from_normal(path: &str) -> Option<Self> {
        (path.len() <= LIMIT).then(|| Self(path.into()))
    }

    /// Returns the text of the path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether the text can be a path or a pattern, apart from how it begins.
pub(super) fn is_path(text: &str) -> bool {
    !text.contains(['?', '#']) && normalize::is_well_formed(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_can_be_none_is_an_error() {
        for path in ["", "a", "/a?b", "/a#b", "/%", &format!("/{}", "a".repeat(LIMIT))] {
            assert!(PathName::new(path).is_err(), "{path:.20}");
        }
        assert_eq!(PathName::new("/a b/").unwrap().as_str(), "/a%20b/");
    }
}
