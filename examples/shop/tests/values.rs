//! The values below the routes: the number of handler runs and of queries, in process.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use clap::Parser;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shop::Shop;
use tower::ServiceExt;

/// A response: the outcome for the route, and the body.
type Answer = (String, Value);

async fn open(more: &[&str]) -> Shop {
    let args = ["shop", "--database", ":memory:"].iter().chain(more);
    Shop::open(&shop::Args::try_parse_from(args).unwrap()).await.unwrap()
}

async fn send(shop: &Router, request: Request<Body>) -> Answer {
    let (parts, body) = shop.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let x_cache = parts.headers.get("x-cache").map_or("", |field| field.to_str().unwrap());
    (x_cache.to_owned(), serde_json::from_slice(&body).unwrap())
}

async fn get(shop: &Router, uri: &str) -> Answer {
    let request = Request::get(uri).header(header::AUTHORIZATION, "Bearer 7");
    send(shop, request.body(Body::empty()).unwrap()).await
}

/// Requests the URIs. Only `/api/me` gets credentials: with them, other routes bypass the cache.
async fn outcomes(shop: &Router, uris: &[&str]) -> Vec<String> {
    let mut outcomes = Vec::new();
    for &uri in uris {
        let answer = if uri == "/api/me" { get(shop, uri).await } else { plain(shop, uri).await };
        outcomes.push(answer.0);
    }
    outcomes
}

async fn plain(shop: &Router, uri: &str) -> Answer {
    send(shop, Request::get(uri).body(Body::empty()).unwrap()).await
}

async fn put(shop: &Router, uri: &str, body: Value) -> Answer {
    let request = Request::put(uri).header(header::CONTENT_TYPE, "application/json");
    send(shop, request.body(body.to_string().into()).unwrap()).await
}

async fn stats(shop: &Router) -> Value {
    plain(shop, "/stats").await.1
}

async fn queries(shop: &Router) -> u64 {
    stats(shop).await["database_queries"].as_u64().unwrap()
}

/// The lifetime of a response is no longer than that of its values, but it is a hit.
#[tokio::test]
async fn routes_with_values_are_hits() {
    let shop = open(&[]).await.router();
    let uris = ["/api/products/42", "/api/products/42/related", "/api/users/7", "/api/me", "/api/users/top"];
    assert_eq!(outcomes(&shop, &uris).await, ["MISS"; 5]);
    // A product, the other products of its shelf, a user, and the list of top users. `/api/me` uses
    // a value that is there.
    assert_eq!(queries(&shop).await, 4);
    assert_eq!(outcomes(&shop, &uris).await, ["HIT"; 5]);
    let stats = stats(&shop).await;
    assert_eq!(stats["database_queries"], 4);
    for handler in ["product", "related", "user", "me", "top_users"] {
        assert_eq!(stats["handler_runs"][handler], 1, "{handler}");
    }
    assert_eq!(stats["cache"]["values"]["user"]["hits_memory"], 1, "{stats}");
}

#[tokio::test]
async fn what_the_job_has_loaded_no_route_loads() {
    let shop = open(&[]).await;
    let router = shop.router();
    for _ in 0..2 {
        shop.recommend().await;
        assert_eq!(queries(&router).await, 1, "all products of the first page");
    }
    for id in 1..=20 {
        let (product, related) = (format!("/api/products/{id}"), format!("/api/products/{id}/related"));
        let outcomes = outcomes(&router, &[&product, &related, &product, &related]).await;
        assert_eq!(outcomes, ["MISS", "MISS", "HIT", "HIT"], "{id}");
    }
    let stats = stats(&router).await;
    assert_eq!(stats["database_queries"], 1);
    assert_eq!(stats["cache"]["values"]["recommendations"]["loads"], 1, "{stats}");
    assert_eq!(
        (&stats["handler_runs"]["product"], &stats["handler_runs"]["related"]),
        (&20.into(), &20.into())
    );
}

