//! No bytes of a field make a rule panic.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::http::cache_control::{RequestDirectives, ResponseDirectives};
use larder_core::http::location::{self, Base};
use larder_core::http::reuse::{Candidate, reuse};
use larder_core::http::storable::{Credentials, StoreRules};
use larder_core::http::{date, freshen, groups, storable_fields, validators, vary};
use larder_core::invalidation::table::Verdict;
use larder_core::time::WallTime;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::judged;

const FIELDS: &[&str] = &[
    "cache-control",
    "pragma",
    "age",
    "date",
    "expires",
    "vary",
    "etag",
    "last-modified",
    "if-none-match",
    "if-modified-since",
    "connection",
    "set-cookie",
    "accept",
    "cookie",
    "accept-language",
    "cdn-cache-control",
    "cache-groups",
    "content-length",
];

const WORDS: &[&str] = &[
    "max-age",
    "s-maxage",
    "no-cache",
    "private",
    "max-stale",
    "stale-if-error",
    "accept",
    "\"a\"",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    "23:59:60",
];

/// Returns field values in which bytes with a meaning are frequent.
fn value() -> impl Strategy<Value = HeaderValue> {
    let byte = prop_oneof![
        3 => select(b"\"\\,=; \t*W/0123456789-:".to_vec()),
        1 => (0x20..=0xff_u8).prop_filter("DEL is no part of a value", |&byte| byte != 0x7f),
    ];
    let piece = prop_oneof![vec(byte, 0..6), select(WORDS).prop_map(|word| word.as_bytes().to_vec())];
    vec(piece, 0..8).prop_map(|pieces| HeaderValue::from_bytes(&pieces.concat()).unwrap())
}

/// Returns some lines of the fields that the rules read.
fn headers() -> impl Strategy<Value = HeaderMap> {
    vec((select(FIELDS), value()), 0..12).prop_map(|lines| {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, value);
        }
        headers
    })
}

proptest! {
    #![proptest_config(crate::cases(2000))]

    #[test]
    fn no_field_makes_any_rule_panic(request in headers(), response in headers(), body: Vec<u8>) {
        let directives = RequestDirectives::parse(&request);
        let rules = StoreRules::default();
        let stored = judged(&rules, Credentials::default(), &request, StatusCode::OK, &response);
        if let Ok(judged) = stored {
            let candidate = Candidate {
                age: judged.initial_age,
                lifetime: judged.lifetime,
                flags: judged.flags,
                verdict: Verdict::Valid,
                confirmed: true,
            };
            let _ = reuse(&candidate, Some(&directives));
        }
        let _ = validators::not_modified(&request, &response);
        let _ = validators::set_conditions(&mut request.clone(), &response, false);
        validators::strip_to_not_modified(&mut response.clone());
        let _ = (validators::strong_etag(&response, &body), validators::weak_etag(&response, &body));
        let _ = storable_fields::weight(&response);
        let _ = freshen::freshen(&mut response.clone(), &request);
        let _ = freshen::freshen_from_head(&mut response.clone(), body.len(), &request);
        storable_fields::remove_unstorable(&mut response.clone());
        for name in response.keys() {
            let targets = std::slice::from_ref(name);
            storable_fields::remove_listed(&mut response.clone(), &ResponseDirectives::of(&response, targets));
            let _ = (groups::groups(&response, name, "//a"), groups::tags(&response, name));
        }
        let _ = vary::languages::in_order(&request);
        let text = String::from_utf8_lossy(&body);
        let base = Base { authority: "a", path: "/b/c", query: Some("d") };
        let named = location::same_origin(&text, base);
        prop_assert!(named.is_none_or(|path| path.starts_with('/')));
    }

    #[test]
    fn a_request_matches_what_is_written_down_of_it(request in headers(), response in headers()) {
        let names = match vary::Vary::parse(&response) {
            vary::Vary::Fields(names) => names,
            vary::Vary::None | vary::Vary::Any => request.keys().cloned().collect(),
        };
        prop_assert!(vary::matches(&vary::selecting(&names, &request), &request));
    }

    /// A comparison with the request and a comparison of the digests give the same answer.
    #[test]
    fn requests_match_if_and_only_if_their_digests_do(
        one in vec(select(vec!["a", "A", "a,b", "a, b", "b", "", "\"a", "b\""]), 0..3),
        other in vec(select(vec!["a", "a,b", "a, b", "b", "", "\"a", "b\""]), 0..3),
        name in select(vec!["accept", "cookie", "accept-language"]),
    ) {
        let names = [HeaderName::from_static(name)];
        let request = |lines: &[&'static str]| -> HeaderMap {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(name, HeaderValue::from_static(line));
            }
            headers
        };
        let (one, other) = (request(&one), request(&other));
        let selecting = vary::selecting(&names, &one);
        let same = vary::digest(&selecting) == vary::digest(&vary::selecting(&names, &other));
        prop_assert_eq!(vary::matches(&selecting, &other), same);
    }

    #[test]
    fn every_date_is_read_as_it_was_written(seconds in 0..253_402_300_800_u64) {
        let wall = WallTime::from_unix_millis(seconds * 1000);
        prop_assert_eq!(date::parse(&date::format(wall)), Some(wall));
    }
}
