//! The log says who changed what.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::journal::Journal;
use crate::support::{App, OPERATOR, READER};

/// Each change, and the words for it in the log.
fn changes() -> Vec<(Method, &'static str, Value, &'static [&'static str])> {
    let switch = json!({ "scope": { "route": "/products/{id}" }, "seconds": 60 });
    let resume = json!({ "scope": { "route": "/products/{id}" } });
    let warm = json!({ "uris": ["/products/7", "/products/8"] });
    vec![
        (Method::POST, "purge", json!({ "tags": ["product:7"] }), &["purge", "product:7", "applied"]),
        (
            Method::POST,
            "purge",
            json!({ "uris": ["/products/7"], "soft": true }),
            &["/products/7", "soft: true"],
        ),
        (Method::POST, "purge", json!({ "prefixes": ["/products"] }), &["purge", "\"/products\""]),
        (Method::POST, "purge", json!({ "globs": ["/products/*"] }), &["purge", "/products/*"]),
        (Method::POST, "purge", json!({ "keys": ["a-key"] }), &["purge", "a-key"]),
        (Method::POST, "purge", json!({ "all": true, "confirm": "everything" }), &["purge", "all: true"]),
        (Method::POST, "purge", json!({ "tags": ["category:7"], "refill": 3 }), &["category:7", "refill: 3"]),
        (
            Method::POST,
            "purge",
            json!({
                "tags": ["one", "two"], "keys": ["k-three", "k-four"], "uris": ["/five", "/six"],
                "prefixes": ["/seven", "/eight"], "globs": ["/nine/*", "/ten/*"],
            }),
            &[
                "\"one\", \"two\"",
                "k-three",
                "k-four",
                "/five",
                "/six",
                "/seven",
                "/eight",
                "/nine/*",
                "/ten/*",
            ],
        ),
        (Method::POST, "switches", switch, &["switched off", "/products/{id}", "seconds=60"]),
        (Method::DELETE, "switches", resume, &["switched on", "/products/{id}"]),
        (Method::POST, "warm", warm, &["warm-up", "uris=2"]),
        (Method::DELETE, "warm/2", json!(null), &["warm-up stopped", "number=2"]),
    ]
}

#[tokio::test]
async fn each_change_is_logged_with_who_and_what() {
    let app = App::new();
    let (journal, _guard) = Journal::listen();
    for (method, resource, body, words) in changes() {
        let shown = format!("{method} {resource} {body}");
        let path = format!("/ops/cache/api/{resource}");
        let answer = app.call(method, &path, Some(OPERATOR), Some(body)).await;
        assert_eq!(answer.status, StatusCode::OK, "{shown}: {}", answer.text());
        let lines = journal.lines();
        let [line] = &lines[..] else { panic!("{shown}: {lines:?}") };
        assert!(line.contains("who=\"on-call\""), "{shown}: {line}");
        for word in words {
            assert!(line.contains(word), "{shown}: {line} has no {word}");
        }
        assert!(!line.contains(OPERATOR), "{line}");
    }
}

#[tokio::test]
async fn what_changes_nothing_is_not_logged_as_a_change() {
    let app = App::new();
    app.get("/products/7").await;
    let (journal, _guard) = Journal::listen();
    for (method, resource, body, _) in changes() {
        let path = format!("/ops/cache/api/{resource}");
        let refused = app.call(method, &path, Some(READER), Some(body)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}");
    }
    for body in [json!({ "all": true }), json!({ "all": true, "confirm": "yes" }), json!({ "tags": "x" })] {
        assert_eq!(app.purge(OPERATOR, body).await.status, StatusCode::BAD_REQUEST);
    }
    let tried = app.purge(OPERATOR, json!({ "all": true, "dry_run": true })).await;
    assert_eq!(tried.json()["outcome"], "dry-run");
    assert_eq!(app.get("/products/7").await, "HIT");
    assert_eq!(journal.lines(), [""; 0]);
}

#[tokio::test]
async fn a_request_without_a_valid_token_is_logged_without_the_token() {
    let app = App::new();
    let (journal, _guard) = Journal::listen();
    let wrong = format!("{OPERATOR}0");
    app.call(Method::GET, "/ops/cache/api/stats", Some(&wrong), None).await;
    let lines = journal.lines();
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert!(line.contains("without a valid token") && !line.contains(OPERATOR), "{line}");
}