#[tokio::test]
async fn related_products_have_the_nearest_prices_on_the_shelf() {
    let shop = open(&[]).await.router();
    for (id, price) in
        [(1, 1_000_000), (2, 1_000_003), (3, 1_000_001), (20, 999_998), (19, 999_990), (21, 1_000_000)]
    {
        put(&shop, &format!("/api/products/{id}"), json!({"name": "Lamp", "price_cents": price})).await;
    }
    let (_, related) = plain(&shop, "/api/products/1/related").await;
    let ids: Vec<_> =
        related.as_array().unwrap().iter().map(|product| product["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, [3, 20, 2, 19]);
    assert_eq!(plain(&shop, "/api/products/10001/related").await.1["error"], "there is no such product");
}

/// Cache-aside: the tag drops the value and all routes that show it. The next request loads it.
#[tokio::test]
async fn a_tag_drops_a_value_and_its_routes() {
    let shop = open(&[]).await.router();
    let uris = ["/api/products/1", "/api/products/1/related", "/api/products?q=&page=1"];
    outcomes(&shop, &uris).await;
    let other = "/api/products/21";
    outcomes(&shop, &[other]).await;
    let before = queries(&shop).await;
    put(&shop, "/api/products/1", json!({"name": "Lamp", "price_cents": 7})).await;
    assert_eq!(queries(&shop).await, before + 1);
    assert_eq!(outcomes(&shop, &uris).await, ["MISS"; 3]);
    assert_eq!(plain(&shop, "/api/products/1").await.1["price_cents"], 7);
    // The product, its shelf, and the list.
    assert_eq!(queries(&shop).await, before + 4);
    assert_eq!(outcomes(&shop, &uris).await, ["HIT"; 3]);
    assert_eq!(outcomes(&shop, &[other]).await, ["HIT"]);
}

/// The response is made of values from before and after the write. It is stored even so.
#[tokio::test]
async fn a_list_of_values_is_a_hit_after_one_of_them_was_written() {
    let shop = open(&[]).await;
    let router = shop.router();
    let uri = "/api/products/1/related";
    for (written, by_the_job) in [(1, false), (3, false), (20, true)] {
        assert_eq!(outcomes(&router, &[uri, uri]).await, ["MISS", "HIT"], "{written}");
        let price = 50_000 + written;
        put(&router, &format!("/api/products/{written}"), json!({"name": "Lamp", "price_cents": price}))
            .await;
        let before = queries(&router).await;
        if by_the_job {
            shop.recommend().await;
            assert_eq!(queries(&router).await, before + 1, "the job computes them from the new price");
        }
        assert_eq!(outcomes(&router, &[uri, uri]).await, ["MISS", "HIT"], "{written}");
        shop.recommend().await;
        assert_eq!(queries(&router).await, before + 1, "{written}: the shelf");
        put(&router, &format!("/api/products/{written}"), json!({"name": "Lamp", "price_cents": 1})).await;
    }
}

/// Write-through: the routes are invalidated, and the value is there. No request loads it.
#[tokio::test]
async fn a_written_user_is_shown_without_a_query() {
    let shop = open(&[]).await.router();
    let uris = ["/api/users/7", "/api/me", "/api/users/top", "/api/users/8"];
    outcomes(&shop, &uris).await;
    let before = queries(&shop).await;
    let new = json!({"name": "Ada", "email": "ada@example.com", "score": 1_000_000});
    let (_, written) = put(&shop, "/api/users/7", new).await;
    assert_eq!(queries(&shop).await, before + 1, "the write");

    assert_eq!(outcomes(&shop, &["/api/users/7", "/api/me"]).await, ["MISS"; 2]);
    assert_eq!(queries(&shop).await, before + 1);
    assert_eq!(outcomes(&shop, &uris).await, ["HIT", "HIT", "MISS", "HIT"]);
    assert_eq!(queries(&shop).await, before + 2, "the list of top users");
    for shown in [plain(&shop, "/api/users/7").await.1, get(&shop, "/api/me").await.1] {
        assert_eq!(shown, written);
    }
    assert_eq!(plain(&shop, "/api/users/top").await.1[0], written);
    let users = &stats(&shop).await["cache"]["values"]["user"];
    assert_eq!(
        (&users["writes"], &users["cached_writes"], &users["loads"]),
        (&1.into(), &1.into(), &2.into())
    );
}

#[tokio::test]
async fn a_missing_row_is_remembered_until_its_tag_is_invalidated() {
    let shop = open(&[]).await.router();
    for uri in ["/api/products/10001", "/api/users/10001"] {
        let before = queries(&shop).await;
        for _ in 0..3 {
            assert_eq!(plain(&shop, uri).await.0, "MISS", "a 404 is not stored by the route");
        }
        assert_eq!(queries(&shop).await, before + 1, "{uri}");
    }
}

/// `--no-cache` keeps no values either.
#[tokio::test]
async fn without_a_cache_each_request_is_a_query() {
    let shop = open(&["--no-cache"]).await;
    let router = shop.router();
    assert_eq!(outcomes(&router, &["/api/products/1", "/api/products/1", "/api/users/7"]).await, [""; 3]);
    assert_eq!(queries(&router).await, 3);
}
