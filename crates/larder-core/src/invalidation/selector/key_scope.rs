//! The responses of a selector that can be found by their keys.
//!
//! This module never decides whether a response may be served: the
//! [names](crate::invalidation::names) of the response decide that. It is for code that frees the
//! memory of invalidated responses. Such code knows only the [encoded keys](crate::key::buf).

use std::borrow::Cow;

use super::Selector;
use super::prefix::prefixes;
use super::uri_name::{UriName, UriParts};
use crate::key::buf::KeyBuf;
use crate::key::query::QueryRules;
use crate::key::{escape, normalize};

/// The keys by which the responses of a selector are found, as far as possible.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Callers must handle each.
pub enum KeyScope {
    /// Only this encoded key, and its variants.
    Exact(Box<str>),
    /// Those of the encoded keys for which [`Selector::names_key`] returns `true`.
    ///
    /// Each of them begins with the first of these texts, and contains the others after it, in this
    /// order.
    Scan(Vec<Box<str>>),
    /// No keys, because the key does not show whether the selector names the response.
    Unknown,
}

impl Selector {
    /// Returns the keys by which the responses of this selector are found.
    ///
    /// Keys have the URI as it was sent. A key in an unusual spelling, such as `/%61` for `/a`, may
    /// be left out. A custom key is not found by URI, path or glob.
    #[must_use]
    pub fn key_scope(&self) -> KeyScope {
        match self {
            Self::Tag(_) | Self::Hashed(_) => KeyScope::Unknown,
            Self::Key(text) => key_of(text).map_or(KeyScope::Unknown, KeyScope::Exact),
            Self::Uri(uri) => {
                let UriParts { host, path, .. } = uri.parts();
                below(host, path)
            }
            Self::Path(path) => below(None, path.as_str()),
            Self::Prefix(prefix) => below(None, prefix.as_str()),
            Self::Glob(glob) => below(None, glob.as_str().split('*').next().unwrap_or_default()),
            Self::All => KeyScope::Scan(vec!["".into()]),
        }
    }

    /// Returns selectors that free most of the memory in short steps, without a search.
    ///
    /// For a URI on one host these are its keys for each scheme, in the normal spelling. They leave
    /// out keys that have more than the URI (header fields, cookies, a partition) and keys in
    /// another spelling. Any other selector stays as it is.
    #[must_use]
    pub fn for_reclaim(&self) -> Vec<Self> {
        match self {
            Self::Uri(uri) if uri.parts().host.is_some() => uri.likely_keys().map(Self::Key).collect(),
            _ => vec![self.clone()],
        }
    }

    /// Returns whether the selector names the response with this encoded key.
    ///
    /// The answer is `true` only as far as the key shows it.
    #[must_use]
    pub fn names_key(&self, key: &str) -> bool {
        let of_uri = |names: &dyn Fn(&Target<'_>) -> bool| Target::read(key).is_some_and(|uri| names(&uri));
        match self {
            Self::Tag(_) | Self::Hashed(_) => false,
            Self::Key(text) => key_of(text).as_deref() == Some(key),
            Self::Uri(uri) => of_uri(&|target| target.has_name(uri.parts())),
            Self::Path(name) => of_uri(&|target| target.has_path(|path| *path == *name.as_str())),
            Self::Prefix(prefix) => {
                of_uri(&|target| target.has_path(|path| prefixes(path).any(|path| path == prefix.as_str())))
            }
            Self::Glob(glob) => of_uri(&|target| target.has_path(|path| glob.matches(path))),
            Self::All => true,
        }
    }
}

/// Returns the text itself if it is an encoded key, or the key of a template that gave this text.
fn key_of(text: &str) -> Option<Box<str>> {
    if ["u|", "k|", "v|"].iter().any(|form| text.starts_with(form)) {
        return Some(text.into());
    }
    let mut key = KeyBuf::new();
    key.template(text);
    key.as_str().map(Box::from)
}

/// Returns the keys of URIs on this host, or on every host, with paths that begin with `path`.
fn below(host: Option<&str>, path: &str) -> KeyScope {
    let key_part = |text: &str| {
        let mut key = KeyBuf::new();
        key.uri("", "", as_sent(text));
        key.as_str().and_then(|key| key.strip_prefix("u||")).map(Box::from)
    };
    // Longer than any key: nothing is stored there.
    match (key_part(host.unwrap_or_default()), key_part(path)) {
        (Some(host), Some(path)) => KeyScope::Scan(vec!["u|".into(), host, path]),
        _ => KeyScope::Unknown,
    }
}

/// Returns the start of a normal text that clients most likely send as it is.
fn as_sent(normal: &str) -> &str {
    normal.split(['%', '~']).next().unwrap_or_default()
}

/// The schemes that stand in keys. `http:` is for a URI that was sent as a whole.
const SCHEMES: [&str; 3] = ["http", "http:", "https"];

impl UriName {
    fn likely_keys(&self) -> impl Iterator<Item = Box<str>> {
        let UriParts { host, path, query } = self.parts();
        SCHEMES.into_iter().filter_map(move |scheme| {
            let mut key = KeyBuf::new();
            key.uri(scheme, host?, path);
            key.query(&QueryRules::all(), query);
            key.as_str().map(Box::from)
        })
    }
}

/// The target URI that stands in a key, with the query as it is keyed.
struct Target<'a> {
    authority: Cow<'a, str>,
    path: Cow<'a, str>,
    query: Option<Cow<'a, str>>,
}

