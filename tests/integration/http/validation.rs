//! Conditional requests, and conditional fills.

use http::{Method, StatusCode};
use larder::Tag;
use larder_testing::{Answer, Origin};
use larder_tests::http::{Page, Site};

use crate::support::{cache, hourly, secs, site};

async fn asked(site: &Site, name: &'static str, value: &str) -> Page {
    site.ask(Method::GET, "/a").with(name, value).send().await
}

#[tokio::test]
async fn an_etag_is_made_for_what_has_none_and_answers_conditions() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("page").header("content-type", "text/plain").header("x-big", "1"));
    let site = site(&cache, hourly(), &origin).await;
    let first = site.get("/a").await;
    let etag = first.field("etag");
    assert!(etag.starts_with("W/\"") && etag.len() > 10, "{etag}");
    let strong = etag.trim_start_matches("W/");
    let cases = [
        (etag.clone(), 304),
        (strong.to_owned(), 304),
        (format!("\"x\", {etag}"), 304),
        ("*".to_owned(), 304),
        ("\"x\"".to_owned(), 200),
        (strong.trim_matches('"').to_owned(), 200),
    ];
    for (condition, status) in cases {
        let page = asked(&site, "if-none-match", &condition).await;
        assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (status, "HIT"), "{condition}");
        assert_eq!(page.field("etag"), etag);
        if status == 304 {
            assert_eq!(page.text(), "");
            // RFC 9110 §15.4.5.
            assert_eq!((page.field("content-type").as_str(), page.field("x-big").as_str()), ("", "1"));
            assert_eq!(page.cache_status(), "Larder; hit; ttl=3600; detail=memory");
            assert_eq!(page.field("age"), "0");
        }
    }
    assert_eq!(origin.calls(), 1);
    assert!(origin.requests().iter().all(|request| !request.headers.contains_key("if-none-match")));
}

/// The request that fills gets its 304 too, although the handler was asked for the complete
/// response.
#[tokio::test]
async fn a_condition_on_a_miss_is_evaluated_on_what_is_made() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        // Answers like a handler with conditions of its own.
        if request.headers.contains_key("if-none-match") {
            return Answer::status(StatusCode::NOT_MODIFIED).header("etag", "\"a\"");
        }
        Answer::ok("page").header("etag", "\"a\"")
    });
    let site = site(&cache, hourly(), &origin).await;
    let first = asked(&site, "if-none-match", "\"a\"").await;
    assert_eq!((first.status, first.x_cache().as_str()), (StatusCode::NOT_MODIFIED, "MISS"));
    assert_eq!(first.cache_status(), "Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored");
    // The complete response is stored.
    assert!(site.get("/a").await.is("HIT", "page"));
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn the_handlers_validators_answer_conditions() {
    let (cache, _) = cache();
    let modified = "Wed, 31 Dec 2025 12:00:00 GMT";
    let origin =
        Origin::always(Answer::ok("page").header("etag", "W/\"v1\"").header("last-modified", modified));
    let site = site(&cache, hourly(), &origin).await;
    assert_eq!(site.get("/a").await.field("etag"), "W/\"v1\"");
    for (name, value, status) in [
        ("if-none-match", "\"v1\"", 304),
        ("if-none-match", "W/\"v1\"", 304),
        ("if-none-match", "\"v2\"", 200),
        ("if-modified-since", modified, 304),
        ("if-modified-since", "Wed, 31 Dec 2025 12:00:01 GMT", 304),
        ("if-modified-since", "Wed, 31 Dec 2025 11:59:59 GMT", 200),
        ("if-modified-since", "yesterday", 200),
    ] {
        let page = asked(&site, name, value).await;
        assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (status, "HIT"), "{name}: {value}");
    }
    // RFC 9110 §13.2.2: with If-None-Match, If-Modified-Since is ignored.
    let both =
        site.ask(Method::GET, "/a").with("if-none-match", "\"v2\"").with("if-modified-since", modified);
    assert_eq!(both.send().await.status, StatusCode::OK);
    let head = site.ask(Method::HEAD, "/a").with("if-none-match", "\"v1\"").send().await;
    assert_eq!((head.status, head.x_cache().as_str()), (StatusCode::NOT_MODIFIED, "HIT"));
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn no_etag_is_made_where_the_policy_says_so() {
    let (cache, _) = cache();
    let site = site(&cache, hourly().no_etag(), &Origin::always(Answer::ok("page"))).await;
    for x_cache in ["MISS", "HIT"] {
        let page = site.get("/a").await;
        assert_eq!((page.x_cache().as_str(), page.field("etag").as_str()), (x_cache, ""));
    }
    assert_eq!(asked(&site, "if-none-match", "\"a\"").await.status, StatusCode::OK);
}

