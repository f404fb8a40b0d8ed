use http::{HeaderMap, HeaderName, HeaderValue, header};
use proptest::prelude::*;

use super::*;
use crate::key::buf::KeyBuf;
use crate::key::query::QueryRules;

/// Returns the text with `#` in place of each digest.
fn shape(text: &str) -> String {
    let mut parts = text.split(MARK);
    let mut shape = parts.next().unwrap().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at(DIGITS);
        assert!(is_digest(&format!("{MARK}{digits}")), "{text}");
        shape.push('#');
        shape.push_str(rest);
    }
    shape
}

#[test]
fn a_key_shows_all_but_credentials() {
    let cases = [
        // No credentials.
        ("u|http|a.example|/x", "u|http|a.example|/x"),
        ("u|https|a:81|/x|?page=1", "u|https|a:81|/x|?page=1"),
        ("u|http||/p|?c|n|-utm|h|accept-language=en", "u|http||/p|?c|n|-utm|h|accept-language=en"),
        ("k|user:42", "k|user:42"),
        ("k|p|?h=1", "k|p|?h=1"),
        ("v|product|42", "v|product|42"),
        ("v|p|c|x=1", "v|p|c|x=1"),
        // Header fields.
        ("k|t|h|accept-language=en,^20de|=fr", "k|t|h|accept-language=en,^20de|=fr"),
        ("k|t|h|sec-ch-ua-mobile=?0", "k|t|h|sec-ch-ua-mobile=?0"),
        ("k|t|h|authorization=Bearer^20x", "k|t|h|authorization=#"),
        ("k|t|h|x-tenant=acme|=other|h|accept=a", "k|t|h|x-tenant=#|h|accept=a"),
        ("k|t|h|x-tenant", "k|t|h|x-tenant"),
        ("k|t|h|x-tenant=", "k|t|h|x-tenant=#"),
        // Cookies.
        ("k|t|c|sid", "k|t|c|sid"),
        ("k|t|c|sid=x", "k|t|c|sid=#"),
        ("k|t|c|sid=x|=y|c|b=1|p|7", "k|t|c|sid=#|c|b=#|p|#"),
        ("k|t|c|sid|%73id=x|p|7", "k|t|c|sid=#|p|#"),
        ("k|t|c|sid||sid=x|c|b", "k|t|c|sid=#|c|b"),
        ("k|t|c|a^3Db=x", "k|t|c|a^3Db=#"),
        // Partitions.
        ("u|http|h|/c|p|user7", "u|http|h|/c|p|#"),
        ("u|http|p|/|p|", "u|http|p|/|p|#"),
        // Parameters of the query.
        ("u|http|h|/|?a=1&access_token=x&b=2", "u|http|h|/|?a=1&access_token=#&b=2"),
        ("u|http|h|/|?A=1;ToKeN=x;b", "u|http|h|/|?A=1;ToKeN=#;b"),
        ("u|http|h|/|?%74oken=x", "u|http|h|/|?%74oken=#"),
        (
            "u|http|h|/|?X-Amz-Signature=x&X-Amz-Credential=y",
            "u|http|h|/|?X-Amz-Signature=#&X-Amz-Credential=#",
        ),
        ("u|http|h|/|?tokens=1&token", "u|http|h|/|?tokens=1&token"),
        // A part that no key has.
        ("k|t|x|secret", "k|t|#"),
        ("k|t|", "k|t|#"),
        // No keys.
        ("", ""),
        ("user:42", "user:42"),
        ("u|x", "u|x"),
        ("k", "k"),
    ];
    for (key, expected) in cases {
        let shown = redact(key);
        assert_eq!(shape(&shown), expected, "{key}");
        assert_eq!(redact(&shown), shown, "{key} is redacted once");
        assert_eq!(is_redacted(&shown), shape(&shown) != *shown, "{key}");
    }
}

#[test]
fn a_query_parameter_begins_after_the_question_mark() {
    assert_eq!(shape(&redact("u|http|h|/|?token=x")), "u|http|h|/|?token=#");
    assert_eq!(shape(&redact_uri("//h/a?token=x&y=1")), "//h/a?token=#&y=1");
    assert_eq!(redact_uri("/a?y=1"), "/a?y=1");
    assert_eq!(redact_uri("/token=x"), "/token=x");
}

#[test]
fn equal_values_have_equal_digests_and_others_do_not() {
    let of = |value: &str| redact(&format!("k|t|p|{value}")).into_owned();
    assert_eq!(of("a"), of("a"));
    assert_ne!(of("a"), of("b"));
    assert_eq!(of("a"), "k|t|p|^#e6c632b6");
}

#[test]
fn a_field_is_shown_if_it_tells_no_one_apart() {
    for (name, is_shown) in [
        ("accept-encoding", true),
        ("user-agent", true),
        ("sec-fetch-mode", true),
        ("cookie", false),
        ("authorization", false),
        ("proxy-authorization", false),
        ("x-api-key", false),
        ("x-user", false),
    ] {
        assert_eq!(redact_field(name, "v") == "v", is_shown, "{name}");
        assert_eq!(redact_field(name, ""), "", "{name}");
    }
}

fn request(field: &str, cookies: &[String]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append(HeaderName::from_static("x-secret"), HeaderValue::from_str(field).unwrap());
    for cookie in cookies {
        headers.append(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
    }
    headers
}

proptest! {
    /// Whatever a client sends, no credential of it is in the redacted key.
    #[test]
    fn no_key_shows_a_secret(
        path in "/[a-z|?=^]{0,6}",
        query in "[a-z|&=;]{0,8}",
        field in "[hcpn|=?]{0,4}SECRET[|=&]{0,3}",
        cookies in proptest::collection::vec("(sid|%73id| sid )=[hcp|=]{0,3}SECRET[|=&]{0,2}(; x=SECRET)?", 0..3),
        partition in "[hcpn|=?]{0,4}SECRET[|=]{0,3}",
    ) {
        let headers = request(&field, &cookies);
        let mut key = KeyBuf::new();
        key.uri("http", "shop.example", &path);
        key.query(&QueryRules::all(), Some(&query));
        key.header(&HeaderName::from_static("x-secret"), &headers);
        key.header(&header::ACCEPT, &headers);
        key.cookie("sid", &headers);
        key.cookie("other", &headers);
        key.partition(&partition);
        let key = key.as_str().unwrap();
        let shown = redact(key);
        prop_assert!(key.contains("SECRET"));
        prop_assert!(!shown.contains("SECRET"), "{} became {}", key, shown);
        prop_assert!(shown.contains("|h|accept|c|sid"), "{}", shown);
        prop_assert_eq!(redact(&shown), &*shown);
    }
}
