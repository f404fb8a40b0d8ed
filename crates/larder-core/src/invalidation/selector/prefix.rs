//! The responses below a path.

use super::error::SelectorError;
use super::path_name::is_path;
use crate::key::normalize;

/// The responses under a path: the path itself and everything below it, on every host.
///
/// `/api/products` names `/api/products` and `/api/products/42?x=1`, but not `/api/products-old`.
/// Use [`Glob`](super::Glob) for that. `/` names every path.
///
/// Paths are compared in the one spelling that a [`UriName`](super::UriName) has. A path with dot
/// segments is below the prefixes of the path that was sent, and below those of the path that it
/// resolves to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Box<str>);

/// The maximum depth of a prefix in segments.
///
/// A deeper prefix names what its ancestor at this depth names, so a path of slashes cannot cost
/// memory.
const DEEPEST_PREFIX: usize = 32;

impl Prefix {
    /// Creates the prefix with this path. A slash at its end makes no difference.
    ///
    /// # Errors
    ///
    /// Returns an error if the path does not begin with `/`, or contains what no path can contain:
    /// a `?` or `#`, a control character, or a `%` without two hexadecimal digits.
    pub fn new(path: &str) -> Result<Self, SelectorError> {
        if !path.starts_with('/') || !is_path(path) {
            return Err(SelectorError::new("path prefix", path));
        }
        Ok(Self::named_by(&normalize::path(path)))
    }

    /// Creates the prefix with this normal path.
    pub(super) fn named_by(path: &str) -> Self {
        Self(trimmed(path).into())
    }

    /// Returns the normal path without a slash at its end, which is empty for the root.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the normal path as prefixes have it: not too deep, and without slashes at its end.
fn trimmed(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    let kept = path.match_indices('/').nth(DEEPEST_PREFIX).map_or(path, |(end, _)| &path[..end]);
    kept.trim_end_matches('/')
}

/// Returns every prefix that names this normal path.
///
/// The order is from the shortest, which is empty, to the path itself.
pub(crate) fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let path = trimmed(path);
    path.match_indices('/').map(|(end, _)| &path[..end]).chain(std::iter::once(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefixes_of_a_path_are_its_segments_ends() {
        let of = |path| prefixes(path).collect::<Vec<_>>();
        assert_eq!(of("/a/b"), ["", "/a", "/a/b"]);
        assert_eq!(of("/a/b/"), ["", "/a", "/a/b"]);
        assert_eq!(of("/"), [""]);
        assert_eq!(of(""), [""]);
    }

    #[test]
    fn a_prefix_deeper_than_the_deepest_names_what_its_ancestor_names() {
        let path = "/x".repeat(1_000);
        let prefix = Prefix::new(&path).unwrap();
        assert!(prefixes(&path).any(|ancestor| ancestor == prefix.as_str()));
        assert!(prefixes(&path).count() <= DEEPEST_PREFIX + 1);
    }
}
