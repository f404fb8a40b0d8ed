//! The responses with a path that matches a pattern.

use super::error::SelectorError;
use super::path_name::is_path;
use crate::key::normalize;

/// A pattern over paths, in which `*` stands for any text, including slashes.
///
/// Examples are `/api/*/reviews` and `/img/thumb-*`.
///
/// The text between stars is compared in the one spelling that a [`UriName`](super::UriName) has. A
/// star in a path is matched by a star in the pattern, not by `%2A`.
///
/// Each glob is checked against each response separately. A handful of globs is fine, hundreds are
/// not. Prefer a [`Tag`](super::Tag).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob(Box<str>);

impl Glob {
    /// Creates the glob with this pattern.
    ///
    /// # Errors
    ///
    /// Returns an error if the pattern does not begin with `/` or `*`, or contains what no path can
    /// contain: a `?` or `#`, a control character, or a `%` without two hexadecimal digits.
    pub fn new(pattern: &str) -> Result<Self, SelectorError> {
        if !pattern.starts_with(['/', '*']) || !is_path(pattern) {
            return Err(SelectorError::new("glob", pattern));
        }
        Ok(Self(normal_pattern(pattern).into()))
    }

    /// Returns the pattern in its normal form.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether the pattern matches the whole of `path`, which is in its normal form.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = path.strip_prefix(first) else {
            return false;
        };
        let Some(last) = parts.next_back() else {
            return rest.is_empty();
        };
        for part in parts {
            match rest.find(part) {
                Some(at) => rest = &rest[at + part.len()..],
                None => return false,
            }
        }
        rest.ends_with(last)
    }
}

/// Returns the pattern in its normal form.
///
/// Only the segments before the first star are known, so dot segments are removed only there.
fn normal_pattern(pattern: &str) -> String {
    let spelled = normalize::path_with_dots(pattern);
    if pattern.starts_with('*') {
        // A star also stands for the slash with which the path begins.
        return spelled[1..].to_owned();
    }
    let known = match spelled.find('*') {
        Some(star) => spelled[..star].rfind('/').map_or(0, |last| last + 1),
        None => spelled.len(),
    };
    let (segments, rest) = spelled.split_at(known);
    format!("{}{rest}", normalize::without_dots(segments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_a_reader_expects() {
        let cases = [
            ("/a/*", "/a/b/c", true),
            ("/a/*", "/a/", true),
            ("/a/*", "/a", false),
            ("*", "/anything", true),
            ("*.png", "/img/x.png", true),
            ("*.png", "/img/x.png.txt", false),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/c", false),
            ("/a*a", "/a", false),
            ("/a", "/a", true),
            ("/a", "/ab", false),
            ("/a/**/z", "/a/b/z", true),
        ];
        for (pattern, path, expected) in cases {
            assert_eq!(Glob::new(pattern).unwrap().matches(path), expected, "{pattern} on {path}");
        }
    }
}
