//! Names that are given by their digests alone.

use super::digest::{Digest, Kind};
use super::lineage::{Lineage, Rank};
use super::path_name::PathName;
use super::uri_name::UriName;

/// A URI, a path or a directory, given by its digest.
///
/// The digests of the coarser names come with it, because a table folds the name into them.
///
/// In the log it takes the same few bytes however long the name is. The table compares digests in
/// any case, so it names the same responses. Stored responses cannot be found by it, so their
/// memory is not freed early.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HashedName {
    name: Digest,
    lineage: Lineage,
}

/// The length of a digest in hexadecimal digits.
const DIGITS: usize = 16;

impl HashedName {
    pub(super) fn of_uri(uri: &UriName) -> Self {
        Self { name: Digest::of(Kind::Uri, uri.as_str()), lineage: Lineage::of_uri(uri) }
    }

    pub(super) fn of_path(path: &PathName) -> Self {
        Self { name: Digest::of(Kind::Path, path.as_str()), lineage: Lineage::of_path(path.as_str()) }
    }

    /// Returns the directory of a path.
    ///
    /// It names every response with a path that lies directly in that directory, on every host.
    #[must_use]
    pub fn directory_of(path: &PathName) -> Self {
        let (name, lineage) = Lineage::directory_of(path.as_str());
        Self { name, lineage }
    }

    pub(super) const fn digest(&self) -> Digest {
        self.name
    }

    pub(super) const fn lineage(&self) -> Lineage {
        self.lineage
    }

    /// Returns a letter for the rank, and the digests.
    pub(super) fn to_text(self) -> String {
        let letter = match self.lineage.rank() {
            Rank::Uri => 'u',
            Rank::Path => 'x',
            Rank::Directory | Rank::Prefix | Rank::Other => 'd',
        };
        let hex = |digest: Digest| format!("{:0DIGITS$x}", digest.bits());
        let ancestors: String = self.lineage.ancestors().map(hex).collect();
        format!("{letter}{}{ancestors}", hex(self.name))
    }

    /// Parses the name. The log is untrusted input.
    pub(super) fn from_text(text: &str) -> Option<Self> {
        if !text.is_ascii() || text.bytes().any(|byte| byte.is_ascii_uppercase() || byte == b'+') {
            return None;
        }
        let (letter, digits) = text.split_at_checked(1)?;
        let digits = digits.as_bytes().chunks_exact(DIGITS);
        if !digits.remainder().is_empty() {
            return None;
        }
        let mut digests = digits.map(|digits| {
            let bits = u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
            Some(Digest::from_bits(bits))
        });
        let name = digests.next()??;
        let rank = match letter {
            "u" => Rank::Uri,
            "x" => Rank::Path,
            "d" => Rank::Directory,
            _ => return None,
        };
        let lineage = Lineage::from_ancestors(rank, &digests.collect::<Option<Vec<_>>>()?)?;
        Some(Self { name, lineage })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::names::Names;

    fn path(text: &str) -> PathName {
        PathName::new(text).unwrap()
    }

    fn uri(text: &str) -> UriName {
        UriName::new(text).unwrap()
    }

    fn all() -> Vec<HashedName> {
        let directory = |text| HashedName::directory_of(&path(text));
        vec![
            HashedName::of_uri(&uri("http://shop/a/b/c?d")),
            HashedName::of_uri(&uri("/a")),
            HashedName::of_path(&path("/a/b/c")),
            HashedName::of_path(&path("/")),
            directory("/a/b/c"),
            directory("/a"),
        ]
    }

    #[test]
    fn a_hashed_name_is_read_as_it_was_written() {
        for name in all() {
            assert_eq!(HashedName::from_text(&name.to_text()), Some(name));
            assert!(name.to_text().len() <= 1 + 4 * DIGITS);
        }
    }

    #[test]
    fn an_invalid_hashed_name_is_refused() {
        let text = all()[0].to_text();
        let wrong = [
            "",
            "u",
            "d",
            "é",
            &text[1..],
            &text[..DIGITS],
            &format!("{text}0"),
            &format!("d{}", &text[1..]),
        ];
        for text in wrong.into_iter().chain([&*format!("{text}{}", &text[1..]), &text.replace('u', "a")]) {
            assert_eq!(HashedName::from_text(text), None, "{text}");
        }
        assert_eq!(HashedName::from_text(&format!("d+{}", "0".repeat(15))), None);
    }

    #[test]
    fn a_directory_names_what_lies_directly_in_it() {
        let directory = HashedName::directory_of(&path("/a/b"));
        for (at, is_named) in
            [("/a/b", true), ("/a/", true), ("/a/b/c", false), ("/a", false), ("/ab/c", false)]
        {
            let names = Names::new(at, &[], &[], &[]);
            assert_eq!(names.digests().any(|digest| digest == directory.digest()), is_named, "{at}");
        }
    }
}
