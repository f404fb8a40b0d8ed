//! Cookies: every cookie that a handler may read is recognized. The `cookie` crate is the
//! reference, with and without decoding.
#![no_main]

use cookie::Cookie;
use http::HeaderMap;
use http::header::COOKIE;
use larder_core::key::buf::KeyBuf;
use larder_core::key::cookies::names_and_values;
use larder_fuzz::field;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (&[u8], &[u8])| {
    let (one, other) = (field(&COOKIE, data.0), field(&COOKIE, data.1));
    for (name, _) in read(&one, |line| Cookie::split_parse(line).collect()) {
        let seen = names_and_values(&one).any(|(seen, _)| seen == name.as_bytes());
        assert!(seen, "{name:?} is a cookie of {one:?}");
    }
    // Two requests with the same key are equal to every handler that reads this cookie.
    for name in ["a", "theme", "a b", "%61"] {
        if key(name, &one) == key(name, &other) {
            let plain = |headers| values(name, read(headers, |line| Cookie::split_parse(line).collect()));
            let decoded =
                |headers| values(name, read(headers, |line| Cookie::split_parse_encoded(line).collect()));
            assert_eq!(plain(&one), plain(&other), "{name}");
            assert_eq!(decoded(&one), decoded(&other), "{name}, decoded");
        }
    }
});

fn key(name: &str, request: &HeaderMap) -> Option<String> {
    let mut key = KeyBuf::new();
    key.cookie(name, request);
    key.as_str().map(str::to_owned)
}

type Read<'a> = Vec<Result<Cookie<'a>, cookie::ParseError>>;

/// Reads the cookies like a handler: only from lines that are text.
fn read<'a>(request: &'a HeaderMap, parse: impl Fn(&'a str) -> Read<'a>) -> Vec<(String, String)> {
    let lines = request.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let cookies = lines.flat_map(parse).flatten();
    cookies.map(|cookie| (cookie.name().to_owned(), cookie.value().to_owned())).collect()
}

fn values(name: &str, cookies: Vec<(String, String)>) -> Vec<String> {
    cookies.into_iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
}
