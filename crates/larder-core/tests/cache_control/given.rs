//! Requests and responses about which both caches have an opinion.
//!
//! [`super::differential`] says what is left out, and why.

use http::{HeaderMap, HeaderValue, Request, StatusCode};
use larder_core::http::date;
use larder_core::time::Wall;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::ARRIVAL;

/// A response without its body.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
}

impl Head {
    /// Returns a 200 with these fields.
    pub(crate) fn ok(lines: impl IntoIterator<Item = (&'static str, HeaderValue)>) -> Self {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        Self { status: StatusCode::OK, headers }
    }
}

const FLAGS: &[&str] = &["no-store", "no-cache", "private", "public", "must-revalidate", "immutable", "foo"];

const STATUSES: &[u16] = &[200, 203, 204, 206, 301, 302, 404, 410, 418, 500, 501];

/// Returns a response with any of the fields that say whether and how long it may be stored.
pub(crate) fn response() -> impl Strategy<Value = Head> {
    let vary = option::weighted(0.1, Just(HeaderValue::from_static("*")));
    let etag = option::of(Just(HeaderValue::from_static("\"a\"")));
    let lines = cache_control(FLAGS, &["max-age", "s-maxage"]);
    let fields = (lines, option::of(a_date()), option::of(a_date()), vary, etag);
    (select(STATUSES), fields).prop_map(|(status, (lines, date, expires, vary, etag))| {
        let lines = lines.into_iter().map(|line| ("cache-control", line.try_into().unwrap()));
        let others = [("date", date), ("expires", expires), ("vary", vary), ("etag", etag)];
        let others = others.into_iter().filter_map(|(name, value)| Some((name, value?)));
        Head { status: StatusCode::from_u16(status).unwrap(), ..Head::ok(lines.chain(others)) }
    })
}

/// Returns a request with these lines of `Cache-Control`.
pub(crate) fn request(lines: &[String], authorization: bool) -> Request<()> {
    let mut request = Request::get("http://shop.test/").body(()).unwrap();
    for line in lines {
        request.headers_mut().append("cache-control", line.try_into().unwrap());
    }
    if authorization {
        request.headers_mut().insert("authorization", HeaderValue::from_static("x"));
    }
    request
}

/// Returns each directive at most once, in any order, over two lines.
pub(crate) fn cache_control(
    flags: &'static [&'static str],
    numbers: &'static [&'static str],
) -> impl Strategy<Value = Vec<String>> {
    let flags = subsequence(flags, 0..=2).prop_map(|flags| flags.into_iter().map(str::to_owned).collect());
    let numbers = subsequence(numbers, 0..=numbers.len()).prop_flat_map(|names| {
        names
            .into_iter()
            .map(|name| seconds().prop_map(move |value| format!("{name}={value}")))
            .collect::<Vec<_>>()
    });
    (flags, numbers)
        .prop_map(|(flags, numbers): (Vec<_>, Vec<_>)| [flags, numbers].concat())
        .prop_shuffle()
        .prop_flat_map(|directives| (0..=directives.len(), Just(directives)))
        .prop_map(|(split, directives)| {
            let (one, other) = directives.split_at(split);
            vec![one.join(", "), other.join(",")]
        })
}

/// Returns a number of seconds or an invalid one, as a token or a quoted string.
fn seconds() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        4 => (0..100_u64).prop_map(|number| number.to_string()),
        1 => (0..=1_u64 << 31).prop_map(|number| number.to_string()),
        1 => select(vec!["", "x", "-1", "1.5", "007"]).prop_map(str::to_owned),
    ];
    (number, any::<bool>()).prop_map(|(number, quoted)| if quoted { format!("\"{number}\"") } else { number })
}

/// Returns a moment near the arrival, or a text that is not a date.
fn a_date() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        6 => (-100..100_i64).prop_map(|offset| {
            let millis = ARRIVAL.unix_millis().saturating_add_signed(offset * 1000);
            date::format(Wall::from_unix_millis(millis))
        }),
        1 => select(vec!["0", "-1", "", "soon", "1994"]).prop_map(HeaderValue::from_static),
    ]
}
