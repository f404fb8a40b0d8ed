//! Coarser names of a URI: its path, the directory of the path, and the prefix above.

use super::{Digest, Kind, Prefix, SelectorError, UriName};
use crate::key::buf::LIMIT;
use crate::key::normalize;

/// One path with every query, on every host. It is normalized like a [`UriName`].
///
/// `/search` names `/search` and `/search?q=1`, but not `/search/all`. Use [`Prefix`] for that.
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
        let is_path = path.starts_with('/') && !path.contains(['?', '#']) && normalize::is_well_formed(path);
        let name = if is_path { Self::from_normal(&normalize::path(path)) } else { None };
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

/// Returns the directory of a path: `/a/` for `/a/b` and for `/a/`, `/` for `/a`.
fn directory_of(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..=slash])
}

/// Returns the prefix that the responses of a directory share with those of its siblings.
///
/// For `/a/b/` this is `/a`. Returns `None` instead of the root, because it would name everything.
fn prefix_of(directory: &str) -> Option<Prefix> {
    let directory = directory.trim_end_matches('/');
    let parent = Prefix::named_by(&directory[..directory.rfind('/')?]);
    (!parent.0.is_empty()).then_some(parent)
}

/// The kind of name that a row of the table has, from the finest to the coarsest.
///
/// A row of the first three kinds can be folded into a coarser one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Rank {
    Uri,
    Path,
    Directory,
    Prefix,
    /// A tag or a key, which says nothing about where the response lies.
    Other,
}

impl Rank {
    pub(crate) const ALL: [Self; 5] = [Self::Uri, Self::Path, Self::Directory, Self::Prefix, Self::Other];
}

/// The rank of a name, and the coarser names that every response with this name also has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Lineage {
    rank: Rank,
    path: Digest,
    directory: Digest,
    prefix: Option<Digest>,
}

impl Lineage {
    /// Returns the lineage of a URI.
    pub(crate) fn of_uri(uri: &UriName) -> Self {
        Self::at(uri.parts().path)
    }

    /// Returns the lineage of a URI with this path.
    pub(crate) fn at(path: &str) -> Self {
        Self { rank: Rank::Uri, path: Digest::of(Kind::Path, path), ..Self::of_path(path) }
    }

    /// Returns the lineage of this path itself.
    pub(crate) fn of_path(path: &str) -> Self {
        let directory = directory_of(path);
        Self {
            rank: Rank::Path,
            path: Digest::from_bits(0),
            directory: Digest::of(Kind::Directory, directory),
            prefix: prefix_of(directory).map(|prefix| Digest::of(Kind::Prefix, &prefix.0)),
        }
    }

    /// Returns the directory of a path, and its lineage.
    pub(super) fn directory_of(path: &str) -> (Digest, Self) {
        let Self { directory, prefix, .. } = Self::of_path(path);
        (directory, Self { rank: Rank::Directory, prefix, ..Self::alone(Rank::Directory) })
    }

    /// Returns the lineage of this rank with these [`ancestors`](Self::ancestors).
    pub(super) fn from_ancestors(rank: Rank, ancestors: &[Digest]) -> Option<Self> {
        let none = Digest::from_bits(0);
        let (path, directory, prefix) = match (rank, ancestors) {
            (Rank::Uri, [path, directory, prefix @ ..]) => (*path, *directory, prefix),
            (Rank::Path, [directory, prefix @ ..]) => (none, *directory, prefix),
            (Rank::Directory, prefix) => (none, none, prefix),
            _ => return None,
        };
        let prefix = match prefix {
            [] => None,
            [prefix] => Some(*prefix),
            _ => return None,
        };
        Some(Self { rank, path, directory, prefix })
    }

    /// Returns the lineage of a name that has no coarser one.
    pub(crate) const fn alone(rank: Rank) -> Self {
        let none = Digest::from_bits(0);
        Self { rank, path: none, directory: none, prefix: None }
    }

    pub(crate) const fn rank(&self) -> Rank {
        self.rank
    }

    /// Returns the next coarser name, and its lineage.
    pub(crate) fn parent(&self) -> Option<(Digest, Self)> {
        let (digest, rank) = match self.rank {
            Rank::Uri => (self.path, Rank::Path),
            Rank::Path => (self.directory, Rank::Directory),
            Rank::Directory => (self.prefix?, Rank::Prefix),
            Rank::Prefix | Rank::Other => return None,
        };
        Some((digest, Self { rank, ..*self }))
    }

    /// Returns all coarser names.
    pub(crate) fn ancestors(self) -> impl Iterator<Item = Digest> {
        let mut lineage = self;
        std::iter::from_fn(move || {
            let (digest, parent) = lineage.parent()?;
            lineage = parent;
            Some(digest)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_uri_has_no_host_and_no_query() {
        let cases = [
            ("/a?b=/c", "/a"),
            ("/", "/"),
            ("https://shop/a?b", "/a"),
            ("https://shop", "/"),
            ("https://shop?b/c", "/"),
            ("/.//a/b", "//a/b"),
            ("/x/../%61", "/a"),
            ("/a?b=://c/d", "/a"),
        ];
        for (uri, path) in cases {
            let name = UriName::new(uri).unwrap().path();
            assert_eq!(name.as_ref().map(PathName::as_str), Some(path), "{uri}");
            assert_eq!(name, PathName::new(path).ok());
        }
    }

    #[test]
    fn a_directory_has_what_lies_directly_in_it() {
        let cases =
            [("/", "/"), ("/a", "/"), ("/a/", "/a/"), ("/a/b", "/a/"), ("/a/b/c", "/a/b/"), ("a", "")];
        for (path, directory) in cases {
            assert_eq!(directory_of(path), directory, "{path}");
        }
    }

    #[test]
    fn the_prefix_of_a_directory_has_its_siblings_and_is_never_everything() {
        let cases = [
            ("/a/b/", Some("/a")),
            ("/a/b//", Some("/a")),
            ("/a//b/", Some("/a")),
            ("/a/", None),
            ("/", None),
            ("//", None),
            ("", None),
        ];
        for (directory, prefix) in cases {
            assert_eq!(prefix_of(directory).as_ref().map(|prefix| &*prefix.0), prefix, "{directory}");
        }
    }

    #[test]
    fn a_path_that_can_be_none_is_an_error() {
        for path in ["", "a", "/a?b", "/a#b", "/%", &format!("/{}", "a".repeat(LIMIT))] {
            assert!(PathName::new(path).is_err(), "{path:.20}");
        }
        assert_eq!(PathName::new("/a b/").unwrap().as_str(), "/a%20b/");
    }
}
