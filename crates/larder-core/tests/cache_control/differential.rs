//! A comparison with `http-cache-semantics` ("the crate" below) as a shared cache.
//!
//! The answers are the same, apart from these cases, which [`super::given`] leaves out:
//!
//! * *Names in other cases.* The crate compares them as they stand. RFC 9111 §5.2 says
//!   "case-insensitively".
//! * *White space around `=`, quoted commas, unclosed quotes.* The crate splits at every comma and
//!   trims every part. The grammar of §5.2 allows no such white space, and a comma in a quoted
//!   string separates nothing.
//! * *One directive or `Expires` with two values.* The crate takes the first, we take none. §4.2.1
//!   allows both.
//! * *A lifetime without a value* (`max-age`). The crate goes on to the next source. We treat the
//!   lifetime as invalid, so the response is stale (§4.2.1).
//! * *More than 2³¹ seconds.* The crate has 64 bits, and reads a number that does not fit as zero.
//!   §1.2.2 says 2³¹.
//! * *Qualified `no-cache`, arguments of `public` and the like.* The crate ignores arguments. §5.2
//!   says nothing about `public=x`, and we do not treat it as a permission.
//! * *`proxy-revalidate`.* The crate makes a response stale at once. §5.2.2.8 only forbids using it
//!   after it has become stale.
//! * *`must-understand`.* The crate does not know this directive (§5.2.2.3).
//! * *`Pragma` in responses.* The crate follows RFC 7234. RFC 9111 §5.4 has given this up.
//! * *`Set-Cookie`.* Each side makes a choice, and not the same one. §7.3 leaves it open.
//! * *Heuristics.* The crate guesses from `Last-Modified` (§4.2.2). We have the policy's lifetime
//!   instead. Here both are zero.
//! * *`Age` as a list.* The crate ignores the list. §5.1 takes the first member.
//! * *`Date` and the age.* The crate knows `Age` only. §4.2.3 has the apparent age too. So
//!   lifetimes are compared at the moment of arrival and without `Age`, and ages without `Date`.
//! * *Dates of other forms.* The crate also reads the form of RFC 2822. Two kinds are compared:
//!   dates that HTTP generates (RFC 9110 §5.6.7), and texts that neither side reads as a date.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_cache_semantics::{BeforeRequest, CacheOptions, CachePolicy};
use larder_core::http::cache_control::RequestDirectives;
use larder_core::http::reuse::{Candidate, Reuse, reuse};
use larder_core::http::storable::{Credentials, StatusRules, StoreRules};
use larder_core::http::{age, date};
use larder_core::log::table::Verdict;
use larder_core::outcome::NotStored;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::given::{Head, cache_control, request, response};
use crate::{ARRIVAL, judged};

fn oracle(request: &Request<()>, head: &Head) -> CachePolicy {
    let mut response = Response::builder().status(head.status).body(()).unwrap();
    *response.headers_mut() = head.headers.clone();
    let options = CacheOptions {
        shared: true,
        cache_heuristic: 0.0,
        immutable_min_time_to_live: Duration::ZERO,
        ..CacheOptions::default()
    };
    CachePolicy::new_options(request, &response, ARRIVAL.into(), options)
}

/// Returns rules that store the same statuses as the crate when no lifetime is stated.
///
/// The crate stores other statuses (302) only with a stated lifetime. We store them if the policy
/// names them (§3, "a cache extension"). Neither side stores 206.
fn rules() -> StoreRules {
    let statuses = [301, 404, 410, 501]
        .map(|status| StatusCode::from_u16(status).unwrap())
        .into_iter()
        .fold(StatusRules::default(), |rules, status| rules.with(status, None));
    StoreRules { statuses, follow_request: true, ..StoreRules::default() }
}

fn later(seconds: u64) -> SystemTime {
    ARRIVAL.saturating_add(Duration::from_secs(seconds)).into()
}

