//! The name of a URI, in the one form that reads, writes and invalidations share.

use super::error::SelectorError;
use super::path_name::PathName;
use crate::key::normalize;

/// The name of one URI with all its variants, on every host or on one host.
///
/// A name has no scheme and no default port (`:80`, `:443`), because a server behind a proxy that
/// terminates TLS cannot know them. Names are normalized as in RFC 3986 §6.2.2: `/caf%c3%a9`,
/// `/café` and `/x/../caf%C3%A9` have the same name, and so do `/~a` and `/%7Ea`. A reserved
/// character and its encoding have different names (`/a/b` and `/a%2Fb`). URIs whose parameters are
/// in a different order also have different names.
///
/// ```
/// use larder_core::invalidation::selector::UriName;
///
/// // On every host.
/// assert_eq!(UriName::new("/a b?q=%7e")?.as_str(), "/a%20b?q=~");
/// // On one host, over `http` as well as `https`.
/// let name = UriName::new("https://shop.example/p/1")?;
/// assert_eq!(name.as_str(), "//shop.example/p/1");
/// assert_eq!(name, UriName::new("http://Shop.Example:80/p/1")?);
/// // `%` needs two digits after it.
/// assert!(UriName::new("/100%").is_err());
/// # Ok::<(), larder_core::invalidation::selector::SelectorError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UriName(Box<str>);

/// The parts of a name, in their normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct UriParts<'a> {
    /// The host and port, or `None` if the name is for every host.
    pub host: Option<&'a str>,
    /// The path.
    pub path: &'a str,
    /// The query, without the question mark.
    pub query: Option<&'a str>,
}

impl UriName {
    /// Creates the name of a URI.
    ///
    /// `/products/42?full=1` names a URI on every host. `https://shop.example/products/42` and
    /// `//shop.example/products/42` name a URI on one host. A fragment is dropped.
    ///
    /// To name a path that begins with two slashes on every host, write `/.//path`. In `//path`,
    /// `path` would be the host (RFC 3986 §3.3).
    ///
    /// # Errors
    ///
    /// The text must be a path that begins with `/`, or an `http` or `https` URI with a host.
    /// Returns an error if it is neither, or if it contains user information, a control character,
    /// or a `%` without two hexadecimal digits. A host must be in ASCII.
    pub fn new(text: &str) -> Result<Self, SelectorError> {
        let wrong = || SelectorError::new("URI", text);
        let whole = text.split('#').next().unwrap_or_default();
        let (host, target) = split_host(whole).ok_or_else(wrong)?;
        if !normalize::is_well_formed(text) || host.is_some_and(|host| !normalize::is_host(host)) {
            return Err(wrong());
        }
        let (path, query) = split_query(target);
        Ok(Self::from_parts(host, path, query))
    }

    /// Creates the name of the target of a request.
    ///
    /// Any text is accepted, so that a read and a write of one target have the same name. If the
    /// host is missing or empty, the name is for every host.
    #[must_use]
    pub fn from_parts(host: Option<&str>, path: &str, query: Option<&str>) -> Self {
        let host = host.map(normalize::host).filter(|host| !host.is_empty());
        let path = normalize::path(path);
        let mut text = match host {
            Some(host) => format!("//{host}{path}"),
            // WHATWG's URL standard uses this form too. No normal path has a dot segment.
            None if path.starts_with("//") => format!("/.{path}"),
            None => path.into_owned(),
        };
        if let Some(query) = query {
            text.push('?');
            text.push_str(&normalize::query(query));
        }
        Self(text.into())
    }

    /// Returns the text of the name, which [`new`](Self::new) can parse.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the parts of the name.
    #[must_use]
    pub fn parts(&self) -> UriParts<'_> {
        parts_of(&self.0)
    }

    /// Returns the name of the same URI with another query.
    #[must_use]
    pub fn with_query(&self, query: Option<&str>) -> Self {
        let UriParts { host, path, .. } = self.parts();
        Self::from_parts(host, path, query)
    }

    /// Returns the name of the path, for every query and on every host.
    ///
    /// Returns `None` if the path is too long for a key.
    #[must_use]
    pub fn path(&self) -> Option<PathName> {
        PathName::from_normal(self.parts().path)
    }

    /// Parses a name from the log.
    ///
    /// The target of a request may be a text that is not a valid URI. The name of such a target is
    /// taken unchanged.
    pub(super) fn read(text: &str) -> Result<Self, SelectorError> {
        let written = Self(text.into());
        let UriParts { host, path, query } = written.parts();
        if Self::from_parts(host, path, query) == written { Ok(written) } else { Self::new(text) }
    }

    /// Creates the name from its text in a stored response, which is already normalized.
    pub(crate) fn from_normal(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the path of a name with this text, which is already normalized.
    pub(crate) fn path_of_normal(text: &str) -> &str {
        parts_of(text).path
    }
}

