//! The cache's own reports, word for word.

use http::{Method, StatusCode};
use larder_testing::{Answer, Origin};

use crate::support::{cache, hourly, secs, site, site_behind_door};

const STORED: &str = "Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored";

/// Requests in order, and the `Cache-Status` of each response.
const REQUESTS: [(Method, &str, &str); 15] = [
    (Method::GET, "/a", STORED),
    (Method::GET, "/a", "Larder; hit; ttl=3600; detail=memory"),
    (Method::HEAD, "/a", "Larder; hit; ttl=3600; detail=memory"),
    (Method::POST, "/a", "Larder; fwd=method; fwd-status=200; detail=method"),
    (Method::OPTIONS, "/a", "Larder; fwd=method; fwd-status=200; detail=method"),
    (Method::GET, "/a", "Larder; fwd=stale; fwd-status=200; stored; detail=invalidated"),
    (
        Method::GET,
        "/private",
        "Larder; fwd=uri-miss; fwd-status=200; detail=\"never-stored, not stored: private\"",
    ),
    (Method::GET, "/private", "Larder; fwd=uri-miss; fwd-status=200; detail=\"pass, not stored: private\""),
    (
        Method::GET,
        "/404",
        "Larder; fwd=uri-miss; fwd-status=404; detail=\"never-stored, not stored: status\"",
    ),
    (
        Method::GET,
        "/large",
        "Larder; fwd=uri-miss; fwd-status=200; detail=\"never-stored, not stored: too-large\"",
    ),
    (Method::GET, "/short", STORED),
    (Method::GET, "/no-cache", STORED),
    (Method::GET, "/no-cache", "Larder; fwd=stale; fwd-status=200; stored; detail=no-cache"),
    (Method::GET, "/vary", STORED),
    (
        Method::HEAD,
        "/head",
        "Larder; fwd=uri-miss; fwd-status=200; detail=\"never-stored, not stored: method\"",
    ),
];

/// RFC 9211, every outcome of the memory tier.
#[tokio::test]
async fn cache_status_tells_what_was_done_and_why() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, _| match request.uri.path() {
        "/private" => Answer::ok("page").header("cache-control", "private"),
        "/404" => Answer::status(StatusCode::NOT_FOUND),
        "/vary" => Answer::ok("page").header("vary", "accept"),
        "/short" => Answer::ok("page").header("cache-control", "max-age=10"),
        "/no-cache" => Answer::ok("page").header("cache-control", "no-cache").header("etag", "\"a\""),
        "/large" => Answer::ok("x".repeat(2000)),
        _ => Answer::ok("page"),
    });
    let site = site(&cache, hourly().max_body(1000), &origin).await;
    for (method, path, expected) in REQUESTS {
        assert_eq!(site.ask(method.clone(), path).send().await.cache_status(), expected, "{method} {path}");
    }
    let other = site.ask(Method::GET, "/vary").with("accept", "text/html").send().await;
    assert_eq!(other.cache_status(), "Larder; fwd=vary-miss; fwd-status=200; stored; detail=vary");
    clock.advance(secs(4));
    let hit = site.get("/short").await;
    assert_eq!(
        (hit.cache_status().as_str(), hit.field("age").as_str()),
        ("Larder; hit; ttl=6; detail=memory", "4")
    );
    clock.advance(secs(6));
    let expired = site.get("/short").await;
    assert_eq!(expired.cache_status(), "Larder; fwd=stale; fwd-status=200; stored; detail=expired");
    assert_eq!(expired.field("age"), "", "the handler made it");
}

/// RFC 9211 §2: members of caches nearer to the origin stay before ours, and hits do not duplicate
/// them.
#[tokio::test]
async fn the_words_of_other_caches_stay() {
    let (cache, _) = cache();
    let answer = Answer::ok("page")
        .header("cache-status", "cdn; hit")
        .header("cache-status", "other; fwd=miss")
        .header("age", "30")
        .header("x-cache", "HIT from elsewhere");
    let site = site(&cache, hourly(), &Origin::always(answer)).await;
    let first = site.get("/a").await;
    let others = "cdn; hit, other; fwd=miss";
    assert_eq!(
        first.all("cache-status"),
        [format!("{others}, Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored")]
    );
    for _ in 0..2 {
        let hit = site.get("/a").await;
        assert_eq!(hit.all("cache-status"), [format!("{others}, Larder; hit; ttl=3570; detail=memory")]);
        assert_eq!((hit.all("age"), hit.all("x-cache")), (vec!["30".to_owned()], vec!["HIT".to_owned()]));
    }
}

/// Followers get the age of their response.
#[tokio::test]
async fn collapsed_requests_are_reported() {
    let (cache, _) = cache();
    let gate = larder_testing::Gate::new();
    let origin = Origin::always(
        Answer::ok("page").header("age", "30").header("cache-status", "cdn; hit").held_at(&gate),
    );
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let waiting = crate::support::at_once(&site, "/a", 2);
    door.came(2).await;
    gate.open();
    let mut summary: Vec<_> = crate::support::all(waiting)
        .await
        .iter()
        .map(|page| (page.cache_status(), page.all("age")))
        .collect();
    summary.sort();
    assert_eq!(
        summary,
        [
            (
                "cdn; hit, Larder; fwd=uri-miss; collapsed; detail=never-stored".to_owned(),
                vec!["30".to_owned()]
            ),
            (
                "cdn; hit, Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored".to_owned(),
                vec!["30".to_owned()]
            ),
        ]
    );
}

#[tokio::test]
async fn the_numbers_add_up() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, _| match request.uri.path() {
        "/private" => Answer::ok("page").header("cache-control", "private"),
        _ => Answer::ok("page"),
    });
    let site = site(&cache, hourly().stale_while_revalidate(secs(60)), &origin).await;
    for path in ["/a", "/a", "/a", "/b", "/private"] {
        site.get(path).await;
    }
    site.ask(Method::POST, "/b").send().await;
    site.get("/b").await;
    clock.advance(secs(3600));
    assert_eq!(site.get("/a").await.x_cache(), "STALE");
    larder_tests::http::soon("the refresh", async {
        while cache.stats().stored < 4 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let stats = cache.stats();
    assert_eq!((stats.hits_memory, stats.hits_shared, stats.hits()), (2, 0, 3));
    assert_eq!(stats.stale.get("stale-while-revalidate"), Some(&1));
    assert_eq!((stats.misses.get("never-stored"), stats.misses.get("invalidated")), (Some(&3), Some(&1)));
    assert_eq!(stats.bypasses.get("method"), Some(&1));
    assert_eq!(stats.not_stored.get("private"), Some(&1));
    assert_eq!((stats.fills, stats.stored, stats.collapsed, stats.store_errors), (5, 4, 0, 0));
    assert!((stats.hit_ratio() - 3.0 / 7.0).abs() < 1e-9);
    assert!(stats.memory_entries >= 3 && stats.memory_bytes > 0);
}
