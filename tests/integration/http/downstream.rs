//! The lifetimes for browsers and CDNs, apart from the lifetime in the cache.

use http::{Method, StatusCode};
use larder::{CacheFor, Downstream, Invalidation, Policy};
use larder_testing::{Answer, Origin};
use larder_tests::http::{Page, Site};

use crate::support::{cache, hourly, secs, site};

pub(crate) const ETAG: &str = "\"a\"";
const FIELDS: [&str; 3] = ["cache-control", "cdn-cache-control", "surrogate-control"];

/// A minute for browsers, ten minutes for CDNs.
pub(crate) fn times() -> Downstream {
    Downstream::new().browser(secs(60)).cdn(secs(600)).surrogate(secs(300))
}

pub(crate) fn page() -> Answer {
    Answer::ok("page").header("etag", ETAG)
}

pub(crate) async fn ask(site: &Site, method: Method, fields: &[(&'static str, &str)]) -> Page {
    let request = site.ask(method, "/a").with("host", "shop.example");
    fields.iter().fold(request, |request, (name, value)| request.with(name, value)).send().await
}

pub(crate) async fn get(site: &Site) -> Page {
    ask(site, Method::GET, &[]).await
}

/// Returns the age of a response, and the `max-age` of each field.
///
/// A recipient may use the response for the difference of the two (RFC 9111 §4.2).
pub(crate) fn lifetimes(page: &Page) -> (u64, [Option<u64>; 3]) {
    let age = page.field("age").parse().unwrap_or(0);
    let max_age = |name: &str| {
        let line = page.field(name);
        let directive = line.split(", ").find_map(|member| member.strip_prefix("max-age="))?;
        Some(directive.parse().unwrap())
    };
    (age, FIELDS.map(max_age))
}

/// The lifetime that each field states.
pub(crate) fn usable(page: &Page) -> [u64; 3] {
    let (age, max_ages) = lifetimes(page);
    max_ages.map(|max_age| max_age.expect("a lifetime").saturating_sub(age))
}

/// The requests of one response: a method, its fields, and the status.
pub(crate) const REQUESTS: [(Method, &[(&str, &str)], u16); 4] = [
    (Method::GET, &[], 200),
    (Method::HEAD, &[], 200),
    (Method::GET, &[("if-none-match", ETAG)], 304),
    (Method::GET, &[("range", "bytes=0-1")], 206),
];

/// RFC 9111 §4.2: a response is fresh as long as its lifetime is greater than its age.
#[tokio::test]
async fn a_time_begins_when_the_response_is_received_and_ends_with_the_lifetime() {
    let (cache, clock) = cache();
    let site = site(&cache, hourly().downstream(times()), &Origin::always(page())).await;
    let mut now = 0;
    for (at, expected) in [
        (0, [60, 600, 300]),
        (1, [60, 600, 300]),
        (1800, [60, 600, 300]),
        (3200, [60, 400, 300]),
        (3580, [20, 20, 20]),
        (3599, [1, 1, 1]),
    ] {
        clock.advance(secs(at - now));
        now = at;
        for (number, (method, fields, status)) in REQUESTS.into_iter().enumerate() {
            let page = ask(&site, method, fields).await;
            let x_cache = if at == 0 && number == 0 { "MISS" } else { "HIT" };
            assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (status, x_cache));
            assert_eq!(usable(&page), expected, "{status} at {at}");
            assert_eq!(lifetimes(&page).0, at);
        }
    }
    clock.advance(secs(1));
    let page = get(&site).await;
    assert_eq!((page.x_cache().as_str(), usable(&page)), ("MISS", [60, 600, 300]));
}

/// This is what a policy without `downstream` does: a browser finds `max-age=60` stale on arrival,
/// and the handler's word for browsers is one for the cache.
#[tokio::test]
async fn without_it_the_fields_of_the_handler_leave_as_they_are_and_count() {
    let (cache, clock) = cache();
    let origin = Origin::always(page().header("cache-control", "max-age=60, public"));
    let site = site(&cache, hourly(), &origin).await;
    for (wait, x_cache, age) in [(0, "MISS", ""), (59, "HIT", "59"), (1, "MISS", "")] {
        clock.advance(secs(wait));
        let page = get(&site).await;
        assert_eq!((page.x_cache().as_str(), page.field("age").as_str()), (x_cache, age));
        assert_eq!(page.field("cache-control"), "max-age=60, public");
        assert_eq!((page.field("cdn-cache-control"), page.field("surrogate-control")), Default::default());
    }
}

/// The handler's fields, how long the response is fresh in the cache, and what leaves at first.
#[tokio::test]
async fn the_word_of_the_handler_for_browsers_is_none_for_the_cache() {
    type Change = fn(Answer) -> Answer;
    let cases: [(Change, u64, &str); 8] = [
        (|page| page, 3600, "max-age=60"),
        (|page| page.header("cache-control", "max-age=5"), 3600, "max-age=5"),
        (|page| page.header("cache-control", "max-age=0, immutable"), 3600, "max-age=0, immutable"),
        (|page| page.header("expires", "0"), 3600, "max-age=0"),
        (|page| page.header("cache-control", "max-age=600"), 3600, "max-age=60"),
        (|page| page.header("cache-control", "max-age=5, s-maxage=9"), 9, "max-age=5, s-maxage=9"),
        (
            |page| page.header("larder-cache-control", "max-age=8").header("cache-control", "max-age=5"),
            8,
            "max-age=5",
        ),
        (
            |page| page.header("cache-control", "max-age=5, must-revalidate"),
            3600,
            "max-age=5, must-revalidate",
        ),
    ];
    for (change, fresh, expected) in cases {
        let (cache, clock) = cache();
        let target = http::HeaderName::from_static("larder-cache-control");
        let policy = hourly().targeted_cache_control(target).downstream(times());
        let site = site(&cache, policy, &Origin::always(change(page()))).await;
        let first = get(&site).await;
        assert_eq!(first.field("cache-control"), expected);
        assert_eq!(first.field("expires"), "");
        clock.advance(secs(fresh - 1));
        assert_eq!(get(&site).await.x_cache(), "HIT", "{expected} after {fresh}");
        clock.advance(secs(1));
        assert_eq!(get(&site).await.x_cache(), "MISS", "{expected} after {fresh}");
    }
}

/// The fields alone decide, so there is no other lifetime than theirs.
#[tokio::test]
async fn with_rfc_9111_the_max_age_counts_for_the_cache_too() {
    let (cache, clock) = cache();
    let origin = Origin::always(page().header("cache-control", "max-age=100"));
    let site = site(&cache, Policy::rfc9111().downstream(times()), &origin).await;
    for (wait, x_cache, expected) in
        [(0, "MISS", [60, 100, 100]), (90, "HIT", [10; 3]), (10, "MISS", [60, 100, 100])]
    {
        clock.advance(secs(wait));
        let page = get(&site).await;
        assert_eq!((page.x_cache().as_str(), usable(&page)), (x_cache, expected));
    }
}

/// A response that is not stored leaves as the handler made it.
#[tokio::test]
async fn only_stored_responses_change() {
    let cases: [(&str, Answer); 5] = [
        ("max-age=7, no-store", page()),
        ("max-age=7, private", page()),
        ("max-age=7", Answer::status(StatusCode::NOT_FOUND)),
        ("max-age=7", page().header("set-cookie", "a=b")),
        ("max-age=7", page().body(vec![b'x'; 2 << 20]).header("content-length", "2097152")),
    ];
    for (cache_control, answer) in cases {
        let (cache, _) = cache();
        let origin = Origin::always(answer.header("cache-control", cache_control));
        let site = site(&cache, hourly().downstream(times()), &origin).await;
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let page = ask(&site, method.clone(), &[]).await;
            assert_eq!(page.field("cache-control"), cache_control, "{method}");
            assert_eq!(
                (page.field("cdn-cache-control"), page.field("surrogate-control")),
                Default::default()
            );
        }
    }
}