proptest! {
    #![proptest_config(crate::cases(4000))]

    #[test]
    fn storing_and_lifetimes_agree(
        head in response().prop_filter("302", |head| head.status != StatusCode::FOUND),
        authorization: bool,
        no_store: bool,
    ) {
        let lines: &[String] = if no_store { &["no-store".to_owned()] } else { &[] };
        let request = request(lines, authorization);
        let oracle = oracle(&request, &head);
        let lifetime = oracle.time_to_live(ARRIVAL.into());

        let credentials = Credentials { authorization, ..Credentials::default() };
        let old = date::date(&head.headers).is_some_and(|date| date < ARRIVAL);
        match judged(&rules(), credentials, request.headers(), head.status, &head.headers) {
            // The crate gives no lifetime to a response that must be validated (§5.2.2.4).
            Ok(judged) if judged.flags.no_cache => prop_assert!(oracle.is_storable() && lifetime.is_zero()),
            Ok(judged) => {
                prop_assert!(oracle.is_storable());
                prop_assert_eq!(judged.lifetime.fresh, lifetime);
            }
            // The crate also stores a response that is of no use. To us the response is older, by
            // the apparent age of §4.2.3.
            Err(NotStored::NoLifetime) => prop_assert!(oracle.is_storable() && (lifetime.is_zero() || old)),
            // The crate also stores a response that matches no request (§4.1), if nothing else
            // forbids it.
            Err(NotStored::VaryStar) => prop_assert!(lifetime.is_zero()),
            Err(_) => prop_assert!(!oracle.is_storable()),
        }
    }

    #[test]
    fn ages_agree(
        age in option::of(select(vec!["0", "1", "59", "2147483648", "x", "-1", "1.5", ""])),
        stay in 0..1000_u64,
    ) {
        let head = Head::ok(age.map(|age| ("age", HeaderValue::from_static(age))));
        let initial = age::initial_age(&head.headers, ARRIVAL, ARRIVAL);
        let current = age::current_age(initial, Duration::from_secs(stay));
        prop_assert_eq!(current, oracle(&request(&[], false), &head).age(later(stay)));
    }

    /// A stale response that the request accepts (`max-stale`) is fresh to the crate.
    ///
    /// We serve such a response while it is being refreshed.
    ///
    /// Four cases are left out:
    ///
    /// * A staleness of exactly the limit in `max-stale`. The crate demands less, and §5.2.1.2 says
    ///   "no more than".
    /// * `min-fresh=0`. By §5.2.1.3 it demands that nothing is stale. To the crate it demands
    ///   nothing.
    /// * `s-maxage`. The crate then heeds only `must-revalidate`. §5.2.2.10 forbids stale use of
    ///   `s-maxage` too.
    /// * Values that are not numbers. They are left to the tables, because the crate treats
    ///   `max-stale=x` like a directive without a value.
    #[test]
    fn reuse_agrees(
        max_age in option::of(0..100_u64),
        flags in cache_control(&["public", "must-revalidate", "immutable"], &[]),
        wishes in cache_control(&["no-cache", "only-if-cached", "foo"], &["max-age", "min-fresh"]),
        max_stale in option::of(option::of(0..100_u64)),
        stay in 0..200_u64,
    ) {
        prop_assume!(!wishes.iter().any(|line| line.replace('"', "").contains("min-fresh=0")));
        prop_assume!(max_stale.flatten() != Some(stay.saturating_sub(max_age.unwrap_or(0))));
        let max_age = max_age.map(|seconds| format!("max-age={seconds}"));
        let max_stale = max_stale.map(|limit| match limit {
            Some(seconds) => format!("max-stale={seconds}"),
            None => "max-stale".to_owned(),
        });
        let lines = flags.into_iter().chain(max_age);
        let lines = lines.map(|line| ("cache-control", line.try_into().unwrap()));
        let head = Head::ok(lines.chain([("etag", HeaderValue::from_static("\"a\""))]));
        let wishes: Vec<_> = wishes.into_iter().chain(max_stale).collect();
        let second = request(&wishes, false);

        let oracle = oracle(&request(&[], false), &head);
        let expected = matches!(oracle.before_request(&second, later(stay)), BeforeRequest::Fresh(_));

        let judged = judged(&rules(), Credentials::default(), &HeaderMap::new(), head.status, &head.headers).unwrap();
        let candidate = Candidate {
            age: age::current_age(judged.initial_age, Duration::from_secs(stay)),
            lifetime: judged.lifetime,
            flags: judged.flags,
            verdict: Verdict::Valid,
            confirmed: true,
        };
        let served = match reuse(&candidate, Some(&RequestDirectives::parse(second.headers()))) {
            Reuse::Fresh { .. } => true,
            Reuse::Stale { while_revalidate, .. } => while_revalidate,
            Reuse::Refused(_) => false,
        };
        prop_assert_eq!(served, expected);
    }
}
