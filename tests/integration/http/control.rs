//! Whether responses are stored, and for how long: the policy, `Cache-Control`, and response parts
//! of the handler.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{Method, StatusCode};
use larder::{CacheFor, Policy};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;

use crate::support::{cache, hourly, secs, site};

/// Returns for how many seconds the origin's response is a hit, or `None` if it never is.
async fn fresh_for(policy: Policy, fields: &'static [(&'static str, &'static str)]) -> Option<u64> {
    let (cache, clock) = cache();
    let origin = Origin::new(move |_, call| {
        fields
            .iter()
            .fold(Answer::ok(format!("{call}")), |answer, (name, value)| answer.header(*name, *value))
    });
    let site = site(&cache, policy, &origin).await;
    assert_eq!(site.get("/a").await.x_cache(), "MISS", "{fields:?}");
    if site.get("/a").await.x_cache() != "HIT" {
        return None;
    }
    let mut seconds = 0;
    for step in [3600 * 24, 3600, 60, 1] {
        loop {
            clock.advance(secs(step));
            if site.get("/a").await.x_cache() != "HIT" {
                clock.advance_boot(secs(0));
                break;
            }
            seconds += step;
        }
        // It expired within this step: start over at the last moment when it was fresh.
        assert_eq!(site.get("/a").await.x_cache(), "HIT", "{fields:?}");
        clock.advance(secs(seconds));
        assert_eq!(site.get("/a").await.x_cache(), "HIT", "{fields:?} at {seconds}");
    }
    Some(seconds + 1)
}

#[tokio::test]
async fn the_first_word_on_the_lifetime_counts() {
    for (fields, expected) in [
        (&[][..], Some(3600)),
        (&[("cache-control", "max-age=30")], Some(30)),
        (&[("cache-control", "MAX-AGE=\"30\"")], Some(30)),
        (&[("cache-control", "max-age=30, s-maxage=40")], Some(40)),
        (&[("cache-control", "max-age=100"), ("age", "60")], Some(40)),
        (&[("cache-control", "public, max-age=30, must-revalidate")], Some(30)),
        // The clock starts at 2026-01-01T00:00:00Z.
        (&[("expires", "Thu, 01 Jan 2026 00:01:00 GMT")], Some(60)),
        (&[("expires", "Thu, 01 Jan 2026 00:01:00 GMT"), ("cache-control", "max-age=30")], Some(30)),
        (&[("cache-control", "max-age=0")], None),
        (&[("cache-control", "max-age=x")], None),
        (&[("expires", "0")], None),
        (&[("cache-control", "no-store")], None),
        (&[("cache-control", "no-store, max-age=30")], None),
        (&[("cache-control", "max-age=30"), ("cache-control", "no-store")], None),
        (&[("cache-control", "private")], None),
        (&[("cache-control", "private=x y, max-age=30")], None),
        (&[("cache-control", "Private=\"x-a\", max-age=30")], Some(30)),
        (&[("cache-control", "no-cache")], None),
        (&[("cache-control", "no-cache"), ("etag", "\"a\"")], None),
        (&[("set-cookie", "a=b"), ("cache-control", "max-age=30")], None),
        (&[("set-cookie", "a=b"), ("cache-control", "public, max-age=30")], None),
        (&[("vary", "*"), ("cache-control", "max-age=30")], None),
    ] {
        // A new response with `Expires` has a shorter lifetime.
        let found = if fields.first().is_some_and(|(name, _)| *name == "expires") && expected.is_some() {
            expires_at_the_start(fields).await
        } else {
            fresh_for(hourly(), fields).await
        };
        assert_eq!(found, expected, "{fields:?}");
    }
}

async fn expires_at_the_start(fields: &'static [(&'static str, &'static str)]) -> Option<u64> {
    for seconds in 1..=3600 {
        let (cache, clock) = cache();
        let origin = Origin::new(move |_, _| {
            fields.iter().fold(Answer::ok("page"), |answer, (name, value)| answer.header(*name, *value))
        });
        let site = site(&cache, hourly(), &origin).await;
        site.get("/a").await;
        clock.advance(secs(seconds));
        if site.get("/a").await.x_cache() != "HIT" {
            return Some(seconds);
        }
    }
    None
}

