//! Whole histories, through our rules and through `http-cache-semantics` ("the crate" below).
//!
//! Both get the same requests, answers of the origin and times, one after the other. After each
//! request both must have served it or forwarded it, with the same age or the same conditions. So
//! they go on from the same state.
//!
//! Cases that [`super::differential`] leaves out are left out here too. The two also differ here:
//!
//! * *Statuses that are not in a list.* The crate never stores 499 or 599. We store them if they
//!   state a lifetime: RFC 9111 §3 demands that the status is understood only with
//!   `must-understand`.
//! * *`no-cache` or `s-maxage` in the response, `max-stale` in the request.* The crate serves both
//!   stale. §5.2.2.4 and §5.2.2.10 forbid it. No history has both.
//! * *Fields that a 304 brings and the stored response does not have.* The crate leaves them out,
//!   as RFC 2616 did. §3.2: "the cache MUST add each header field in the provided response". Here a
//!   304 has the fields of the response that it confirms.
//! * *Several lines of one field in a 304.* The crate takes the first alone. §3.2 speaks of field
//!   values, which are made of all lines (RFC 9110 §5.3).
//! * *A response that is stale at once and has no validator.* The crate stores it, for `max-stale`.
//!   We store it if it may be served stale for another reason, too, which is the case here.

use std::time::{Duration, SystemTime};

use http::header::{
    AUTHORIZATION, CACHE_CONTROL, DATE, ETAG, EXPIRES, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, VARY,
};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_cache_semantics::{AfterResponse, BeforeRequest, CacheOptions, CachePolicy};
use larder_core::http::cache_control::{RequestDirectives, ResponseDirectives};
use larder_core::http::freshness::Lifetime;
use larder_core::http::heuristic::{self, Heuristic};
use larder_core::http::reuse::{Candidate, Reuse, reuse};
use larder_core::http::storable::{Credentials, StatusRules, Storable, StoreRules};
use larder_core::http::vary::{self, SelectingFields, Vary};
use larder_core::http::{age, date, freshen, validators};
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::NotStored;
use larder_core::time::WallTime;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::{ARRIVAL, judged_at};

/// The decision about a request before the origin is asked.
#[derive(Debug, PartialEq)]
enum Decision {
    Served { age: u64, answer: usize },
    Asked { etag: Option<HeaderValue>, modified: Option<HeaderValue> },
}

impl Decision {
    fn asked(headers: &HeaderMap) -> Self {
        Self::Asked {
            etag: headers.get(IF_NONE_MATCH).cloned(),
            modified: headers.get(IF_MODIFIED_SINCE).cloned(),
        }
    }
}

/// A request, the time at which it comes, and the origin's answer at that time.
#[derive(Debug, Clone)]
struct Step {
    wait: u64,
    request: HeaderMap,
    status: StatusCode,
    answer: Answer,
    /// Whether the origin confirms that the stored response has not changed, if it is asked.
    confirms: bool,
}

#[derive(Debug, Clone)]
struct Answer {
    cache_control: String,
    expires_in: Option<i64>,
    modified_before: Option<i64>,
    etag: Option<&'static str>,
    vary: Option<&'static str>,
}

impl Answer {
    fn headers(&self, now: WallTime) -> HeaderMap {
        let at = |offset: i64| {
            date::format(WallTime::from_unix_millis(now.unix_millis().saturating_add_signed(offset * 1000)))
        };
        let mut headers = HeaderMap::from_iter([(DATE, at(0))]);
        if !self.cache_control.is_empty() {
            headers.insert(CACHE_CONTROL, self.cache_control.as_str().try_into().unwrap());
        }
        let others = [
            (EXPIRES, self.expires_in.map(at)),
            (LAST_MODIFIED, self.modified_before.map(|before| at(-before))),
            (ETAG, self.etag.map(HeaderValue::from_static)),
            (VARY, self.vary.map(HeaderValue::from_static)),
        ];
        headers.extend(others.into_iter().filter_map(|(name, value)| Some((name, value?))));
        headers
    }
}