/// Returns the parts of a name with this text.
fn parts_of(text: &str) -> UriParts<'_> {
    let (host, target) = split_host(text).unwrap_or((None, text));
    let (path, query) = split_query(target);
    let path = if host.is_none() && path.starts_with("/.//") { &path[2..] } else { path };
    UriParts { host, path, query }
}

/// Splits the text into the host and the rest.
///
/// Returns `None` if it does not begin with a host or a path.
fn split_host(text: &str) -> Option<(Option<&str>, &str)> {
    let after = |scheme: &str| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    };
    match ["//", "http://", "https://"].into_iter().find_map(after) {
        Some(rest) => {
            let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            Some((Some(host), rest))
        }
        None => text.starts_with('/').then_some((None, text)),
    }
}

fn split_query(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> String {
        UriName::new(text).unwrap().as_str().to_owned()
    }

    #[test]
    fn a_uri_has_one_name() {
        for (text, expected) in [
            ("/", "/"),
            ("/a?b=c#d", "/a?b=c"),
            ("/a?", "/a?"),
            ("/caf%c3%a9?q=é", "/caf%C3%A9?q=%C3%A9"),
            ("/a/../b", "/b"),
            ("/.//x/y", "/.//x/y"),
            ("/..//x", "/.//x"),
            ("/a//b", "/a//b"),
            ("//x/y", "//x/y"),
            ("//X:80", "//x/"),
            ("//x//y", "//x//y"),
            ("//x/.//y", "//x//y"),
            ("https://shop.example/p/1", "//shop.example/p/1"),
            ("HTTP://Shop.Example:443?q#f", "//shop.example/?q"),
            ("https://shop.example:8443/a b", "//shop.example:8443/a%20b"),
            ("http://[FE80::1]:80/", "//[fe80::1]/"),
            ("/http://x/y?http://z", "/http://x/y?http://z"),
        ] {
            assert_eq!(name(text), expected, "{text}");
            assert_eq!(name(expected), expected, "{text}");
        }
    }

    #[test]
    fn an_invalid_uri_is_an_error() {
        for text in [
            "",
            "a",
            "?q",
            "#f",
            "ftp://x/",
            "http:/x",
            "http:///x",
            "///x",
            "//",
            "//me@x/a",
            "https://me:secret@x/a",
            "https://bücher.example/",
            "https://a b/",
            "http://x:y/",
            "/%zz",
            "/a%",
            "/a?%4",
            "/a#%",
            "/a\nb",
            "/a\0",
        ] {
            let error = UriName::new(text).unwrap_err();
            assert_eq!(error.to_string(), format!("{text:?} cannot be a URI"));
        }
    }

    #[test]
    fn a_host_is_no_path_and_a_path_no_host() {
        let of = |host, path| UriName::from_parts(host, path, None);
        let names = [
            of(None, "//x/y"),
            of(Some("x"), "/y"),
            of(None, "/x/y"),
            of(Some("x"), "//y"),
            of(Some("x"), "//x/y"),
            of(None, "//x//y"),
        ];
        for (index, one) in names.iter().enumerate() {
            assert!(names[..index].iter().all(|other| other != one), "{one:?}");
        }
        assert_eq!(of(Some(""), "/y"), of(None, "/y"));
        assert_eq!(of(Some(":80"), "/y"), of(None, "/y"));
    }

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

    proptest! {
        /// Every target has a name. Its text parses to the same name, and so do its parts.
        #[test]
        fn every_target_has_a_name_that_is_read_back(
            host in proptest::option::of("([a-z:@/?#%{\\[é|]|%[0-9a-f]{2}|:80){0,8}"),
            path in "([a-z/.?#%{é *]|%[0-9a-f]{2}|/\\.\\./|//){0,12}",
            query in proptest::option::of("([a-z/.?#%{é]|%[0-9a-f]{2}){0,8}"),
        ) {
            let name = UriName::from_parts(host.as_deref(), &path, query.as_deref());
            prop_assert_eq!(UriName::read(name.as_str()), Ok(name.clone()));
            let UriParts { host, path, query } = name.parts();
            prop_assert_eq!(&UriName::from_parts(host, path, query), &name);
            prop_assert_eq!(&name.with_query(query), &name);
            if host.is_none_or(normalize::is_host) {
                prop_assert_eq!(UriName::new(name.as_str()), Ok(name.clone()));
            }
        }
    }
}
