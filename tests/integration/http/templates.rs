//! Templates of keys and tags: missing parameters, the query, and two routes with one template.

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use http::{Method, Uri};
use larder::{Cache, Invalidation, Policy, UriName};
use larder_tests::http::{Page, Site};
use tower::Layer as _;

use crate::support::{cache, hourly};
use crate::warnings::Warnings;

async fn echo(uri: Uri) -> String {
    uri.to_string()
}

async fn site(cache: &Cache, route: &str, policy: Policy) -> Site {
    Site::of(Router::new().route(route, get(echo).put(echo).layer(cache.layer(policy)))).await
}

const MISSING: &str = "Larder; fwd=bypass; fwd-status=200; detail=missing-parameter";

/// A typo in a template, or a layer on a route that has no such parameter.
#[tokio::test]
async fn a_parameter_that_the_route_lacks_is_named_once() {
    let (warnings, _guard) = Warnings::listen();
    let cases = [
        ("/products/{id}", hourly().tag("typo:{ID}"), "typo:{ID}", "ID"),
        ("/products/{id}", hourly().key("typo:{ID}"), "typo:{ID}", "ID"),
        ("/products/{id}", hourly().key("typo:{id}:{page}{?a}"), "typo:{id}:{page}{?a}", "page"),
        ("/other/{id}", hourly().tag("typo:{ID}"), "typo:{ID}", "ID"),
        ("/products/{id}", hourly().tag("typo:{user}"), "typo:{user}", "user"),
    ];
    for (at, (route, policy, template, name)) in cases.into_iter().enumerate() {
        let (cache, _) = cache();
        let site = site(&cache, route, policy).await;
        for path in [1, 2, 1].map(|id| route.replace("{id}", &id.to_string())) {
            assert_eq!(site.get(&path).await.cache_status(), MISSING, "{template}");
        }
        assert_eq!(cache.stats().bypasses["missing-parameter"], 3);
        let logged = warnings.take();
        // The second case is the same mistake as the first.
        assert_eq!(logged.len(), usize::from(at != 1), "{template} {logged:?}");
        for text in logged {
            for field in [
                format!("template=\"{template}\" "),
                format!("parameter=\"{name}\" "),
                format!("route=\"{route}\" "),
                "so its requests bypass the cache".to_owned(),
            ] {
                assert!(text.contains(&field), "{text:?} does not contain {field:?}");
            }
        }
    }
}

/// The parameters of a route are known in the router, not around it.
#[tokio::test]
async fn a_layer_around_the_router_is_warned_of_and_one_around_its_routes_is_not() {
    let (warnings, _guard) = Warnings::listen();
    let (cache, _) = cache();
    let routes = || Router::new().route("/items/{id}", get(echo));
    let around = cache.layer(hourly().tag("around:{id}")).layer(routes());
    let site = Site::of_service(hyper_axum(around)).await;
    assert_eq!(site.get("/items/7").await.cache_status(), MISSING);
    let logged = warnings.take();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("the layer is around the router and not in it"), "{logged:?}");

    let site = Site::of(routes().layer(cache.layer(hourly().tag("within:{id}")))).await;
    assert_eq!(site.get("/items/7").await.x_cache(), "MISS");
    // A request that matches no route has no parameters. That is no mistake.
    assert!(site.get("/nowhere").await.cache_status().contains("missing-parameter"));
    assert_eq!(warnings.take(), [""; 0]);
}

/// Returns a service for hyper's requests from one for axum's.
fn hyper_axum<S, B>(
    service: S,
) -> impl tower::Service<
    http::Request<hyper::body::Incoming>,
    Response = http::Response<B>,
    Error = S::Error,
    Future = S::Future,
> + Clone
+ Send
where
    S: tower::Service<http::Request<axum::body::Body>, Response = http::Response<B>> + Clone + Send,
{
    tower::util::MapRequest::new(service, |request: http::Request<hyper::body::Incoming>| {
        request.map(axum::body::Body::new)
    })
}

/// A request without a user is no mistake in the policy.
#[tokio::test]
async fn a_request_without_a_user_has_no_key() {
    let (warnings, _guard) = Warnings::listen();
    for policy in [hourly().tag("of:{user}"), hourly().key("of:{user}")] {
        let (cache, _) = cache();
        let policy = policy.per_user(|_| None).invalidates("of:{user}");
        let site = site(&cache, "/me", policy).await;
        let page = site.get("/me").await;
        assert_eq!(page.cache_status(), "Larder; fwd=bypass; fwd-status=200; detail=no-key");
        site.ask(Method::PUT, "/me").send().await;
    }
    assert_eq!(warnings.take(), [""; 0]);
}

async fn key(site: &Site, path: &str) -> (String, String) {
    let page: Page = site.get(path).await;
    (page.x_cache(), page.field("x-cache-key"))
}

