//! Resolves URI references in a response (RFC 3986 §5.2), within the same origin.

use crate::key::normalize::{self, without_dots};

/// The target URI of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A URI has these parts.
pub struct Base<'a> {
    /// The host and port.
    ///
    /// The scheme is not included: a server behind a proxy that terminates TLS does not know it.
    pub authority: &'a str,
    /// The path.
    pub path: &'a str,
    /// The query, without the question mark.
    pub query: Option<&'a str>,
}

/// Returns the path and query that a reference names, if it is of the same origin.
///
/// Returns `None` if the host or port differs, or if the reference cannot be the target of a
/// request. The schemes `http` and `https` and their default ports make no difference, as in names.
///
/// RFC 9111 §4.4: "a cache MUST NOT trigger an invalidation under these conditions if the origin
/// (Section 4.3.1 of \[HTTP\]) of the URI to be invalidated differs from that of the target URI
/// (Section 7.1 of \[HTTP\]). This helps prevent denial-of-service attacks."
#[must_use]
pub fn same_origin(reference: &str, base: Base<'_>) -> Option<String> {
    let reference = reference.trim_matches([' ', '\t']).split('#').next().unwrap_or_default();
    let (scheme, rest) = split_scheme(reference);
    // RFC 3986 §5.4.2 lists `http:path` among its abnormal examples. No server means it.
    if scheme.is_some_and(|scheme| !is_http(scheme) || !rest.starts_with("//")) {
        return None;
    }
    let path_and_query = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => {
            let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            if normalize::host(host) != normalize::host(base.authority) {
                return None;
            }
            return Some(named(rest, Base { path: "/", query: None, ..base }));
        }
    };
    Some(named(path_and_query, base))
}

/// Resolves a reference without scheme and authority (RFC 3986 §5.2.2).
fn named(reference: &str, base: Base<'_>) -> String {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let (path, query) = match path {
        "" => (base.path.to_owned(), query.or(base.query)),
        _ if path.starts_with('/') => (without_dots(path).into_owned(), query),
        // §5.2.3: the reference is appended after the last slash of the base path.
        _ => {
            let directory = base.path.rfind('/').map_or("/", |last| &base.path[..=last]);
            (without_dots(&format!("{directory}{path}")).into_owned(), query)
        }
    };
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

/// Splits a reference into its scheme, if it has one, and the rest.
///
/// RFC 3986 §3.1: "scheme = ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )".
fn split_scheme(reference: &str) -> (Option<&str>, &str) {
    let is_scheme = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    };
    match reference.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme), rest),
        _ => (None, reference),
    }
}

fn is_http(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Base<'_> = Base { authority: "a", path: "/b/c/d;p", query: Some("q") };

    /// The examples of RFC 3986 §5.4 with this scheme and authority, or without them.
    #[test]
    fn references_are_resolved_as_the_rfc_has_it() {
        for (reference, expected) in [
            ("g", "/b/c/g"),
            ("./g", "/b/c/g"),
            ("g/", "/b/c/g/"),
            ("/g", "/g"),
            ("?y", "/b/c/d;p?y"),
            ("g?y", "/b/c/g?y"),
            ("#s", "/b/c/d;p?q"),
            ("g#s", "/b/c/g"),
            ("g?y#s", "/b/c/g?y"),
            (";x", "/b/c/;x"),
            ("g;x?y#s", "/b/c/g;x?y"),
            ("", "/b/c/d;p?q"),
            (".", "/b/c/"),
            ("./", "/b/c/"),
            ("..", "/b/"),
            ("../", "/b/"),
            ("../g", "/b/g"),
            ("../..", "/"),
            ("../../g", "/g"),
            ("../../../g", "/g"),
            ("/./g", "/g"),
            ("/../g", "/g"),
            ("g.", "/b/c/g."),
            ("..g", "/b/c/..g"),
            ("./../g", "/b/g"),
            ("./g/.", "/b/c/g/"),
            ("g/../h", "/b/c/h"),
            ("g;x=1/../y", "/b/c/y"),
            ("g?y/../x", "/b/c/g?y/../x"),
            ("http://a/g", "/g"),
            ("HTTP://A:80/g?x", "/g?x"),
            ("http://a", "/"),
            ("http://a?x", "/?x"),
            ("//a/g", "/g"),
            ("https://a/g", "/g"),
            ("https://A:443/g", "/g"),
            ("http://a:443/g", "/g"),
            (" /g ", "/g"),
        ] {
            assert_eq!(same_origin(reference, BASE).as_deref(), Some(expected), "{reference}");
        }
    }

    /// RFC 9111 §4.4. RFC 9110 §4.3.1: an origin consists of scheme, host and port.
    ///
    /// A server knows only the last two.
    #[test]
    fn a_location_of_another_origin_is_not_named() {
        for reference in [
            "http://b/g",
            "http://a:81/g",
            "https://a:8443/g",
            "https://b:443/g",
            "//b/g",
            "ftp://a/g",
            "http:g",
            "mailto:x@a",
            "http://u@a/g",
            "g:h",
        ] {
            assert_eq!(same_origin(reference, BASE), None, "{reference}");
        }
    }
}
