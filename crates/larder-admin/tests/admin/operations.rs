//! The work of operators: look, explain, purge, switch off, warm up.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{App, OPERATOR, READER};

const SECRET: &str = "a-very-secret-session";

impl App {
    async fn look(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, &format!("/ops/cache/api/{path}"), Some(READER), None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.json());
        answer.json()
    }

    async fn act(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let answer = self.call(method, &format!("/ops/cache/api/{path}"), Some(OPERATOR), Some(body)).await;
        (answer.status, answer.json())
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let (status, answer) = self.act(Method::POST, path, body).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn explain(&self, headers: Value) -> Value {
        self.post("explain", json!({ "uri": "/products/7", "headers": headers })).await
    }
}

#[tokio::test]
async fn an_explanation_says_why_a_request_is_a_miss_and_then_a_hit() {
    let app = App::new();
    let host = json!([["host", "shop.example"]]);
    let explained = app.explain(host.clone()).await;
    assert_eq!(explained["outcome"], json!({ "outcome": "miss", "reason": "never-stored", "tier": null }));
    assert_eq!(explained["names"]["tags"], json!(["product:7"]));
    app.get("/products/7").await;
    let explained = app.explain(host.clone()).await;
    assert_eq!(explained["outcome"], json!({ "outcome": "hit", "reason": "memory", "tier": "memory" }));
    app.purge(OPERATOR, json!({ "tags": ["product:7"] })).await;
    let explained = app.explain(host).await;
    assert_eq!(explained["outcome"]["reason"], "invalidated");
    assert_eq!(
        explained["memory"]["entries"][0]["invalidated_by"][0]["name"], "tag product:7",
        "{explained}"
    );
    // Nothing was filled or counted.
    assert_eq!(app.cache.stats().fills, 1);
}

#[tokio::test]
async fn a_request_that_no_layer_sees_cannot_be_explained() {
    let app = App::new();
    for (body, status, error) in [
        (json!({ "uri": "/open" }), StatusCode::NOT_FOUND, "not-cached"),
        (json!({ "uri": "/products/7", "method": "POST" }), StatusCode::BAD_REQUEST, "invalid"),
        (json!({ "uri": "a b" }), StatusCode::BAD_REQUEST, "invalid"),
        (json!({ "uri": "/products/7", "headers": [["a b", "c"]] }), StatusCode::BAD_REQUEST, "invalid"),
    ] {
        let (found, answer) = app.act(Method::POST, "explain", body.clone()).await;
        assert_eq!((found, &answer["error"]), (status, &json!(error)), "{body}");
    }
}

#[tokio::test]
async fn no_answer_has_a_cookie() {
    let app = App::new();
    let cookie = json!([["host", "shop.example"], ["cookie", format!("session={SECRET}")]]);
    let warmed = app.post("warm", json!({ "uris": ["/products/7"], "headers": cookie })).await;
    let job = warmed["job"].as_u64().unwrap();
    while !app.look(&format!("warm/{job}")).await["is_done"].as_bool().unwrap() {
        tokio::task::yield_now().await;
    }
    let key = app.look("responses").await["entries"][0]["key"].as_str().unwrap().to_owned();
    assert!(key.contains("session="), "{key}");
    let escaped: String = key.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let answers = [
        app.explain(cookie).await,
        app.look("responses").await,
        app.look(&format!("inspect?key={escaped}")).await,
        app.look("top-keys").await,
        app.look("stats").await,
        app.post("purge", json!({ "all": true, "dry_run": true })).await,
        app.look("warm").await,
    ];
    for answer in answers {
        assert!(!answer.to_string().contains(SECRET), "{answer}");
    }
}