#[tokio::test]
async fn the_handlers_own_word_comes_first() {
    let handler = |said: CacheFor, control: &'static str| {
        move || async move { (said, [("cache-control", control)], "page").into_response() }
    };
    let (cache, clock) = cache();
    let layer = || cache.layer(hourly());
    let router = Router::new()
        .route("/shorter", get(handler(CacheFor::from_secs(5), "max-age=100")).layer(layer()))
        .route("/longer", get(handler(CacheFor::from_secs(200), "max-age=100")).layer(layer()))
        .route("/none", get(handler(CacheFor::from_secs(0), "max-age=100")).layer(layer()))
        .route("/forbidden", get(handler(CacheFor::from_secs(200), "no-store")).layer(layer()));
    let site = Site::of(router).await;
    let summary = async |at: &str| {
        let mut summary = Vec::new();
        for path in ["/shorter", "/longer", "/none", "/forbidden"] {
            summary.push(site.get(path).await.x_cache());
        }
        (at.to_owned(), summary.join(" "))
    };
    assert_eq!(summary("0 s").await.1, "MISS MISS MISS MISS");
    assert_eq!(summary("0 s").await.1, "HIT HIT MISS MISS");
    clock.advance(secs(5));
    assert_eq!(summary("5 s").await.1, "MISS HIT MISS MISS");
    clock.advance(secs(194));
    assert_eq!(summary("199 s").await.1, "MISS HIT MISS MISS");
    clock.advance(secs(1));
    assert_eq!(summary("200 s").await.1, "HIT MISS MISS MISS");
}

#[tokio::test]
async fn other_statuses_are_stored_by_policy_for_their_own_time() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, call| {
        let status = request.uri.path().trim_start_matches('/').parse().unwrap();
        Answer::status(StatusCode::from_u16(status).unwrap()).header("x-call", call.to_string())
    });
    let policy =
        hourly().status(StatusCode::NOT_FOUND, secs(10)).status(StatusCode::MOVED_PERMANENTLY, secs(100));
    let site = site(&cache, policy, &origin).await;
    for (status, again) in [
        (200, "HIT"),
        (203, "HIT"),
        (301, "HIT"),
        (302, "MISS"),
        (404, "HIT"),
        (410, "MISS"),
        (429, "MISS"),
        (500, "MISS"),
    ] {
        let path = format!("/{status}");
        let first = site.get(&path).await;
        assert_eq!((first.status.as_u16(), first.x_cache().as_str()), (status, "MISS"));
        let second = site.get(&path).await;
        assert_eq!((second.status.as_u16(), second.x_cache().as_str()), (status, again));
        assert_eq!(second.field("x-call") == first.field("x-call"), again == "HIT");
    }
    clock.advance(secs(9));
    assert_eq!(site.get("/404").await.x_cache(), "HIT");
    clock.advance(secs(1));
    assert_eq!(site.get("/404").await.x_cache(), "MISS");
    assert_eq!(site.get("/301").await.x_cache(), "HIT");
    clock.advance(secs(90));
    assert_eq!(site.get("/301").await.x_cache(), "MISS");
    assert_eq!(site.get("/200").await.x_cache(), "HIT");
}

/// The policy of the route overrides the request.
#[tokio::test]
async fn requests_decide_only_where_the_policy_lets_them() {
    for (obey, expected) in [(false, ["HIT", "HIT", "HIT", "HIT"]), (true, ["MISS", "MISS", "MISS", "HIT"])] {
        let (cache, clock) = cache();
        let origin = Origin::always(Answer::ok("page"));
        let policy = if obey { hourly().honor_request_directives() } else { hourly() };
        let site = site(&cache, policy, &origin).await;
        for ((name, value), expected) in [
            ("cache-control", "no-cache"),
            ("pragma", "no-cache"),
            ("cache-control", "max-age=5"),
            ("cache-control", "max-age=50"),
        ]
        .into_iter()
        .zip(expected)
        {
            site.get("/a").await;
            clock.advance(secs(10));
            let page = site.ask(Method::GET, "/a").with(name, value).send().await;
            assert_eq!(page.x_cache(), expected, "{obey} {name}: {value}");
        }
    }
}

/// RFC 9111 §5.2.1.5.
#[tokio::test]
async fn a_request_may_forbid_to_store_where_the_policy_lets_it() {
    for (obey, again) in [(false, "HIT"), (true, "MISS")] {
        let (cache, _) = cache();
        let origin = Origin::always(Answer::ok("page"));
        let policy = if obey { hourly().honor_request_directives() } else { hourly() };
        let site = site(&cache, policy, &origin).await;
        site.ask(Method::GET, "/a").with("cache-control", "no-store").send().await;
        assert_eq!(site.get("/a").await.x_cache(), again, "{obey}");
    }
}
