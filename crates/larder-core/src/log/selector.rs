//! What an invalidation names.

mod hashed;
mod path;
mod reach;

use std::fmt;

use twox_hash::XxHash3_64;

pub use self::hashed::HashedName;
pub use self::path::PathName;
pub(crate) use self::path::{Lineage, Rank};
pub use self::reach::Reach;
use crate::key::buf;

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
/// [`Glob`]. `/` names every path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Box<str>);

/// Below this many segments a prefix names what its ancestor names, so that a path of slashes cannot cost memory.
const DEEPEST_PREFIX: usize = 32;

impl Prefix {
    /// The prefix with this path; a slash at its end makes no difference.
    ///
    /// # Errors
    /// If the path does not begin with `/`, or holds a `?` or `#`, which no path can.
    pub fn new(path: &str) -> Result<Self, SelectorError> {
        if !path.starts_with('/') || path.contains(['?', '#']) {
            return Err(SelectorError::new("path prefix", path));
        }
        Ok(Self::named_by(path))
    }

    fn named_by(path: &str) -> Self {
        Self(normal(path).into())
    }
}

/// The path in the spelling that prefixes have: no deeper than the deepest, and without slashes at its end.
fn normal(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    let kept = path.match_indices('/').nth(DEEPEST_PREFIX).map_or(path, |(end, _)| &path[..end]);
    kept.trim_end_matches('/')
}

/// Every prefix that names `path`, from the shortest, which is empty, to the path itself.
pub(crate) fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let path = normal(path);
    path.match_indices('/').map(|(end, _)| &path[..end]).chain(std::iter::once(path))
}

/// A pattern over paths, in which `*` stands for any text, slashes too: `/api/*/reviews`, `/img/thumb-*`.
///
/// A glob is checked against each response for itself; a handful is fine, hundreds are not. Prefer a [`Tag`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Glob(Box<str>);

impl Glob {
    /// The glob with this pattern.
    ///
    /// # Errors
    /// If the pattern begins with neither `/` nor `*`, and so could match no path.
    pub fn new(pattern: &str) -> Result<Self, SelectorError> {
        if !pattern.starts_with(['/', '*']) {
            return Err(SelectorError::new("glob", pattern));
        }
        Ok(Self(pattern.into()))
    }

    /// Whether the pattern stands for the whole of `path`.
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

/// One URI with all its variants: a path with its query for every host, or with a scheme and host for that one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UriName(Box<str>);

impl UriName {
    /// The URI with this text: `/products/42?full=1` or `https://shop.example/products/42`.
    ///
    /// # Errors
    /// If the text is neither a path that begins with `/` nor an absolute `http` or `https` URI.
    pub fn new(text: &str) -> Result<Self, SelectorError> {
        let wrong = || SelectorError::new("URI", text);
        if text.starts_with('/') {
            return Ok(Self(text.split('#').next().unwrap_or_default().into()));
        }
        let uri: http::Uri = text.parse().map_err(|_| wrong())?;
        match (uri.scheme_str(), uri.authority()) {
            (Some(scheme @ ("http" | "https")), Some(authority)) => {
                let host = crate::key::authority::normal(scheme, authority.as_str());
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                Ok(Self(format!("{scheme}://{host}{path}").into()))
            }
            _ => Err(wrong()),
        }
    }

    /// Its text, in the spelling that names of responses have.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its path, with every query and on every host; `None` if that is too long for a key.
    #[must_use]
    pub fn path(&self) -> Option<PathName> {
        PathName::new(path::path_of(&self.0)).ok()
    }
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
    /// What has this URI, path or directory, named by its digest.
    Hashed(HashedName),
    /// Every response below this path.
    Prefix(Prefix),
    /// Every response whose path matches.
    Glob(Glob),
    /// Every response.
    All,
}

impl Selector {
    /// Its one-line form, as it stands in the log: a letter for the kind, a colon, the text.
    #[must_use]
    pub fn to_text(&self) -> String {
        match self {
            Self::Tag(tag) => format!("t:{}", tag.0),
            Self::Key(key) => format!("k:{key}"),
            Self::Uri(uri) => format!("u:{}", uri.0),
            Self::Path(path) => format!("x:{}", path.as_str()),
            Self::Hashed(name) => format!("#:{}", name.to_text()),
            Self::Prefix(prefix) => format!("p:{}", prefix.0),
            Self::Glob(glob) => format!("g:{}", glob.0),
            Self::All => "a:".to_owned(),
        }
    }