/// A handler with a validator runs again at the end of the lifetime. Its 304 renews the stored
/// response.
#[tokio::test]
async fn a_304_of_the_handler_renews_what_is_stored() {
    for (name, value, condition) in [
        ("etag", "\"v1\"", "if-none-match"),
        ("last-modified", "Wed, 31 Dec 2025 12:00:00 GMT", "if-modified-since"),
    ] {
        let (cache, clock) = cache();
        let origin = Origin::new(move |request, call| {
            let asked = request.headers.get(condition).is_some_and(|asked| asked == value);
            let answer = if asked { Answer::status(StatusCode::NOT_MODIFIED) } else { Answer::ok("page") };
            answer.header(name, value).header("x-call", call.to_string())
        });
        let site = site(&cache, hourly(), &origin).await;
        assert!(site.get("/a").await.is("MISS", "page"));
        clock.advance(secs(3601));
        let renewed = site.get("/a").await;
        assert_eq!(
            (renewed.status, renewed.summary()),
            (StatusCode::OK, ("MISS".into(), "page".into())),
            "{name}"
        );
        assert_eq!(renewed.cache_status(), "Larder; fwd=stale; fwd-status=304; stored; detail=expired");
        // RFC 9111 §3.2: the fields of the 304 replace the stored ones.
        assert_eq!(renewed.all("x-call"), ["2"]);
        assert_eq!(origin.requests()[1].headers[condition], value);
        clock.advance(secs(3599));
        let hit = site.get("/a").await;
        assert!(hit.is("HIT", "page"));
        assert_eq!((hit.field("age").as_str(), hit.all("x-call")), ("3599", vec!["2".to_owned()]));
        clock.advance(secs(1));
        assert_eq!(
            site.ask(Method::GET, "/a").with("if-none-match", "\"v1\"").send().await.status.as_u16(),
            if name == "etag" { 304 } else { 200 }
        );
        assert_eq!(origin.calls(), 3);
    }
}

/// A new representation arrives instead of a 304.
#[tokio::test]
async fn a_validation_that_finds_something_new_replaces_it() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, call| Answer::ok(format!("v{call}")).header("etag", format!("\"v{call}\"")));
    let site = site(&cache, hourly(), &origin).await;
    assert!(site.get("/a").await.is("MISS", "v1"));
    clock.advance(secs(3600));
    assert!(site.get("/a").await.is("MISS", "v2"));
    assert_eq!(origin.requests()[1].headers["if-none-match"], "\"v1\"");
    let hit = site.get("/a").await;
    assert_eq!((hit.summary(), hit.field("etag")), (("HIT".into(), "v2".into()), "\"v2\"".into()));
}

/// The handler does not know an entity tag that the cache created.
#[tokio::test]
async fn an_etag_of_the_caches_own_is_not_asked_for() {
    let (cache, clock) = cache();
    let origin = Origin::always(Answer::ok("page"));
    let site = site(&cache, hourly(), &origin).await;
    let etag = site.get("/a").await.field("etag");
    clock.advance(secs(3600));
    // The client's own condition is not forwarded, but it is evaluated.
    let page = asked(&site, "if-none-match", &etag).await;
    assert_eq!((page.status, page.x_cache().as_str()), (StatusCode::NOT_MODIFIED, "MISS"));
    assert_eq!(origin.calls(), 2);
    assert!(origin.requests().iter().all(|request| !request.headers.contains_key("if-none-match")));
}

