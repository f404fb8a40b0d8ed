//! Two requests that differ in a keyed part never share a key.
//!
//! The parts that were written can be read back from the key.

#![allow(clippy::unwrap_used)] // The whole file is tests; the lint sees only marked functions.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use larder_core::key::buf::KeyBuf;
use larder_core::key::query::QueryRules;
use larder_core::key::template::Template;
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Uri([String; 3]),
    Query(String),
    Template(String),
    Header(HeaderName, Vec<Vec<u8>>),
    Cookie(String, Vec<Vec<u8>>),
    Partition(String),
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_parts_can_be_read_back_from_the_key(parts in vec(part(), 1..6)) {
        let key = encoded(&parts);
        prop_assert!(key.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}".contains(&byte)), "{}", key);
        prop_assert_eq!(decoded(&key), parts, "{}", key);
    }

    #[test]
    fn sorting_only_moves_whole_parameters(query in "[ab&=%61+]{0,12}") {
        let mut key = KeyBuf::new();
        key.template("");
        key.query(&QueryRules::all().sorted(), Some(&query));
        let parameters = |text: &str| {
            let mut parameters: Vec<_> = text.split('&').map(str::to_owned).collect();
            parameters.sort();
            parameters
        };
        let sorted = key.as_str().unwrap().strip_prefix("k||?").unwrap();
        prop_assert_eq!(parameters(sorted), parameters(&query));
    }

    #[test]
    fn a_template_gives_different_texts_for_different_values(
        one in ["[:^3A]{0,3}", "[:^3A]{0,3}", "[:^3A]{0,3}"],
        other in ["[:^3A]{0,3}", "[:^3A]{0,3}", "[:^3A]{0,3}"],
    ) {
        for text in ["{a}:{b}:{c}", "{a}::{b}:3A{c}:"] {
            let template = Template::parse(text).unwrap();
            let render = |values: &[String; 3]| {
                let mut values = values.iter();
                template.render(|_| values.next().map(Into::into)).unwrap()
            };
            prop_assert_eq!(one == other, render(&one) == render(&other));
        }
    }
}

/// Returns texts of few characters, so that different texts are often equal.
///
/// Characters with a meaning in a key are among them.
fn nasty() -> impl Strategy<Value = String> {
    "[|^=?&;:%a7Chkpcu{} é→~\u{0}]{0,10}"
}

fn bytes(alphabet: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    vec(proptest::sample::select(alphabet), 0..4)
}

fn part() -> impl Strategy<Value = Part> {
    let field = proptest::sample::select(vec![header::ACCEPT, header::ORIGIN]);
    prop_oneof![
        [nasty(), nasty(), nasty()].prop_map(Part::Uri),
        nasty().prop_map(Part::Query),
        nasty().prop_map(Part::Template),
        (field, vec(bytes(b"|=^C ,\xff"), 0..3)).prop_map(|(name, lines)| Part::Header(name, lines)),
        ("[a|?]{1,2}", vec(bytes(b"|=^7\xff"), 0..3)).prop_map(|(name, values)| Part::Cookie(name, values)),
        nasty().prop_map(Part::Partition),
    ]
}

fn encoded(parts: &[Part]) -> String {
    let mut key = KeyBuf::new();
    for part in parts {
        match part {
            Part::Uri([scheme, authority, path]) => key.uri(scheme, authority, path),
            Part::Query(query) => key.query(&QueryRules::all(), Some(query)),
            Part::Template(text) => key.template(text),
            Part::Partition(text) => key.partition(text),
            Part::Header(name, lines) => key.header(name, &request(name, lines)),
            Part::Cookie(name, values) => {
                let pair = |value: &Vec<u8>| [name.as_bytes(), b"=", value].concat();
                let lines: Vec<_> = values.iter().map(pair).collect();
                key.cookie(name, &request(&header::COOKIE, &lines));
            }
        }
    }
    key.as_str().unwrap().to_owned()
}

fn request(name: &HeaderName, lines: &[Vec<u8>]) -> HeaderMap {
    let mut request = HeaderMap::new();
    for line in lines {
        request.append(name, HeaderValue::from_bytes(line).unwrap());
    }
    request
}

fn decoded(key: &str) -> Vec<Part> {
    let mut fields = key.split('|').peekable();
    let mut parts = Vec::new();
    while let Some(kind) = fields.next() {
        let mut text = || utf8(unescaped(fields.next().unwrap()));
        parts.push(match kind {
            "u" => Part::Uri([text(), text(), text()]),
            "k" => Part::Template(text()),
            "p" => Part::Partition(text()),
            "h" | "c" => {
                let field = fields.next().unwrap();
                let at = field.find('=').unwrap_or(field.len());
                let (name, first) = field.split_at(at);
                let mut values: Vec<_> = first.strip_prefix('=').map(unescaped).into_iter().collect();
                while let Some(field) = fields.next_if(|field| field.starts_with('=') || field.is_empty()) {
                    values.push(match field.strip_prefix('=') {
                        Some(value) => unescaped(value),
                        // This is a whole pair, out of a line that is not text.
                        None => unescaped(fields.next().unwrap())[unescaped(name).len() + 1..].to_vec(),
                    });
                }
                match kind {
                    "h" => Part::Header(name.parse().unwrap(), values),
                    _ => Part::Cookie(utf8(unescaped(name)), values),
                }
            }
            query => Part::Query(utf8(unescaped(query.strip_prefix('?').unwrap()))),
        });
    }
    parts
}

fn utf8(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((before, escape)) = rest.split_once('^') {
        bytes.extend_from_slice(before.as_bytes());
        bytes.push(u8::from_str_radix(&escape[..2], 16).unwrap());
        rest = &escape[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}
