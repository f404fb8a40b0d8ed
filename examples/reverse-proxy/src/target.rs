//! The target of a request, and whether it can be forwarded (RFC 9112 §3.2, RFC 9110 §7).

use http::header::{EXPECT, HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Uri, Version};

use crate::proxy_error::ProxyError;

/// Normalizes the request, so that all requests for one resource are equal to the cache: the URI
/// becomes a path, and `Host` names the host.
///
/// # Errors
///
/// Fails if the request cannot be forwarded, with the reason.
pub(crate) fn resolve(parts: &mut Parts) -> Result<(), ProxyError> {
    // RFC 9110 §15.6.2: not "capable of supporting it for any resource".
    if parts.method == Method::CONNECT {
        return Err(ProxyError::NotImplemented("this is no proxy for tunnels"));
    }
    let host = host(parts)?;
    framed(&parts.headers)?;
    expected(&parts.headers)?;
    let path = parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    parts.uri = Uri::from(path);
    if let Some(host) = host {
        parts.headers.insert(HOST, host);
    }
    Ok(())
}

/// Returns the host of the target URI.
///
/// RFC 9112 §3.2.2: "When an origin server receives a request with an absolute-form of
/// request-target, the origin server MUST ignore the received Host header field (if any) and
/// instead use the host information of the request-target." For its clients the proxy is the origin
/// server, for every host.
fn host(parts: &Parts) -> Result<Option<HeaderValue>, ProxyError> {
    let field = host_field(parts)?;
    let Some(authority) = parts.uri.authority() else {
        return Ok(field);
    };
    // RFC 9110 §7.4: the request is for a resource that is not served here. https is not served on
    // a connection without TLS.
    if parts.uri.scheme() != Some(&Scheme::HTTP) {
        return Err(ProxyError::Misdirected);
    }
    if authority.as_str().contains('@') {
        return Err(ProxyError::BadRequest("the URI has a user"));
    }
    HeaderValue::try_from(authority.as_str())
        .map(Some)
        .map_err(|_| ProxyError::BadRequest("the URI has no host"))
}

/// RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1
/// request message that lacks a Host header field and to any request message that contains more
/// than one Host header field line or a Host header field with an invalid field value."
fn host_field(parts: &Parts) -> Result<Option<HeaderValue>, ProxyError> {
    let mut lines = parts.headers.get_all(HOST).iter();
    match (lines.next(), lines.next()) {
        (None, _) if parts.version >= Version::HTTP_11 => Err(ProxyError::BadRequest("there is no Host")),
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(ProxyError::BadRequest("there is more than one Host")),
        (Some(host), None) if is_host(host) => Ok(Some(host.clone())),
        (Some(_), None) => Err(ProxyError::BadRequest("the Host is none")),
    }
}

/// `Host = uri-host [ ":" port ]`, without characters that need an escape in `Forwarded`.
fn is_host(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else { return false };
    !text.contains(['@', '"', '\\'])
        && text.parse::<Authority>().is_ok_and(|authority| !authority.host().is_empty())
}

