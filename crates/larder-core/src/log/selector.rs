//! Selectors, which name the responses to invalidate.

mod hashed;
mod path;
mod reach;
#[cfg(test)]
mod tests;
mod uri_name;

use std::fmt;
use std::str::FromStr;

use twox_hash::XxHash3_64;

pub use self::hashed::HashedName;
pub use self::path::PathName;
pub(crate) use self::path::{Lineage, Rank};
pub use self::reach::Reach;
pub use self::uri_name::{UriName, UriParts};
use crate::key::{buf, normalize};

/// A name for the invalidation of responses, whatever their URIs.
///
/// Fastly calls this a surrogate key. Any text is valid: `product:42`, `users:top`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    /// Creates the tag with this text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the text of the tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Box<str>>> From<T> for Tag {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}

/// The responses under a path: the path itself and everything below it, on every host.
///
/// `/api/products` names `/api/products` and `/api/products/42?x=1`, but not `/api/products-old`.
/// Use [`Glob`] for that. `/` names every path.
///
/// Paths are compared in the one spelling that a [`UriName`] has. A path with dot segments is below
/// the prefixes of the path that was sent, and below those of the path that it resolves to.
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
    fn named_by(path: &str) -> Self {
        Self(trimmed(path).into())
    }
}

fn is_path(text: &str) -> bool {
    !text.contains(['?', '#']) && normalize::is_well_formed(text)
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

/// A pattern over paths, in which `*` stands for any text, including slashes.
///
/// Examples are `/api/*/reviews` and `/img/thumb-*`.
///
/// The text between stars is compared in the one spelling that a [`UriName`] has. A star in a path
/// is matched by a star in the pattern, not by `%2A`.
///
/// Each glob is checked against each response separately. A handful of globs is fine, hundreds are
/// not. Prefer a [`Tag`].
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

/// The maximum length of a URI or path that stands in the log as text, in bytes.
///
/// Texts are only needed to free memory early.
const LONGEST_TEXT: usize = 512;

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
        match self {
            Self::Tag(tag) => format!("t:{}", tag.0),
            Self::Key(key) => format!("k:{key}"),
            Self::Uri(uri) => format!("u:{}", uri.as_str()),
            Self::Path(path) => format!("x:{}", path.as_str()),
            Self::Hashed(name) => format!("#:{}", name.to_text()),
            Self::Prefix(prefix) if prefix.0.is_empty() => "p:/".to_owned(),
            Self::Prefix(prefix) => format!("p:{}", prefix.0),
            Self::Glob(glob) => format!("g:{}", glob.0),
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
            Self::Tag(tag) => Some(Digest::of(Kind::Tag, &tag.0)),
            Self::Key(key) => Some(Digest::of(Kind::Key, key)),
            Self::Uri(uri) => Some(Digest::of(Kind::Uri, uri.as_str())),
            Self::Path(path) => Some(Digest::of(Kind::Path, path.as_str())),
            Self::Hashed(name) => Some(name.digest()),
            Self::Prefix(prefix) => Some(Digest::of(Kind::Prefix, &prefix.0)),
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
            Self::Uri(uri) if uri.as_str().len() > LONGEST_TEXT => {
                Some(Self::Hashed(HashedName::of_uri(&uri)))
            }
            Self::Path(path) if path.as_str().len() > LONGEST_TEXT => {
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
            Self::Prefix(prefix) => &prefix.0,
            Self::Glob(glob) => &glob.0,
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

/// The kinds of names that are found by their digests.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Tag,
    Key,
    Uri,
    Prefix,
    Path,
    Directory,
}

/// A 64-bit digest of a name.
///
/// Two names with the same digest cost a needless miss, never a stale hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Digest {
    pub(crate) fn of(kind: Kind, text: &str) -> Self {
        Self(XxHash3_64::oneshot_with_seed(kind as u64, text.as_bytes()))
    }

    /// Creates the digest with the bits that came with a stored response.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Returns the bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// The effect of an invalidation on the responses that it names.
///
/// The enum is exhaustive on purpose: a response is refused or it is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums)]
pub enum Mode {
    /// The responses are never served again.
    #[default]
    Hard,
    /// The responses count as stale from that moment.
    ///
    /// They may still be served within `stale-while-revalidate` and `stale-if-error`.
    Soft,
}

/// An invalidation in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Event {
    /// The effect on the named responses.
    pub mode: Mode,
    /// The responses that the event names.
    pub selector: Selector,
}

impl Event {
    /// The hard invalidation of everything. An unreadable event must be treated as this one.
    pub const EVERYTHING: Self = Self { mode: Mode::Hard, selector: Selector::All };
}

/// The error for a text that is not a selector of the requested kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectorError {
    kind: &'static str,
    text: Box<str>,
}

impl SelectorError {
    fn new(kind: &'static str, text: &str) -> Self {
        Self { kind, text: text.into() }
    }
}

impl fmt::Display for SelectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cannot be a {}", self.text, self.kind)
    }
}

impl std::error::Error for SelectorError {}
