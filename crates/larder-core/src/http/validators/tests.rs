use super::*;
use crate::http::testing::fields;

const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

/// RFC 9110 §13.1.2, §8.8.3.2.
#[test]
fn if_none_match_compares_weakly_with_every_tag_of_every_line() {
    for (lines, stored, expected) in [
        (&[r#""a""#][..], Some(r#""a""#), true),
        (&[r#""b""#], Some(r#""a""#), false),
        (&[r#"W/"a""#], Some(r#""a""#), true),
        (&[r#""a""#], Some(r#"W/"a""#), true),
        (&[r#"W/"a""#], Some(r#"W/"a""#), true),
        (&[r#"w/"a""#], Some(r#""a""#), false),
        (&[r#""A""#], Some(r#""a""#), false),
        (&[r#""a", "b", "c""#], Some(r#""a""#), true),
        (&[r#""a","b","c""#], Some(r#""b""#), true),
        (&[r#""a", W/"b" , "c""#], Some(r#""b""#), true),
        (&[r#""a", "b", "c""#], Some(r#""c""#), true),
        (&[r#""a", "b""#], Some(r#""c""#), false),
        (&[r#""a""#, r#""b""#], Some(r#""b""#), true),
        // Inside a tag, commas and backslashes are bytes like any other.
        (&[r#""a,b""#], Some(r#""b""#), false),
        (&[r#""x", "a,b""#], Some(r#""a,b""#), true),
        (&[r#""a\", "b""#], Some(r#""b""#), true),
        (&["\"\u{fc}\""], Some("\"\u{fc}\""), true),
        (&["*"], Some(r#""a""#), true),
        (&[" * "], None, true),
        (&[r#""*""#], Some(r#""a""#), false),
        (&[r#""a""#], None, false),
        (&[""], Some(""), false),
        (&[r#"W/"#], Some(r#"W/"#), false),
        (&["a"], Some(r#""a""#), false),
        (&[r#""a"#], Some(r#""a""#), false),
    ] {
        let request: Vec<_> = lines.iter().map(|line| ("if-none-match", *line)).collect();
        let response: Vec<_> = stored.iter().map(|tag| ("etag", *tag)).collect();
        assert_eq!(not_modified(&fields(&request), &fields(&response)), expected, "{lines:?} {stored:?}");
    }
}

/// RFC 9110 §13.1.3, RFC 9111 §4.3.2.
#[test]
fn if_modified_since_compares_with_last_modified_and_with_date_in_its_absence() {
    const SINCE: &str = "if-modified-since";
    for (request, response, expected) in [
        (&[(SINCE, THEN)][..], &[("last-modified", THEN)][..], true),
        (&[(SINCE, AFTER)], &[("last-modified", THEN)], true),
        (&[(SINCE, BEFORE)], &[("last-modified", THEN)], false),
        (&[(SINCE, "Sunday, 06-Nov-94 08:49:37 GMT")], &[("last-modified", THEN)], true),
        (&[(SINCE, THEN)], &[("date", THEN)], true),
        (&[(SINCE, BEFORE)], &[("date", THEN)], false),
        (&[(SINCE, THEN)], &[("last-modified", AFTER), ("date", BEFORE)], false),
        (&[(SINCE, THEN)], &[("last-modified", "foo"), ("date", BEFORE)], false),
        (&[(SINCE, THEN)], &[], false),
        (&[(SINCE, "foo")], &[("last-modified", THEN)], false),
        (&[(SINCE, THEN), (SINCE, THEN)], &[("last-modified", THEN)], false),
        (&[], &[("last-modified", THEN), ("etag", "\"a\"")], false),
    ] {
        assert_eq!(not_modified(&fields(request), &fields(response)), expected, "{request:?} {response:?}");
    }
}

/// RFC 9110 §13.2.2: `If-Modified-Since` counts only if `If-None-Match` is not present.
#[test]
fn if_none_match_takes_precedence() {
    let response = fields(&[("etag", "\"a\""), ("last-modified", THEN)]);
    for (tag, since, expected) in [("\"a\"", BEFORE, true), ("\"b\"", AFTER, false)] {
        let request = fields(&[("if-none-match", tag), ("if-modified-since", since)]);
        assert_eq!(not_modified(&request, &response), expected, "{tag} {since}");
    }
}

#[test]
fn a_validator_is_an_entity_tag_or_a_date() {
    for (lines, expected) in [
        (&[][..], false),
        (&[("etag", "\"a\"")], true),
        (&[("etag", "W/\"a\"")], true),
        (&[("etag", " ")], false),
        (&[("last-modified", THEN)], true),
        (&[("last-modified", "0")], false),
        (&[("date", THEN)], false),
    ] {
        assert_eq!(has_validator(&fields(lines)), expected, "{lines:?}");
    }
}

/// RFC 9111 §4.3.1: the request has the stored validators, and no others.
#[test]
fn a_validating_request_has_the_stored_validators_in_place_of_its_own() {
    const TAG: (&str, &str) = ("etag", "W/\"a\"");
    const MODIFIED: (&str, &str) = ("last-modified", THEN);
    const NONE_MATCH: (&str, &str) = ("if-none-match", "W/\"a\"");
    const SINCE: (&str, &str) = ("if-modified-since", THEN);
    for (stored, own_etag, conditions) in [
        (&[TAG, MODIFIED][..], false, &[NONE_MATCH, SINCE][..]),
        (&[TAG], false, &[NONE_MATCH]),
        (&[MODIFIED], false, &[SINCE]),
        (&[TAG, MODIFIED], true, &[SINCE]),
        (&[TAG], true, &[]),
        (&[("etag", "")], false, &[]),
        (&[("last-modified", "foo")], false, &[]),
        (&[], false, &[]),
    ] {
        let mut request = fields(&[
            ("accept", "text/html"),
            ("if-none-match", "\"x\", \"y\""),
            ("if-modified-since", AFTER),
        ]);
        let mut expected = fields(conditions);
        expected.insert("accept", HeaderValue::from_static("text/html"));
        let validates = set_conditions(&mut request, &fields(stored), own_etag);
        assert_eq!(validates, !conditions.is_empty(), "{stored:?} {own_etag}");
        assert_eq!(request, expected, "{stored:?} {own_etag}");
    }
}

#[test]
fn stripping_leaves_the_conditions_of_writers() {
    let mut request = fields(&[
        ("if-none-match", "\"x\""),
        ("if-modified-since", AFTER),
        ("if-match", "\"x\""),
        ("range", "bytes=0-1"),
    ]);
    strip_conditions(&mut request);
    assert_eq!(request, fields(&[("if-match", "\"x\""), ("range", "bytes=0-1")]));
}

/// RFC 9110 §15.4.5.
#[test]
fn a_304_lacks_what_describes_the_body_and_has_all_else() {
    const REMAINS: &[(&str, &str)] = &[
        ("access-control-allow-origin", "*"),
        ("age", "1"),
        ("cache-control", "max-age=5"),
        ("content-location", "/a"),
        ("content-security-policy", "default-src 'none'"),
        ("date", THEN),
        ("expires", AFTER),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("vary", "accept"),
        ("vary", "accept-language"),
    ];
    const LEFT_OUT: &[(&str, &str)] = &[
        ("content-digest", "sha-256=:x:"),
        ("content-encoding", "gzip"),
        ("content-language", "en"),
        ("content-length", "5"),
        ("content-md5", "x"),
        ("content-range", "bytes 0-4/5"),
        ("content-type", "text/html"),
        ("repr-digest", "sha-256=:x:"),
        ("trailer", "x"),
        ("transfer-encoding", "chunked"),
    ];
    const TAG: (&str, &str) = ("etag", "\"a\"");
    const MODIFIED: (&str, &str) = ("last-modified", THEN);
    for (validators, remaining) in
        [(&[TAG, MODIFIED][..], &[TAG][..]), (&[TAG], &[TAG]), (&[MODIFIED], &[MODIFIED]), (&[], &[])]
    {
        let mut headers = fields(&[REMAINS, LEFT_OUT, validators].concat());
        strip_to_not_modified(&mut headers);
        assert_eq!(headers, fields(&[REMAINS, remaining].concat()));
    }
}

/// RFC 9110 §8.8.1: a strong validator changes with the representation.
#[test]
fn a_made_tag_differs_with_the_body_and_with_what_it_means() {
    let html: &[(&str, &str)] = &[("content-type", "text/html")];
    let tags = [
        strong_etag(&fields(html), b"a"),
        strong_etag(&fields(html), b"b"),
        strong_etag(&fields(&[]), b"a"),
        strong_etag(&fields(&[("content-type", "text/plain")]), b"a"),
        strong_etag(&fields(&[("content-encoding", "text/html")]), b"a"),
        strong_etag(&fields(&[("content-language", "text/html")]), b"a"),
        strong_etag(&fields(&[]), b"texthtml\n\n\na"),
        strong_etag(&fields(&[]), b""),
    ];
    for (index, tag) in tags.iter().enumerate() {
        let bytes = tag.as_bytes();
        assert!(bytes.len() == 34 && bytes.starts_with(b"\"") && bytes.ends_with(b"\""));
        assert!(!tags[..index].contains(tag), "{index}");
    }
    let with_others = fields(&[html, &[("date", THEN)]].concat());
    assert_eq!(strong_etag(&with_others, b"a"), tags[0]);
    let (weak, strong) = (weak_etag(&with_others, b"a"), tags[0].as_bytes());
    assert_eq!(weak.as_bytes(), [b"W/", strong].concat());
    assert!(weakly_equal(weak.as_bytes(), strong) && !is_strong(weak.as_bytes()));
}

#[test]
fn an_entity_tag_is_strong_unless_it_says_otherwise() {
    for (tag, is_strong) in [("\"a\"", true), ("W/\"a\"", false), ("", false)] {
        assert_eq!(has_strong_etag(&fields(&[("etag", tag)])), is_strong, "{tag}");
    }
    assert!(!has_strong_etag(&fields(&[("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")])));
}
