//! `Cache-Control` from any bytes: parsing never panics, no lifetime exceeds the maximum, and a
//! restriction holds regardless of the rest of the field.
#![no_main]

use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::http::cache_control::{MaxStale, RequestDirectives, ResponseDirectives};
use larder_core::http::freshness::Override;
use larder_core::http::groups::{self, CACHE_GROUPS};
use larder_core::http::reuse::{Candidate, Reuse, reuse};
use larder_core::http::storable::{Credentials, Judged, StoreRules, judge};
use larder_core::log::table::Verdict;
use larder_core::outcome::NotStored;
use larder_core::time::Wall;
use larder_fuzz::fields;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 10] = [
    "cache-control",
    "cache-control",
    "cache-control",
    "pragma",
    "age",
    "date",
    "expires",
    "vary",
    "cdn-cache-control",
    "cache-groups",
];
const TARGETS: [HeaderName; 1] = [HeaderName::from_static("cdn-cache-control")];
const LONGEST: Duration = Duration::from_secs(1 << 31);

fuzz_target!(|data: (&[u8], &[u8])| {
    let (request, response) = (fields(&NAMES, data.0), fields(&NAMES, data.1));
    of_a_request(&request);
    of_a_response(&response);

    if let Ok(judged) = judged(&request, &response) {
        let candidate = Candidate {
            age: judged.initial_age,
            lifetime: judged.lifetime,
            flags: judged.flags,
            verdict: Verdict::Valid,
            confirmed: true,
        };
        let found = reuse(&candidate, Some(&RequestDirectives::parse(&request)));
        assert!(!judged.flags.no_cache || !matches!(found, Reuse::Fresh { .. }));
    }
    restrictions_hold(&request, &response);
});

fn judged(request: &HeaderMap, response: &HeaderMap) -> Result<Judged, NotStored> {
    let rules = StoreRules::default();
    let now = Wall::from_unix_millis(784_111_777_000);
    let said = Override::default();
    judge(&rules, Credentials::default(), request, StatusCode::OK, response, &said, now, now)
}

fn of_a_request(headers: &HeaderMap) {
    let read = RequestDirectives::parse(headers);
    let stale = match read.max_stale {
        Some(MaxStale::Within(limit)) => Some(limit),
        Some(MaxStale::Any) | None => None,
    };
    for time in [read.max_age, read.min_fresh, stale] {
        assert!(time <= Some(LONGEST));
    }
}

fn of_a_response(headers: &HeaderMap) {
    for read in [ResponseDirectives::parse(headers), ResponseDirectives::of(headers, &TARGETS)] {
        for time in [read.max_age, read.s_maxage, read.stale_while_revalidate, read.stale_if_error] {
            assert!(time <= Some(LONGEST));
        }
    }
    // A group belongs to its origin, regardless of its name.
    let groups = groups::groups(headers, &CACHE_GROUPS, "http://a");
    assert!(groups.iter().all(|group| group.as_str().starts_with("http://a ")));
}

/// An added line with a restriction takes effect, and no line before or after it cancels the
/// restriction.
fn restrictions_hold(request: &HeaderMap, response: &HeaderMap) {
    for (line, behind) in
        [("private", true), ("no-store", false), ("NO-Store", true), ("x, private=\"a", false)]
    {
        let all = with(response, line, behind);
        let understood = ResponseDirectives::parse(&all).must_understand;
        assert!(judged(request, &all).is_err() || understood, "{line}");
    }
    let none = ResponseDirectives::parse(&with(response, "max-age=0", true));
    assert_eq!(none.max_age, Some(Duration::ZERO));
}

fn with(headers: &HeaderMap, line: &'static str, behind: bool) -> HeaderMap {
    let mut all = HeaderMap::new();
    let line = HeaderValue::from_static(line);
    if !behind {
        all.append(CACHE_CONTROL, line.clone());
    }
    for (name, value) in headers {
        all.append(name.clone(), value.clone());
    }
    if behind {
        all.append(CACHE_CONTROL, line);
    }
    all
}
