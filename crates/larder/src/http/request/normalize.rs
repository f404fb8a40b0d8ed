//! The one spelling of the host and of the content codings that the handler gets.

use std::borrow::Cow;

use http::header::{ACCEPT_ENCODING, HOST};
use http::request::Parts;
use http::uri::{Authority, Uri};
use http::{HeaderMap, HeaderName, HeaderValue};
use larder_core::http::content_coding::accepted::AcceptedCodings;
use larder_core::http::vary::codings;
use larder_core::key::authority;
use larder_core::outcome::BypassReason;

/// Changes the request's host to the spelling in its key.
///
/// That is lower case without the default port (RFC 9110 §4.2.3). All spellings share a key. So a
/// handler that repeats the spelling of one request would send it to the clients of all the others.
pub(crate) fn normalize_host(parts: &mut Parts) {
    let scheme = crate::http::request::axum_route::whole_uri(parts).scheme_str().unwrap_or("http").to_owned();
    let field = parts.headers.get(HOST).and_then(|host| normalized_authority(&scheme, host.to_str().ok()?));
    if let Some(field) = field.and_then(|field| HeaderValue::try_from(field).ok()) {
        parts.headers.insert(HOST, field);
    }
    crate::http::request::axum_route::for_each_uri(parts, |uri| {
        if let Some(normal) = normalized_uri(&scheme, uri) {
            *uri = normal;
        }
    });
}

/// Changes the request's `Accept-Encoding` to its normal form.
///
/// Requests with the same normal form share a response that varies on this field. So the handler
/// must not choose a content coding that only one of them accepts.
pub(crate) fn normalize_codings(headers: &mut HeaderMap) {
    if let Some(normal) = codings::in_normal_form(headers) {
        headers.insert(ACCEPT_ENCODING, normal);
    }
}

/// Asks the handler for a response without a content coding. Returns the codings that the client
/// accepts.
pub(crate) fn take_codings(headers: &mut HeaderMap) -> AcceptedCodings {
    let accepted = AcceptedCodings::of(headers);
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    accepted
}

fn normalized_uri(scheme: &str, uri: &Uri) -> Option<Uri> {
    let authority: Authority = normalized_authority(scheme, uri.authority()?.as_str())?.parse().ok()?;
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(authority);
    Uri::from_parts(parts).ok()
}

/// Returns the normal form of an authority. `None` if it has that form already.
fn normalized_authority(scheme: &str, authority: &str) -> Option<String> {
    let normal: Cow<'_, str> = authority::normalize(scheme, authority);
    (normal != authority).then(|| normal.into_owned())
}

/// Header fields by which some frameworks let a request override its own request line.
///
/// The key is made from the request line. With such a field, a client could make the handler answer
/// another request than the one that the response is stored for.
const OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// Rejects a request that overrides its method or path by a field that is not in the key.
pub(crate) fn reject_method_override(parts: &Parts, keyed: &[HeaderName]) -> Result<(), BypassReason> {
    let is_other = |name: &HeaderName| parts.headers.contains_key(name) && !keyed.contains(name);
    if OVERRIDES.iter().any(is_other) { Err(BypassReason::Override) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn parts(uri: &str, host: &str) -> Parts {
        Request::builder().uri(uri).header(HOST, host).body(()).unwrap().into_parts().0
    }

    #[test]
    fn the_host_is_spelled_as_in_the_key() {
        let cases = [
            ("/a?b", "Shop.Example:80", "/a?b", "shop.example"),
            ("http://SHOP.example:80/a?b", "shop.example", "http://shop.example/a?b", "shop.example"),
            ("https://shop.example:443/", "Shop.example:443", "https://shop.example/", "shop.example"),
            ("/a", "shop.example:8080", "/a", "shop.example:8080"),
        ];
        for (uri, host, expected_uri, expected_host) in cases {
            let mut parts = parts(uri, host);
            normalize_host(&mut parts);
            assert_eq!(
                (parts.uri.to_string().as_str(), &parts.headers[HOST]),
                (expected_uri, &HeaderValue::from_static(expected_host))
            );
        }
    }

    #[test]
    fn a_second_opinion_of_the_first_line_is_refused_unless_it_is_keyed() {
        let mut parts = parts("/a", "x");
        assert_eq!(reject_method_override(&parts, &[]), Ok(()));
        for name in OVERRIDES {
            parts.headers.insert(name.clone(), HeaderValue::from_static("/b"));
            assert_eq!(reject_method_override(&parts, &[]), Err(BypassReason::Override), "{name}");
            assert_eq!(reject_method_override(&parts, std::slice::from_ref(&name)), Ok(()));
            parts.headers.remove(name);
        }
    }
}
