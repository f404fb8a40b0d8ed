//! The console: public pages without data, wherever the router is.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{AUTHORIZATION, ETAG, IF_NONE_MATCH, LOCATION};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use larder::{Cache, Policy, ttl};
use larder_admin::AdminRouter;
use tower::ServiceExt;

use crate::support::{App, OPERATOR, READER};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A response of the console.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Page {
    fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn fetch(app: &Router, request: Request<Body>) -> Page {
    let response = app.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Page { status: parts.status, headers: parts.headers, body: String::from_utf8(body.into()).unwrap() }
}

pub(crate) async fn open(app: &Router, path: &str) -> Page {
    fetch(app, Request::get(path).body(Body::empty()).unwrap()).await
}

fn builder() -> AdminRouter {
    larder_admin::router(&Cache::default()).token("on-call", larder_admin::Role::Purge, OPERATOR)
}

fn admin() -> Router {
    builder().build().unwrap()
}

/// The routers that a user may build, each with the paths of its console.
fn places() -> Vec<(Router, Vec<&'static str>)> {
    let shop = || Router::new().route("/products", get("a product"));
    vec![
        (shop().nest("/ops/cache", admin()), vec!["/ops/cache"]),
        (shop().nest_service("/ops/cache", admin()), vec!["/ops/cache", "/ops/cache/"]),
        (shop().nest("/ops/cache/", admin()), vec!["/ops/cache/"]),
        (shop().nest("/a", Router::new().nest_service("/b/c", admin())), vec!["/a/b/c", "/a/b/c/"]),
        (shop().merge(admin()), vec!["/"]),
    ]
}

/// Returns the path to which a browser resolves a relative link of a page.
pub(crate) fn resolve(page: &str, link: &str) -> String {
    let folder = &page[..=page.rfind('/').unwrap()];
    let mut parts: Vec<&str> = Vec::new();
    for part in format!("{folder}{link}").split('/').filter(|part| *part != ".").collect::<Vec<_>>() {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(Box::leak(part.to_owned().into_boxed_str()));
        }
    }
    parts.join("/")
}

fn links(html: &str) -> Vec<String> {
    let after = |name| html.split(name).skip(1).map(|rest: &str| rest.split('"').next().unwrap().to_owned());
    after("href=\"").chain(after("src=\"")).collect()
}

#[tokio::test]
async fn the_shell_and_its_links_are_found_wherever_the_router_is() {
    for (app, paths) in places() {
        for path in paths {
            let page = open(&app, path).await;
            assert_eq!(
                (page.status, page.field("content-type")),
                (StatusCode::OK, "text/html; charset=utf-8")
            );
            assert_eq!(page.headers.get(LOCATION), None);
            let links = links(&page.body);
            assert!(links.len() > 5, "{path}: {links:?}");
            for link in links {
                let found = open(&app, &resolve(path, &link)).await;
                assert_eq!(found.status, StatusCode::OK, "{path}: {link}");
            }
        }
    }
}

