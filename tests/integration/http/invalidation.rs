//! Everything that can be named by an invalidation, and everything that must not be affected.

use axum::Router;
use axum::response::IntoResponse;
use axum::routing::get;
use http::{Method, StatusCode};
use larder::{Glob, Invalidation, InvalidationOutcome, Prefix, Tag, Tags, UriName};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;

use crate::support::{cache, hourly, secs, site};

#[tokio::test]
async fn a_selector_reaches_what_it_names_and_nothing_else() {
    const PATHS: [&str; 8] = ["/a", "/a?q=1", "/a/b", "/a/b/c", "/ab", "/", "/A", "/x/reviews/1"];
    let cases: [(&str, Invalidation, &[&str]); 14] = [
        ("a tag", Invalidation::tag("thing"), &PATHS),
        ("another tag", Invalidation::tag("Thing"), &[]),
        ("all", Invalidation::all(), &PATHS),
        ("a prefix", Prefix::new("/a").unwrap().into(), &["/a", "/a?q=1", "/a/b", "/a/b/c"]),
        ("a prefix with a slash", Prefix::new("/a/").unwrap().into(), &["/a", "/a?q=1", "/a/b", "/a/b/c"]),
        ("a deeper prefix", Prefix::new("/a/b").unwrap().into(), &["/a/b", "/a/b/c"]),
        ("the root", Prefix::new("/").unwrap().into(), &PATHS),
        ("a glob", Glob::new("/a*").unwrap().into(), &["/a", "/a?q=1", "/a/b", "/a/b/c", "/ab"]),
        ("a glob inside", Glob::new("/*/reviews/*").unwrap().into(), &["/x/reviews/1"]),
        ("a URI", UriName::new("/a").unwrap().into(), &["/a"]),
        ("a URI with its query", UriName::new("/a?q=1").unwrap().into(), &["/a?q=1"]),
        ("a URI of this host", UriName::new("http://shop.example/a/b").unwrap().into(), &["/a/b"]),
        ("a URI of another host", UriName::new("http://other.example/a/b").unwrap().into(), &[]),
        ("two at once", Invalidation::tag("none").and(UriName::new("/ab").unwrap()).and_tag("no"), &["/ab"]),
    ];
    for (name, what, expected) in cases {
        let (cache, _) = cache();
        let origin = Origin::always(Answer::ok("page"));
        let site = site(&cache, hourly().tag("thing"), &origin).await;
        let ask = async |path: &str| {
            site.ask(Method::GET, path).with("host", "shop.example").send().await.x_cache()
        };
        for path in PATHS {
            assert_eq!(ask(path).await, "MISS", "{path}");
        }
        assert_eq!(cache.invalidate(what).await, InvalidationOutcome::Applied);
        for path in PATHS {
            let summary = ask(path).await;
            assert_eq!(summary == "MISS", expected.contains(&path), "{name}: {path} {summary}");
        }
        // After that, newly stored responses are served.
        for path in PATHS {
            assert_eq!(ask(path).await, "HIT", "{name}: {path}");
        }
    }
}

/// An invalidation of a URI does not need to know which of its parameters are in the key.
#[tokio::test]
async fn a_uri_names_what_answers_it_whatever_it_was_filled_by() {
    let policies = [
        hourly().query_ignoring(["utm"]),
        hourly().query_only(["q"]),
        hourly().query_ignoring(["utm"]).query_sorted(),
    ];
    for policy in policies {
        for host in ["", "http://shop.example"] {
            let (cache, _) = cache();
            let site = site(&cache, policy.clone(), &Origin::always(Answer::ok("page"))).await;
            let ask = async |path: &str| {
                site.ask(Method::GET, path).with("host", "shop.example").send().await.x_cache()
            };
            for path in ["/a?q=1&utm=mail", "/a?q=2", "/b?q=1"] {
                assert_eq!(ask(path).await, "MISS", "{path}");
            }
            assert_eq!(ask("/a?utm=feed&q=1").await, "HIT");
            let uri = UriName::new(&format!("{host}/a?utm=feed&q=1")).unwrap();
            assert_eq!(cache.invalidate(uri).await, InvalidationOutcome::Applied);
            assert_eq!(ask("/a?utm=feed&q=1").await, "MISS", "{host}");
            for path in ["/a?q=1&utm=mail", "/a?q=2", "/b?q=1"] {
                assert_eq!(ask(path).await, "HIT", "{path}");
            }
        }
    }
}