/// Our rules, as a cache of one response.
struct Ours {
    rules: StoreRules,
    stored: Option<Stored>,
}

struct Stored {
    status: StatusCode,
    headers: HeaderMap,
    selecting: SelectingFields,
    judged: Storable,
    since: WallTime,
    answer: usize,
}

impl Ours {
    fn new() -> Self {
        let if_error = Duration::from_secs(1 << 20);
        let rules = StoreRules {
            lifetime: Lifetime { if_error, ..Lifetime::default() },
            statuses: StatusRules::every_final(),
            require_explicit: true,
            heuristic: Some(Heuristic::up_to(Duration::from_secs(24 * 60 * 60))),
            honor_request: true,
            ..StoreRules::default()
        };
        Self { rules, stored: None }
    }

    fn decide(&self, request: &HeaderMap, now: WallTime) -> (Decision, HeaderMap) {
        let mut forwarded = request.clone();
        if let Some(stored) = self.stored.as_ref().filter(|stored| vary::matches(&stored.selecting, request))
        {
            let current = age::current_age(stored.judged.initial_age, now.saturating_since(stored.since));
            let Storable { lifetime, flags, .. } = stored.judged;
            let candidate =
                Candidate { age: current, lifetime, flags, verdict: Verdict::Valid, confirmed: true };
            let found = reuse(&candidate, Some(&RequestDirectives::parse(request)));
            if matches!(found, Reuse::Fresh { .. } | Reuse::Stale { while_revalidate: true, .. }) {
                return (Decision::Served { age: current.as_secs(), answer: stored.answer }, forwarded);
            }
            validators::set_conditions(&mut forwarded, &stored.headers, false);
        }
        (Decision::asked(&forwarded), forwarded)
    }

    fn answered(
        &mut self,
        request: &HeaderMap,
        status: StatusCode,
        headers: &HeaderMap,
        now: WallTime,
        answer: usize,
    ) {
        let matched = self.stored.take_if(|stored| vary::matches(&stored.selecting, request));
        let (status, headers, answer) = match matched {
            Some(mut stored) if status == StatusCode::NOT_MODIFIED => {
                assert!(freshen::freshen(&mut stored.headers, headers));
                (stored.status, stored.headers, stored.answer)
            }
            _ => (status, headers.clone(), answer),
        };
        let credentials =
            Credentials { authorization: request.contains_key(AUTHORIZATION), ..Credentials::default() };
        let judge = |headers: &HeaderMap| judged_at(&self.rules, credentials, request, status, headers, now);
        let found = match judge(&headers) {
            Err(NotStored::VaryStar) => {
                let mut others = headers.clone();
                others.remove(VARY);
                judge(&others).and(Err(NotStored::NoLifetime))
            }
            found => found,
        };
        match found {
            Ok(judged) => {
                let selecting = match Vary::parse(&headers) {
                    Vary::Fields(fields) => vary::selecting(&fields, request),
                    Vary::None | Vary::Any => SelectingFields::default(),
                };
                self.stored = Some(Stored { status, headers, selecting, judged, since: now, answer });
            }
            // The crate stores a response that may be stored and is of no use, in place of the
            // stored one.
            Err(NotStored::NoLifetime) if may_be_stored(status, &headers) => self.stored = None,
            Err(_) => {}
        }
    }
}

/// Returns whether the last condition of RFC 9111 §3 holds.
fn may_be_stored(status: StatusCode, headers: &HeaderMap) -> bool {
    let directives = ResponseDirectives::parse(headers);
    let is_stated = directives.max_age.or(directives.s_maxage).is_some() || headers.contains_key(EXPIRES);
    is_stated || heuristic::is_allowed(&directives, status)
}

/// `http-cache-semantics`, as a cache of one response.
struct Theirs {
    stored: Option<(CachePolicy, usize)>,
}

impl Theirs {
    fn options() -> CacheOptions {
        CacheOptions { shared: true, immutable_min_time_to_live: Duration::ZERO, ..CacheOptions::default() }
    }