/// The same after the handler has confirmed the response by its date.
#[tokio::test]
async fn an_etag_of_the_caches_own_stays_its_own_after_a_304() {
    let (cache, clock) = cache();
    let modified = "Wed, 31 Dec 2025 12:00:00 GMT";
    let origin = Origin::new(move |request, _| {
        let asked = request.headers.contains_key("if-modified-since");
        let answer = if asked { Answer::status(StatusCode::NOT_MODIFIED) } else { Answer::ok("page") };
        answer.header("last-modified", modified)
    });
    let site = site(&cache, hourly(), &origin).await;
    let etag = site.get("/a").await.field("etag");
    for _ in 0..2 {
        clock.advance(secs(3600));
        let page = site.get("/a").await;
        assert_eq!((page.summary(), page.field("etag")), (("MISS".into(), "page".into()), etag.clone()));
        let request = origin.requests().pop().unwrap();
        assert_eq!(request.headers["if-modified-since"], modified);
        assert!(!request.headers.contains_key("if-none-match"));
    }
}

/// Rule 3: a 304 by a validator in whole seconds would give the old body a new position.
#[tokio::test]
async fn an_invalidated_response_is_no_base_for_a_validation() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| {
        // It changes within a second, which its validator does not show.
        if request.headers.contains_key("if-modified-since") {
            return Answer::status(StatusCode::NOT_MODIFIED);
        }
        Answer::ok(format!("v{call}")).header("last-modified", "Wed, 31 Dec 2025 12:00:00 GMT")
    });
    let site = site(&cache, hourly().tag("thing"), &origin).await;
    assert!(site.get("/a").await.is("MISS", "v1"));
    let _ = cache.invalidate(Tag::new("thing")).await;
    assert!(site.get("/a").await.is("MISS", "v2"));
    assert!(!origin.requests()[1].headers.contains_key("if-modified-since"));
}

/// RFC 9111 §5.2.2.4: stored, and validated for every request.
#[tokio::test]
async fn no_cache_is_validated_each_time() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let asked = request.headers.get("if-none-match").is_some_and(|asked| asked == "\"v1\"");
        let answer = if asked { Answer::status(StatusCode::NOT_MODIFIED) } else { Answer::ok("page") };
        answer.header("etag", "\"v1\"").header("cache-control", "no-cache")
    });
    let site = site(&cache, hourly(), &origin).await;
    let first = site.get("/a").await;
    assert!(first.cache_status().contains("fwd-status=200; stored"));
    for call in 2..5 {
        let page = site.get("/a").await;
        assert_eq!(page.summary(), ("MISS".into(), "page".into()));
        assert_eq!(page.cache_status(), "Larder; fwd=stale; fwd-status=304; stored; detail=no-cache");
        assert_eq!(origin.calls(), call);
    }
}

/// If nothing is stored, the handler evaluates its own conditions.
#[tokio::test]
async fn conditions_of_requests_with_credentials_reach_the_handler() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| match request.headers.get("if-none-match") {
        Some(asked) if asked == "\"v1\"" => Answer::status(StatusCode::NOT_MODIFIED).header("etag", "\"v1\""),
        _ => Answer::ok("page").header("etag", "\"v1\""),
    });
    let site = site(&cache, hourly(), &origin).await;
    let ask =
        || site.ask(Method::GET, "/a").with("authorization", "a").with("if-none-match", "\"v1\"").send();
    for _ in 0..2 {
        let page = ask().await;
        assert_eq!((page.status, page.x_cache().as_str()), (StatusCode::NOT_MODIFIED, "BYPASS"));
        assert_eq!(
            page.cache_status(),
            "Larder; fwd=bypass; fwd-status=304; detail=\"authorization, not stored: status\""
        );
    }
}
