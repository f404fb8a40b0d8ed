//! Fields for one connection, which are not forwarded (RFC 9110 §7.6.1).

use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const PROXY_AUTHENTICATION_INFO: HeaderName = HeaderName::from_static("proxy-authentication-info");

/// "Intermediaries SHOULD remove or replace fields that are known to require removal before
/// forwarding, whether or not they appear as a connection-option". This includes `TE` and
/// `Transfer-Encoding`, which are handled elsewhere.
const KNOWN: [HeaderName; 4] = [CONNECTION, PROXY_CONNECTION, KEEP_ALIVE, UPGRADE];

/// Fields that decide what a message is and where it ends. A peer cannot remove them by listing
/// them.
const OF_THE_MESSAGE: [HeaderName; 3] = [HOST, CONTENT_LENGTH, TRANSFER_ENCODING];

/// Removes the fields that are not for the origin. `Transfer-Encoding` stays until the request is
/// sent, because it announces a body to the cache.
///
/// RFC 9110 §10.1.4: only the `trailers` of `TE` stays, because trailers are forwarded.
///
/// RFC 9110 §11.7.2: `Proxy-Authorization` is for the proxy that asked for it. No proxy behind this
/// one can have asked.
pub(crate) fn strip_request(fields: &mut HeaderMap) {
    let trailers = names(fields, &TE).any(|coding| coding.eq_ignore_ascii_case("trailers"));
    strip(fields);
    fields.remove(TE);
    fields.remove(PROXY_AUTHORIZATION);
    if trailers {
        fields.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Removes the fields that are not for the client.
///
/// RFC 9110 §11.7.1: `Proxy-Authenticate` "applies only to the next outbound client on the response
/// chain". For the origin, this proxy is that client.
pub(crate) fn strip_response(fields: &mut HeaderMap) {
    strip(fields);
    for name in [TE, TRANSFER_ENCODING, PROXY_AUTHENTICATE, PROXY_AUTHENTICATION_INFO] {
        fields.remove(name);
    }
}

/// "Intermediaries MUST parse a received Connection header field before a message is forwarded and,
/// for each connection-option in this field, remove any header or trailer field(s) from the message
/// with the same name as the connection-option, and then remove the Connection header field
/// itself".
fn strip(fields: &mut HeaderMap) {
    let listed: Vec<HeaderName> = names(fields, &CONNECTION).filter_map(|name| name.parse().ok()).collect();
    for name in listed.iter().filter(|name| !OF_THE_MESSAGE.contains(name)).chain(&KNOWN) {
        fields.remove(name);
    }
}

/// Returns the items in the lines of a field, without parameters.
fn names<'a>(fields: &'a HeaderMap, field: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = fields.get_all(field).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|item| item.split(';').next().unwrap_or_default().trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Fields = &'static [(&'static str, &'static str)];

    fn map(fields: Fields) -> HeaderMap {
        fields.iter().map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn check(cases: &[(&str, Fields, Fields)], strip: fn(&mut HeaderMap)) {
        for &(rule, received, forwarded) in cases {
            let mut fields = map(received);
            strip(&mut fields);
            assert_eq!(fields, map(forwarded), "{rule}");
        }
    }

    /// Cases for both directions.
    const CASES: [(&str, Fields, Fields); 7] = [
        ("§7.6.1: the field itself", &[("connection", "close"), ("a", "1")], &[("a", "1")]),
        (
            "§7.6.1: each option, in any case, over several lines",
            &[
                ("connection", "A, ,b"),
                ("connection", "x-C"),
                ("a", "1"),
                ("b", "2"),
                ("x-c", "3"),
                ("d", "4"),
            ],
            &[("d", "4")],
        ),
        ("§7.6.1: all fields of that name", &[("connection", "a"), ("a", "1"), ("a", "2")], &[]),
        (
            "§7.6.1: the known ones, whether or not they are listed",
            &[("keep-alive", "timeout=5"), ("proxy-connection", "x"), ("upgrade", "websocket"), ("a", "1")],
            &[("a", "1")],
        ),
        (
            "§7.6.1: options need not have a field, and what is no name has none",
            &[("connection", "close, (, a b"), ("a", "1")],
            &[("a", "1")],
        ),
        (
            "a field that stands for the message cannot be listed away",
            &[("connection", "host, content-length"), ("host", "x"), ("content-length", "3")],
            &[("host", "x"), ("content-length", "3")],
        ),
        ("§6.6.2: Trailer is for all recipients", &[("trailer", "a")], &[("trailer", "a")]),
    ];

    #[test]
    fn connection_fields_are_removed() {
        check(&CASES, strip_request);
        check(&CASES, strip_response);
    }

    #[test]
    fn of_a_request() {
        let cases: [(&str, Fields, Fields); 5] = [
            (
                "§10.1.4: trailers are kept",
                &[("te", "trailers"), ("connection", "te")],
                &[("te", "trailers")],
            ),
            ("§10.1.4: codings are not", &[("te", "gzip;q=0.5, Trailers;q=1")], &[("te", "trailers")]),
            ("§10.1.4: nothing is left of codings alone", &[("te", "deflate")], &[]),
            ("§11.7.2: credentials for this proxy", &[("proxy-authorization", "Basic eA==")], &[]),
            (
                "the body is still announced",
                &[("transfer-encoding", "chunked"), ("connection", "transfer-encoding")],
                &[("transfer-encoding", "chunked")],
            ),
        ];
        check(&cases, strip_request);
    }

    #[test]
    fn of_a_response() {
        let cases: [(&str, Fields, Fields); 3] = [
            ("RFC 9112 §6.1: hyper makes its own", &[("transfer-encoding", "chunked")], &[]),
            ("§10.1.4", &[("te", "trailers")], &[]),
            (
                "§11.7.1, §11.7.3",
                &[
                    ("proxy-authenticate", "Basic"),
                    ("proxy-authentication-info", "x"),
                    ("www-authenticate", "Basic"),
                ],
                &[("www-authenticate", "Basic")],
            ),
        ];
        check(&cases, strip_response);
    }
}
