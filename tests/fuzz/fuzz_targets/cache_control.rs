//! `Cache-Control` from any bytes: parsing never panics, no lifetime exceeds the maximum, and a
//! restriction holds regardless of the rest of the field.
#![no_main]

use std::time::Duration;

use http::header::CACHE_CONTROL;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use larder_core::http::cache_control::{MaxStale, RequestDirectives, ResponseDirectives};
use larder_core::http::freshness::LifetimeOverride;
use larder_core::http::groups::{self, CACHE_GROUPS};
use larder_core::http::reuse::{Candidate, Reuse, reuse};
use larder_core::http::storable::{Credentials, Storable, StoreRules, storable};
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::NotStored;
use larder_core::time::WallTime;
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
const MAX_LIFETIME: Duration = Duration::from_secs(1 << 31);

fuzz_target!(|data: (&[u8], &[u8])| {
    let (request, response) = (fields(&NAMES, data.0), fields(&NAMES, data.1));
    of_a_request(&request);
    of_a_response(&response);

    if let Ok(found) = storable_at_date(&request, &response) {
        let candidate = Candidate {
            age: found.initial_age,
            lifetime: found.lifetime,
            flags: found.flags,
            verdict: Verdict::Valid,
            confirmed: true,
        };
        let answer = reuse(&candidate, Some(&RequestDirectives::parse(&request)));
        assert!(!found.flags.no_cache || !matches!(answer, Reuse::Fresh { .. }));
    }
    restrictions_hold(&request, &response);
});

fn storable_at_date(request: &HeaderMap, response: &HeaderMap) -> Result<Storable, NotStored> {
    let rules = StoreRules::default();
    let now = WallTime::from_unix_millis(784_111_777_000);
    let said = LifetimeOverride::default();
    storable(&rules, Credentials::default(), request, StatusCode::OK, response, &said, now, now)
}

fn of_a_request(headers: &HeaderMap) {
    let read = RequestDirectives::parse(headers);
    let stale = match read.max_stale {
        Some(MaxStale::Within(limit)) => Some(limit),
        Some(MaxStale::Any) | None => None,
    };
    for time in [read.max_age, read.min_fresh, stale] {
        assert!(time <= Some(MAX_LIFETIME));
    }
}

fn of_a_response(headers: &HeaderMap) {
    for read in [ResponseDirectives::parse(headers), ResponseDirectives::of(headers, &TARGETS)] {
        for time in [read.max_age, read.s_maxage, read.stale_while_revalidate, read.stale_if_error] {
            assert!(time <= Some(MAX_LIFETIME));
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
        assert!(storable_at_date(request, &all).is_err() || understood, "{line}");
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
