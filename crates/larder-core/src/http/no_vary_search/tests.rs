use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::http::testing::fields;

fn of(value: &str) -> Option<UrlVariation> {
    UrlVariation::of(&fields(&[("no-vary-search", value)]))
}

fn as_text(value: &str) -> Option<String> {
    of(value).map(|variation| variation.as_text().to_owned())
}

/// All three tables of §5.2.1, and the rules that §5.1 adds.
#[test]
fn fields_are_read_as_the_draft_says() {
    for (value, expected) in [
        ("key-order", Some("o-")),
        ("key-order=?1", Some("o-")),
        (r#"params=("a")"#, Some("-a")),
        (r#"except=("x")"#, Some("=x")),
        ("except=()", Some("=")),
        // "(omit the header field)".
        ("params=()", None),
        ("key-order=?0", None),
        (r#"except=("x"), key-order"#, Some("o=x")),
        (r#"key-order, except=("x")"#, Some("o=x")),
        // "The following inputs are all invalid".
        (r#"key-order="not a boolean""#, None),
        (r#"params="not an inner list""#, None),
        ("params=(not-a-string)", None),
        ("params=?0", None),
        ("params=?1", None),
        (r#"params=?1, except=("x")"#, None),
        (r#"params=("a"), except=("x")"#, None),
        ("params=(), except=()", None),
        (r#"except="not an inner list""#, None),
        ("except=(not-a-string)", None),
        ("except=?1", None),
        // Earlier drafts allowed these.
        ("params", None),
        (r#"params, except=("x")"#, None),
        // One invalid part makes the whole field invalid.
        (r#"key-order, params="a""#, None),
        (r#"key-order=1, params=("a")"#, None),
        (r#"key-order=("a"), params=("a")"#, None),
        (r#"params=("a" 1)"#, None),
        (r#"params=("a" b)"#, None),
        (r#"params=("a"#, None),
        ("&", None),
        ("", None),
        // §3: "Implementations of this specification will ignore such entries".
        (r#"unknown-key, params=("a")"#, Some("-a")),
        ("unknown-key", None),
        (r#"Params=("a")"#, None),
        // "(ignoring any parameters)".
        (r#"key-order;p=1, params=("a";q "b");r="s""#, Some("o-a&b")),
        // RFC 9651 §3.2: of several members with one key, the last counts.
        (r#"params=("a"), params=("b")"#, Some("-b")),
        // The order of names and their repetition mean nothing.
        (r#"params=("b" "a" "b")"#, Some("-a&b")),
        (r#"params=("")"#, Some("-=")),
        (r#"except=("" "=" "&" " ")"#, Some("==&+&%26&%3D")),
        // §5.3.1.
        (r#"params=("%C3%A9+%E6%B0%97")"#, Some("-%C3%A9+%E6%B0%97")),
        (r#"params=("%f6" "%zz")"#, Some("-%25zz&%EF%BF%BD")),
    ] {
        assert_eq!(as_text(value).as_deref(), expected, "{value}");
    }
    assert_eq!(UrlVariation::of(&HeaderMap::new()), None);
    let lines = fields(&[("no-vary-search", "key-order"), ("no-vary-search", r#"params=("a")"#)]);
    assert_eq!(UrlVariation::of(&lines).unwrap().as_text(), "o-a");
}

#[test]
fn a_field_that_is_too_long_is_ignored() {
    let of_length = |length: usize| format!(r#"params=("{}")"#, "a".repeat(length - 11));
    assert!(of(&of_length(MAX_FIELD_LEN)).is_some());
    assert!(of(&of_length(MAX_FIELD_LEN + 1)).is_none());
    // The text form can be parsed, whatever the spelling of the field was.
    let spelled = format!(r#"params=("{}")"#, "%f6!".repeat((MAX_FIELD_LEN - 11) / 4));
    let variation = of(&spelled).unwrap();
    assert_eq!(UrlVariation::from_text(variation.as_text()), Some(variation));
}

/// The examples of §6.1, under `key-order` and under other fields.
#[test]
fn queries_are_compared_as_the_draft_says() {
    for field in ["key-order", r#"params=("nothing")"#, r#"except=("a" "b" "%C3%A9")"#] {
        let variation = of(field).unwrap();
        for (one, other, expected) in [
            (None, Some(""), true),
            (Some("a=x"), Some("%61=%78"), true),
            (Some("a=é"), Some("a=%C3%A9"), true),
            (Some("a=%f6"), Some("a=%ef%bf%bd"), true),
            (Some("a=x&&&&"), Some("a=x"), true),
            (Some("a="), Some("a"), true),
            (Some("a=%20"), Some("a= &"), true),
            (Some("a=+"), Some("a= &"), true),
            // "no Unicode normalization is performed".
            (Some("a=%C3%A9"), Some("a=e%CC%81"), false),
            (Some("a=b"), Some("a=b&a=b"), false),
            (Some("a=1&a=2"), Some("a=2&a=1"), false),
            (Some("a=%3D"), Some("a=="), true),
            (Some("a=%26b"), Some("a=&b"), false),
            (Some("a=+"), Some("a=%2B"), false),
            (Some("a=1&b=2"), Some("b=2&a=1"), field == "key-order"),
            (Some("A=1"), Some("a=1"), false),
        ] {
            let is_same = variation.canonical(one) == variation.canonical(other);
            assert_eq!(is_same, expected, "{one:?} and {other:?} under {field}");
        }
    }
    // §5.3.1.
    let ignoring = of(r#"params=("%C3%A9+%E6%B0%97")"#).unwrap();
    for query in ["é 気=1", "é+気=2", "%C3%A9%20気=3", "%C3%A9+%E6%B0%97=4"] {
        assert_eq!(ignoring.canonical(Some(query)), None, "{query}");
    }
    assert_eq!(ignoring.canonical(Some("é=1")).as_deref(), Some("%C3%A9=1"));
    assert_eq!(of("except=()").unwrap().canonical(Some("a=1&b=2")), None);
}

/// Compares two queries by the steps of §6.
fn are_equivalent(variation: Option<&UrlVariation>, one: Option<&str>, other: Option<&str>) -> bool {
    // 2.: "If variationConfig is equivalent to the default".
    let Some(variation) = variation else { return one == other };
    let search_params = |query: Option<&str>| {
        let mut params = query.map_or_else(Vec::new, |query| pairs(query.as_bytes()));
        params.retain(|(name, _)| {
            let contains = variation.names.iter().any(|listed| **listed == **name);
            if variation.listed == Listed::NoVary { !contains } else { contains }
        });
        if !variation.by_key_order {
            // Infra: "code unit less than".
            params.sort_by(|(one, _), (other, _)| one.encode_utf16().cmp(other.encode_utf16()));
        }
        params
    };
    search_params(one) == search_params(other)
}

/// Parses a query by the steps of the application/x-www-form-urlencoded parser (URL Standard).
fn pairs(input: &[u8]) -> Vec<(String, String)> {
    let decoded = |bytes: &[u8]| {
        let bytes: Vec<u8> = bytes.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
        let mut decoded = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let digits = bytes.get(at + 1..at + 3).and_then(|digits| str::from_utf8(digits).ok());
            let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            match digits {
                Some(digits) if bytes[at] == b'%' => {
                    decoded.push(u8::from_str_radix(digits, 16).unwrap());
                    at += 3;
                }
                _ => {
                    decoded.push(bytes[at]);
                    at += 1;
                }
            }
        }
        String::from_utf8_lossy(&decoded).into_owned()
    };
    let sequences = input.split(|&byte| byte == b'&').filter(|sequence| !sequence.is_empty());
    let pair = |sequence: &[u8]| match sequence.iter().position(|&byte| byte == b'=') {
        Some(at) => (decoded(&sequence[..at]), decoded(&sequence[at + 1..])),
        None => (decoded(sequence), String::new()),
    };
    sequences.map(pair).collect()
}

fn canonical(variation: Option<&UrlVariation>, query: Option<&str>) -> Option<String> {
    variation.map_or_else(|| query.map(str::to_owned), |variation| variation.canonical(query))
}

/// Generates queries from a few characters, including the special ones.
///
/// With few characters, two queries are often equivalent.
fn query() -> impl Strategy<Value = Option<String>> {
    let piece = proptest::sample::select(vec![
        "a",
        "b",
        "&",
        "&",
        "=",
        "+",
        "%20",
        "%61",
        "%62",
        "%",
        "%F",
        "%26",
        "%3D",
        "%FF",
        "\u{fffd}",
        "é",
        "%C3",
        "%A9",
        "\u{10000}",
        "\u{e000}",
        ";",
    ]);
    proptest::option::of(vec(piece, 0..8).prop_map(|pieces| pieces.concat()))
}

fn variation() -> impl Strategy<Value = Option<UrlVariation>> {
    let name = proptest::sample::select(vec!["a", "b", "", " ", "é", "%", "\u{fffd}", "&", "\u{10000}", ";"]);
    let names = vec(name.prop_map(Box::from), 0..3);
    let listed = proptest::sample::select(vec![Listed::NoVary, Listed::Vary]);
    (listed, names, any::<bool>()).prop_map(|(listed, names, order)| UrlVariation::new(listed, names, order))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn equivalent_queries_and_no_others_have_the_same_canonical_form(
        variation in variation(),
        one in query(),
        other in query(),
    ) {
        let (one, other, variation) = (one.as_deref(), other.as_deref(), variation.as_ref());
        let are_same = canonical(variation, one) == canonical(variation, other);
        prop_assert_eq!(are_same, are_equivalent(variation, one, other));
    }

    #[test]
    fn the_canonical_form_is_a_query_that_is_equivalent_and_its_own_form(variation in variation(), query in query()) {
        let form = canonical(variation.as_ref(), query.as_deref());
        prop_assert!(are_equivalent(variation.as_ref(), query.as_deref(), form.as_deref()));
        prop_assert_eq!(canonical(variation.as_ref(), form.as_deref()), form);
    }

    #[test]
    fn a_text_is_of_one_variation_and_reads_back(one in variation(), other in variation()) {
        if let (Some(one), Some(other)) = (one, other) {
            prop_assert_eq!(one == other, one.as_text() == other.as_text());
            prop_assert_eq!(UrlVariation::from_text(one.as_text()), Some(one));
        }
    }

    #[test]
    fn no_text_is_read_that_was_not_written(text in "[o=&+%4a-]{0,8}") {
        if let Some(read) = UrlVariation::from_text(&text) {
            prop_assert_eq!(read.as_text(), text);
        }
    }

    #[test]
    fn no_field_is_a_panic(value in "[ -~]{0,40}") {
        let _ = of(&value);
    }
}
