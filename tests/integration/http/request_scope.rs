//! Values that belong to one request: response extensions and task-locals, with their remedies.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, http::Extensions};
use larder_tests::http::Site;

use crate::support::{cache, hourly};

/// A value that a handler leaves for a layer around it.
#[derive(Clone)]
struct Shelf(&'static str);

async fn report_shelf(request: Request, next: Next) -> Response {
    fn shelf(extensions: &Extensions) -> &'static str {
        extensions.get::<Shelf>().map_or("none", |shelf| shelf.0)
    }
    let mut response = next.run(request).await;
    let shelf = shelf(response.extensions());
    response.headers_mut().insert("x-seen-around", shelf.parse().unwrap());
    response
}

async fn on_shelf() -> impl IntoResponse {
    (Extension(Shelf("a7")), [("x-shelf", "a7")], "a thing")
}

/// A header field is stored, so it reaches a layer around the cache on hits too.
#[tokio::test]
async fn a_hit_has_the_fields_of_the_response_but_not_its_extensions() {
    let (cache, _) = cache();
    let router =
        Router::new().route("/", get(on_shelf).layer(cache.layer(hourly()))).layer(from_fn(report_shelf));
    let site = Site::of(router).await;
    for (x_cache, around) in [("MISS", "a7"), ("HIT", "none")] {
        let page = site.get("/").await;
        assert!(page.is(x_cache, "a thing"));
        assert_eq!(page.field("x-seen-around"), around, "{x_cache}");
        assert_eq!(page.field("x-shelf"), "a7", "{x_cache}");
    }
}

/// A layer inside of the cache turns the extension into a field, which is then stored.
#[tokio::test]
async fn a_layer_inside_of_the_cache_can_store_an_extension_as_a_field() {
    let (cache, _) = cache();
    let handler: MethodRouter =
        get(async || (Extension(Shelf("b2")), "a thing")).layer(from_fn(report_shelf));
    let router = Router::new().route("/", handler.layer(cache.layer(hourly())));
    let site = Site::of(router).await;
    for x_cache in ["MISS", "HIT"] {
        let page = site.get("/").await;
        assert!(page.is(x_cache, "a thing"));
        assert_eq!(page.field("x-seen-around"), "b2", "{x_cache}");
    }
}

tokio::task_local! {
    static TENANT: &'static str;
}

/// An extension of the request goes with it into the task of the fill.
#[derive(Clone)]
struct Tenant(&'static str);

async fn set_tenant(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Tenant("acme"));
    TENANT.scope("acme", next.run(request)).await
}

async fn restore_tenant(Extension(tenant): Extension<Tenant>, request: Request, next: Next) -> Response {
    TENANT.scope(tenant.0, next.run(request)).await
}

async fn tenant(Extension(tenant): Extension<Tenant>) -> String {
    format!("{} {}", TENANT.try_with(|tenant| *tenant).unwrap_or("none"), tenant.0)
}

/// A task-local of a layer around the cache is not set in the handler, an extension is.
///
/// A layer inside of the cache sets the task-local again, from the extension.
#[tokio::test]
async fn a_fill_has_the_extensions_of_the_request_but_not_the_task_locals() {
    let (cache, _) = cache();
    let layer = || cache.layer(hourly());
    let remedy: MethodRouter = get(tenant).layer(from_fn(restore_tenant));
    let router = Router::new()
        .route("/bare", get(tenant).layer(layer()))
        .route("/remedy", remedy.layer(layer()))
        .layer(from_fn(set_tenant));
    let site = Site::of(router).await;
    assert!(site.get("/bare").await.is("MISS", "none acme"));
    assert!(site.get("/remedy").await.is("MISS", "acme acme"));
}
