use proptest::prelude::*;

use super::*;

/// RFC 3986 §6.2.2: equivalent spellings of a path become the same.
///
/// "implementations may use logic based on the definitions provided by this specification to reduce
/// the probability of false negatives".
#[test]
fn a_path_has_one_spelling() {
    for (sent, expected) in [
        ("", "/"),
        ("/", "/"),
        ("/plain/path-1_2.~", "/plain/path-1_2.~"),
        // §6.2.2.1: "the hexadecimal digits within a percent-encoding triplet […] are
        // case-insensitive".
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/a%3A", "/a%3A"),
        ("/a%3a", "/a%3A"),
        // Case has a meaning in a path.
        ("/A/a", "/A/a"),
        // §6.2.2.2: "decoding any percent-encoded octet that corresponds to an unreserved
        // character".
        ("/%7Ea", "/~a"),
        ("/%41%7a%30%2d%5F%2E", "/Az0-_."),
        // A reserved character and its encoding stay different (§2.2).
        ("/a%2Fb%2fc", "/a%2Fb%2Fc"),
        ("/%3F%23%5B%40%21%2A%2B", "/%3F%23%5B%40%21%2A%2B"),
        ("/:@!$&'()*+,;=", "/:@!$&'()*+,;="),
        // An encoded percent sign does not begin an encoding.
        ("/%257Ea", "/%257Ea"),
        // These characters are encoded in every URI.
        ("/café", "/caf%C3%A9"),
        ("/a b", "/a%20b"),
        ("/\"<>\\^`{|}[]", "/%22%3C%3E%5C%5E%60%7B%7C%7D%5B%5D"),
        ("/a?b#c", "/a%3Fb%23c"),
        ("/\0\u{7f}\n", "/%00%7F%0A"),
        ("/%", "/%25"),
        ("/%4", "/%254"),
        ("/%zz", "/%25zz"),
        ("/%%34%31", "/%2541"),
        ("/%é", "/%25%C3%A9"),
        ("*", "/*"),
        // §6.2.2.3: "URI normalizers should remove dot-segments by applying the remove_dot_segments
        // algorithm".
        ("/a/b/c/./../../g", "/a/g"),
        ("/mid/content=5/../6", "/mid/6"),
        ("/./a/.", "/a/"),
        ("/..", "/"),
        ("/a/%2e%2E/b", "/b"),
        ("/a/..%2fb", "/a/..%2Fb"),
        ("/a/...", "/a/..."),
        ("/..//x", "//x"),
        ("/a//../b", "/a/b"),
    ] {
        assert_eq!(path(sent), expected, "{sent}");
        assert_eq!(path(expected), expected, "{sent}");
    }
    assert_eq!(path_with_dots("/x/%2e%2e/%7e"), "/x/../~");
}

#[test]
fn a_query_has_one_spelling_and_its_order() {
    for (sent, expected) in [
        ("", ""),
        ("b=%7e&a=%c3%a9", "b=~&a=%C3%A9"),
        ("q=é x", "q=%C3%A9%20x"),
        ("a+b=/?:@", "a+b=/?:@"),
        ("a%26b%3D1%2B", "a%26b%3D1%2B"),
        ("../a/./b", "../a/./b"),
        ("%zz|", "%25zz%7C"),
    ] {
        assert_eq!(query(sent), expected, "{sent}");
    }
}

#[test]
fn a_host_has_one_spelling_and_no_default_port() {
    for (sent, expected) in [
        ("", ""),
        ("Shop.Example", "shop.example"),
        ("shop.example:80", "shop.example"),
        ("SHOP.example:443", "shop.example"),
        ("shop.example:", "shop.example"),
        ("shop.example:8443", "shop.example:8443"),
        ("shop.example:44380", "shop.example:44380"),
        ("[FE80::80]:443", "[fe80::80]"),
        ("[fe80::443]", "[fe80::443]"),
        ("%41.example%c3%A9", "a.example%C3%A9"),
        ("a|b{}", "a%7Cb%7B%7D"),
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("Me@shop.example:80", "me@shop.example"),
        ("a:80:443:", "a"),
    ] {
        assert_eq!(host(sent), expected, "{sent}");
        assert_eq!(host(expected), expected, "{sent}");
    }
}