    /// The selector whose [`to_text`](Self::to_text) this is, or `None`: the log is untrusted input. Who reads
    /// `None` out of the log must take it for [`Selector::All`], as an unknown selector may name anything.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "t" => Some(Self::Tag(Tag::new(rest))),
            "k" => Some(Self::Key(rest.into())),
            "u" => Some(Self::Uri(UriName(rest.into()))),
            "x" => PathName::new(rest).ok().map(Self::Path),
            "#" => HashedName::from_text(rest).map(Self::Hashed),
            // In the one spelling that the names of responses have, whoever wrote it.
            "p" => Some(Self::Prefix(Prefix::named_by(rest))),
            "g" => Some(Self::Glob(Glob(rest.into()))),
            "a" if rest.is_empty() => Some(Self::All),
            _ => None,
        }
    }

    /// The name that the table files it under; `None` for what it keeps apart, a glob and *all*.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Glob(_) | Self::All => None,
            Self::Tag(tag) => Some(Digest::of(Kind::Tag, &tag.0)),
            Self::Key(key) => Some(Digest::of(Kind::Key, key)),
            Self::Uri(uri) => Some(Digest::of(Kind::Uri, &uri.0)),
            Self::Path(path) => Some(Digest::of(Kind::Path, path.as_str())),
            Self::Hashed(name) => Some(name.digest()),
            Self::Prefix(prefix) => Some(Digest::of(Kind::Prefix, &prefix.0)),
        }
    }

    /// The coarser names that everything with this name has.
    pub(crate) fn lineage(&self) -> Lineage {
        match self {
            Self::Uri(uri) => Lineage::of_uri(&uri.0),
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
            Self::Uri(uri) if uri.0.len() > buf::LIMIT => Self::Path(uri.path()?).bounded(),
            Self::Uri(uri) if uri.0.len() > LONGEST_TEXT => Some(Self::Hashed(HashedName::of_uri(&uri.0))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_selector_reads_what_it_writes() {
        let selectors = [
            Selector::Tag(Tag::new("product:42")),
            Selector::Key("user:7".into()),
            Selector::Uri(UriName::new("https://Shop.Example:443/a?b=c").unwrap()),
            Selector::Path(PathName::new("/a/").unwrap()),
            Selector::Hashed(HashedName::directory_of(&PathName::new("/a/b").unwrap())),
            Selector::Prefix(Prefix::new("/api/").unwrap()),
            Selector::Glob(Glob::new("/a/*").unwrap()),
            Selector::All,
        ];
        for selector in selectors {
            assert_eq!(Selector::from_text(&selector.to_text()), Some(selector));
        }
        for text in ["", "t", "x:1", "x:/a?b", "z:1", "a:1"] {
            assert_eq!(Selector::from_text(text), None, "{text}");
        }
        // A path of slashes that is cut has slashes at its end.
        let slashes = Prefix::new(&format!("/a{}b", "/".repeat(100))).unwrap();
        let told = Selector::from_text(&Selector::Prefix(slashes.clone()).to_text());
        assert_eq!(told, Some(Selector::Prefix(slashes)));
        let slash_at_its_end = Selector::from_text("p:/api/");
        assert_eq!(slash_at_its_end, Some(Selector::Prefix(Prefix::new("/api").unwrap())));
    }

    #[test]
    fn what_can_name_nothing_is_an_error_that_names_it() {
        assert_eq!(Prefix::new("api").unwrap_err().to_string(), "\"api\" cannot be a path prefix");
        assert_eq!(Prefix::new("/a?b").unwrap_err().to_string(), "\"/a?b\" cannot be a path prefix");
        assert_eq!(Glob::new("api/*").unwrap_err().to_string(), "\"api/*\" cannot be a glob");
        assert_eq!(UriName::new("ftp://x/").unwrap_err().to_string(), "\"ftp://x/\" cannot be a URI");
    }

    #[test]
    fn a_uri_that_is_too_long_for_a_key_is_named_by_its_path() {
        let of = |path: &str, query: usize| {
            let uri = UriName::new(&format!("http://shop{path}?{}", "q".repeat(query))).unwrap();
            Selector::Uri(uri).bounded()
        };
        let longest = buf::LIMIT - "http://shop/a?".len();
        assert!(matches!(of("/a", LONGEST_TEXT - "http://shop/a?".len()), Some(Selector::Uri(_))));
        let hashed = of("/a", longest).unwrap();
        assert!(matches!(hashed, Selector::Hashed(_)));
        let same = UriName::new(&format!("http://shop/a?{}", "q".repeat(longest))).unwrap();
        assert_eq!(hashed.digest(), Selector::Uri(same.clone()).digest());
        assert_eq!(hashed.lineage(), Selector::Uri(same).lineage());
        let path = Selector::Path(PathName::new(&format!("/{}", "a".repeat(LONGEST_TEXT))).unwrap());
        let hashed = path.clone().bounded().unwrap();
        assert_eq!((hashed.digest(), hashed.lineage()), (path.digest(), path.lineage()));
        assert!(hashed.weight() < 80 && matches!(hashed, Selector::Hashed(_)));
        assert_eq!(of("/a", longest + 1), Some(Selector::Path(PathName::new("/a").unwrap())));
        assert_eq!(of(&format!("/{}", "a".repeat(buf::LIMIT)), 1), None);
        let tag = Selector::Tag(Tag::new("t".repeat(9_000)));
        assert_eq!(tag.clone().bounded(), Some(tag));
    }

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
        assert!(prefixes(&path).any(|ancestor| ancestor == &*prefix.0));
        assert!(prefixes(&path).count() <= DEEPEST_PREFIX + 1);
    }

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