/// A key is given by the text of its template, or as in `X-Cache-Key`. It covers every variant.
#[tokio::test]
async fn a_key_names_all_its_variants() {
    let (cache, _) = cache();
    let handler = |axum::extract::Path(id): axum::extract::Path<String>| async move {
        ([("vary", "accept-language")], id)
    };
    let policy = hourly().key("user:{id}").expose_cache_key();
    let router = Router::new().route("/users/{id}", get(handler).layer(cache.layer(policy)));
    let site = Site::of(router).await;
    let fill = async || {
        let mut summary = Vec::new();
        for (id, language) in [("1", "en"), ("1", "de"), ("2", "en")] {
            let page =
                site.ask(Method::GET, &format!("/users/{id}")).with("accept-language", language).send().await;
            summary.push(page.x_cache());
        }
        summary.join(" ")
    };
    assert_eq!(fill().await, "MISS MISS MISS");
    assert_eq!(fill().await, "HIT HIT HIT");
    let _ = cache.invalidate(Invalidation::key("user:1")).await;
    assert_eq!(fill().await, "MISS MISS HIT");
    let key =
        site.ask(Method::GET, "/users/2").with("accept-language", "en").send().await.field("x-cache-key");
    assert_eq!(key, "k|user:2");
    let _ = cache.invalidate(Invalidation::key(key)).await;
    assert_eq!(fill().await, "HIT HIT MISS");
}

/// RFC 9111 §4.4.
#[tokio::test]
async fn a_successful_unsafe_request_invalidates_its_uri() {
    for (method, status, expected) in [
        (Method::POST, 200, "MISS"),
        (Method::PUT, 204, "MISS"),
        (Method::PATCH, 202, "MISS"),
        (Method::DELETE, 303, "MISS"),
        (Method::from_bytes(b"BREW").unwrap(), 200, "MISS"),
        (Method::POST, 400, "HIT"),
        (Method::PUT, 500, "MISS"),
        (Method::PUT, 503, "MISS"),
        (Method::PUT, 408, "MISS"),
        (Method::OPTIONS, 200, "HIT"),
        (Method::HEAD, 200, "HIT"),
    ] {
        let (cache, _) = cache();
        let origin = Origin::new(move |request, _| match request.method {
            Method::GET => Answer::ok("page"),
            _ => Answer::status(StatusCode::from_u16(status).unwrap()),
        });
        let site = site(&cache, hourly(), &origin).await;
        for path in ["/a?q=1", "/b"] {
            assert_eq!(site.get(path).await.x_cache(), "MISS");
        }
        site.ask(method.clone(), "/a?q=1").send().await;
        assert_eq!(site.get("/a?q=1").await.x_cache(), expected, "{method} {status}");
        assert_eq!(site.get("/b").await.x_cache(), "HIT", "{method} {status}");
    }
}

