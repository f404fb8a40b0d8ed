//! Tests of the API without a cache, in process.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use clap::Parser;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Value,
}

async fn shop() -> Router {
    let args = ["shop", "--database", ":memory:", "--no-cache"];
    let args = shop::Args::try_parse_from(args).unwrap();
    shop::app(&args).await.unwrap()
}

async fn send(shop: &Router, request: Request<Body>) -> Answer {
    let response = shop.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&body))),
    }
}

async fn get(shop: &Router, uri: &str) -> Answer {
    send(shop, Request::get(uri).body(Body::empty()).unwrap()).await
}

async fn put(shop: &Router, uri: &str, body: impl Into<Body>) -> Answer {
    let request = Request::put(uri).header(header::CONTENT_TYPE, "application/json");
    send(shop, request.body(body.into()).unwrap()).await
}

async fn me(shop: &Router, authorization: Option<&str>) -> Answer {
    let request = Request::get("/api/me");
    let request = match authorization {
        Some(value) => request.header(header::AUTHORIZATION, value),
        None => request,
    };
    send(shop, request.body(Body::empty()).unwrap()).await
}

/// Checks that the error is `{"error": "…"}`, declared as JSON.
fn assert_error(answer: &Answer, status: StatusCode, what: &str) {
    assert_eq!(answer.status, status, "{what}: {}", answer.body);
    assert_eq!(answer.headers[header::CONTENT_TYPE], "application/json", "{what}");
    let text = answer.body["error"].as_str().unwrap_or_default();
    assert!(!text.is_empty(), "{what}: {}", answer.body);
    assert_eq!(answer.body.as_object().unwrap().len(), 1, "{what}");
}

#[tokio::test]
async fn a_product_is_shown_and_changed() {
    let shop = shop().await;
    let shown = get(&shop, "/api/products/42").await;
    assert_eq!(shown.status, StatusCode::OK);
    assert_eq!(shown.body["id"], 42);
    assert!(shown.body["price_cents"].as_u64().unwrap() > 0);

    let new = json!({"id": 7, "name": "Brass Lamp", "price_cents": 0});
    let changed = put(&shop, "/api/products/42", new.to_string()).await;
    let expected = json!({"id": 42, "name": "Brass Lamp", "price_cents": 0});
    assert_eq!((changed.status, &changed.body), (StatusCode::OK, &expected));
    assert_eq!(get(&shop, "/api/products/42").await.body, expected);
    assert_ne!(get(&shop, "/api/products/7").await.body["name"], "Brass Lamp");
}

#[tokio::test]
async fn a_user_is_shown_and_changed_everywhere() {
    let shop = shop().await;
    let new = json!({"name": "Ada", "email": "ada@example.com", "score": 1_000_000});
    let changed = put(&shop, "/api/users/7", new.to_string()).await;
    let expected = json!({"id": 7, "name": "Ada", "email": "ada@example.com", "score": 1_000_000});
    assert_eq!((changed.status, &changed.body), (StatusCode::OK, &expected));
    assert_eq!(get(&shop, "/api/users/7").await.body, expected);
    assert_eq!(me(&shop, Some("Bearer 7")).await.body, expected);
    assert_eq!(get(&shop, "/api/users/top").await.body[0], expected);
}

#[tokio::test]
async fn the_fifty_highest_scores_come_highest_first() {
    let shop = shop().await;
    let top = get(&shop, "/api/users/top").await.body;
    let scores: Vec<_> = top.as_array().unwrap().iter().map(|user| user["score"].as_i64().unwrap()).collect();
    assert_eq!(scores.len(), 50);
    assert!(scores.is_sorted_by(|left, right| left >= right), "{scores:?}");
    assert!(scores[0] > 99_000, "{scores:?}");
}

#[tokio::test]
async fn a_search_finds_what_contains_the_text() {
    let shop = shop().await;
    for (id, name) in [(5, "100% Wool"), (6, "100 Wool"), (9000, "Snake_Case")] {
        let new = json!({"name": name, "price_cents": 1});
        put(&shop, &format!("/api/products/{id}"), new.to_string()).await;
    }
    for (query, ids) in [
        ("?q=100%25", vec![5]),
        ("?q=100%20wool", vec![6]),
        ("?q=e_c", vec![9000]),
        ("?q=100%25&page=2", vec![]),
        ("?q=nothing+has+this", vec![]),
    ] {
        let found = get(&shop, &format!("/api/products{query}")).await;
        assert_eq!(found.status, StatusCode::OK, "{query}");
        assert_eq!(identifiers(&found.body), ids, "{query}");
        assert_eq!(found.body["more"], false, "{query}");
    }
}

#[tokio::test]
async fn pages_have_twenty_and_say_whether_more_follow() {
    let shop = shop().await;
    for (query, first, length, more) in [
        ("", Some(1), 20, true),
        ("?q=", Some(1), 20, true),
        ("?page=2&other=7", Some(21), 20, true),
        ("?page=500", Some(9981), 20, false),
        ("?page=501", None, 0, false),
        ("?page=4294967295", None, 0, false),
    ] {
        let found = get(&shop, &format!("/api/products{query}")).await.body;
        let ids = identifiers(&found);
        assert_eq!((ids.first().copied(), ids.len()), (first, length), "{query}");
        assert_eq!(found["more"], more, "{query}");
    }
}

