//! Whether a response may be coded.

use http::header::{CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, StatusCode};

use crate::http::cache_control::is_no_transform;

/// Minimum size of a body that is coded, in bytes.
///
/// With its head, a smaller response fits into one packet, so coding it saves no time. tower-http
/// codes from 32 bytes on. But a coding that is kept takes about a kilobyte of memory besides its
/// body.
pub const MIN_BODY: usize = 1024;

/// Maximum size of a body that is coded, in bytes.
///
/// It takes a core some tenths of a second.
pub const MAX_BODY: usize = 8 * 1024 * 1024;

/// The fields that state a digest or a signature of the bytes that the handler sent.
///
/// RFC 9530 §3 and RFC 1864: a digest is of the coded representation. RFC 9421: a signature may
/// cover any field. Only the handler can make another.
const INTEGRITY: [HeaderName; 5] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
    HeaderName::from_static("signature-input"),
];

/// Whether a response with this head may be coded. `size` is that of its body, if it is known.
///
/// Only a 200 may: a 206 has a part of a representation, and errors are small. A response that has
/// a content coding is left as it is, and so is one with `no-transform` (RFC 9111 §5.2.2.6).
#[must_use]
pub fn is_codable(status: StatusCode, headers: &HeaderMap, size: Option<usize>) -> bool {
    status == StatusCode::OK
        && size.is_none_or(|size| (MIN_BODY..=MAX_BODY).contains(&size))
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key(CONTENT_RANGE)
        && !INTEGRITY.iter().any(|name| headers.contains_key(name))
        && has_codable_type(headers)
        && !is_no_transform(headers)
}

/// Whether a coding makes bodies of this media type smaller.
///
/// These are the types of `DefaultPredicate` in tower-http, and further ones with a compression of
/// their own. A stream of events has no end, so it is never stored either.
fn has_codable_type(headers: &HeaderMap) -> bool {
    let text = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let starts = |prefix: &str| {
        text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    CODABLE.iter().any(|prefix| starts(prefix)) || !COMPRESSED.iter().any(|prefix| starts(prefix))
}

/// The exceptions from [`COMPRESSED`].
const CODABLE: [&str; 2] = ["image/svg+xml", "application/grpc-web"];
const COMPRESSED: [&str; 9] = [
    "application/grpc",
    "application/gzip",
    "application/zip",
    "application/zstd",
    "audio/",
    "font/woff",
    "image/",
    "text/event-stream",
    "video/",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    #[test]
    fn media_types_are_those_of_tower_http_and_some_more() {
        for (text, expected) in [
            ("application/json", true),
            ("text/html; charset=utf-8", true),
            ("image/svg+xml", true),
            ("Image/SVG+XML; charset=utf-8", true),
            ("image/png", false),
            ("IMAGE/PNG", false),
            ("application/grpc", false),
            ("application/grpc+proto", false),
            ("application/grpc-web", true),
            ("text/event-stream", false),
            ("video/mp4", false),
            ("font/woff2", false),
            ("font/ttf", true),
            ("application/wasm", true),
            ("", true),
        ] {
            let is = is_codable(StatusCode::OK, &fields(&[("content-type", text)]), Some(MIN_BODY));
            assert_eq!(is, expected, "{text}");
        }
        assert!(is_codable(StatusCode::OK, &HeaderMap::new(), None));
    }

    #[test]
    fn only_whole_responses_that_may_be_changed_are_coded() {
        for (name, value, expected) in [
            ("content-encoding", "gzip", false),
            ("content-encoding", "identity", false),
            ("content-range", "bytes 0-9/10", false),
            ("cache-control", "max-age=60, No-Transform", false),
            ("cache-control", "max-age=60", true),
            ("cache-control", "no-transform=1", false),
            ("repr-digest", "sha-256=:AA==:", false),
            ("content-digest", "sha-256=:AA==:", false),
            ("content-md5", "x", false),
            ("signature-input", "x", false),
            ("etag", "\"1\"", true),
        ] {
            assert_eq!(
                is_codable(StatusCode::OK, &fields(&[(name, value)]), None),
                expected,
                "{name}: {value}"
            );
        }
        for status in [StatusCode::PARTIAL_CONTENT, StatusCode::NOT_FOUND, StatusCode::NO_CONTENT] {
            assert!(!is_codable(status, &HeaderMap::new(), None));
        }
    }

    #[test]
    fn size_has_two_limits() {
        for (size, expected) in
            [(0, false), (MIN_BODY - 1, false), (MIN_BODY, true), (MAX_BODY, true), (MAX_BODY + 1, false)]
        {
            assert_eq!(is_codable(StatusCode::OK, &HeaderMap::new(), Some(size)), expected, "{size}");
        }
    }
}
