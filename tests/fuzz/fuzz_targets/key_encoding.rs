//! Keys: the parts of a key can be decoded from it, so no two different lists of parts share a key.
#![no_main]

use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use larder_core::key::buf::{KeyBuf, LIMIT};
use larder_core::key::query::QueryRules;
use larder_fuzz::Value;
use libfuzzer_sys::fuzz_target;

#[derive(Debug, Clone, PartialEq, Arbitrary)]
enum Part {
    Uri(String, String, String),
    Query(String),
    Template(String),
    Header(Field, Vec<Vec<u8>>),
    Partition(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Arbitrary)]
enum Field {
    Accept,
    Origin,
    Host,
}

impl Field {
    const fn name(self) -> HeaderName {
        match self {
            Self::Accept => header::ACCEPT,
            Self::Origin => header::ORIGIN,
            Self::Host => HeaderName::from_static("x-forwarded-host"),
        }
    }

    fn of(name: &str) -> Self {
        [Self::Accept, Self::Origin, Self::Host]
            .into_iter()
            .find(|field| field.name() == name)
            .expect("one of them")
    }
}

fuzz_target!(|input: (Vec<Part>, Option<(String, Value)>)| {
    let (parts, cookie) = input;
    // Skips values that no request can have.
    let parts: Vec<Part> = parts.into_iter().filter(is_possible).collect();
    let mut key = KeyBuf::new();
    parts.iter().for_each(|part| write(&mut key, part));
    let encoded = key.as_str().map(str::to_owned);
    if let Some((name, Value(line))) = cookie {
        // For any cookie, the earlier parts of the key do not change, and the cookie adds no byte
        // with a special meaning.
        key.cookie(&name, &HeaderMap::from_iter([(header::COOKIE, line)]));
        if let (Some(before), Some(after)) = (&encoded, key.as_str()) {
            let added = after.strip_prefix(before.as_str()).expect("it only adds");
            assert!(added.starts_with("c|") || added.starts_with("|c|"), "{added}");
        }
    }
    for text in encoded.iter().map(String::as_str).chain(key.as_str()) {
        assert!(text.len() <= LIMIT);
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"{}".contains(&byte)), "{text}");
    }
    if let Some(encoded) = encoded.filter(|encoded| !encoded.is_empty()) {
        assert_eq!(read(&encoded), parts, "{encoded}");
    }
});

fn is_possible(part: &Part) -> bool {
    match part {
        Part::Header(_, lines) => lines.iter().all(|line| HeaderValue::from_bytes(line).is_ok()),
        _ => true,
    }
}

fn write(key: &mut KeyBuf, part: &Part) {
    match part {
        Part::Uri(scheme, authority, path) => key.uri(scheme, authority, path),
        Part::Query(query) => key.query(&QueryRules::all(), Some(query)),
        Part::Template(text) => key.template(text),
        Part::Partition(text) => key.partition(text),
        Part::Header(field, lines) => {
            let lines = lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok());
            let mut request = HeaderMap::new();
            for line in lines {
                request.append(field.name(), line);
            }
            key.header(&field.name(), &request);
        }
    }
}

fn read(key: &str) -> Vec<Part> {
    let mut pieces = key.split('|').peekable();
    let mut parts = Vec::new();
    while let Some(kind) = pieces.next() {
        let mut text = || String::from_utf8(unescaped(pieces.next().expect("a text"))).expect("UTF-8");
        parts.push(match kind {
            "u" => Part::Uri(text(), text(), text()),
            "k" => Part::Template(text()),
            "p" => Part::Partition(text()),
            "h" => {
                let first = pieces.next().expect("a name");
                let (name, value) = first.split_at(first.find('=').unwrap_or(first.len()));
                let mut lines: Vec<_> = value.strip_prefix('=').map(unescaped).into_iter().collect();
                while let Some(line) = pieces.next_if(|piece| piece.starts_with('=')) {
                    lines.push(unescaped(&line[1..]));
                }
                Part::Header(Field::of(name), lines)
            }
            query => {
                let query = query.strip_prefix('?').expect("a query");
                Part::Query(String::from_utf8(unescaped(query)).expect("UTF-8"))
            }
        });
    }
    parts
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut pieces = text.split('^');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at(2);
        bytes.push(u8::from_str_radix(digits, 16).expect("two digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    bytes
}