/// RFC 9112 §6.1: "A server that receives a request message with a transfer coding it does not
/// understand SHOULD respond with 501 (Not Implemented)." hyper decodes `chunked`, once, and no
/// other coding.
fn framed(fields: &HeaderMap) -> Result<(), ProxyError> {
    let mut lines = fields.get_all(TRANSFER_ENCODING).iter();
    let only = lines.next().is_none_or(|line| line.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"));
    if only && lines.next().is_none() {
        Ok(())
    } else {
        Err(ProxyError::NotImplemented("no transfer coding but chunked is understood"))
    }
}

/// RFC 9110 §10.1.1: "A server that receives an Expect field value containing a member other than
/// 100-continue MAY respond with a 417 (Expectation Failed) status code". hyper answers
/// 100-continue as soon as the body is read.
fn expected(fields: &HeaderMap) -> Result<(), ProxyError> {
    let is_known = |line: &HeaderValue| line.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if fields.get_all(EXPECT).iter().all(is_known) { Ok(()) } else { Err(ProxyError::Expectation) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    type Fields = &'static [(&'static str, &'static str)];

    fn parts(method: &str, uri: &str, fields: Fields) -> Parts {
        let mut request = Request::builder().method(method).uri(uri);
        for &(name, value) in fields {
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_valid_request_becomes_a_path_and_a_host() {
        let cases: [(&str, &str, &str, Fields, &str, &str); 6] = [
            ("RFC 9112 §3.2.1", "GET", "/a?b", &[("host", "x:81")], "/a?b", "x:81"),
            ("§3.2.2: the host of the URI counts", "GET", "http://y/a", &[("host", "x")], "/a", "y"),
            ("RFC 9110 §4.2.3: an empty path is /", "GET", "http://y", &[("host", "y")], "/", "y"),
            ("§3.2.4", "OPTIONS", "*", &[("host", "x")], "*", "x"),
            ("RFC 9110 §10.1.1", "PUT", "/", &[("host", "x"), ("expect", "100-Continue")], "/", "x"),
            (
                "§6.1",
                "PUT",
                "/",
                &[("host", "[::1]:8080"), ("transfer-encoding", "Chunked")],
                "/",
                "[::1]:8080",
            ),
        ];
        for (rule, method, uri, fields, path, host) in cases {
            let mut parts = parts(method, uri, fields);
            resolve(&mut parts).unwrap();
            assert_eq!(
                (parts.uri.to_string().as_str(), &parts.headers[HOST]),
                (path, &HeaderValue::from_static(host)),
                "{rule}"
            );
        }
    }

    #[test]
    fn a_client_of_http_1_0_need_not_name_a_host() {
        let mut parts = parts("GET", "/", &[]);
        parts.version = Version::HTTP_10;
        resolve(&mut parts).unwrap();
        assert!(!parts.headers.contains_key(HOST));
    }

    #[test]
    fn an_invalid_request_is_refused() {
        let bad = ProxyError::BadRequest;
        let cases: [(&str, &str, &str, Fields, ProxyError); 13] = [
            (
                "RFC 9110 §9.3.6",
                "CONNECT",
                "x:443",
                &[("host", "x")],
                ProxyError::NotImplemented("this is no proxy for tunnels"),
            ),
            ("RFC 9112 §3.2: no Host", "GET", "/", &[], bad("there is no Host")),
            ("not even with a URI", "GET", "http://x/", &[], bad("there is no Host")),
            ("§3.2: two", "GET", "/", &[("host", "x"), ("host", "x")], bad("there is more than one Host")),
            ("§3.2: invalid", "GET", "/", &[("host", "x/y")], bad("the Host is none")),
            ("a user in it", "GET", "/", &[("host", "me@x")], bad("the Host is none")),
            ("an empty one", "GET", "/", &[("host", "")], bad("the Host is none")),
            ("two in one", "GET", "/", &[("host", "x, y")], bad("the Host is none")),
            ("RFC 9110 §4.2.4", "GET", "http://me@x/", &[("host", "x")], bad("the URI has a user")),
            ("RFC 9110 §7.4", "GET", "https://x/", &[("host", "x")], ProxyError::Misdirected),
            (
                "RFC 9112 §6.1",
                "PUT",
                "/",
                &[("host", "x"), ("transfer-encoding", "gzip, chunked")],
                ProxyError::NotImplemented("no transfer coding but chunked is understood"),
            ),
            (
                "RFC 9112 §6.1: in lines of their own",
                "PUT",
                "/",
                &[("host", "x"), ("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
                ProxyError::NotImplemented("no transfer coding but chunked is understood"),
            ),
            (
                "RFC 9110 §10.1.1",
                "PUT",
                "/",
                &[("host", "x"), ("expect", "wonders")],
                ProxyError::Expectation,
            ),
        ];
        for (rule, method, uri, fields, refused) in cases {
            assert_eq!(resolve(&mut parts(method, uri, fields)), Err(refused), "{rule}");
        }
    }
}
