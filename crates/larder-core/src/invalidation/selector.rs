//! Selectors, which name the responses to invalidate.

mod digest;
mod error;
mod event;
mod glob;
mod hashed_name;
mod key_scope;
mod lineage;
mod path_name;
mod prefix;
mod shown;
mod tag;
#[cfg(test)]
mod tests;
mod uri_name;

use std::fmt;
use std::str::FromStr;

pub use self::digest::Digest;
pub(crate) use self::digest::Kind;
pub use self::error::SelectorError;
pub use self::event::{Event, Mode};
pub use self::glob::Glob;
pub use self::hashed_name::HashedName;
pub use self::key_scope::KeyScope;
pub(crate) use self::lineage::{Lineage, Rank, directory_of};
pub use self::path_name::PathName;
pub use self::prefix::Prefix;
pub(crate) use self::prefix::prefixes;
pub use self::tag::Tag;
pub use self::uri_name::{UriName, UriParts};
use crate::key::buf;

/// The maximum length of a URI or path that stands in the log as text, in bytes.
///
/// Texts are only needed to free memory early.
const MAX_TEXT_LEN: usize = 512;

/// The set of responses that an invalidation names.
///
/// The enum is exhaustive on purpose: each store and each check must handle every kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Selector {
    /// Every response with this tag.
    Tag(Tag),
    /// Every variant of the response with this key.
    ///
    /// The key is the text that a key template gave, or a whole encoded key.
    Key(Box<str>),
    /// Every variant of the response of this URI.
    Uri(UriName),
    /// Every response with exactly this path, with any query and on any host.
    Path(PathName),
    /// Every response with the URI, path or directory that has this digest.
    Hashed(HashedName),
    /// Every response below this path.
    Prefix(Prefix),
    /// Every response with a path that matches this glob.
    Glob(Glob),
    /// Every response.
    All,
}

impl Selector {
    /// Returns the one-line form of the selector, as it stands in the log.
    ///
    /// The form is a letter for the kind, a colon, and the text. [`FromStr`] parses it.
    #[must_use]
    pub fn to_text(&self) -> String {
        // One allocation of the right size. Each event of a write comes through here.
        match self {
            Self::Tag(tag) => ["t:", tag.as_str()].concat(),
            Self::Key(key) => ["k:", &**key].concat(),
            Self::Uri(uri) => ["u:", uri.as_str()].concat(),
            Self::Path(path) => ["x:", path.as_str()].concat(),
            Self::Hashed(name) => format!("#:{}", name.to_text()),
            Self::Prefix(prefix) if prefix.as_str().is_empty() => "p:/".to_owned(),
            Self::Prefix(prefix) => ["p:", prefix.as_str()].concat(),
            Self::Glob(glob) => ["g:", glob.as_str()].concat(),
            Self::All => "a:".to_owned(),
        }
    }

    /// Returns the digest under which the table files the selector.
    ///
    /// Returns `None` for a glob and for *all*, which the table keeps apart.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Glob(_) | Self::All => None,
            Self::Tag(tag) => Some(Digest::of(Kind::Tag, tag.as_str())),
            Self::Key(key) => Some(Digest::of(Kind::Key, key)),
            Self::Uri(uri) => Some(Digest::of(Kind::Uri, uri.as_str())),
            Self::Path(path) => Some(Digest::of(Kind::Path, path.as_str())),
            Self::Hashed(name) => Some(name.digest()),
            Self::Prefix(prefix) => Some(Digest::of(Kind::Prefix, prefix.as_str())),
        }
    }

    /// Returns the coarser names that every response with this name also has.
    pub(crate) fn lineage(&self) -> Lineage {
        match self {
            Self::Uri(uri) => Lineage::of_uri(uri),
            Self::Path(path) => Lineage::of_path(path.as_str()),
            Self::Hashed(name) => name.lineage(),
            Self::Prefix(_) => Lineage::alone(Rank::Prefix),
            Self::Tag(_) | Self::Key(_) | Self::Glob(_) | Self::All => Lineage::alone(Rank::Other),
        }
    }

    /// Returns the selector that the log stores in place of this one.
    ///
    /// A URI that is too [long](buf::LIMIT) for a key is named by its path. A long URI or path is
    /// named by its digest. Returns `None` if the path is too long for a key, because no response
    /// is stored under it.
    #[must_use]
    pub fn bounded(self) -> Option<Self> {
        match self {
            Self::Uri(uri) if uri.as_str().len() > buf::LIMIT => Self::Path(uri.path()?).bounded(),
            Self::Uri(uri) if uri.as_str().len() > MAX_TEXT_LEN => {
                Some(Self::Hashed(HashedName::of_uri(&uri)))
            }
            Self::Path(path) if path.as_str().len() > MAX_TEXT_LEN => {
                Some(Self::Hashed(HashedName::of_path(&path)))
            }
            selector => Some(selector),
        }
    }

    /// Returns the approximate size of the selector in the log, in bytes.
    #[must_use]
    pub fn weight(&self) -> usize {
        let text = match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Key(key) => key,
            Self::Uri(uri) => uri.as_str(),
            Self::Path(path) => path.as_str(),
            Self::Hashed(name) => return name.to_text().len() + "h#:".len(),
            Self::Prefix(prefix) => prefix.as_str(),
            Self::Glob(glob) => glob.as_str(),
            Self::All => "",
        };
        text.len() + "h".len() + "a:".len()
    }
}

/// Parses the [one-line form](Selector::to_text).
///
/// The log is untrusted input. A reader of the log treats an error as [`Selector::All`], because an
/// unknown selector may name anything.
impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let unknown = || SelectorError::new("selector", text);
        let (kind, rest) = text.split_once(':').ok_or_else(unknown)?;
        match kind {
            "x" => PathName::read(rest).map(Self::Path),
            "#" => {
                let name =
                    HashedName::from_text(rest).ok_or_else(|| SelectorError::new("hashed name", rest))?;
                Ok(Self::Hashed(name))
            }
            "t" => Ok(Self::Tag(Tag::new(rest))),
            "k" => Ok(Self::Key(rest.into())),
            "u" => UriName::read(rest).map(Self::Uri),
            "p" => Prefix::new(rest).map(Self::Prefix),
            "g" => Glob::new(rest).map(Self::Glob),
            "a" if rest.is_empty() => Ok(Self::All),
            _ => Err(unknown()),
        }
    }
}

impl From<Tag> for Selector {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Prefix> for Selector {
    fn from(prefix: Prefix) -> Self {
        Self::Prefix(prefix)
    }
}

impl From<Glob> for Selector {
    fn from(glob: Glob) -> Self {
        Self::Glob(glob)
    }
}

impl From<PathName> for Selector {
    fn from(path: PathName) -> Self {
        Self::Path(path)
    }
}

impl From<UriName> for Selector {
    fn from(uri: UriName) -> Self {
        Self::Uri(uri)
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
