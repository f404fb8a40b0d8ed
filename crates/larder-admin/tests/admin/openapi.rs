//! The OpenAPI document describes the routes, and what they answer.

use std::collections::BTreeSet;

use fastrand::Rng;
use http::{Method, StatusCode};
use serde_json::Value;

use crate::support::schema::{Document, Operation, text};
use crate::support::{App, OPERATOR};

/// Returns the methods of each path that the router has, by its source.
fn routes() -> BTreeSet<(String, String)> {
    let source = include_str!("../../src/api/mod.rs");
    let routes = source.lines().filter_map(|line| line.trim().strip_prefix(".route(\""));
    let methods = |line: &str| {
        let (path, handlers) = line.split_once("\", ").unwrap();
        let all = ["get", "post", "delete", "put", "patch"];
        let found = all.into_iter().filter(|method| handlers.contains(&format!("{method}(")));
        found.map(|method| (path.to_owned(), method.to_uppercase())).collect::<Vec<_>>()
    };
    routes.flat_map(methods).collect()
}

#[test]
fn each_route_is_described_and_each_description_is_a_route() {
    let described = Document::new().operations().into_iter().map(|one| (one.path, one.method));
    assert_eq!(described.collect::<BTreeSet<_>>(), routes());
}

/// Calls an operation with a query and a body that fit its description, or nearly so. Checks that
/// the answer is one of those that are described.
async fn call_at_random(app: &App, document: &Document, operation: &Operation, rng: &mut Rng) -> StatusCode {
    let Operation { path, method, description } = operation;
    let mut path = format!("/ops/cache{}", path.replace("{job}", ["0", "1", "x", "-1"][rng.usize(..4)]));
    let mut pairs = Vec::new();
    for parameter in description["parameters"].as_array().into_iter().flatten() {
        if parameter["in"] == "query" && (parameter["required"] == true || rng.bool()) {
            let value = document.generate(&parameter["schema"], rng);
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            pairs.push(format!("{}={}", parameter["name"].as_str().unwrap(), encode(&value)));
        }
    }
    if rng.u8(..) < 8 {
        pairs.push(encode(&text(rng)));
    }
    if !pairs.is_empty() {
        path = format!("{path}?{}", pairs.join("&"));
    }
    let schema = &description["requestBody"]["content"]["application/json"]["schema"];
    let body = (!schema.is_null()).then(|| document.generate(schema, rng));
    let shown = format!("{method} {path} {body:?}");
    let answer = app.call(Method::from_bytes(method.as_bytes()).unwrap(), &path, Some(OPERATOR), body).await;
    let described = &description["responses"][answer.status.as_u16().to_string()];
    assert!(!described.is_null(), "{shown}: {} is not described", answer.status);
    let (kind, content) = described["content"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(answer.field("content-type"), *kind, "{shown}");
    assert_eq!(answer.field("cache-control"), "no-store", "{shown}");
    if let Err(error) = document.check(&content["schema"], &answer.json()) {
        panic!("{shown}: {error}: {}", answer.json());
    }
    answer.status
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test(start_paused = true)]
async fn whatever_is_sent_the_answer_is_one_that_is_described() {
    let (document, app) = (Document::new(), App::new());
    let mut rng = Rng::with_seed(13);
    for operation in document.operations() {
        if operation.path == "/api/invalidations" {
            continue;
        }
        let mut statuses = BTreeSet::new();
        for _ in 0..200 {
            statuses.insert(call_at_random(&app, &document, &operation, &mut rng).await.as_u16());
            app.get("/products/7").await;
            // Otherwise most answers would be 429.
            tokio::time::advance(std::time::Duration::from_secs(1)).await;
        }
        let can_succeed = !["/api/store", "/api/warm/{job}"].contains(&&*operation.path);
        assert!(!can_succeed || statuses.contains(&200), "{operation:?} {statuses:?}");
    }
}

#[test]
fn the_check_finds_what_is_not_described() {
    let document = Document::new();
    let schema: Value = serde_json::from_str(r##"{"$ref": "#/components/schemas/TopKey"}"##).unwrap();
    let check = |text: &str| document.check(&schema, &serde_json::from_str(text).unwrap()).is_ok();
    assert!(check(r#"{"key": "a", "count": 1, "error": 0}"#));
    for wrong in [
        r#"{"key": "a", "count": 1}"#,
        r#"{"key": "a", "count": 1, "error": -1}"#,
        r#"{"key": "a", "count": 1, "error": 0, "more": 0}"#,
        r#"{"key": 1, "count": 1, "error": 0}"#,
        "[]",
    ] {
        assert!(!check(wrong), "{wrong}");
    }
}
