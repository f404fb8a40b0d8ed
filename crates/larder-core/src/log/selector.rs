//! What an invalidation names.

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

/// A name that a response is given so that it can be invalidated by it, whatever its URI; what Fastly calls a
/// surrogate key. Any text will do: `product:42`, `users:top`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    /// The tag with this text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Its text.
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
/// `/api/products` names `/api/products` and `/api/products/42?x=1`, not `/api/products-old`; for that there is
/// [`Glob`]. `/` names every path. Paths are compared in the one spelling that a [`UriName`] has; one with dot segments is
/// below the prefixes of the path that was sent, and below those of the path that it resolves to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Box<str>);

/// Below this many segments a prefix names what its ancestor names, so that a path of slashes cannot cost memory.
const DEEPEST_PREFIX: usize = 32;

impl Prefix {
    /// The prefix with this path; a slash at its end makes no difference.
    ///
    /// # Errors
    /// If the path does not begin with `/`, or holds what no path can: a `?` or `#`, a control character, a `%` without two
    /// hexadecimal digits.
    pub fn new(path: &str) -> Result<Self, SelectorError> {
        if !path.starts_with('/') || !is_path(path) {
            return Err(SelectorError::new("path prefix", path));
        }
        Ok(Self::named_by(&normalize::path(path)))
    }

    /// The prefix with this normal path.
    fn named_by(path: &str) -> Self {
        Self(trimmed(path).into())
    }
}

fn is_path(text: &str) -> bool {
    !text.contains(['?', '#']) && normalize::is_well_formed(text)
}

/// The normal path as prefixes have it: no deeper than the deepest, and without slashes at its end.
fn trimmed(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    let kept = path.match_indices('/').nth(DEEPEST_PREFIX).map_or(path, |(end, _)| &path[..end]);
    kept.trim_end_matches('/')
}

/// Every prefix that names this normal path, from the shortest, which is empty, to the path itself.
pub(crate) fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let path = trimmed(path);
    path.match_indices('/').map(|(end, _)| &path[..end]).chain(std::iter::once(path))
}

/// A pattern over paths, in which `*` stands for any text, slashes too: `/api/*/reviews`, `/img/thumb-*`.
///
/// The text between stars is compared in the one spelling that a [`UriName`] has. A star that is part of a path is matched by
/// a star, not by `%2A`.
///
/// A glob is checked against each response for itself; a handful is fine, hundreds are not. Prefer a [`Tag`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob(Box<str>);

impl Glob {
    /// The glob with this pattern.
    ///
    /// # Errors
    /// If the pattern begins with neither `/` nor `*`, or holds what no path can: a `?` or `#`, a control character, a `%`
    /// without two hexadecimal digits.
    pub fn new(pattern: &str) -> Result<Self, SelectorError> {
        if !pattern.starts_with(['/', '*']) || !is_path(pattern) {
            return Err(SelectorError::new("glob", pattern));
        }
        Ok(Self(normal_pattern(pattern).into()))
    }

    /// Whether the pattern stands for the whole of `path`, which is in its normal form.
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

/// Only the segments before the first star are known, so that dot segments are removed from these alone.
fn normal_pattern(pattern: &str) -> String {
    let spelled = normalize::path_with_dots(pattern);
    if pattern.starts_with('*') {
        // A star stands for the slash that the path begins with, too.
        return spelled[1..].to_owned();
    }
    let known = match spelled.find('*') {
        Some(star) => spelled[..star].rfind('/').map_or(0, |last| last + 1),
        None => spelled.len(),
    };
    let (segments, rest) = spelled.split_at(known);
    format!("{}{rest}", normalize::without_dots(segments))
}

/// The longest URI or path that stands in the log as a text. Texts are only needed to free memory early.
const LONGEST_TEXT: usize = 512;

/// What an invalidation names.
///
/// Exhaustive on purpose: each store and each check has to treat every kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Selector {
    /// Every response with this tag.
    Tag(Tag),
    /// Every variant of the response with this key: the text that a key template gave, or a whole encoded key.
    Key(Box<str>),
    /// Every variant of the response of this URI.
    Uri(UriName),
    /// Every response of this very path, with any query and on any host.
    Path(PathName),
    /// Every response with this URI, path or directory, which is named by its digest.
    Hashed(HashedName),
    /// Every response below this path.
    Prefix(Prefix),
    /// Every response whose path matches.
    Glob(Glob),
    /// Every response.
    All,
}

impl Selector {
    /// Its one-line form, as it stands in the log: a letter for the kind, a colon, the text. It is read with
    /// [`FromStr`].
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

    /// The name that the table files it under; `None` for what it keeps apart, a glob and *all*.
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

    /// The coarser names that everything with this name has.
    pub(crate) fn lineage(&self) -> Lineage {
        match self {
            Self::Uri(uri) => Lineage::of_uri(uri),
            Self::Path(path) => Lineage::of_path(path.as_str()),
            Self::Hashed(name) => name.lineage(),
            Self::Prefix(_) => Lineage::alone(Rank::Prefix),
            Self::Tag(_) | Self::Key(_) | Self::Glob(_) | Self::All => Lineage::alone(Rank::Other),
        }
    }

    /// The selector that the log takes in its place. A URI that is too [long](buf::LIMIT) for a key is named by its path, and
    /// a URI or path that is long by its digest. `None` if the path is too long for a key, as nothing is stored under it.
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

    /// About how many bytes it takes in the log.
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

/// Reads the [one-line form](Selector::to_text).
///
/// The log is untrusted input. A reader of the log takes an error for [`Selector::All`], as an unknown selector may name
/// anything.
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

/// The kinds of names that are found by their digest.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Tag,
    Key,
    Uri,
    Prefix,
    Path,
    Directory,
}

/// 64 bits of a name. Two names that share them cost a needless miss, never a stale hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Digest {
    pub(crate) fn of(kind: Kind, text: &str) -> Self {
        Self(XxHash3_64::oneshot_with_seed(kind as u64, text.as_bytes()))
    }

    /// The digest with these bits, as they came with a stored response.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The bits.
    #[must_use]
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// How an invalidation treats what it names.
///
/// Exhaustive on purpose: a response is refused or it is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums)]
pub enum Mode {
    /// Never serve it again.
    #[default]
    Hard,
    /// Count it as stale from that moment: within `stale-while-revalidate` and `stale-if-error` it may be served.
    Soft,
}

/// One invalidation in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Event {
    /// How it treats what it names.
    pub mode: Mode,
    /// What it names.
    pub selector: Selector,
}

impl Event {
    /// The hard invalidation of everything: what an unreadable event has to be taken for.
    pub const EVERYTHING: Self = Self { mode: Mode::Hard, selector: Selector::All };
}

/// A text that can be no selector of the kind asked for.
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
