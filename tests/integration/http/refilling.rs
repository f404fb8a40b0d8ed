//! Responses that are filled again after an invalidation, before a client asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::routing::get;
use http::{HeaderMap, HeaderName, Uri, header};
use larder::inspect::{ListPage, StoredFilter};
use larder::warm::{Refill, RefillOptions, WarmOptions};
use larder::{Cache, Invalidation, InvalidationOutcome, Policy, Tag};
use larder_tests::http::soon;

use crate::support::{cache, hourly, secs};
use crate::warming::{ask, fast, request};

/// One request at a time, so that their order is that of the handler's runs.
fn one_by_one() -> WarmOptions {
    fast().concurrency(1)
}

async fn refill(
    cache: &Cache,
    what: impl Into<Invalidation>,
    router: &Router,
    options: RefillOptions,
) -> Refill {
    let refill = cache.invalidate_and_refill::<_, Body, _>(what, router.clone(), options.warm(one_by_one()));
    let mut refill = soon("an invalidation", refill).await;
    soon("all requests", refill.warming.finished()).await;
    refill
}

/// Keys of all responses.
async fn keys(cache: &Cache) -> Vec<String> {
    let page = ListPage::default().limit(1_000);
    let listing = cache.stored_responses(&StoredFilter::default(), page).await;
    let mut keys: Vec<_> = listing.entries.into_iter().map(|entry| entry.key).collect();
    keys.sort();
    keys
}

/// A router whose responses tell how often its handlers ran, and the URI and language of the
/// request.
fn routes(cache: &Cache, policy: Policy) -> Router {
    let version = Arc::new(AtomicUsize::new(0));
    let handler = move |uri: Uri, headers: HeaderMap| {
        let version = version.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let language =
                headers.get("accept-language").map_or("", |value| value.to_str().unwrap()).to_owned();
            ([("vary", "accept-language")], format!("{version} {uri} {language}"))
        }
    };
    Router::new().route("/{*path}", get(handler).layer(cache.layer(policy)))
}

fn in_language(path: &str, language: &str) -> Request {
    let mut request = request(path);
    request.headers_mut().insert("accept-language", language.parse().unwrap());
    request
}

#[tokio::test]
async fn what_was_invalidated_is_filled_before_the_next_client_asks() {
    for policy in [
        hourly(),
        hourly().query_ignoring(["utm"]).query_sorted(),
        hourly().ignore_host(),
        hourly().key_header(header::ACCEPT_LANGUAGE),
        hourly().key_header(HeaderName::from_static("x-absent")),
        hourly().no_vary_search(),
    ] {
        let (cache, _) = cache();
        let router = routes(&cache, policy.clone().tag("t"));
        let whole_uri = || {
            let mut request = in_language("http://shop.example/b%20c", "de");
            *request.version_mut() = http::Version::HTTP_2;
            request
        };
        let https = || Request::get("https://shop.example/d?x").body(Body::empty()).unwrap();
        let plain = || Request::get("/e?").body(Body::empty()).unwrap();
        let requests: [&dyn Fn() -> Request; 6] = [
            &|| in_language("/a/{b}|c?q=1&p=%7C&utm=x", "en, de"),
            &|| in_language("/a/{b}|c?q=1&p=%7C&utm=x", "fr"),
            &|| request("/a"),
            &whole_uri,
            &https,
            &plain,
        ];
        for send in requests {
            assert_eq!(ask(&router, send()).await.0, "MISS", "{policy:?}");
        }
        let before = keys(&cache).await;
        let refill = refill(&cache, Tag::new("t"), &router, RefillOptions::default()).await;
        let progress = refill.warming.progress();
        assert_eq!((progress.filled, progress.done, progress.total), (6, 6, Some(6)), "{policy:?}");
        assert_eq!(
            (refill.outcome, refill.not_rebuilt, refill.left_out),
            (InvalidationOutcome::Applied, 0, 0)
        );
        assert_eq!(keys(&cache).await, before, "{policy:?}");
        for send in requests {
            let (x_cache, body) = ask(&router, send()).await;
            let version: u32 = body.split(' ').next().unwrap().parse().unwrap();
            assert!(x_cache == "HIT" && version > 6, "{x_cache} {body} {policy:?}");
        }
    }
}