/// A write handler's response part, hard and soft, with any status, in addition to its own URI.
#[tokio::test]
async fn a_write_handler_invalidates_by_a_response_part() {
    let (cache, _) = cache();
    let read = |tag: &'static str| move || async move { (Tags::from([tag]), "page") };
    let policy = || hourly().stale_while_revalidate(secs(60));
    let router = Router::new()
        .route("/hard", get(read("hard")).layer(cache.layer(policy())))
        .route("/soft", get(read("soft")).layer(cache.layer(policy())))
        .route("/other", get(read("other")).layer(cache.layer(policy())))
        .route(
            "/write",
            get(|| async { "page" })
                .post(|| async { (StatusCode::CONFLICT, Invalidation::tag("hard")).into_response() })
                .put(|| async { Invalidation::tag("soft").soft().into_response() })
                .layer(cache.layer(policy())),
        );
    let site = Site::of(router).await;
    for path in ["/hard", "/soft", "/other", "/write"] {
        site.get(path).await;
        assert_eq!(site.get(path).await.x_cache(), "HIT");
    }
    assert_eq!(site.ask(Method::POST, "/write").send().await.status, StatusCode::CONFLICT);
    // Its own URI was not written, but the named responses are gone.
    assert_eq!(site.get("/write").await.x_cache(), "HIT");
    assert_eq!(site.get("/hard").await.x_cache(), "MISS");
    assert_eq!(site.ask(Method::PUT, "/write").send().await.status, StatusCode::OK);
    assert_eq!(site.get("/write").await.x_cache(), "MISS");
    assert_eq!(site.get("/soft").await.x_cache(), "STALE");
    assert_eq!(site.get("/other").await.x_cache(), "HIT");
}

/// A policy's tag takes its values from the route, whatever they are.
#[tokio::test]
async fn tags_with_parameters_are_the_values_as_the_handler_sees_them() {
    let (cache, _) = cache();
    let router = Router::new().route(
        "/{shop}/{id}",
        get(|| async { "page" }).layer(cache.layer(hourly().tag("{shop}/product:{id}"))),
    );
    let site = Site::of(router).await;
    let paths = ["/a/1", "/a/2", "/b/1", "/a%2Fproduct:1/1", "/a/%31", "/%61/1"];
    for path in paths {
        assert_eq!(site.get(path).await.x_cache(), "MISS");
    }
    let _ = cache.invalidate(Tag::new("a/product:1")).await;
    let mut summary = Vec::new();
    for path in paths {
        summary.push(site.get(path).await.x_cache());
    }
    assert_eq!(summary, ["MISS", "HIT", "HIT", "HIT", "MISS", "MISS"]);
}

/// A route without a tag's parameter could not be invalidated, so nothing of it is stored.
#[tokio::test]
async fn a_missing_parameter_sends_requests_past_the_cache() {
    let (cache, _) = cache();
    let router = Router::new()
        .route("/{id}", get(|| async { "page" }))
        .route("/fixed", get(|| async { "page" }))
        .layer(cache.layer(hourly().tag("product:{id}")));
    let site = Site::of(router).await;
    assert_eq!([site.get("/1").await.x_cache(), site.get("/1").await.x_cache()], ["MISS", "HIT"]);
    for _ in 0..2 {
        let page = site.get("/fixed").await;
        assert_eq!(page.cache_status(), "Larder; fwd=bypass; fwd-status=200; detail=missing-parameter");
    }
}

/// The client of a write leaves between the commit and the invalidation, which still happens.
#[tokio::test]
async fn a_write_whose_client_leaves_is_invalidated() {
    let (cache, _) = cache();
    let gate = larder_testing::Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, call| match request.method {
            Method::GET => Answer::ok(format!("read {call}")),
            _ => Answer::ok("written").held_at(&gate),
        }
    });
    let door = crate::support::Door::new();
    let service = tower::Layer::layer(&cache.layer(hourly()), origin.clone());
    let site = Site::of(door.before(Router::new().fallback_service(service))).await;
    let host = site.host();
    assert!(site.get("/a").await.is("MISS", "read 1"));
    door.came(1).await;
    let write = site.raw(&format!("POST /a HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n")).await;
    larder_tests::http::soon("the write", gate.arrived(1)).await;
    door.came(1).await;
    drop(write);
    door.left(1).await;
    gate.open();
    let before = cache.stats().invalidations;
    larder_tests::http::soon("the invalidation", async {
        while cache.stats().invalidations == before {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(site.get("/a").await.is("MISS", "read 3"));
}
