//! The coarser names of a URI: its path, the directory of the path, and the prefix above.

use super::digest::{Digest, Kind};
use super::prefix::Prefix;
use super::uri_name::UriName;

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
            prefix: prefix_of(directory).map(|prefix| Digest::of(Kind::Prefix, prefix.as_str())),
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

/// Returns the directory of a path: `/a/` for `/a/b` and for `/a/`, `/` for `/a`.
pub(crate) fn directory_of(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..=slash])
}

/// Returns the prefix that the responses of a directory share with those of its siblings.
///
/// For `/a/b/` this is `/a`. Returns `None` instead of the root, because it would name everything.
fn prefix_of(directory: &str) -> Option<Prefix> {
    let directory = directory.trim_end_matches('/');
    let parent = Prefix::named_by(&directory[..directory.rfind('/')?]);
    (!parent.as_str().is_empty()).then_some(parent)
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(prefix_of(directory).as_ref().map(Prefix::as_str), prefix, "{directory}");
        }
    }
}
