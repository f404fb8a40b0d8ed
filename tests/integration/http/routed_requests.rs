//! `Policy::key_with` and `Policy::tag_with`: functions of the request and its path parameters.

use axum::Router;
use axum::routing::any_service;
use larder::{Policy, Tag};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;

use crate::support::{cache, hourly};

/// Returns a site with these routes, all behind one layer. The handler repeats the URI.
async fn routed(cache: &larder::Cache, policy: Policy, routes: &[&str]) -> Site {
    let origin = Origin::new(|request, _| Answer::ok(request.uri.to_string()));
    let layer = cache.layer(policy);
    let router = routes.iter().fold(Router::new(), |router, route| {
        router.route(route, any_service(origin.clone()).layer(layer.clone()))
    });
    Site::of(router).await
}

#[tokio::test]
async fn a_key_may_be_made_from_path_parameters() {
    let (cache, _) = cache();
    let policy = hourly().key_with(|request| {
        let id = request.param("id")?.to_lowercase();
        Some(format!("{}:{id}", request.headers.get("x-shop")?.to_str().ok()?))
    });
    let site = routed(&cache, policy, &["/items/{id}", "/others/{name}"]).await;
    let get = async |path, shop| site.ask(http::Method::GET, path).with("x-shop", shop).send().await;
    assert!(get("/items/A%20b", "1").await.is("MISS", "/items/A%20b"));
    assert!(get("/items/a%20B?x=1", "1").await.is("HIT", "/items/A%20b"));
    assert!(get("/items/a%20b", "2").await.is("MISS", "/items/a%20b"));
    // The route has no such parameter.
    assert_eq!(get("/others/a", "1").await.x_cache(), "BYPASS");
    assert_eq!(cache.stats().bypasses.get("no-key"), Some(&1));

    let _ = cache.invalidate(larder::Invalidation::key("1:a b")).await;
    assert_eq!(get("/items/a%20b", "1").await.x_cache(), "MISS");
    assert_eq!(get("/items/a%20b", "2").await.x_cache(), "HIT");
}

#[tokio::test]
async fn tags_may_be_made_from_path_parameters() {
    let (cache, _) = cache();
    let folders = |request: &larder::RoutedRequest<'_>| {
        let path = request.param("path").unwrap_or_default().into_owned();
        let ends: Vec<_> = path.match_indices('/').map(|(end, _)| end).collect();
        ends.into_iter().map(move |end| Tag::new(format!("folder:{}", &path[..end])))
    };
    let policy = hourly().tag("files").tag_with(folders).tag_with(|request| {
        request.headers.get("x-shop").map(|shop| format!("shop:{}", shop.to_str().unwrap()))
    });
    let site = routed(&cache, policy, &["/files/{*path}"]).await;
    let get = async |path| site.ask(http::Method::GET, path).with("x-shop", "1").send().await.x_cache();
    for (named, one, other) in [
        ("folder:a", "MISS", "HIT"),
        ("folder:a/b", "MISS", "HIT"),
        ("folder:c", "HIT", "MISS"),
        ("folder:a/b/x", "HIT", "HIT"),
        ("shop:1", "MISS", "MISS"),
        ("files", "MISS", "MISS"),
        ("shop:2", "HIT", "HIT"),
    ] {
        get("/files/a/b/x").await;
        get("/files/c/x").await;
        let _ = cache.invalidate(Tag::new(named)).await;
        assert_eq!(
            (get("/files/a/b/x").await.as_str(), get("/files/c/x").await.as_str()),
            (one, other),
            "{named}"
        );
    }
}

#[test]
fn a_request_shows_no_header_fields_when_it_is_printed() {
    let (cache, _) = cache();
    let policy = hourly().key_with(|request| {
        let text = format!("{request:?}");
        assert!(text.contains("/a") && !text.contains("secret"), "{text}");
        Some(text)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let site = routed(&cache, policy, &["/a"]).await;
        assert_eq!(site.ask(http::Method::GET, "/a").with("x-key", "secret").send().await.x_cache(), "MISS");
    });
}
