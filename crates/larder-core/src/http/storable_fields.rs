//! The header fields that are stored (RFC 9111 §3.1).

use http::header::{
    AGE, CONNECTION, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::cache_control::ResponseDirectives;
use super::list::members;

/// The fields that are never stored.
///
/// These are the fields about the connection (RFC 9110 §7.6.1) and those about a proxy (RFC 9111
/// §3.1). `Age` is kept as a number and written again for every use. `Trailer` announces trailers,
/// which are not stored.
const UNSTORABLE: [HeaderName; 11] = [
    AGE,
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-authentication-info"),
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes the fields that must not be stored, according to the response itself.
///
/// RFC 9111 §5.2.2.4, on `no-cache` with an argument: "a cache MAY use the response to satisfy a
/// subsequent request […] if the listed header fields are excluded from the subsequent response". A
/// field that is not stored is excluded from it.
///
/// RFC 9111 §5.2.2.7, on `private` with an argument: "a shared cache MUST NOT store the listed
/// header fields".
pub fn remove_listed(headers: &mut HeaderMap, directives: &ResponseDirectives) {
    for name in directives.unstorable() {
        headers.remove(name);
    }
}

/// Removes the fields that are never stored, including those that `Connection` lists.
pub fn remove_unstorable(headers: &mut HeaderMap) {
    for name in listed_in_connection(headers).iter().chain(&UNSTORABLE) {
        headers.remove(name);
    }
}

fn listed_in_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| members(line.as_bytes()))
        .filter_map(|member| HeaderName::from_bytes(member).ok())
        .collect()
}

/// Estimates how many bytes of memory these fields take.
#[must_use]
pub fn weight(headers: &HeaderMap) -> usize {
    /// The bytes of a field's hash and links, which are stored beside its name and value.
    const BESIDE: usize = 32;
    /// The bytes of the links of a further line, which are stored beside its value.
    const LINKS: usize = 32;
    /// The bytes of the map's index for each unit of capacity. The index is never quite full.
    const INDEX: usize = 6;
    /// The bytes that a text takes besides itself: its reference count, and what the allocator adds
    /// to both.
    const TEXT: usize = 56;
    let entry = size_of::<HeaderName>() + size_of::<HeaderValue>() + BESIDE;
    let lines = headers.len() - headers.keys_len();
    let names: usize = headers.keys().map(|name| name.as_str().len()).sum();
    let values: usize = headers.values().map(|value| value.len() + TEXT).sum();
    size_of::<HeaderMap>()
        + headers.capacity() * INDEX
        + headers.keys_len() * entry
        + lines * (size_of::<HeaderValue>() + LINKS)
        + names
        + values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    /// RFC 9111 §3.1, RFC 9110 §7.6.1.
    #[test]
    fn fields_of_the_connection_and_of_proxies_are_not_stored() {
        let mut headers = fields(&[
            ("age", "1"),
            ("connection", "close, X-A"),
            ("connection", "x-b,, not a name"),
            ("x-a", "1"),
            ("x-b", "2"),
            ("x-c", "3"),
            ("keep-alive", "timeout=5"),
            ("proxy-authenticate", "Basic"),
            ("proxy-authentication-info", "a"),
            ("proxy-authorization", "b"),
            ("proxy-connection", "close"),
            ("te", "trailers"),
            ("trailer", "x-d"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("cache-status", "cdn; hit"),
            ("content-length", "5"),
            ("www-authenticate", "Basic"),
        ]);
        remove_unstorable(&mut headers);
        let expected = fields(&[
            ("x-c", "3"),
            ("cache-status", "cdn; hit"),
            ("content-length", "5"),
            ("www-authenticate", "Basic"),
        ]);
        assert_eq!(headers, expected);
    }

    /// RFC 9111 §3.1, §5.2.2.4, §5.2.2.7.
    #[test]
    fn fields_that_no_cache_and_private_list_are_not_stored() {
        let mut headers = fields(&[
            ("cache-control", "no-cache=\"X-A, x-b\", max-age=9"),
            ("cache-control", "private=X-C"),
            ("x-a", "1"),
            ("x-a", "2"),
            ("x-b", "3"),
            ("x-c", "4"),
            ("x-d", "5"),
        ]);
        let directives = ResponseDirectives::parse(&headers);
        remove_listed(&mut headers, &directives);
        let names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!(names, ["cache-control", "x-d"]);
    }

    #[test]
    fn a_weight_grows_with_names_values_and_lines() {
        let few = weight(&fields(&[("x-a", "1")]));
        let longer = weight(&fields(&[("x-a", &"1".repeat(1000))]));
        let more: Vec<_> = vec![("x-a", "1"); 100];
        assert!(longer - few == 999);
        assert!(weight(&fields(&more)) > few + 99 * 4);
        assert!(weight(&HeaderMap::new()) < few);
    }
}
