//! The fields of a 304: all of the 200, apart from those that describe its body (RFC 9110 §15.4.5).

use axum::Router;
use http::{HeaderMap, Method, StatusCode};
use larder::Cache;
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Page, Site};
use tower::ServiceBuilder;
use tower_http::cors::CorsLayer;

use crate::support::{all, cache, hourly, secs, site, site_behind_door};

const ORIGIN: &str = "https://app.test";

/// A page that a browser reads from another origin. Its handler evaluates its own conditions.
fn cors_origin() -> Origin {
    Origin::new(|request, _| {
        let asked = request.headers.get("if-none-match").is_some_and(|asked| asked == "\"v1\"");
        let answer = if asked { Answer::status(StatusCode::NOT_MODIFIED) } else { Answer::ok("page") };
        answer
            .header("etag", "\"v1\"")
            .header("cache-control", "max-age=3600")
            .header("content-security-policy", "default-src 'none'")
    })
}

async fn cors_site(cache: &Cache, origin: &Origin, cors: CorsLayer) -> Site {
    let layers = ServiceBuilder::new().layer(cache.layer(hourly())).layer(cors);
    Site::of(Router::new().fallback_service(origin.clone()).layer(layers)).await
}

async fn revalidate(site: &Site, fields: &[(&'static str, &str)]) -> Page {
    let ask = site.ask(Method::GET, "/a").with("origin", ORIGIN).with("if-none-match", "\"v1\"");
    let ask = fields.iter().fold(ask, |ask, (name, value)| ask.with(name, value));
    let page = ask.send().await;
    assert_eq!((page.status, page.text().as_str()), (StatusCode::NOT_MODIFIED, ""));
    page
}

/// A browser fails a request whose 304 lacks `Access-Control-Allow-Origin`.
#[tokio::test]
async fn a_304_has_the_cors_fields_wherever_it_comes_from() {
    for (cors, allowed) in [(CorsLayer::permissive(), "*"), (CorsLayer::very_permissive(), ORIGIN)] {
        let (cache, clock) = cache();
        let origin = cors_origin();
        let site = cors_site(&cache, &origin, cors).await;
        let check = |page: &Page, x_cache: &str| {
            assert_eq!(page.x_cache(), x_cache, "{}", page.cache_status());
            assert_eq!(page.all("access-control-allow-origin"), [allowed], "{x_cache}");
            assert_eq!(page.all("content-security-policy"), ["default-src 'none'"], "{x_cache}");
            assert_eq!(page.all("etag"), ["\"v1\""], "{x_cache}");
            assert_eq!(page.all("cache-control"), ["max-age=3600"], "{x_cache}");
            assert_eq!(page.field("vary").contains("origin"), allowed == ORIGIN, "{x_cache}");
        };
        // Until a route has answered once, an inner layer may handle it. Its conditions stay then.
        site.get("/b").await;
        // The handler's complete response, which is stored, and which the client has already.
        check(&revalidate(&site, &[]).await, "MISS");
        check(&revalidate(&site, &[]).await, "HIT");
        // The handler's 304 updates the stored response.
        clock.advance(secs(3601));
        check(&revalidate(&site, &[]).await, "MISS");
        assert_eq!(origin.requests()[2].headers["if-none-match"], "\"v1\"");
        check(&revalidate(&site, &[]).await, "HIT");
        assert_eq!(origin.calls(), 3);
        // The handler's own 304, which the cache passes on.
        check(&revalidate(&site, &[("authorization", "a")]).await, "BYPASS");
    }
}

/// Returns the fields of a complete response with everything that describes a body.
fn described() -> Answer {
    Answer::ok("page")
        .header("content-type", "text/plain")
        .header("content-encoding", "x-none")
        .header("content-language", "en")
        .header("content-location", "/b")
        .header("content-digest", "sha-256=:x:")
        .header("content-md5", "x")
        .header("repr-digest", "sha-256=:x:")
        .header("last-modified", "Wed, 31 Dec 2025 12:00:00 GMT")
        .header("accept-ranges", "bytes")
        .header("set-cookie", "a=1")
        .header("set-cookie", "b=2")
        .header("link", "</style.css>; rel=preload")
        .header("link", "</app.js>; rel=preload")
        .header("strict-transport-security", "max-age=1")
        .header("x-request-id", "7")
}

fn names(headers: &HeaderMap) -> Vec<&str> {
    let mut names: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_304_lacks_only_what_describes_the_body() {
    let expected = [
        "accept-ranges",
        "age",
        "cache-status",
        "content-location",
        "date",
        "etag",
        "link",
        "set-cookie",
        "strict-transport-security",
        "x-cache",
        "x-request-id",
    ];
    let (cache, _) = cache();
    let origin = Origin::always(described().header("etag", "\"v1\""));
    let site = site(&cache, hourly().store_set_cookie(), &origin).await;
    for x_cache in ["MISS", "HIT"] {
        let page = revalidate(&site, &[]).await;
        assert_eq!(page.x_cache(), x_cache);
        let expected: Vec<_> =
            expected.iter().copied().filter(|name| x_cache == "HIT" || *name != "age").collect();
        assert_eq!(names(&page.headers), expected, "{x_cache}");
        assert_eq!(page.all("set-cookie"), ["a=1", "b=2"]);
        assert_eq!(page.all("link").len(), 2);
    }
    assert_eq!(origin.calls(), 1);
}

/// Without an entity tag, the date is what a client can ask for next time.
#[tokio::test]
async fn a_304_without_an_entity_tag_has_the_date() {
    let (cache, _) = cache();
    let origin = Origin::always(described());
    let site = site(&cache, hourly().no_etag().store_set_cookie(), &origin).await;
    let modified = "Wed, 31 Dec 2025 12:00:00 GMT";
    for _ in 0..2 {
        let page = site.ask(Method::GET, "/a").with("if-modified-since", modified).send().await;
        assert_eq!((page.status, page.field("last-modified").as_str()), (StatusCode::NOT_MODIFIED, modified));
    }
}

/// A cookie of the request's own response is not stored, and its client gets it nevertheless.
#[tokio::test]
async fn a_304_that_is_not_stored_has_its_cookie() {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("page").header("etag", "\"v1\"").header("set-cookie", "a=1"));
    let site = site(&cache, hourly(), &origin).await;
    for _ in 0..2 {
        assert_eq!(revalidate(&site, &[]).await.all("set-cookie"), ["a=1"]);
    }
}

/// A follower gets the fields too, whether it gets the head or the stored response.
#[tokio::test]
async fn a_304_of_another_requests_fill_has_the_fields() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let answer = Answer::ok("page").header("etag", "\"v1\"").header("access-control-allow-origin", "*");
    let origin = Origin::always(answer.header("content-type", "text/plain").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let ask = || {
        let site = std::sync::Arc::clone(&site);
        tokio::spawn(async move { revalidate(&site, &[]).await })
    };
    let asked = vec![ask(), ask(), ask()];
    door.came(3).await;
    gate.open();
    for page in all(asked).await {
        assert_eq!(page.all("access-control-allow-origin"), ["*"], "{}", page.cache_status());
        assert_eq!(page.field("content-type"), "");
    }
    assert_eq!(origin.calls(), 1);
}
