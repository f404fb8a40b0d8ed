use http::header::{ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, COOKIE, USER_AGENT};

use super::*;
use crate::http::testing::fields;

/// RFC 9110 §12.5.5, RFC 9111 §4.1.
#[test]
fn vary_names_fields_once_and_in_order_or_says_nothing_that_helps() {
    let none: &[HeaderName] = &[];
    for (lines, expected) in [
        (&[][..], Some(none)),
        (&[""], Some(none)),
        (&[" , "], Some(none)),
        (&["accept"], Some(&[ACCEPT][..])),
        (&["Accept-Language, ACCEPT"], Some(&[ACCEPT, ACCEPT_LANGUAGE])),
        (&["accept-language", "accept,accept-language"], Some(&[ACCEPT, ACCEPT_LANGUAGE])),
        (&["*"], None),
        (&["*, *"], None),
        (&["*", "*"], None),
        (&[", *"], None),
        (&["", "*"], None),
        (&["*, accept"], None),
        (&["accept, *"], None),
        (&["accept, not a name"], None),
        (&["\"accept\""], None),
    ] {
        let headers: Vec<_> = lines.iter().map(|line| ("vary", *line)).collect();
        let expected = match expected {
            Some([]) => Vary::None,
            Some(names) => Vary::Fields(names.into()),
            None => Vary::Any,
        };
        assert_eq!(Vary::parse(&fields(&headers)), expected, "{lines:?}");
    }
}

fn lines(name: &'static str, values: &[&str]) -> HeaderMap {
    let lines: Vec<_> = values.iter().map(|value| (name, *value)).collect();
    fields(&lines)
}

/// RFC 9111 §4.1: white space and lines are normalized, but nothing that may have a meaning.
#[test]
fn two_requests_match_if_their_values_are_the_same_list() {
    for (name, stored, presented, expected) in [
        ("accept", &["1"][..], &["1"][..], true),
        ("accept", &["1"], &["2"], false),
        ("accept", &["1"], &["12"], false),
        ("accept", &["12"], &["1"], false),
        ("accept", &["1"], &[], false),
        ("accept", &[], &["1"], false),
        ("accept", &[], &[], true),
        ("accept", &[], &[""], false),
        ("accept", &[""], &[], false),
        ("accept", &[""], &[""], true),
        ("accept", &["1,2"], &["1\t, 2"], true),
        ("accept", &["1, 2"], &["1", "2"], true),
        ("accept", &["1", "2"], &["1,2"], true),
        ("accept", &["1", "2"], &["2", "1"], false),
        ("accept", &["1 2"], &["12"], false),
        ("accept", &["a;q=1"], &["a; q=1"], false),
        ("accept", &["en"], &["EN"], false),
        ("accept", &["1,"], &["1"], false),
        ("accept", &[r#""1,2""#], &[r#""1, 2""#], false),
        ("accept", &[r#""1,2" ,3"#], &[r#""1,2",3"#], true),
        ("accept-language", &["en, de"], &["eN,DE"], true),
        ("accept-language", &["EN"], &["en"], true),
        ("accept-language", &["en"], &["en-GB"], false),
        ("accept-language", &["en-GB"], &["en"], false),
        ("accept-language", &["en, de"], &["de, en"], false),
        ("cookie", &["a=1, 2"], &["a=1,2"], false),
        ("cookie", &["a=1; b=2"], &["a=1", "b=2"], true),
        ("cookie", &["a=1,b=2"], &["a=1", "b=2"], false),
        ("user-agent", &["A (like, B)"], &["A (like,B)"], false),
    ] {
        let names = [HeaderName::from_static(name)];
        let known = selecting(&names, &lines(name, stored));
        let request = lines(name, presented);
        assert_eq!(matches(&known, &request), expected, "{stored:?} {presented:?}");
        let same_digest = digest(&known) == digest(&selecting(&names, &request));
        assert_eq!(same_digest, expected, "{stored:?} {presented:?}");
        for request in [&lines(name, stored), &request] {
            let whole = digest(&selecting(&names, request));
            assert_eq!(digest_of_request(&names, request), whole, "{stored:?} {presented:?}");
        }
    }
}

#[test]
fn every_selecting_field_has_to_match() {
    let names = [ACCEPT, ACCEPT_ENCODING];
    let known = selecting(&names, &fields(&[("accept", "a"), ("accept-encoding", "gzip")]));
    for (request, expected) in [
        (&[("accept", "a"), ("accept-encoding", "gzip")][..], true),
        (&[("accept-encoding", "gzip"), ("accept", "a"), ("x", "y")], true),
        (&[("accept", "a"), ("accept-encoding", "br")], false),
        (&[("accept", "b"), ("accept-encoding", "gzip")], false),
        (&[("accept", "a")], false),
    ] {
        assert_eq!(matches(&known, &fields(request)), expected, "{request:?}");
    }
    assert!(matches(&selecting(&[], &HeaderMap::new()), &fields(&[("accept", "a")])));
}

#[test]
fn a_digest_cannot_be_had_by_moving_bytes_between_names_and_values() {
    let of =
        |names: &[HeaderName], request: &[(&'static str, &str)]| digest(&selecting(names, &fields(request)));
    let digests = [
        of(&[], &[]),
        of(&[ACCEPT], &[]),
        of(&[ACCEPT], &[("accept", "")]),
        of(&[ACCEPT], &[("accept", "a")]),
        of(&[COOKIE], &[("cookie", "a")]),
        of(&[ACCEPT, COOKIE], &[("accept", "a")]),
        of(&[ACCEPT, COOKIE], &[("cookie", "a")]),
        of(&[ACCEPT, COOKIE], &[("accept", "a"), ("cookie", "a")]),
        of(&[ACCEPT, USER_AGENT], &[("accept", "a")]),
    ];
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(digest), "{index}");
    }
}

/// The digest is part of keys, which instances of different builds share.
#[test]
fn a_digest_is_the_same_in_every_build() {
    let known = selecting(&[ACCEPT], &fields(&[("accept", "text/html, */*")]));
    assert_eq!(digest(&known), 165_280_849_988_256_895_555_811_348_661_865_614_135);
}
