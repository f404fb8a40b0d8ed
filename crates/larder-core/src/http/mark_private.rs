//! Marking the response of one user, so that no shared cache downstream stores it.

use std::slice;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::cache_control::ResponseDirectives;

/// The targeted field for all caches between an origin and its users (RFC 9213 §3.1).
const CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");
const PRIVATE: HeaderValue = HeaderValue::from_static("private");

/// Adds `private` to the fields of a response that is for one user.
///
/// `targets` is the target list of the cache. A response that says `public`, `private` or
/// `no-store` has decided already, and does not change. `s-maxage` is no decision: this cache
/// follows it too.
///
/// RFC 9213 §2.2: a cache that finds a targeted field ignores `Cache-Control`. So `private` is also
/// added to `CDN-Cache-Control` and the fields of `targets`, where the response has them.
///
/// RFC 9111 §3.2: the fields of a 304 replace those of the client's copy, which is private already.
/// A 304 therefore gets no field that it does not have.
pub fn mark_private(status: StatusCode, headers: &mut HeaderMap, targets: &[HeaderName]) {
    let may_insert = status != StatusCode::NOT_MODIFIED;
    if (may_insert || headers.contains_key(CACHE_CONTROL)) && is_open(&ResponseDirectives::parse(headers)) {
        prepend_private(headers, &CACHE_CONTROL);
    }
    for name in targets.iter().chain(slice::from_ref(&CDN_CACHE_CONTROL)) {
        let directives = ResponseDirectives::of(headers, slice::from_ref(name));
        if directives.targeted && is_open(&directives) {
            prepend_private(headers, name);
        }
    }
}

/// Whether the directives leave open which caches may store the response.
fn is_open(directives: &ResponseDirectives) -> bool {
    !(directives.public || directives.no_store || directives.private.is_present())
}

/// Adds `private` before all other directives.
///
/// An unfinished quoted string at the end of the field would hide it from other parsers.
fn prepend_private(headers: &mut HeaderMap, name: &HeaderName) {
    let given = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let mut lines = vec![&b"private"[..]];
    lines.extend(given.filter(|line| !line.is_empty()));
    let value = HeaderValue::from_bytes(&lines.join(&b", "[..])).unwrap_or(PRIVATE);
    headers.insert(name.clone(), value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    const TARGETS: [HeaderName; 1] = [HeaderName::from_static("larder-cache-control")];

    fn marked(status: u16, lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = fields(lines);
        mark_private(StatusCode::from_u16(status).unwrap(), &mut headers, &TARGETS);
        headers
    }

    /// RFC 9111 §5.2.2.7, §5.2.2.9.
    #[test]
    fn a_response_that_says_nothing_becomes_private() {
        for (lines, expected) in [
            (&[][..], "private"),
            (&[""], "private"),
            (&["max-age=60"], "private, max-age=60"),
            (&["max-age=60", "immutable"], "private, max-age=60, immutable"),
            (&["s-maxage=60, must-revalidate"], "private, s-maxage=60, must-revalidate"),
            (&["no-cache"], "private, no-cache"),
            (&["a=\"b, public"], "a=\"b, public"),
            (&["a=\"b, max-age=1"], "private, a=\"b, max-age=1"),
            (&["public=1"], "private, public=1"),
            (&["Public"], "Public"),
            (&["private"], "private"),
            (&["private=\"x-a\""], "private=\"x-a\""),
            (&["no-store"], "no-store"),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
            assert_eq!(marked(200, &lines), fields(&[("cache-control", expected)]), "{lines:?}");
        }
    }

    /// RFC 9213 §2.1, §2.2.
    #[test]
    fn targeted_fields_that_are_there_become_private() {
        const OPEN: (&str, &str) = ("cache-control", "public");
        for (name, sent, expected) in [
            ("larder-cache-control", "max-age=60", "private, max-age=60"),
            ("cdn-cache-control", "max-age=60", "private, max-age=60"),
            ("cdn-cache-control", "none", "private, none"),
            ("cdn-cache-control", "max-age=60, public", "max-age=60, public"),
            ("cdn-cache-control", "private", "private"),
            ("cdn-cache-control", "private=?0", "private, private=?0"),
            ("cdn-cache-control", "a=", "a="),
            ("other-cache-control", "max-age=60", "max-age=60"),
        ] {
            assert_eq!(marked(200, &[OPEN, (name, sent)]), fields(&[OPEN, (name, expected)]), "{sent}");
        }
    }

    /// RFC 9111 §3.2.
    #[test]
    fn a_304_gets_no_field_that_it_has_not() {
        assert_eq!(marked(304, &[]), fields(&[]));
        let expected = fields(&[("cache-control", "private, max-age=1")]);
        assert_eq!(marked(304, &[("cache-control", "max-age=1")]), expected);
    }
}
