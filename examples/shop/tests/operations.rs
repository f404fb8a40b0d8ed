//! The operations of the cache, nested in the shop.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use clap::Parser;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shop::{Args, Shop};
use tower::ServiceExt;

const TOKEN: &str = "a-token-for-the-operations";

async fn open(arguments: &[&str]) -> Result<Shop, String> {
    let all = ["shop", "--database", ":memory:"].iter().chain(arguments);
    Shop::open(&Args::try_parse_from(all).unwrap()).await.map_err(|error| error.to_string())
}

async fn send(
    shop: &Router,
    method: Method,
    uri: &str,
    token: &str,
    body: Value,
) -> (StatusCode, HeaderMap, Value) {
    let request = Request::builder().method(method).uri(uri).header(header::HOST, "shop.example");
    let request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body.to_string()));
    let (parts, body) = shop.clone().oneshot(request.unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default())
}

async fn x_cache(shop: &Router, uri: &str) -> String {
    let request = Request::get(uri).header(header::HOST, "shop.example").body(Body::empty()).unwrap();
    let response = shop.clone().oneshot(request).await.unwrap();
    let outcome = response.headers()["x-cache"].to_str().unwrap().to_owned();
    response.into_body().collect().await.unwrap();
    outcome
}

#[tokio::test]
async fn a_product_is_explained_and_purged_with_the_token() {
    let shop = open(&["--admin-token", TOKEN]).await.unwrap();
    assert_eq!(shop.operations(), Some(("/ops/cache", None)));
    let shop = shop.router();
    x_cache(&shop, "/api/products/7").await;
    assert_eq!(x_cache(&shop, "/api/products/7").await, "HIT");
    let purge = json!({ "tags": ["product:7"] });
    let (status, _, purged) = send(&shop, Method::POST, "/ops/cache/api/purge", TOKEN, purge.clone()).await;
    assert_eq!((status, &purged["outcome"]), (StatusCode::OK, &json!("applied")), "{purged}");
    let explain = json!({ "uri": "/api/products/7", "headers": [["host", "shop.example"]] });
    let (_, _, explained) = send(&shop, Method::POST, "/ops/cache/api/explain", TOKEN, explain).await;
    assert_eq!(explained["outcome"]["reason"], "invalidated", "{explained}");
    assert_eq!(x_cache(&shop, "/api/products/7").await, "MISS");
    let (status, ..) =
        send(&shop, Method::POST, "/ops/cache/api/purge", "another-token-of-16-bytes", purge).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_is_made_up_unless_it_is_given() {
    let (one, other) = (open(&[]).await.unwrap(), open(&[]).await.unwrap());
    let token = one.operations().unwrap().1.unwrap().to_owned();
    assert_eq!(token.len(), 32);
    assert_ne!(Some(&*token), other.operations().unwrap().1);
    let health = |shop: Shop| {
        let token = token.clone();
        async move { send(&shop.router(), Method::GET, "/ops/cache/api/health", &token, Value::Null).await.0 }
    };
    assert_eq!(health(one).await, StatusCode::OK);
    assert_eq!(health(other).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_short_token_is_an_error_and_without_a_cache_there_are_no_operations() {
    let error = open(&["--admin-token", "short"]).await.unwrap_err();
    assert_eq!(error, "cannot protect the operations");
    let shop = open(&["--no-cache"]).await.unwrap();
    assert_eq!(shop.operations(), None);
    let (status, ..) = send(&shop.router(), Method::GET, "/ops/cache/api/health", TOKEN, Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
