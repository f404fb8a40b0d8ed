//! A service whose responses do not depend on the host (`Policy::ignore_host`).

use axum::Router;
use axum::routing::{any, get};
use http::Method;
use larder::{Cache, InvalidationOutcome, Policy, UriName};
use larder_testing::{Answer, Origin};
use larder_tests::http::{Page, Site};
use tower::Layer as _;

use crate::support::{cache, hourly, site};

async fn ask(site: &Site, method: Method, host: &str, path: &str) -> Page {
    site.ask(method, path).with("host", host).send().await
}

async fn x_cache(site: &Site, host: &str, path: &str) -> String {
    ask(site, Method::GET, host, path).await.x_cache()
}

async fn hostless(policy: Policy) -> (Cache, Site) {
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("page").header("cache-groups", "\"g\""));
    let site = site(&cache, policy.ignore_host(), &origin).await;
    (cache, site)
}

#[tokio::test]
async fn all_hosts_share_a_response_of_the_same_path_and_query() {
    let (_, site) = hostless(hourly()).await;
    assert_eq!(x_cache(&site, "10.0.0.1:8080", "/a?b").await, "MISS");
    for host in ["10.0.0.2:8080", "shop.example", "SHOP.example:80"] {
        assert_eq!(x_cache(&site, host, "/a?b").await, "HIT", "{host}");
        assert_eq!(x_cache(&site, host, &format!("/{}", host.len())).await, "MISS");
    }
    assert_eq!(x_cache(&site, "shop.example", "/a?c").await, "MISS");
}

/// RFC 9111 §4.4. The response was stored by a request to another host than the write.
#[tokio::test]
async fn a_write_on_one_host_reaches_the_response_for_all() {
    let (_, site) = hostless(hourly().query_ignoring(["utm"])).await;
    for writer in ["a.example", "b.example"] {
        assert_eq!(x_cache(&site, "a.example", "/p?utm=1").await, "MISS");
        assert_eq!(x_cache(&site, "c.example", "/p").await, "HIT");
        ask(&site, Method::POST, writer, "/p?utm=2").await;
    }
    assert_eq!(x_cache(&site, "c.example", "/p").await, "MISS");
}

#[tokio::test]
async fn a_uri_on_any_host_names_it() {
    let (cache, site) = hostless(hourly()).await;
    for (name, reaches) in [
        ("/a", true),
        ("https://b.example/a", true),
        ("//a.example/a", true),
        ("/b", false),
        ("https://a.example/a?b", false),
    ] {
        ask(&site, Method::GET, "a.example", "/a").await;
        let outcome = cache.invalidate(UriName::new(name).unwrap()).await;
        assert_eq!(outcome, InvalidationOutcome::Applied);
        let expected = if reaches { "MISS" } else { "HIT" };
        assert_eq!(x_cache(&site, "c.example", "/a").await, expected, "{name}");
    }
}

/// RFC 9875: groups belong to an origin, and all hosts are one.
#[tokio::test]
async fn groups_and_locations_are_those_of_one_service() {
    let (cache, _) = cache();
    let policy = || hourly().cache_groups().invalidate_locations().ignore_host();
    let write = async || [("cache-group-invalidation", "\"g\""), ("location", "http://a.example/b")];
    let router = Router::new()
        .route("/a", get(async || ([("cache-groups", "\"g\"")], "a")))
        .route("/b", get(async || "b"))
        .route("/write", axum::routing::post(write))
        .layer(cache.layer(policy()));
    let site = Site::of(router).await;
    for path in ["/a", "/b"] {
        assert_eq!(x_cache(&site, "c.example", path).await, "MISS");
    }
    ask(&site, Method::POST, "a.example", "/write").await;
    for path in ["/a", "/b"] {
        assert_eq!(x_cache(&site, "d.example", path).await, "MISS", "{path}");
    }
}

/// Responses to equivalent queries are found on all hosts too.
#[tokio::test]
async fn equivalent_queries_are_matched() {
    let (cache, _) = cache();
    let handler = async || ([("no-vary-search", "params=(\"utm\")")], "a");
    let layer = cache.layer(hourly().no_vary_search().ignore_host());
    let site = Site::of(Router::new().fallback_service(layer.layer(any(handler)))).await;
    assert_eq!(x_cache(&site, "a.example", "/a?utm=1").await, "MISS");
    assert_eq!(x_cache(&site, "b.example", "/a?utm=2").await, "HIT");
    ask(&site, Method::DELETE, "c.example", "/a?utm=3").await;
    assert_eq!(x_cache(&site, "a.example", "/a?utm=1").await, "MISS");
}

/// A route with a key of its own has no host in it. Its names have none either then.
#[tokio::test]
async fn a_key_of_its_own_keeps_its_names() {
    let (_, site) = hostless(hourly().key_with(|parts| Some(parts.uri.path().to_owned()))).await;
    assert_eq!(x_cache(&site, "a.example", "/a").await, "MISS");
    ask(&site, Method::PUT, "b.example", "/a").await;
    assert_eq!(x_cache(&site, "a.example", "/a").await, "MISS");
}