#[test]
fn an_invalid_uri_is_detected() {
    for (text, expected) in [
        ("", true),
        ("/a b/é?q=%C3%a9", true),
        ("/a*%2A", true),
        ("/%", false),
        ("/%4", false),
        ("/%4g", false),
        ("/%*", false),
        ("/%é", false),
        ("/\n", false),
        ("/\u{7f}", false),
        ("/\u{85}", false),
    ] {
        assert_eq!(is_well_formed(text), expected, "{text:?}");
    }
    for (text, expected) in [
        ("shop.example", true),
        ("shop.example:8080", true),
        ("shop.example:", true),
        ("[::1]:80", true),
        ("127.0.0.1", true),
        ("%41", true),
        ("", false),
        (":80", false),
        ("a:b", false),
        ("a:1:2", false),
        ("me@shop.example", false),
        ("[::1", false),
        ("[]", false),
        ("a[", false),
        ("bücher.example", false),
        ("a b", false),
        ("a|b", false),
        ("%4", false),
    ] {
        assert_eq!(is_host(text), expected, "{text:?}");
    }
}

#[test]
fn a_normal_uri_is_not_copied() {
    assert!(matches!(path("/products/42"), Cow::Borrowed(_)));
    assert!(matches!(query("a=1&b=2"), Cow::Borrowed(_)));
    assert!(matches!(host("shop.example:80"), Cow::Borrowed("shop.example")));
}

/// Texts in which the characters with a meaning are frequent.
const ANY: &str = "(%[0-9a-fA-F]{2}|%2[eEfF]|[a-zA-Z%./?#:@&=~ {é\0-]|80|443|\\PC){0,24}";

proptest! {
    #[test]
    fn a_normal_uri_is_not_changed(text in ANY) {
        for normal in [host(&text), path(&text), path_with_dots(&text), query(&text)] {
            prop_assert!(normal.is_ascii() && is_well_formed(&normal), "{normal}");
        }
        for normalize in [host, path, path_with_dots, query] {
            let normal = normalize(&text);
            prop_assert_eq!(&normalize(&normal), &normal);
        }
        let with_dots = path_with_dots(&text);
        prop_assert_eq!(path(&with_dots), path(&text));
    }

    /// Each byte that is not reserved may be encoded, with digits in either case.
    #[test]
    fn equivalent_spellings_are_one(
        text in "[a-z/?&=é ~._-]{0,16}",
        choices in proptest::collection::vec(0..3_u8, 32),
    ) {
        let mut other = String::new();
        for (byte, choice) in text.bytes().zip(choices.into_iter().cycle()) {
            match (byte, choice) {
                (b'/' | b'?' | b'&' | b'=', _) | (0..0x80, 0) => other.push(char::from(byte)),
                (_, 1) => other.push_str(&format!("%{byte:02x}")),
                _ => other.push_str(&format!("%{byte:02X}")),
            }
        }
        prop_assert_eq!(query(&other), query(&text));
        let paths = [&text, &other].map(|text| text.replace('?', ""));
        prop_assert_eq!(path(&paths[0]), path(&paths[1]));
    }

    /// Well-formed texts that decode to different bytes have different names.
    ///
    /// A server may distinguish such texts.
    #[test]
    fn a_query_that_decodes_differently_is_another_query(
        one in "(%[0-9A-F]{2}|[a-z/?&=]){0,6}",
        other in "(%[0-9A-F]{2}|[a-z/?&=]){0,6}",
    ) {
        let decoded = |text: &str| crate::key::percent_decoded::percent(text.as_bytes()).collect::<Vec<_>>();
        if decoded(&one) != decoded(&other) {
            prop_assert_ne!(query(&one), query(&other));
        }
        let reserved = |text: &str| query(text).bytes().filter(|byte| b"/?&=".contains(byte)).collect::<Vec<_>>();
        let sent = |text: &str| text.bytes().filter(|byte| b"/?&=".contains(byte)).collect::<Vec<_>>();
        prop_assert_eq!(reserved(&one), sent(&one));
    }
}