/// A CDN that finds its own field ignores `private` in `Cache-Control`.
#[tokio::test]
async fn a_cdn_gets_no_lifetime_of_one_user() {
    let (cache, clock) = cache();
    let policy = hourly().per_user(|_| Some("ann".to_owned())).downstream(times());
    let site = site(&cache, policy, &Origin::always(page())).await;
    for (wait, expected) in [(0, "max-age=60, private"), (100, "max-age=160, private")] {
        clock.advance(secs(wait));
        let page = get(&site).await;
        assert_eq!(page.field("cache-control"), expected);
        assert_eq!((page.field("cdn-cache-control"), page.field("surrogate-control")), Default::default());
    }
}

/// Nothing downstream keeps a response longer that may come from a lagging replica.
#[tokio::test]
async fn the_limit_for_replicas_counts_downstream() {
    let (cache, clock) = cache();
    let policy = hourly().tag("row").replica_lag(secs(10)).stale_if_error(secs(600)).downstream(times());
    let site = site(&cache, policy, &Origin::always(page())).await;
    clock.advance(secs(60));
    assert_eq!(usable(&get(&site).await), [60, 600, 300]);
    let _ = cache.invalidate(Invalidation::tag("row")).await;
    clock.advance(secs(4));
    for (wait, x_cache) in [(0, "MISS"), (2, "HIT")] {
        clock.advance(secs(wait));
        let page = get(&site).await;
        let left = usable(&page);
        assert_eq!(page.x_cache(), x_cache);
        assert!(left.iter().all(|seconds| (1..=7 - wait).contains(seconds)), "{left:?}");
    }
}

/// `CacheFor` is a word of the handler for this cache.
#[tokio::test]
async fn the_lifetime_that_a_handler_sets_is_the_limit() {
    let (cache, _) = cache();
    let router = axum::Router::new().route(
        "/a",
        axum::routing::get(async || (CacheFor::from_secs(30), "page"))
            .layer(cache.layer(hourly().downstream(times()))),
    );
    let site = Site::of(router).await;
    for _ in 0..2 {
        assert_eq!(usable(&get(&site).await), [30; 3]);
    }
}
