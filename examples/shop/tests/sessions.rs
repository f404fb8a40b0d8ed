//! Sessions: a layer around the cache verifies them, so a stored response does not outlive them.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use clap::Parser;
use http_body_util::BodyExt;
use tower::ServiceExt;

async fn shop() -> Router {
    let args = shop::Args::try_parse_from(["shop", "--database", ":memory:"]).unwrap();
    shop::app(&args).await.unwrap()
}

/// Returns the status, `X-Cache` and the body.
async fn send(shop: &Router, method: Method, uri: &str, token: &str) -> (StatusCode, String, String) {
    let request = Request::builder().method(method).uri(uri);
    let request = request.header(header::AUTHORIZATION, format!("Bearer {token}")).body(Body::empty());
    let (parts, body) = shop.clone().oneshot(request.unwrap()).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let x_cache = parts.headers.get("x-cache").map_or("", |field| field.to_str().unwrap());
    (parts.status, x_cache.to_owned(), String::from_utf8_lossy(&body).into_owned())
}

async fn sign_out(shop: &Router, token: &str) -> StatusCode {
    send(shop, Method::DELETE, "/api/session", token).await.0
}

async fn outcome(shop: &Router, token: &str) -> (u16, String) {
    let (status, x_cache, _) = send(shop, Method::GET, "/api/me", token).await;
    (status.as_u16(), x_cache)
}

#[tokio::test]
async fn a_session_that_has_ended_gets_no_stored_response() {
    let shop = shop().await;
    assert_eq!(outcome(&shop, "7.phone").await, (200, "MISS".into()));
    assert_eq!(outcome(&shop, "7.laptop").await, (200, "HIT".into()), "the sessions of a user share");
    assert_eq!(sign_out(&shop, "7.phone").await, StatusCode::NO_CONTENT);
    for _ in 0..2 {
        assert_eq!(outcome(&shop, "7.phone").await, (401, String::new()));
    }
    assert_eq!(sign_out(&shop, "7.phone").await, StatusCode::UNAUTHORIZED);
}

/// The tag `user:{user}` names everything that is stored for the user, and for no other user.
#[tokio::test]
async fn the_end_of_a_session_removes_what_is_stored_for_the_user() {
    let shop = shop().await;
    for token in ["7.laptop", "8"] {
        assert_eq!(outcome(&shop, token).await, (200, "MISS".into()));
        assert_eq!(outcome(&shop, token).await, (200, "HIT".into()));
    }
    assert_eq!(sign_out(&shop, "7.phone").await, StatusCode::NO_CONTENT);
    assert_eq!(outcome(&shop, "7.laptop").await, (200, "MISS".into()));
    assert_eq!(outcome(&shop, "8").await, (200, "HIT".into()));
}

#[tokio::test]
async fn each_user_gets_their_own_response() {
    let shop = shop().await;
    for _ in 0..2 {
        for user in ["7", "8"] {
            let (_, _, body) = send(&shop, Method::GET, "/api/me", user).await;
            assert!(body.contains(&format!("\"id\":{user},")), "{body}");
        }
    }
}