/// A handler may read the query, so the query stays in the key unless the policy says otherwise.
#[tokio::test]
async fn the_query_follows_the_template_in_the_key() {
    let cases: [(&str, fn() -> Policy, &[(&str, &str, &str)]); 5] = [
        (
            "as it is",
            || hourly().key("item:{id}"),
            &[
                ("/items/7", "MISS", "k|item:7"),
                ("/items/7?page=1", "MISS", "k|item:7|?page=1"),
                ("/items/7?page=2", "MISS", "k|item:7|?page=2"),
                ("/items/7?page=1", "HIT", "k|item:7|?page=1"),
                ("/items/7%7C%3Fpage=2", "MISS", "k|item:7^7C?page=2"),
            ],
        ),
        (
            "named in the template",
            || hourly().key("item:{id}{?page,size}"),
            &[
                ("/items/7?page=1&utm=x", "MISS", "k|item:7|?page=1"),
                ("/items/7?utm=y&page=1", "HIT", "k|item:7|?page=1"),
                ("/items/7?page=1&size=9", "MISS", "k|item:7|?page=1&size=9"),
                ("/items/7?utm=y", "MISS", "k|item:7"),
            ],
        ),
        (
            "named in the template, and sorted",
            || hourly().query_sorted().key("item:{id}{?page,size}"),
            &[
                ("/items/7?size=9&page=1", "MISS", "k|item:7|?page=1&size=9"),
                ("/items/7?page=1&size=9", "HIT", "k|item:7|?page=1&size=9"),
            ],
        ),
        (
            "named by the policy",
            || hourly().query_ignoring(["utm"]).key("item:{id}").key_header(http::header::FROM),
            &[
                ("/items/7?page=1&utm=x", "MISS", "k|item:7|?page=1|h|from"),
                ("/items/7?page=1", "HIT", "k|item:7|?page=1|h|from"),
            ],
        ),
        (
            "ignored",
            || hourly().key("item:{id}").ignore_query(),
            &[
                ("/items/7?page=1", "MISS", "k|item:7"),
                ("/items/7?page=2;x", "HIT", "k|item:7"),
                ("/items/7", "HIT", "k|item:7"),
            ],
        ),
    ];
    for (name, policy, requests) in cases {
        let (cache, _) = cache();
        let site = site(&cache, "/items/{id}", policy().expose_cache_key()).await;
        for (path, x_cache, expected) in requests {
            assert_eq!(key(&site, path).await, ((*x_cache).into(), (*expected).into()), "{name}: {path}");
        }
    }
}

#[tokio::test]
async fn a_policy_may_ignore_the_query_of_any_uri() {
    let (cache, _) = cache();
    let site = site(&cache, "/items/{id}", hourly().ignore_query()).await;
    assert_eq!(site.get("/items/7?a=1").await.x_cache(), "MISS");
    assert_eq!(site.get("/items/7?b=2;c").await.x_cache(), "HIT");
    cache.invalidate(UriName::new("/items/7?c=3").unwrap()).await.require_applied().unwrap();
    assert_eq!(site.get("/items/7").await.x_cache(), "MISS");
}

/// The text of the template names the responses to all queries, also after a write.
#[tokio::test]
async fn the_text_of_a_template_names_every_query() {
    let (cache, _) = cache();
    let by_language = hourly().key("item:{id}").key_header(http::header::ACCEPT_LANGUAGE);
    let site = site(&cache, "/items/{id}", by_language).await;
    let paths = ["/items/7", "/items/7?page=1", "/items/7?page=2", "/items/8?page=1"];
    let ask = async || {
        let mut outcomes = Vec::new();
        for path in paths {
            outcomes.push(site.get(path).await.x_cache());
        }
        outcomes.join(" ")
    };
    assert_eq!(ask().await, "MISS MISS MISS MISS");
    cache.invalidate(Invalidation::key("item:7")).await.require_applied().unwrap();
    assert_eq!(ask().await, "MISS MISS MISS HIT");
    site.ask(Method::PUT, "/items/7?page=3").with("accept-language", "de").send().await;
    assert_eq!(ask().await, "MISS MISS MISS HIT");
    cache.invalidate(UriName::new("/items/7?page=2").unwrap()).await.require_applied().unwrap();
    assert_eq!(ask().await, "HIT HIT MISS HIT");
    cache
        .invalidate(Invalidation::key("k|item:8|?page=1|h|accept-language"))
        .await
        .require_applied()
        .unwrap();
    assert_eq!(ask().await, "HIT HIT HIT MISS");
}

/// Their routes would serve each other's responses.
#[tokio::test]
async fn two_layers_with_one_template_are_warned_of_at_start() {
    let (warnings, _guard) = Warnings::listen();
    let (cache, _) = cache();
    let products = cache.layer(hourly().key("item:{id}"));
    let _clone = products.clone();
    let _others = [
        cache.layer(hourly().key("product:{id}")),
        cache.layer(hourly().key("item:{id}").partition(|_| Some("tenant".to_owned()))),
        cache.layer(hourly().tag("item:{id}")),
        Cache::default().layer(hourly().key("item:{id}")),
    ];
    assert_eq!(warnings.take(), [""; 0]);
    let second = cache.layer(hourly().key("item:{item}{?page}"));
    let logged = warnings.take();
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(logged[0].contains("template=\"item:{item}{?page}\""), "{logged:?}");
    assert!(logged[0].contains("two layers have the same key template"), "{logged:?}");
    let third = cache.layer(hourly().key("item:{id}"));
    assert_eq!(warnings.take(), [""; 0], "once");
    // The responses are shared, as the warning says.
    let handler = |Path(id): Path<u64>, uri: Uri| async move { format!("{id} of {}", uri.path()) };
    let router = Router::new()
        .route("/products/{id}", get(handler).layer(products))
        .route("/reviews/{item}", get(handler).layer(second));
    let site = Site::of(router).await;
    assert!(site.get("/products/7").await.is("MISS", "7 of /products/7"));
    assert!(site.get("/reviews/7").await.is("HIT", "7 of /products/7"));
    drop(third);
}