#[tokio::test]
async fn the_hottest_come_first_then_the_newest_up_to_the_limit() {
    let (cache, clock) = cache();
    let router = routes(&cache, hourly().tag("t"));
    for id in 1..=8 {
        ask(&router, request(&format!("/{id}"))).await;
        clock.advance(secs(1));
    }
    let hottest = ["u|http|shop.example|/3", "u|http|shop.example|/none", "u|http|shop.example|/1"];
    let options = RefillOptions::default().limit(4).order(hottest.map(str::to_owned));
    let refill = refill(&cache, Tag::new("t"), &router, options).await;
    assert_eq!((refill.warming.progress().filled, refill.left_out), (4, 4));
    let mut order = Vec::new();
    for id in 1..=8 {
        let (x_cache, body) = ask(&router, request(&format!("/{id}"))).await;
        if x_cache == "HIT" {
            order.push(
                body.split_once(' ')
                    .map(|(version, uri)| (version.to_owned(), uri.trim().to_owned()))
                    .unwrap(),
            );
        }
    }
    order.sort_by_key(|(version, _)| version.parse::<u32>().unwrap());
    let order: Vec<_> = order.iter().map(|(_, uri)| &**uri).collect();
    assert_eq!(order, ["/3", "/1", "/8", "/7"]);
}

/// A request whose credentials are not known is not made up.
#[tokio::test]
async fn what_a_key_does_not_tell_is_left_to_the_next_request() {
    let user = |parts: &http::request::Parts| Some(parts.headers.get("x-user")?.to_str().ok()?.to_owned());
    let cases: [(&str, Policy, bool); 8] = [
        ("the URI", hourly().ignore_cookies(), true),
        ("a template", hourly().key("page:{path}").ignore_cookies(), false),
        ("a function", hourly().key_with(|_| Some("page".into())).ignore_cookies(), false),
        ("a user", hourly().per_user(user), false),
        ("a partition", hourly().partition(user).ignore_cookies(), false),
        ("a cookie", hourly().key_cookie("theme"), false),
        ("a field", hourly().key_header(HeaderName::from_static("x-user")).ignore_cookies(), false),
        ("a field of the application", hourly().key_header(header::USER_AGENT).ignore_cookies(), false),
    ];
    for (name, policy, is_filled) in cases {
        let cache = Cache::builder().credentials([header::USER_AGENT]).build();
        let router = routes(&cache, policy.tag("t"));
        let send = || {
            let mut request = request("/a");
            for (field, value) in [("x-user", "7"), ("cookie", "theme=dark")] {
                request.headers_mut().insert(field, value.parse().unwrap());
            }
            if name == "a field of the application" {
                request.headers_mut().insert("user-agent", "x".parse().unwrap());
            }
            request
        };
        assert_eq!(ask(&router, send()).await.0, "MISS", "{name}");
        assert_eq!(ask(&router, send()).await.0, "HIT", "{name}");
        let refill = refill(&cache, Tag::new("t"), &router, RefillOptions::default()).await;
        let expected = if is_filled { (1, 0) } else { (0, 1) };
        assert_eq!((refill.warming.progress().filled, refill.not_rebuilt), expected, "{name}");
        assert_eq!(ask(&router, send()).await.0, if is_filled { "HIT" } else { "MISS" }, "{name}");
    }
}

/// A variant that a cookie selects is one of a request with that cookie.
#[tokio::test]
async fn a_variant_that_a_credential_selects_is_left_to_the_next_request() {
    let (cache, _) = cache();
    let handler = async |Path(_): Path<String>| ([("vary", "cookie, accept")], "page");
    let layer = cache.layer(hourly().tag("t").ignore_cookies());
    let router = Router::new().route("/{id}", get(handler).layer(layer));
    let with = |path: &str, field: &str| {
        let mut request = request(path);
        request.headers_mut().insert(HeaderName::try_from(field).unwrap(), "a=b".parse().unwrap());
        request
    };
    for request in [with("/1", "cookie"), with("/2", "accept"), request("/3")] {
        assert_eq!(ask(&router, request).await.0, "MISS");
    }
    let refill = refill(&cache, Tag::new("t"), &router, RefillOptions::default()).await;
    assert_eq!((refill.warming.progress().filled, refill.not_rebuilt), (2, 1));
    for (request, expected) in
        [(with("/1", "cookie"), "MISS"), (with("/2", "accept"), "HIT"), (request("/3"), "HIT")]
    {
        assert_eq!(ask(&router, request).await.0, expected);
    }
}

#[tokio::test]
async fn what_the_invalidation_does_not_reach_stays_as_it_is() {
    let (cache, _) = cache();
    let router = routes(&cache, hourly().tag("t"));
    for path in ["/a/1", "/a/2", "/b"] {
        ask(&router, request(path)).await;
    }
    let _ = cache.invalidate(larder::PathName::new("/a/1").unwrap()).await;
    let below = larder::Prefix::new("/a").unwrap();
    let refill = refill(&cache, below, &router, RefillOptions::default()).await;
    assert_eq!(refill.warming.progress().done, 1, "one is refused already, one is not named");
    assert_eq!(ask(&router, request("/b")).await.1, "3 /b ");
    assert_eq!(ask(&router, request("/a/2")).await, ("HIT".into(), "4 /a/2 ".into()));
}