#[tokio::test]
async fn what_is_stored_is_listed_in_pages_and_inspected_by_key() {
    let app = App::new();
    for id in 0..5 {
        app.get(&format!("/products/{id}")).await;
    }
    let first = app.look("responses?limit=2").await;
    assert_eq!((first["entries"].as_array().unwrap().len(), &first["matched"]), (2, &json!(5)));
    let mut paths = Vec::new();
    let mut page = first;
    loop {
        paths.extend(page["entries"].as_array().unwrap().iter().map(|entry| entry["path"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        page = app.look(&format!("responses?limit=2&after={next}")).await;
    }
    paths.sort();
    assert_eq!(paths, (0..5).map(|id| format!("\"/products/{id}\"")).collect::<Vec<_>>());
    assert_eq!(app.look("responses?tag=product:3").await["matched"], 1);
    let entry = app.look("responses?tag=product:3").await["entries"][0].clone();
    assert_eq!((&entry["status"], &entry["state"]), (&json!(200), &json!("fresh")));
    let inspected =
        app.look(&format!("inspect?key={}", entry["key"].as_str().unwrap().replace('|', "%7c"))).await;
    assert_eq!(inspected["responses"][0]["tags"], json!(["product:3"]));
    assert_eq!(app.look("values").await, json!({ "collections": ["cart", "name"] }));
}

#[tokio::test]
async fn a_dry_run_says_what_a_purge_would_reach_and_changes_nothing() {
    let app = App::new();
    for id in 0..3 {
        app.get(&format!("/products/{id}")).await;
    }
    let here = app.post("purge", json!({ "prefixes": ["/products"], "dry_run": true })).await;
    assert_eq!((&here["outcome"], &here["here"]["responses"]), (&json!("dry-run"), &json!(3)));
    assert_eq!(app.get("/products/1").await, "HIT");
}

#[tokio::test]
async fn purged_responses_are_filled_again_before_the_next_request() {
    let app = App::new();
    app.get("/categories/7").await;
    let purged = app.post("purge", json!({ "tags": ["category:7"], "refill": 10 })).await;
    assert_eq!(purged["outcome"], "applied");
    let job = purged["refill"]["job"]["job"].as_u64().unwrap();
    while !app.look(&format!("warm/{job}")).await["is_done"].as_bool().unwrap() {
        tokio::task::yield_now().await;
    }
    assert_eq!(app.look(&format!("warm/{job}")).await["filled"], 1);
    assert_eq!(app.get("/categories/7").await, "HIT");
    let (status, _) = app.act(Method::DELETE, &format!("warm/{job}"), json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(app.look("warm").await, json!({ "jobs": [] }));
}

#[tokio::test]
async fn a_route_is_switched_off_and_on() {
    let app = App::new();
    app.get("/products/7").await;
    let scope = json!({ "route": "/products/{id}" });
    let set = app.post("switches", json!({ "scope": scope, "seconds": 600 })).await;
    assert_eq!((&set[0]["scope"], &set[0]["who"]), (&scope, &json!("on-call")));
    assert_eq!(app.get("/products/7").await, "BYPASS");
    assert_eq!(app.look("switches").await, set);
    let (status, ended) = app.act(Method::DELETE, "switches", json!({ "scope": scope })).await;
    assert_eq!((status, &ended["ended"]), (StatusCode::OK, &json!(true)));
    assert_eq!(app.get("/products/7").await, "HIT");
    for body in [
        json!({ "scope": "all", "seconds": 0 }),
        json!({ "scope": "all", "seconds": 86_401 }),
        json!({ "scope": "all", "seconds": 1, "fleet": true }),
        json!({ "scope": "everything", "seconds": 1 }),
        // The time is a number of seconds, and never a date by somebody's clock.
        json!({ "scope": "all", "seconds": "2026-11-30T10:00:00+02:00" }),
        json!({ "scope": "all", "seconds": 1, "until": "2026-11-30T10:00:00+02:00" }),
    ] {
        let (status, _) = app.act(Method::POST, "switches", body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn the_overview_has_figures_policies_and_advice() {
    let app = App::new();
    for number in 0..130 {
        app.call(Method::GET, "/products/7", None, None).await;
        app.get(&format!("/products/{number}")).await;
    }
    let stats = app.look("stats").await;
    assert_eq!(stats["routes"][0]["route"], "/products/{id}");
    assert_eq!(stats["classes"]["standard"]["misses"]["never-stored"], 130);
    assert_eq!(stats["hit_ratio"], 0.5);
    assert_eq!(stats["misses"]["never-stored"], 130);
    let policies = app.look("policies").await;
    assert_eq!(policies["policies"][0]["tags"], json!(["product:{id}"]));
    let [values, queued] = ["name", "cart"].map(|name| {
        let mut found = policies["collections"].as_array().unwrap().iter();
        found.find(|one| one["name"] == name).unwrap().clone()
    });
    assert_eq!((&values["ttl_seconds"], &values["write_behind"]), (&json!(300.0), &json!(null)));
    assert_eq!(queued["write_behind"]["durability"], "memory");
    let instances = app.look("instances").await;
    assert_eq!(instances["instances"][0]["id"], instances["this"]);
    assert!(app.look("health").await["is_ready"].as_bool().unwrap());
    assert_eq!(app.look("advice").await, json!([]));
    let top = app.look("top-keys").await;
    assert!(
        top["misses"].as_array().unwrap().len() >= 100 && top["requests"][0]["count"].as_u64().unwrap() > 60
    );
    // There is no shared store.
    let (status, error) = app.act(Method::GET, "store", json!({})).await;
    assert_eq!((status, &error["error"]), (StatusCode::BAD_GATEWAY, &json!("store")));
}