impl<'a> Target<'a> {
    fn read(key: &'a str) -> Option<Self> {
        let mut parts = key.split('|');
        let ["u", _, authority, path] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?] else {
            return None;
        };
        let query = parts.next().and_then(|part| part.strip_prefix('?'));
        Some(Self {
            authority: escape::undo(authority)?,
            path: escape::undo(path)?,
            query: match query {
                Some(query) => Some(escape::undo(query)?),
                None => None,
            },
        })
    }

    /// Returns whether the URI has this name.
    ///
    /// It compares without a copy if the key is in the normal spelling, as most keys are.
    fn has_name(&self, name: UriParts<'_>) -> bool {
        name.host.is_none_or(|host| normalize::host(&self.authority) == host)
            && normalize::path(&self.path) == name.path
            && self.query.as_deref().map(normalize::query).as_deref() == name.query
    }

    /// Returns whether `names` holds for the path as it was sent, or for what it resolves to.
    fn has_path(&self, names: impl Fn(&str) -> bool) -> bool {
        let sent = normalize::path_with_dots(&self.path);
        names(&sent) || names(&normalize::without_dots(&sent))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Glob, PathName, Prefix, Tag};
    use super::*;

    fn uri(text: &str) -> Selector {
        Selector::Uri(UriName::new(text).unwrap())
    }

    fn path(path: &str) -> Selector {
        Selector::Path(PathName::new(path).unwrap())
    }

    fn prefix(path: &str) -> Selector {
        Selector::Prefix(Prefix::new(path).unwrap())
    }

    fn glob(pattern: &str) -> Selector {
        Selector::Glob(Glob::new(pattern).unwrap())
    }

    #[test]
    fn one_key_is_found_without_a_search() {
        let key = |text: &str| Selector::Key(text.into());
        let cases = [
            (key("user:7"), "k|user:7"),
            (key("a|{b}"), "k|a^7C^7Bb^7D"),
            (key("k|user:7|p|me"), "k|user:7|p|me"),
            (key("v|product|42"), "v|product|42"),
            (key("u|http|a|/x|?q"), "u|http|a|/x|?q"),
        ];
        for (selector, expected) in cases {
            assert_eq!(selector.key_scope(), KeyScope::Exact(expected.into()), "{selector}");
            assert!(selector.names_key(expected), "{selector}");
        }
    }

    #[test]
    fn many_keys_are_found_by_what_they_have_in_common() {
        let cases: [(Selector, &[&str]); 13] = [
            (path("/a/b"), &["u|", "|", "|/a/b"]),
            (prefix("/a/b/"), &["u|", "|", "|/a/b"]),
            (prefix("/"), &["u|", "|", "|"]),
            // The text ends before the first character that may be spelled otherwise.
            (prefix("/a|b"), &["u|", "|", "|/a"]),
            (prefix("/caf%c3%a9/x"), &["u|", "|", "|/caf"]),
            (glob("/~me/*"), &["u|", "|", "|/"]),
            (uri("https://Shop.Example:443/a?b=c|d"), &["u|", "|shop.example", "|/a"]),
            (uri("http://a"), &["u|", "|a", "|/"]),
            (uri("/.//x/y"), &["u|", "|", "|//x/y"]),
            (glob("/img/*.png"), &["u|", "|", "|/img/"]),
            (glob("*"), &["u|", "|", "|"]),
            (uri("/a?b=://c/d"), &["u|", "|", "|/a"]),
            (Selector::All, &[""]),
        ];
        for (selector, expected) in cases {
            let KeyScope::Scan(texts) = selector.key_scope() else { panic!("{selector}") };
            assert_eq!(texts.iter().map(|text| &**text).collect::<Vec<_>>(), expected, "{selector}");
        }
        assert_eq!(Selector::Tag(Tag::new("a")).key_scope(), KeyScope::Unknown);
        assert_eq!(Selector::Key("x".repeat(9_000).into()).key_scope(), KeyScope::Unknown);
    }

    #[test]
    fn a_uri_on_one_host_is_freed_by_its_keys() {
        let keys =
            |selector: Selector| selector.for_reclaim().iter().map(ToString::to_string).collect::<Vec<_>>();
        let expected = ["http", "http:", "https"].map(|scheme| format!("k:u|{scheme}|shop|/a|?b=c"));
        assert_eq!(keys(uri("https://Shop:443/a?b=c")), expected);
        assert_eq!(keys(uri("/a")), ["u:/a"]);
        assert_eq!(keys(prefix("/a")), ["p:/a"]);
        assert_eq!(keys(uri(&format!("//shop/{}", "x".repeat(9_000)))), [""; 0], "longer than any key");
    }

    #[test]
    fn a_key_is_named_as_its_response_is() {
        let cases = [
            (path("/a"), "u|http|h|/a", true),
            (path("/a"), "u|https|any|/a|?q=1|p|me", true),
            (path("/a"), "u|http|h|/a/b", false),
            (path("/a"), "u|http|h|/ab", false),
            (path("/a"), "k|/a", false),
            (prefix("/a"), "u|http|h|/a", true),
            (prefix("/a"), "u|http|h|/a/b|?q=1|h|accept=x", true),
            (prefix("/a"), "u|http|h|/ab", false),
            (prefix("/a"), "u|http|h|/b|?x=|/a", false),
            (prefix("/a"), "k|/a", false),
            (prefix("/"), "u|http|h|/", true),
            (prefix("/a b"), "u|http|h|/a^20b/c", true),
            (glob("/*/x"), "u|http|h|/a/x", true),
            (glob("/*/x"), "u|http|h|/a/y", false),
            (uri("/a"), "u|https|any|/a|c|theme=dark", true),
            (uri("/a"), "u|https|any|/a|?q", false),
            (uri("/a?q"), "u|https|any|/a|?q", true),
            (uri("/a?q"), "u|https|any|/a", false),
            (uri("/a?q"), "u|https|any|/a|?q2", false),
            (uri("https://h/a"), "u|https|h|/a|p|me", true),
            // A response to equivalent queries has the name that these queries have in common.
            (uri("/a?q="), "u|https|any|/a|?q=|n|-utm|p|me", true),
            (uri("/a?q=&utm=1"), "u|https|any|/a|?q=|n|-utm", false),
            (uri("/a"), "u|https|any|/a|n|=", true),
            (prefix("/a"), "u|http|h|/a/b|n|o-", true),
            // Keys have a scheme and the spelling that was sent. Names have neither.
            (uri("https://h/a"), "u|http|h|/a", true),
            (uri("https://h/a"), "u|http:|h|/a", true),
            (uri("https://h/a"), "u|http|h:443|/a", true),
            (uri("https://h/a"), "u|http|h:8443|/a", false),
            (uri("/caf\u{e9}?q=~"), "u|http|h|/caf%c3%a9|?q=%7e", true),
            (uri("/caf\u{e9}"), "u|http|h|/caf^C3^A9", true),
            (uri("/a/b"), "u|http|h|/a%2Fb", false),
            (uri("/.//h/a"), "u|http|x|//h/a", true),
            (uri("//h/a"), "u|http|x|//h/a", false),
            (uri("/b"), "u|http|h|/a/../b", true),
            (prefix("/a"), "u|http|h|/a/../b", true),
            (prefix("/b"), "u|http|h|/a/../b", true),
            (prefix("/caf\u{e9}"), "u|http|h|/caf%c3%A9/x", true),
            (glob("/caf\u{e9}*"), "u|http|h|/caf%c3%A9/x", true),
            (uri("https://h/a"), "u|https|hh|/a", false),
            (Selector::All, "k|anything", true),
            (Selector::Key("a".into()), "k|ab", false),
            (Selector::Tag(Tag::new("a")), "k|a", false),
            // These are not keys of ours.
            (prefix("/a"), "u|http|h|/a^", false),
            (prefix("/a"), "u|http|h", false),
            (prefix("/a"), "", false),
        ];
        for (selector, key, expected) in cases {
            assert_eq!(selector.names_key(key), expected, "{selector} and {key}");
        }
    }
}