    fn decide(&self, request: &Request<()>, now: SystemTime) -> Decision {
        match &self.stored {
            None => Decision::asked(request.headers()),
            Some((policy, answer)) => match policy.before_request(request, now) {
                BeforeRequest::Fresh(_) => {
                    Decision::Served { age: policy.age(now).as_secs(), answer: *answer }
                }
                BeforeRequest::Stale { request, .. } => Decision::asked(&request.headers),
            },
        }
    }

    fn answered(&mut self, request: &Request<()>, response: &Response<()>, now: SystemTime, answer: usize) {
        let new = CachePolicy::new_options(request, response, now, Self::options());
        let Some((policy, old)) = self.stored.take() else {
            self.stored = new.is_storable().then_some((new, answer));
            return;
        };
        let matched = matches!(
            policy.before_request(request, now),
            BeforeRequest::Fresh(_) | BeforeRequest::Stale { matches: true, .. }
        );
        let (new, answer) = match policy.after_response(request, response, now) {
            AfterResponse::NotModified(new, _) => (new, old),
            AfterResponse::Modified(..) => (new, answer),
        };
        self.stored = match (new.is_storable(), matched) {
            (true, _) => Some((new, answer)),
            // Another variant that is not stored says nothing about this one.
            (false, false) => Some((policy, old)),
            (false, true) => None,
        };
    }
}

proptest! {
    #![proptest_config(crate::cases(1500))]

    #[test]
    fn histories_agree(steps in a_history()) {
        let (mut ours, mut theirs) = (Ours::new(), Theirs { stored: None });
        let mut now = ARRIVAL;
        let mut seen = Vec::new();
        for (number, step) in steps.iter().enumerate() {
            now = now.saturating_add(Duration::from_secs(step.wait));
            let mut request = Request::get("http://shop.test/").body(()).unwrap();
            *request.headers_mut() = step.request.clone();
            let (decision, forwarded) = ours.decide(&step.request, now);
            seen.push((number, now.saturating_since(ARRIVAL)));
            prop_assert_eq!(&decision, &theirs.decide(&request, now.into()), "at {:?}", seen.last());
            if matches!(decision, Decision::Served { .. }) {
                continue;
            }
            let (status, headers) = answer(step, &forwarded, ours.stored.as_ref(), now);
            let mut response = Response::new(());
            *response.status_mut() = status;
            *response.headers_mut() = headers.clone();
            ours.answered(&step.request, status, &headers, now, number);
            theirs.answered(&request, &response, now.into(), number);
        }
    }
}

/// Returns the origin's answer: a 304 with the confirmed response's fields, or a whole response.
fn answer(
    step: &Step,
    forwarded: &HeaderMap,
    stored: Option<&Stored>,
    now: WallTime,
) -> (StatusCode, HeaderMap) {
    let mut headers = step.answer.headers(now);
    let is_asked = forwarded.contains_key(IF_NONE_MATCH) || forwarded.contains_key(IF_MODIFIED_SINCE);
    let Some(stored) = stored.filter(|_| is_asked && step.confirms) else {
        return (step.status, headers);
    };
    for name in [ETAG, LAST_MODIFIED, VARY] {
        headers.remove(&name);
        headers.extend(stored.headers.get(&name).map(|value| (name, value.clone())));
    }
    for name in [CACHE_CONTROL, EXPIRES] {
        if !stored.headers.contains_key(&name) {
            headers.remove(&name);
        }
    }
    (StatusCode::NOT_MODIFIED, headers)
}

/// Returns a history in which all times are even and `max-stale` is odd.
///
/// At the very limit of `max-stale` the two sides differ, as the tests of reuse show. A heuristic
/// lifetime is a tenth of the time since `Last-Modified`, and the crate drops its fraction of a
/// second. So in histories with `max-stale`, that time is always a multiple of 20 seconds.
fn a_history() -> impl Strategy<Value = Vec<Step>> {
    any::<bool>().prop_flat_map(|may_accept_stale| vec(a_step(may_accept_stale), 1..12))
}

