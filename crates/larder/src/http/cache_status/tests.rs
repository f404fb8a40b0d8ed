use larder_core::outcome::{BypassReason, MissReason, StaleReason, Tier};

use super::*;

fn lines(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter();
    lines.map(|line| line.to_str().unwrap().to_owned()).collect()
}

fn line(headers: &HeaderMap, name: &HeaderName) -> String {
    let lines = lines(headers, name);
    assert_eq!(lines.len(), 1, "{lines:?}");
    lines.into_iter().next().unwrap()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Returns the prepared fields of a stored response, and the `Cache-Status` of other caches.
///
/// The origin, or caches before it, sent the response with these lines of `Cache-Status`.
fn stored(others: &[&'static str]) -> (HeaderMap, Option<HeaderValue>) {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("text/plain"));
    for line in others {
        headers.append(CACHE_STATUS, HeaderValue::from_static(line));
    }
    let others = reserve(&mut headers);
    (headers, others)
}

#[test]
fn fields_of_a_response_from_the_cache() {
    use Outcome::{Hit, Stale};
    let cases = [
        (Hit(Tier::Memory), 0, 60, "HIT", "Larder; hit; ttl=60; detail=memory"),
        (Hit(Tier::Memory), 7, 60, "HIT", "Larder; hit; ttl=53; detail=memory"),
        (Hit(Tier::Shared), 60, 60, "HIT", "Larder; hit; ttl=0; detail=shared"),
        (
            Stale(Tier::Memory, StaleReason::WhileRevalidate),
            61,
            60,
            "STALE",
            "Larder; hit; ttl=-1; detail=\"memory, stale-while-revalidate\"",
        ),
    ];
    for (outcome, age, fresh, x_cache, status) in cases {
        let (mut headers, others) = stored(&[]);
        set_hit(&Reporting::default(), &mut headers, outcome, seconds(age), seconds(fresh), others.as_ref());
        assert_eq!(line(&headers, &X_CACHE), x_cache);
        assert_eq!(line(&headers, &AGE), age.to_string());
        assert_eq!(line(&headers, &CACHE_STATUS), status);
        assert_eq!(line(&headers, &http::header::CONTENT_TYPE), "text/plain");
    }
}

/// RFC 9211 §2.1: a request that was forwarded is no hit.
#[test]
fn fields_of_a_stale_response_after_a_failure() {
    for (failed, expected) in [
        (ForwardInfo::failed(Some(StatusCode::BAD_GATEWAY), false), "fwd=stale; fwd-status=502; ttl=-3600"),
        (ForwardInfo::failed(None, false), "fwd=stale; ttl=-3600"),
        (ForwardInfo::failed(None, true), "fwd=stale; collapsed; ttl=-3600"),
    ] {
        let (mut headers, others) = stored(&["cdn; fwd=miss"]);
        let outcome = Outcome::Stale(Tier::Shared, StaleReason::IfError);
        set_stale_on_error(
            &Reporting::default(),
            &mut headers,
            outcome,
            seconds(3_660),
            seconds(60),
            others.as_ref(),
            failed,
        );
        assert_eq!(line(&headers, &X_CACHE), "STALE");
        assert_eq!(line(&headers, &AGE), "3660");
        let expected = format!("cdn; fwd=miss, Larder; {expected}; detail=\"shared, stale-if-error\"");
        assert_eq!(line(&headers, &CACHE_STATUS), expected);
    }
}

/// RFC 9111 §1.2.2. The longest numbers must not cut off a word.
#[test]
fn times_are_whole_seconds_up_to_two_to_the_31() {
    let hit = |age: Duration, fresh: Duration| {
        let (mut headers, others) = stored(&[]);
        let outcome = Outcome::Stale(Tier::Shared, StaleReason::WhileRevalidate);
        set_hit(&Reporting::default(), &mut headers, outcome, age, fresh, others.as_ref());
        (line(&headers, &AGE), line(&headers, &CACHE_STATUS))
    };
    let status = |ttl: &str| format!("Larder; hit; ttl={ttl}; detail=\"shared, stale-while-revalidate\"");
    let (age, ttl) = hit(Duration::from_millis(1_999), Duration::from_millis(2_999));
    assert_eq!((age.as_str(), ttl), ("1", status("1")));
    let (age, ttl) = hit(Duration::MAX, Duration::ZERO);
    assert_eq!((age.as_str(), ttl), ("2147483648", status("-2147483648")));
    let (age, ttl) = hit(Duration::ZERO, Duration::MAX);
    assert_eq!((age.as_str(), ttl), ("0", status("2147483648")));
}

fn x_cache_and_status(outcome: Outcome, forwarded: ForwardInfo) -> (String, String) {
    let mut headers = HeaderMap::new();
    set_forwarded(&Reporting::default(), &mut headers, outcome, forwarded);
    assert!(!headers.contains_key(AGE), "a new response of the handler has no age");
    (line(&headers, &X_CACHE), line(&headers, &CACHE_STATUS))
}

#[test]
fn every_reason_to_miss_or_to_go_past_the_cache() {
    let answered = ForwardInfo { status: Some(StatusCode::OK), ..ForwardInfo::default() };
    for reason in MissReason::ALL {
        let (x_cache, status) = x_cache_and_status(Outcome::Miss(*reason), answered);
        assert_eq!(x_cache, "MISS");
        assert_eq!(status, format!("Larder; fwd={}; fwd-status=200; detail={reason}", reason.fwd()));
    }
    for reason in BypassReason::ALL {
        let (x_cache, status) = x_cache_and_status(Outcome::Bypass(*reason), answered);
        assert_eq!(x_cache, "BYPASS");
        assert_eq!(status, format!("Larder; fwd={}; fwd-status=200; detail={reason}", reason.fwd()));
    }
}

#[test]
fn fields_of_a_response_from_the_handler() {
    let miss = Outcome::Miss(MissReason::NeverStored);
    let ok = Some(StatusCode::OK);
    let cases = [
        (ok, Some(Ok(())), false, "; fwd-status=200; stored; detail=never-stored"),
        (ok, None, false, "; fwd-status=200; detail=never-stored"),
        (
            Some(StatusCode::NOT_FOUND),
            Some(Err(NotStored::Status)),
            false,
            "; fwd-status=404; detail=\"never-stored, not stored: status\"",
        ),
        (None, None, true, "; collapsed; detail=never-stored"),
    ];
    for (status, stored, collapsed, rest) in cases {
        let forwarded = ForwardInfo { status, stored, collapsed };
        assert_eq!(x_cache_and_status(miss, forwarded).1, format!("Larder; fwd=uri-miss{rest}"));
    }
}

/// RFC 9211 §2: the member of the cache that is nearest to the origin comes first.
#[test]
fn the_word_of_other_caches_comes_before_ours() {
    let hit = "Larder; hit; ttl=60; detail=memory";
    for (lines, before) in [
        (vec!["Inner; hit"], "Inner; hit"),
        (vec!["Inner; fwd=miss", "Middle; hit, Outer; hit"], "Inner; fwd=miss, Middle; hit, Outer; hit"),
    ] {
        let (mut headers, others) = stored(&lines);
        assert_eq!(others.as_ref().map(HeaderValue::as_bytes), Some(before.as_bytes()));
        set_hit(
            &Reporting::default(),
            &mut headers,
            Outcome::Hit(Tier::Memory),
            seconds(0),
            seconds(60),
            others.as_ref(),
        );
        assert_eq!(line(&headers, &CACHE_STATUS), format!("{before}, {hit}"));

        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(CACHE_STATUS, HeaderValue::from_static(line));
        }
        set_forwarded(
            &Reporting::default(),
            &mut headers,
            Outcome::Miss(MissReason::Expired),
            ForwardInfo::default(),
        );
        assert_eq!(line(&headers, &CACHE_STATUS), format!("{before}, Larder; fwd=stale; detail=expired"));
    }
}

#[test]
fn a_stored_response_gets_back_what_its_preparation_took() {
    for others in [vec![], vec!["Inner; hit"], vec!["Inner; hit", "Middle; hit"]] {
        let (mut headers, before) = stored(&others);
        unreserve(&mut headers, before.as_ref());
        assert_eq!(line(&headers, &http::header::CONTENT_TYPE), "text/plain");
        assert!(!headers.contains_key(AGE) && !headers.contains_key(X_CACHE));
        let expected: Vec<_> = (!others.is_empty()).then(|| others.join(", ")).into_iter().collect();
        assert_eq!(lines(&headers, &CACHE_STATUS), expected);
    }
}

/// [`reserve`] made no room in these fields.
#[test]
fn fields_that_were_not_prepared_are_completed_too() {
    let mut headers = HeaderMap::new();
    headers.insert("etag", HeaderValue::from_static("\"1\""));
    set_hit(&Reporting::default(), &mut headers, Outcome::Hit(Tier::Memory), seconds(7), seconds(60), None);
    assert_eq!(line(&headers, &AGE), "7");
    assert_eq!(line(&headers, &CACHE_STATUS), "Larder; hit; ttl=53; detail=memory");
    assert_eq!(line(&headers, &http::header::ETAG), "\"1\"");
}

#[test]
fn the_key_shows_unless_it_cannot() {
    let mut headers = HeaderMap::new();
    set_key(&mut headers, "u|http|shop|/a");
    assert_eq!(line(&headers, &X_CACHE_KEY), "u|http|shop|/a");
    let mut headers = HeaderMap::new();
    set_key(&mut headers, "line\nbreak");
    assert!(headers.is_empty());
}
