//! The shop with a real Postgres.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used, clippy::panic)]
#![cfg(unix)]

mod support {
    pub(crate) mod postgres;
}

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use clap::Parser;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use support::postgres::{Postgres, program};
use tower::ServiceExt;

async fn open(url: &str) -> Result<Router, shop::StartError> {
    shop::app(&shop::Args::try_parse_from(["shop", "--database", url]).unwrap()).await
}

async fn send(shop: &Router, request: Request<Body>) -> (StatusCode, String, Value) {
    let (parts, body) = shop.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let x_cache = parts.headers.get("x-cache").map_or("", |field| field.to_str().unwrap());
    (parts.status, x_cache.to_owned(), serde_json::from_slice(&body).unwrap())
}

async fn get(shop: &Router, uri: &str) -> (StatusCode, String, Value) {
    send(shop, Request::get(uri).body(Body::empty()).unwrap()).await
}

async fn body(shop: &Router, uri: &str) -> Value {
    get(shop, uri).await.2
}

async fn put(shop: &Router, uri: &str, new: Value) -> (StatusCode, Value) {
    let request = Request::put(uri).header(header::CONTENT_TYPE, "application/json");
    let (status, _, body) = send(shop, request.body(new.to_string().into()).unwrap()).await;
    (status, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_works_with_postgres() {
    let postgres = Postgres::start(&["fsync=off"]);
    every_row_is_as_in_sqlite(&open(&postgres.create("rows")).await.unwrap()).await;
    writes_reach_the_routes(&open(&postgres.create("writes")).await.unwrap()).await;
    shops_that_start_together_share_a_database(&postgres.create("together")).await;
    a_foreign_database_is_left_alone(&postgres).await;
}

async fn every_row_is_as_in_sqlite(shop: &Router) {
    let sqlite = open(":memory:").await.unwrap();
    for uri in [
        "/api/products/42",
        "/api/products/10001",
        "/api/products/1/related",
        "/api/products?q=LAMP&page=2",
        "/api/products?q=%25",
        "/api/products?q=small%20oak",
        "/api/users/7",
        "/api/users/top",
        "/api/countries",
    ] {
        assert_eq!(get(shop, uri).await, get(&sqlite, uri).await, "{uri}");
    }
}

async fn writes_reach_the_routes(shop: &Router) {
    for uri in ["/api/products/7", "/api/users/7"] {
        assert_eq!(get(shop, uri).await.1, "MISS");
        assert_eq!(get(shop, uri).await.1, "HIT");
    }
    let product = json!({"id": 7, "name": "100% Wool_Lamp", "price_cents": u32::MAX});
    assert_eq!(put(shop, "/api/products/7", product.clone()).await, (StatusCode::OK, product.clone()));
    assert_eq!(body(shop, "/api/products/7").await, product);
    assert_eq!(body(shop, "/api/products?q=0%25%20wool_").await["products"], json!([product]));

    let user = json!({"id": 7, "name": "Ada", "email": "ada@example.com", "score": i64::MAX});
    assert_eq!(put(shop, "/api/users/7", user.clone()).await, (StatusCode::OK, user.clone()));
    let before = body(shop, "/stats").await["database_queries"].clone();
    assert_eq!(body(shop, "/api/users/7").await, user);
    assert_eq!(body(shop, "/stats").await["database_queries"], before, "the value was written through");
    assert_eq!(body(shop, "/api/users/top").await[0], user);

    for (uri, new) in [("/api/products/10001", product), ("/api/users/10001", user)] {
        assert_eq!(put(shop, uri, new).await.0, StatusCode::NOT_FOUND);
    }
}

async fn shops_that_start_together_share_a_database(url: &str) {
    let shops = tokio::join!(open(url), open(url), open(url));
    let [a, b, c] = [shops.0, shops.1, shops.2].map(Result::unwrap);
    put(&a, "/api/products/1", json!({"name": "Shared", "price_cents": 1})).await;
    for shop in [b, c] {
        assert_eq!(body(&shop, "/api/products/1").await["name"], "Shared");
    }
}

async fn a_foreign_database_is_left_alone(postgres: &Postgres) {
    let url = postgres.create("foreign");
    let mut psql = program("psql", None);
    psql.args(["-q", &url, "-c", "CREATE TABLE users (name TEXT)"]);
    assert!(psql.status().unwrap().success());
    let error = open(&url).await.map(drop).unwrap_err();
    assert!(!error.to_string().contains("unused"), "it shows the password: {error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("a table users"), "{cause}");
}