#[tokio::test]
async fn each_response_of_the_console_keeps_it_to_itself() {
    let app = App::new();
    for path in
        ["/ops/cache", "/ops/cache/assets/main.js", "/ops/cache/vendor/uPlot.min.css", "/ops/cache/assets/x"]
    {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let page = app.call(method.clone(), path, None, None).await;
            assert_eq!(page.field("content-security-policy"), POLICY, "{method} {path}");
            assert_eq!(page.field("x-content-type-options"), "nosniff", "{method} {path}");
            assert_eq!(page.field("referrer-policy"), "no-referrer", "{method} {path}");
            assert_eq!(page.field("cache-control"), "private, no-cache", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn nothing_but_its_files_is_served() {
    let app = Router::new().nest_service("/ops/cache", admin());
    for path in [
        "assets/nothing.js",
        "assets/index.html",
        "assets/../mod.rs",
        "assets/%2e%2e/mod.rs",
        "assets/..%2fmod.rs",
        "assets/../../Cargo.toml",
        "vendor/README.md",
        "vendor/../assets/main.js",
        "assets/vendor/uPlot.esm.js",
        // A file with something behind or before its name is another one.
        "assets/app.jsx",
        "assets/app.js/",
        "assets/app.js/x",
        "assets/app.js//",
        "assets/app.js%00",
        "assets/app.js%20",
        "assets/app.js.",
        "assets/app.js;x",
        "assets/app.js%3fx",
        "assets/app.js%2f",
        "assets//app.js",
        "assets/%2fapp.js",
        "assets/./app.js",
        "assets/App.js",
        "assets/app.j",
    ] {
        let page = open(&app, &format!("/ops/cache/{path}")).await;
        assert_eq!((page.status, &*page.body), (StatusCode::NOT_FOUND, ""), "{path}");
    }
    for path in ["assets", "assets/", "mod.rs", "index.html"] {
        // The API answers for these, and it needs a token.
        assert_eq!(
            open(&app, &format!("/ops/cache/{path}")).await.status,
            StatusCode::UNAUTHORIZED,
            "{path}"
        );
    }
}

#[tokio::test]
async fn head_has_the_fields_of_get() {
    let app = Router::new().nest_service("/ops/cache", admin());
    for path in ["/ops/cache", "/ops/cache/", "/ops/cache/assets/main.js"] {
        let get = open(&app, path).await;
        let head = fetch(&app, Request::head(path).body(Body::empty()).unwrap()).await;
        assert_eq!((head.status, &*head.body), (StatusCode::OK, ""), "{path}");
        assert_eq!(head.headers, get.headers, "{path}");
        assert_eq!(get.field("content-length"), get.body.len().to_string(), "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_has_a_file_does_not_get_it_again() {
    let app = Router::new().nest_service("/ops/cache", admin());
    let path = "/ops/cache/assets/main.js";
    let tag = open(&app, path).await.headers[ETAG].to_str().unwrap().to_owned();
    let other = open(&app, "/ops/cache/assets/app.js").await.headers[ETAG].to_str().unwrap().to_owned();
    assert_ne!(tag, other);
    for (known, status) in [
        (tag.clone(), StatusCode::NOT_MODIFIED),
        (format!("W/{tag}"), StatusCode::NOT_MODIFIED),
        (format!("{other}, {tag}"), StatusCode::NOT_MODIFIED),
        ("*".to_owned(), StatusCode::NOT_MODIFIED),
        (other, StatusCode::OK),
    ] {
        let request = Request::get(path).header(IF_NONE_MATCH, &known).body(Body::empty()).unwrap();
        let page = fetch(&app, request).await;
        assert_eq!((page.status, page.field("etag")), (status, &*tag), "{known}");
        assert_eq!(page.body.is_empty(), status == StatusCode::NOT_MODIFIED, "{known}");
    }
}

#[tokio::test]
async fn the_console_has_no_data() {
    let (full, empty) = (App::new(), Router::new().nest("/ops/cache", admin()));
    for id in 0..5 {
        full.get(&format!("/products/{id}")).await;
    }
    for path in crate::console_files::paths() {
        let path = format!("/ops/cache{path}");
        let page = full.call(Method::GET, &path, None, None).await;
        assert_eq!(page.text(), open(&empty, &path).await.body, "{path}");
        for secret in [OPERATOR, READER, "shop.example"] {
            assert!(!page.text().contains(secret), "{path}");
        }
    }
}

#[tokio::test]
async fn a_cache_around_everything_stores_neither_the_console_nor_the_api() {
    let cache = Cache::default();
    let admin = larder_admin::router(&cache).bearer_token::<()>(OPERATOR);
    // Otherwise the field `Authorization` would keep the API out.
    let policy = Policy::ttl(ttl::STANDARD).share_authorized();
    let app = Router::new()
        .route("/products", get("a product"))
        .nest_service("/ops/cache", admin)
        .layer(cache.layer(policy));
    for path in ["/ops/cache", "/ops/cache/", "/ops/cache/assets/main.js", "/ops/cache/vendor/uPlot.esm.js"] {
        for _ in 0..3 {
            assert_ne!(open(&app, path).await.field("x-cache"), "HIT", "{path}");
        }
    }
    for resource in ["stats", "health", "client", "policies", "responses", "openapi.json", "nothing"] {
        for _ in 0..3 {
            let request = Request::get(format!("/ops/cache/api/{resource}"));
            let request = request.header(AUTHORIZATION, format!("Bearer {OPERATOR}"));
            let page = fetch(&app, request.body(Body::empty()).unwrap()).await;
            assert_ne!(page.field("x-cache"), "HIT", "{resource}");
        }
    }
    assert_eq!(cache.stats().stored, 0);
    // The layer stores what may be stored.
    open(&app, "/products").await;
    assert_eq!(open(&app, "/products").await.field("x-cache"), "HIT");
}

#[tokio::test]
async fn the_console_can_be_left_out() {
    let app: Router =
        Router::new().nest_service("/ops/cache", builder().without_console().build::<()>().unwrap());
    for path in ["/ops/cache", "/ops/cache/", "/ops/cache/assets/main.js", "/ops/cache/vendor/uPlot.esm.js"] {
        let page = open(&app, path).await;
        assert_eq!(page.status, StatusCode::UNAUTHORIZED, "{path}");
        assert!(!page.body.contains("<html"), "{path}");
    }
    let request = Request::get("/ops/cache/api/client").header("authorization", format!("Bearer {OPERATOR}"));
    assert_eq!(fetch(&app, request.body(Body::empty()).unwrap()).await.status, StatusCode::OK);
}
