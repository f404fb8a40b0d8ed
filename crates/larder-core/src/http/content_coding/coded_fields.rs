//! The header fields of a response that is coded, or that could be.

use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, ETAG, VARY};
use http::{HeaderMap, HeaderValue};

use super::ContentCoding;
use crate::http::list::members;
use crate::http::validators::strong_etag;

/// Changes the fields of a response to those of its coded representation.
///
/// RFC 9110 §8.8.3.3: "Content codings are a property of the representation data, so a strong
/// entity tag for a content-encoded representation has to be distinct from the entity tag of an
/// unencoded representation". The tag is a digest of the coded bytes. So two bodies that different
/// versions of a codec have made have different tags.
pub fn set_coded(headers: &mut HeaderMap, coding: ContentCoding, body: &[u8]) {
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    if headers.contains_key(CONTENT_LENGTH) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    let tag = strong_etag(headers, body);
    headers.insert(ETAG, tag);
    add_vary(headers);
}

/// Adds `Vary: Accept-Encoding` to the fields of a response, unless they have it.
///
/// All representations have it, also the one without a coding.
pub fn add_vary(headers: &mut HeaderMap) {
    let varies =
        |member: &[u8]| member == b"*" || member.eq_ignore_ascii_case(ACCEPT_ENCODING.as_str().as_bytes());
    if !headers.get_all(VARY).iter().flat_map(|line| members(line.as_bytes())).any(varies) {
        headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    #[test]
    fn vary_names_the_field_once() {
        for (lines, expected) in [
            (&[][..], &["accept-encoding"][..]),
            (&["Accept-Encoding"], &["Accept-Encoding"]),
            (&["origin , accept-encoding"], &["origin , accept-encoding"]),
            (&["origin"], &["origin", "accept-encoding"]),
            (&["*"], &["*"]),
            (&["accept"], &["accept", "accept-encoding"]),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
            let mut headers = fields(&lines);
            add_vary(&mut headers);
            assert_eq!(headers.get_all(VARY).iter().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn each_coded_body_has_a_strong_tag_of_its_own() {
        let plain = fields(&[("etag", "W/\"1\""), ("content-length", "2000"), ("content-type", "text/html")]);
        let coded = |coding, body: &[u8]| {
            let mut headers = plain.clone();
            set_coded(&mut headers, coding, body);
            headers
        };
        let br = coded(ContentCoding::Br, b"coded");
        assert_eq!(
            (&br[CONTENT_ENCODING], &br[CONTENT_LENGTH], &br[VARY]),
            (
                &HeaderValue::from_static("br"),
                &HeaderValue::from_static("5"),
                &HeaderValue::from_static("accept-encoding"),
            )
        );
        let tags = [br, coded(ContentCoding::Gzip, b"coded"), coded(ContentCoding::Br, b"other")];
        let tags = tags.map(|headers| headers[ETAG].to_str().unwrap().to_owned());
        assert!(tags.iter().all(|tag| tag.starts_with('"')));
        assert!(tags[0] != tags[1] && tags[0] != tags[2]);
        let mut without_length = HeaderMap::new();
        set_coded(&mut without_length, ContentCoding::Br, b"coded");
        assert!(!without_length.contains_key(CONTENT_LENGTH), "the server states it");
    }
}