fn a_step(may_accept_stale: bool) -> impl Strategy<Value = Step> {
    const STATUSES: [u16; 14] = [200, 200, 200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410, 501];
    let status = select(STATUSES.map(|status| StatusCode::from_u16(status).unwrap()).to_vec());
    let wait = if may_accept_stale {
        (0..6_u64).prop_map(|twenties| twenties * 20).boxed()
    } else {
        (0..30_u64).prop_map(|half| half * 2).boxed()
    };
    (wait, a_request(may_accept_stale), status, an_answer(may_accept_stale), any::<bool>()).prop_map(
        |(wait, request, status, answer, confirms)| Step { wait, request, status, answer, confirms },
    )
}

fn a_request(may_accept_stale: bool) -> impl Strategy<Value = HeaderMap> {
    let number = |name: &'static str, from: u64| {
        option::weighted(0.15, (from..40_u64).prop_map(move |half| format!("{name}={}", half * 2)))
    };
    let max_stale = option::weighted(
        0.3,
        option::of(0..40_u64).prop_map(|half| match half {
            Some(half) => format!("max-stale={}", half * 2 + 1),
            None => "max-stale".to_owned(),
        }),
    );
    let max_stale = max_stale.prop_map(move |max_stale| max_stale.filter(|_| may_accept_stale));
    let flags = subsequence(vec!["no-cache", "no-store", "foo"], 0..=3)
        .prop_map(|flags| flags.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let flags = prop_oneof![4 => Just(Vec::new()), 1 => flags];
    let select_by = option::of(select(vec!["1", "2"]));
    (flags, number("max-age", 0), number("min-fresh", 1), max_stale, select_by, any::<bool>()).prop_map(
        |(flags, max_age, min_fresh, max_stale, select_by, authorization)| {
            let mut headers = HeaderMap::new();
            for directive in flags.into_iter().chain(max_age).chain(min_fresh).chain(max_stale) {
                headers.append(CACHE_CONTROL, directive.try_into().unwrap());
            }
            headers.extend(
                select_by
                    .map(|value| (http::HeaderName::from_static("x-a"), HeaderValue::from_static(value))),
            );
            if authorization {
                headers.insert(AUTHORIZATION, HeaderValue::from_static("x"));
            }
            headers
        },
    )
}

fn an_answer(may_accept_stale: bool) -> impl Strategy<Value = Answer> {
    let mut flags = vec!["public", "public", "must-revalidate", "immutable", "foo", "private", "no-store"];
    let mut numbers = vec!["max-age"];
    if !may_accept_stale {
        flags.push("no-cache");
        numbers.push("s-maxage");
    }
    let flags = subsequence(flags, 0..=2).prop_map(|mut flags| {
        flags.dedup();
        flags.into_iter().map(str::to_owned).collect::<Vec<_>>()
    });
    let numbers = subsequence(numbers.clone(), 0..=numbers.len()).prop_flat_map(|names| {
        let number = |name| (0..40_u64).prop_map(move |half| format!("{name}={}", half * 2));
        names.into_iter().map(number).collect::<Vec<_>>()
    });
    let cache_control = (flags, numbers).prop_map(|(flags, numbers)| [flags, numbers].concat().join(", "));
    let expires = option::weighted(0.3, (-10..40_i64).prop_map(|half| half * 2));
    let modified = option::of((0..30_i64).prop_map(|twenties| twenties * 20));
    let etag = option::of(select(vec!["\"a\"", "\"b\"", "W/\"a\""]));
    let vary = option::weighted(0.4, select(vec!["x-a", "x-a, x-b", "*"]));
    (cache_control, expires, modified, etag, vary).prop_map(
        |(cache_control, expires_in, modified_before, etag, vary)| Answer {
            cache_control,
            expires_in,
            modified_before,
            etag,
            vary,
        },
    )
}
