//! Tokens, roles and bounds.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::schema::{Document, Operation};
use crate::support::{App, OPERATOR, READER};

#[tokio::test]
async fn nothing_is_told_without_a_token() {
    let app = App::new();
    for path in ["/ops/cache/api/stats", "/ops/cache/api/nothing", "/ops/cache/api/openapi.json"] {
        for token in [None, Some(""), Some("a-wrong-token-of-some-length"), Some(&OPERATOR[1..])] {
            // More failures than these are refused for a while.
            let app = App::new();
            let answer = app.call(Method::GET, path, token, None).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {token:?}");
            assert_eq!(answer.field("cache-control"), "no-store");
            assert_eq!(answer.field("www-authenticate"), "Bearer");
            assert_eq!(answer.json()["error"], "unauthorized");
        }
    }
    let answer = app.call(Method::GET, "/ops/cache/api/stats", Some(READER), None).await;
    assert_eq!((answer.status, answer.field("cache-control")), (StatusCode::OK, "no-store".to_owned()));
}

#[tokio::test]
async fn a_reader_may_not_change_anything() {
    let app = App::new();
    let answer = app.purge(READER, json!({ "tags": ["product:7"] })).await;
    assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::FORBIDDEN, &json!("forbidden")));
}

#[tokio::test]
async fn each_operation_needs_a_token_with_the_role_that_is_described() {
    for Operation { path, method, description } in Document::new().operations() {
        // More failures than these are refused for a while.
        let app = App::new();
        let call = async |token| {
            let (method, path) = (Method::from_bytes(method.as_bytes()).unwrap(), path.replace("{job}", "1"));
            app.status(method, &format!("/ops/cache{path}"), token).await
        };
        let shown = format!("{method} {path}");
        assert_eq!(call(None).await, StatusCode::UNAUTHORIZED, "{shown}");
        assert_eq!(call(Some(&OPERATOR[1..])).await, StatusCode::UNAUTHORIZED, "{shown}");
        // An explanation has a body, and changes nothing.
        let is_change = method != "GET" && path != "/api/explain";
        assert_eq!(description["x-role"], if is_change { "purge" } else { "read" }, "{shown}");
        assert_eq!(call(Some(READER)).await == StatusCode::FORBIDDEN, is_change, "{shown}");
        assert_ne!(call(Some(OPERATOR)).await, StatusCode::FORBIDDEN, "{shown}");
    }
}

#[tokio::test]
async fn a_purge_makes_the_next_request_a_miss() {
    let app = App::new();
    for body in [
        json!({ "tags": ["product:7"] }),
        json!({ "uris": ["/products/7"] }),
        json!({ "prefixes": ["/products"] }),
        json!({ "globs": ["/products/*"] }),
        json!({ "all": true, "confirm": "everything" }),
        json!({ "tags": ["other", "product:7"] }),
        json!({ "tags": ["other"], "globs": ["/other/*", "/products/*"] }),
    ] {
        app.get("/products/7").await;
        assert_eq!(app.get("/products/7").await, "HIT", "{body}");
        let answer = app.purge(OPERATOR, body.clone()).await;
        assert_eq!((answer.status, &answer.json()["outcome"]), (StatusCode::OK, &json!("applied")), "{body}");
        assert_eq!(app.get("/products/7").await, "MISS", "{body}");
    }
}

#[tokio::test]
async fn everything_is_only_purged_with_a_confirmation() {
    let app = App::new();
    app.get("/products/7").await;
    for confirm in [Value::Null, json!(""), json!("yes"), json!("Everything"), json!("everything ")] {
        let answer = app.purge(OPERATOR, json!({ "all": true, "confirm": confirm })).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{confirm}");
        assert!(answer.json()["message"].as_str().unwrap().contains("everything"));
    }
    // Something else beside it needs the same.
    let answer = app.purge(OPERATOR, json!({ "all": true, "tags": ["product:8"] })).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.get("/products/7").await, "HIT");
}

#[tokio::test]
async fn a_request_that_cannot_be_understood_gets_an_error_that_says_why() {
    let app = App::new();
    for body in [json!({}), json!({ "tag": "x" }), json!({ "globs": ["x"] }), json!([]), Value::Null] {
        let answer = app.purge(OPERATOR, body.clone()).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]),
            (StatusCode::BAD_REQUEST, &json!("invalid")),
            "{body}"
        );
    }
    let answer = app.call(Method::PUT, "/ops/cache/api/purge", Some(OPERATOR), None).await;
    assert_eq!(
        (answer.status, &answer.json()["error"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("method-not-allowed"))
    );
    let answer = app.call(Method::GET, "/ops/cache/api/nothing", Some(READER), None).await;
    assert_eq!((answer.status, &answer.json()["error"]), (StatusCode::NOT_FOUND, &json!("not-found")));
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_are_refused_for_a_while() {
    let app = App::new();
    let statuses = async |token, count| {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(app.call(Method::GET, "/ops/cache/api/health", token, None).await.status);
        }
        all
    };
    let failures = statuses(None, 10).await;
    assert!(failures.starts_with(&[StatusCode::UNAUTHORIZED; 5]));
    assert!(failures.ends_with(&[StatusCode::TOO_MANY_REQUESTS; 5]));
    // They do not lock out a client with a token.
    let requests = statuses(Some(READER), 60).await;
    assert!(requests.starts_with(&[StatusCode::OK; 50]));
    assert!(requests.ends_with(&[StatusCode::TOO_MANY_REQUESTS; 10]));
    // The dashboard does not lock out the operator.
    assert_eq!(statuses(Some(OPERATOR), 1).await, [StatusCode::OK]);
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(statuses(Some(READER), 1).await, [StatusCode::OK]);
}

#[tokio::test(start_paused = true)]
async fn too_many_changes_are_refused_for_a_while_and_not_made() {
    let app = App::new();
    for _ in 0..50 {
        assert_eq!(app.purge(OPERATOR, json!({ "tags": ["other"] })).await.status, StatusCode::OK);
    }
    app.get("/products/7").await;
    let purge = async || app.purge(OPERATOR, json!({ "tags": ["product:7"] })).await;
    let refused = purge().await;
    assert_eq!((refused.status, refused.field("retry-after")), (StatusCode::TOO_MANY_REQUESTS, "1".into()));
    assert_eq!(app.get("/products/7").await, "HIT");
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(purge().await.status, StatusCode::OK);
    assert_eq!(app.get("/products/7").await, "MISS");
}

#[test]
fn a_router_needs_a_token_that_protects_it() {
    use larder_admin::{Role, TokenErrorKind, router};
    let cache = larder::Cache::default();
    let kind = |builder: larder_admin::AdminRouter| builder.build::<()>().unwrap_err().kind();
    assert_eq!(kind(router(&cache)), TokenErrorKind::Missing);
    assert_eq!(kind(router(&cache).token("a", Role::Read, "short")), TokenErrorKind::Length);
}
