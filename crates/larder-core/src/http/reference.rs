//! What a URI reference in a response names (RFC 3986 §5.2), as far as it is of the same origin.

use crate::key::authority;

/// The target URI of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The parts that a URI has.
pub struct Base<'a> {
    /// Its scheme as far as the request tells it: a server behind one that ends TLS is sent no scheme.
    pub scheme: Option<&'a str>,
    /// Its host and port, in their normal form.
    pub authority: &'a str,
    /// Its path.
    pub path: &'a str,
    /// Its query, without the question mark.
    pub query: Option<&'a str>,
}

/// The path and query that a reference names; `None` if it is of another origin (RFC 9110 §4.3.1), or names nothing that a
/// request can be for.
///
/// RFC 9111 §4.4: "a cache MUST NOT trigger an invalidation under these conditions if the origin (Section 4.3.1 of \[HTTP\]) of
/// the URI to be invalidated differs from that of the target URI (Section 7.1 of \[HTTP\]). This helps prevent
/// denial-of-service attacks."
#[must_use]
pub fn same_origin(reference: &str, base: Base<'_>) -> Option<String> {
    let reference = reference.trim_matches([' ', '\t']).split('#').next().unwrap_or_default();
    let (scheme, rest) = split_scheme(reference);
    if let Some(scheme) = scheme {
        let is_own = base.scheme.map_or(is_http(scheme), |own| scheme.eq_ignore_ascii_case(own));
        // `http:path` is one of RFC 3986's strange ones (§5.4.2), and nobody means it.
        if !is_own || !rest.starts_with("//") {
            return None;
        }
    }
    let path_and_query = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => {
            let (host, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            let scheme = scheme.or(base.scheme).unwrap_or("http");
            if authority::normal(&scheme.to_ascii_lowercase(), host) != base.authority {
                return None;
            }
            return Some(named(rest, Base { path: "/", query: None, ..base }));
        }
    };
    Some(named(path_and_query, base))
}

/// RFC 3986 §5.2.2, for a reference without scheme and authority.
fn named(reference: &str, base: Base<'_>) -> String {
    let (path, query) = match reference.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (reference, None),
    };
    let (path, query) = match path {
        "" => (base.path.to_owned(), query.or(base.query)),
        _ if path.starts_with('/') => (without_dots(path), query),
        // §5.2.3: behind the last slash of the base.
        _ => {
            let directory = base.path.rfind('/').map_or("/", |last| &base.path[..=last]);
            (without_dots(&format!("{directory}{path}")), query)
        }
    };
    match query {
        Some(query) => format!("{path}?{query}"),
        None => path,
    }
}

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

/// RFC 3986 §5.2.4, for a path that begins with a slash.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." if is_last => kept.push(""),
            ".." => {
                kept.pop();
                if is_last {
                    kept.push("");
                }
            }
            "." => {}
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: Base<'_> = Base { scheme: Some("http"), authority: "a", path: "/b/c/d;p", query: Some("q") };

    /// RFC 3986 §5.4, those with this scheme and authority, or without.
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
            (" /g ", "/g"),
        ] {
            assert_eq!(same_origin(reference, BASE).as_deref(), Some(expected), "{reference}");
        }
    }

    /// RFC 9111 §4.4; RFC 9110 §4.3.1: an origin is scheme, host and port.
    #[test]
    fn what_is_of_another_origin_is_not_named() {
        for reference in [
            "http://b/g",
            "https://a/g",
            "http://a:81/g",
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

    #[test]
    fn where_the_request_tells_no_scheme_either_of_the_two_is_its_own() {
        let base = Base { scheme: None, ..BASE };
        assert_eq!(same_origin("https://a:443/g", base).as_deref(), Some("/g"));
        assert_eq!(same_origin("http://a/g", base).as_deref(), Some("/g"));
        assert_eq!(same_origin("https://b/g", base), None);
        assert_eq!(same_origin("ftp://a/g", base), None);
    }
}