fn identifiers(found: &Value) -> Vec<u64> {
    let products = found["products"].as_array().unwrap();
    products.iter().map(|product| product["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn every_country_is_listed() {
    let countries = get(&shop().await, "/api/countries").await.body;
    assert_eq!(countries.as_array().unwrap().len(), 249);
    assert_eq!(countries[0], json!({"code": "AD", "name": "Andorra"}));
}

#[tokio::test]
async fn missing_rows_and_invalid_identifiers() {
    let shop = shop().await;
    for (uri, status) in [
        ("/api/products/10001", StatusCode::NOT_FOUND),
        ("/api/users/0", StatusCode::NOT_FOUND),
        ("/api/products/9223372036854775807", StatusCode::NOT_FOUND),
        ("/api/products/9223372036854775808", StatusCode::BAD_REQUEST),
        ("/api/products/-1", StatusCode::BAD_REQUEST),
        ("/api/products/007", StatusCode::BAD_REQUEST),
        ("/api/products/%2B7", StatusCode::BAD_REQUEST),
        ("/api/products/%ff", StatusCode::BAD_REQUEST),
        ("/api/users/to%70", StatusCode::BAD_REQUEST),
        ("/api/products?page=0", StatusCode::BAD_REQUEST),
        ("/api/products?page=-1", StatusCode::BAD_REQUEST),
        ("/api/products?page=4294967296", StatusCode::BAD_REQUEST),
        ("/api/products?q=a&q=b", StatusCode::BAD_REQUEST),
        ("/api/products?q=a%00b", StatusCode::BAD_REQUEST),
        ("/api/nothing", StatusCode::NOT_FOUND),
        ("/", StatusCode::NOT_FOUND),
    ] {
        assert_error(&get(&shop, uri).await, status, uri);
    }
    let long = format!("/api/products?q={}", "a".repeat(201));
    assert_error(&get(&shop, &long).await, StatusCode::BAD_REQUEST, "a long search");
}

#[tokio::test]
async fn bad_bodies_are_refused_and_change_nothing() {
    let shop = shop().await;
    let before = get(&shop, "/api/products/1").await.body;
    let long = json!({"name": "a".repeat(201), "price_cents": 1}).to_string();
    for (body, status) in [
        ("", StatusCode::BAD_REQUEST),
        ("{", StatusCode::BAD_REQUEST),
        (r#"{"name": "Lamp", "price_cents": 1} more"#, StatusCode::BAD_REQUEST),
        ("[]", StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"name": "Lamp"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"name": 7, "price_cents": 1}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"name": " ", "price_cents": 1}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"name": "Lamp", "price_cents": -1}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (r#"{"name": "Lamp", "price_cents": 1.5}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (&long, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let answer = put(&shop, "/api/products/1", body.to_owned()).await;
        assert_error(&answer, status, body);
    }
    let huge = vec![b' '; 3 * 1024 * 1024];
    let answer = put(&shop, "/api/products/1", huge).await;
    assert_error(&answer, StatusCode::PAYLOAD_TOO_LARGE, "3 MiB");
    assert_eq!(get(&shop, "/api/products/1").await.body, before);

    let bad_email = r#"{"name": "Ada", "email": "ada", "score": 1}"#;
    let answer = put(&shop, "/api/users/1", bad_email).await;
    assert_error(&answer, StatusCode::UNPROCESSABLE_ENTITY, bad_email);
    assert!(answer.body["error"].as_str().unwrap().contains("name@host"));
}

#[tokio::test]
async fn a_write_to_what_is_not_there_is_a_404() {
    let shop = shop().await;
    let product = json!({"name": "Lamp", "price_cents": 1}).to_string();
    let user = json!({"name": "Ada", "email": "a@b", "score": 1}).to_string();
    for (uri, body) in [("/api/products/10001", product), ("/api/users/10001", user)] {
        assert_error(&put(&shop, uri, body).await, StatusCode::NOT_FOUND, uri);
        assert_eq!(get(&shop, uri).await.status, StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn a_cart_is_saved_shown_and_deleted() {
    let shop = shop().await;
    let uri = "/api/users/7/cart";
    let empty = json!({"items": []});
    assert_eq!(get(&shop, uri).await.body, empty);
    for quantity in [1, 99] {
        let new = json!({"items": [{"product": 42, "quantity": quantity}, {"product": 7, "quantity": 1}]});
        let saved = put(&shop, uri, new.to_string()).await;
        assert_eq!((saved.status, &saved.body), (StatusCode::OK, &new));
        assert_eq!(get(&shop, uri).await.body, new);
    }
    assert_eq!(get(&shop, "/api/users/8/cart").await.body, empty);
    let request = || Request::delete(uri).body(Body::empty()).unwrap();
    for _ in 0..2 {
        assert_eq!(send(&shop, request()).await.status, StatusCode::NO_CONTENT);
        assert_eq!(get(&shop, uri).await.body, empty);
    }
}

#[tokio::test]
async fn a_bad_cart_is_refused_and_changes_nothing() {
    let shop = shop().await;
    let uri = "/api/users/7/cart";
    let saved = json!({"items": [{"product": 42, "quantity": 1}]});
    put(&shop, uri, saved.to_string()).await;
    for (body, reason) in [
        (r#"{"items": [{"product": 42, "quantity": 0}]}"#, "from 1 to 99"),
        (r#"{"items": [{"product": 42, "quantity": 100}]}"#, "from 1 to 99"),
        (r#"{"items": [{"product": 42, "quantity": 1}, {"product": 42, "quantity": 1}]}"#, "once"),
        (r#"{"items": [{"product": -1, "quantity": 1}]}"#, "-1"),
        (r#"{"items": [{"product": 42}]}"#, "quantity"),
        (r#"{}"#, "items"),
    ] {
        let answer = put(&shop, uri, body).await;
        assert_error(&answer, StatusCode::UNPROCESSABLE_ENTITY, body);
        assert!(answer.body["error"].as_str().unwrap().contains(reason), "{}", answer.body);
    }
    assert_eq!(get(&shop, uri).await.body, saved);
    let unknown = "/api/users/10001/cart";
    assert_error(&put(&shop, unknown, saved.to_string()).await, StatusCode::NOT_FOUND, unknown);
    assert_error(&get(&shop, unknown).await, StatusCode::NOT_FOUND, unknown);
    assert_error(&get(&shop, "/api/users/07/cart").await, StatusCode::BAD_REQUEST, "07");
}

#[tokio::test]
async fn each_read_of_a_product_is_a_view() {
    let shop = shop().await;
    let uri = "/api/products/42/views";
    assert_eq!(get(&shop, uri).await.body, json!({"product": 42, "views": 0}));
    for _ in 0..3 {
        get(&shop, "/api/products/42").await;
    }
    // A view is counted after its response.
    for _ in 0..1000 {
        if get(&shop, uri).await.body["views"] == 3 {
            break;
        }
    }
    assert_eq!(get(&shop, uri).await.body, json!({"product": 42, "views": 3}));
    assert_error(&get(&shop, "/api/products/10001/views").await, StatusCode::NOT_FOUND, "10001");
}

#[tokio::test]
async fn a_body_that_does_not_say_it_is_json_is_refused() {
    let shop = shop().await;
    let body = json!({"name": "Lamp", "price_cents": 1}).to_string();
    let request = Request::put("/api/products/1").body(Body::from(body)).unwrap();
    assert_error(&send(&shop, request).await, StatusCode::UNSUPPORTED_MEDIA_TYPE, "no type");
}

#[tokio::test]
async fn methods_that_a_route_does_not_have_are_named_back() {
    let shop = shop().await;
    let request = Request::builder().method(Method::DELETE).uri("/api/products/1");
    let answer = send(&shop, request.body(Body::empty()).unwrap()).await;
    assert_error(&answer, StatusCode::METHOD_NOT_ALLOWED, "DELETE");
    // RFC 9110 §15.5.6: a 405 lists the supported methods.
    assert_eq!(answer.headers[header::ALLOW], "GET,HEAD,PUT");
}

#[tokio::test]
async fn me_needs_to_know_who_asks() {
    let shop = shop().await;
    for authorization in [None, Some("Bearer"), Some("Bearer seven"), Some("Basic 7"), Some("Bearer 07")] {
        let answer = me(&shop, authorization).await;
        assert_error(&answer, StatusCode::UNAUTHORIZED, &format!("{authorization:?}"));
        assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
    }
    assert_error(&me(&shop, Some("Bearer 10001")).await, StatusCode::NOT_FOUND, "unknown");
    assert_eq!(me(&shop, Some("bearer 10000")).await.body["id"], 10_000);
}

#[tokio::test]
async fn stats_count_the_handlers_that_ran() {
    let shop = shop().await;
    for uri in [
        "/api/products/1",
        "/api/products/1",
        "/api/products/10001",
        "/api/products/007",
        "/api/users/top",
        "/healthz",
    ] {
        get(&shop, uri).await;
    }
    let product = json!({"name": "Lamp", "price_cents": 1}).to_string();
    put(&shop, "/api/products/1", product).await;
    let stats = get(&shop, "/stats").await.body;
    let expected = json!({
        "product": 3, "product_update": 1, "product_search": 0, "related": 0, "views": 0,
        "user": 0, "user_update": 0, "top_users": 1, "me": 0, "cart": 0, "cart_update": 0,
        "countries": 0,
    });
    assert_eq!(stats["handler_runs"], expected);
    // One query for each run, except that of the invalid identifier. Views are not counted.
    assert_eq!(stats["database_queries"], 5);
    for part in ["cache", "write_behind", "redis"] {
        assert_eq!(stats[part], Value::Null, "{part}");
    }
}
