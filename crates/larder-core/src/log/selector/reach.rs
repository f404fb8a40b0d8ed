//! What of a selector can be found by the keys of stored responses.
//!
//! Whether a response may be served is never decided here, but by its [names](crate::log::names): this is for who frees
//! the memory of what was invalidated, and knows the [encoded keys](crate::key::buf) alone.

use std::borrow::Cow;

use super::{Selector, UriName, prefixes};
use crate::key::buf::KeyBuf;
use crate::key::escape;
use crate::key::query::QueryRules;

/// Where the responses that a selector names are found by key, as far as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Each has to be treated.
pub enum Reach {
    /// Under this encoded key, and as its variants.
    Key(Box<str>),
    /// Under those of the encoded keys that [`Selector::names_key`] holds for. Each of them begins with the first of these
    /// texts, and has the others after it in their order.
    Among(Vec<Box<str>>),
    /// Nowhere: the key does not tell.
    Nowhere,
}

impl Selector {
    /// Where what it names is found by key.
    ///
    /// What has this URI or text in its key and more than that (header fields, cookies, a partition) is not found by
    /// [`Key`](Self::Key) nor by a [`Uri`](Self::Uri) with a host; what has a custom key is not found by URI, path or glob.
    #[must_use]
    pub fn reach(&self) -> Reach {
        match self {
            Self::Tag(_) | Self::Hashed(_) => Reach::Nowhere,
            Self::Key(text) => key_of(text).map_or(Reach::Nowhere, Reach::Key),
            Self::Uri(uri) => uri.reach(),
            Self::Path(path) => below(path.as_str()),
            Self::Prefix(prefix) => below(&prefix.0),
            Self::Glob(glob) => below(glob.0.split('*').next().unwrap_or_default()),
            Self::All => Reach::Among(vec!["".into()]),
        }
    }

    /// Whether it names the response with this encoded key, as far as the key tells.
    #[must_use]
    pub fn names_key(&self, key: &str) -> bool {
        let of_uri = |names: &dyn Fn(&Target<'_>) -> bool| Target::read(key).is_some_and(|uri| names(&uri));
        match self {
            Self::Tag(_) | Self::Hashed(_) => false,
            Self::Key(text) => key_of(text).as_deref() == Some(key),
            Self::Uri(uri) => of_uri(&|target| target.has_name(&uri.0)),
            Self::Path(path) => of_uri(&|target| *target.path == *path.as_str()),
            Self::Prefix(prefix) => of_uri(&|target| prefixes(&target.path).any(|path| *path == *prefix.0)),
            Self::Glob(glob) => of_uri(&|target| glob.matches(&target.path)),
            Self::All => true,
        }
    }
}

/// The encoded key that the text is, or that a template with this text gives.
fn key_of(text: &str) -> Option<Box<str>> {
    if text.starts_with("u|") || text.starts_with("k|") {
        return Some(text.into());
    }
    let mut key = KeyBuf::new();
    key.template(text);
    key.as_str().map(Box::from)
}

fn below(path: &str) -> Reach {
    let mut key = KeyBuf::new();
    key.uri("", "", path);
    let path = key.as_str().and_then(|key| key.strip_prefix("u||"));
    // Longer than any key: nothing is there.
    path.map_or(Reach::Nowhere, |path| Reach::Among(vec!["u|".into(), "|".into(), path.into()]))
}

impl UriName {
    fn reach(&self) -> Reach {
        let (path, query) = match self.0.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*self.0, None),
        };
        let Some((scheme, rest)) = path.split_once("://").filter(|_| !path.starts_with('/')) else {
            return below(path);
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let mut key = KeyBuf::new();
        key.uri(scheme, authority, path);
        key.query(&QueryRules::all(), query);
        key.as_str().map_or(Reach::Nowhere, |key| Reach::Key(key.into()))
    }
}

/// The target URI that stands in a key, with the query as it is keyed.
struct Target<'a> {
    scheme: &'a str,
    authority: Cow<'a, str>,
    path: Cow<'a, str>,
    query: Option<Cow<'a, str>>,
}

impl<'a> Target<'a> {
    fn read(key: &'a str) -> Option<Self> {
        let mut parts = key.split('|');
        let ["u", scheme, authority, path] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?]
        else {
            return None;
        };
        let query = parts.next().and_then(|part| part.strip_prefix('?'));
        Some(Self {
            scheme,
            authority: escape::undo(authority)?,
            path: escape::undo(path)?,
            query: match query {
                Some(query) => Some(escape::undo(query)?),
                None => None,
            },
        })
    }

    fn has_name(&self, name: &str) -> bool {
        let local = match name.strip_prefix(self.scheme).and_then(|rest| rest.strip_prefix("://")) {
            Some(rest) => rest.strip_prefix(&*self.authority),
            None => Some(name),
        };
        let after_path = local.and_then(|local| local.strip_prefix(&*self.path));
        match &self.query {
            None => after_path == Some(""),
            Some(query) => after_path.and_then(|rest| rest.strip_prefix('?')) == Some(query),
        }
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
            (key("u|http|a|/x|?q"), "u|http|a|/x|?q"),
            (uri("https://Shop.Example:443/a?b=c|d"), "u|https|shop.example|/a|?b=c^7Cd"),
            (uri("http://a"), "u|http|a|/"),
        ];
        for (selector, expected) in cases {
            assert_eq!(selector.reach(), Reach::Key(expected.into()), "{selector}");
            assert!(selector.names_key(expected), "{selector}");
        }
    }

    #[test]
    fn many_keys_are_found_by_what_they_have_in_common() {
        let cases: [(Selector, &[&str]); 8] = [
            (path("/a/b"), &["u|", "|", "|/a/b"]),
            (prefix("/a/b/"), &["u|", "|", "|/a/b"]),
            (prefix("/"), &["u|", "|", "|"]),
            (prefix("/a|b"), &["u|", "|", "|/a^7Cb"]),
            (glob("/img/*.png"), &["u|", "|", "|/img/"]),
            (glob("*"), &["u|", "|", "|"]),
            (uri("/a?b=://c/d"), &["u|", "|", "|/a"]),
            (Selector::All, &[""]),
        ];
        for (selector, expected) in cases {
            let Reach::Among(texts) = selector.reach() else { panic!("{selector}") };
            assert_eq!(texts.iter().map(|text| &**text).collect::<Vec<_>>(), expected, "{selector}");
        }
        assert_eq!(Selector::Tag(Tag::new("a")).reach(), Reach::Nowhere);
        assert_eq!(Selector::Key("x".repeat(9_000).into()).reach(), Reach::Nowhere);
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
            // What answers equivalent queries has the name that they have in common.
            (uri("/a?q="), "u|https|any|/a|?q=|n|-utm|p|me", true),
            (uri("/a?q=&utm=1"), "u|https|any|/a|?q=|n|-utm", false),
            (uri("/a"), "u|https|any|/a|n|=", true),
            (prefix("/a"), "u|http|h|/a/b|n|o-", true),
            (uri("https://h/a"), "u|http|h|/a", false),
            (uri("https://h/a"), "u|https|hh|/a", false),
            (Selector::All, "k|anything", true),
            (Selector::Key("a".into()), "k|ab", false),
            (Selector::Tag(Tag::new("a")), "k|a", false),
            // No key of ours.
            (prefix("/a"), "u|http|h|/a^", false),
            (prefix("/a"), "u|http|h", false),
            (prefix("/a"), "", false),
        ];
        for (selector, key, expected) in cases {
            assert_eq!(selector.names_key(key), expected, "{selector} and {key}");
        }
    }
}
