//! The invalidations that concern a stored response, for explanations.

use std::time::Duration;

use super::position::LogId;
use super::selector::Mode;

/// An invalidation that refuses a stored response, or makes it stale.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Explanations show all of it.
pub struct Refusal {
    /// The kind of the name by which the invalidation reached the response.
    pub kind: NameKind,
    /// The name itself. It is empty where the kind says it all.
    pub name: Box<str>,
    /// Whether the response is refused, or only counts as stale.
    pub mode: Mode,
    /// The place of the invalidation.
    pub place: RefusalPlace,
    /// How long ago the invalidation was, if that is known.
    pub age: Option<Duration>,
}

impl Refusal {
    /// The refusal of a response from another incarnation of the log.
    pub(crate) fn of_other_incarnation() -> Self {
        Self {
            kind: NameKind::Incarnation,
            name: Box::default(),
            mode: Mode::Hard,
            place: RefusalPlace::Elsewhere,
            age: None,
        }
    }
}

/// The place of an invalidation, which the position of the response does not cover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Explanations show each.
pub enum RefusalPlace {
    /// The id of its entry in the log.
    Log(LogId),
    /// Its number among the invalidations that this process has deferred.
    Deferred(u64),
    /// None in this log: the response has a position of another incarnation.
    Elsewhere,
}

/// The kind of a name by which an invalidation reaches a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Explanations show each.
pub enum NameKind {
    /// A tag.
    Tag,
    /// A key.
    Key,
    /// A URI.
    Uri,
    /// A path, with any query and on any host.
    Path,
    /// The paths directly in a directory. Several invalidated paths were folded into it.
    Directory,
    /// A path prefix.
    Prefix,
    /// A glob.
    Glob,
    /// Everything.
    All,
    /// A name that is forgotten: everything from before the floor of the table is refused.
    Forgotten,
    /// The log itself: the response is from another incarnation of it.
    Incarnation,
    /// A name of which the response has only the digest, in hexadecimal digits.
    Digest,
}

impl NameKind {
    /// Returns the word for the kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Key => "key",
            Self::Uri => "uri",
            Self::Path => "path",
            Self::Directory => "directory",
            Self::Prefix => "prefix",
            Self::Glob => "glob",
            Self::All => "all",
            Self::Forgotten => "forgotten",
            Self::Incarnation => "incarnation",
            Self::Digest => "digest",
        }
    }
}
