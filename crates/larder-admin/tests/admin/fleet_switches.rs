//! Switches of all instances, which need a store that keeps them.

use std::time::Duration;

use http::{Method, StatusCode};
use larder::Cache;
use larder::redis::RedisStore;
use larder_testing::RedisServer;
use serde_json::{Value, json};

use crate::support::journal::Journal;
use crate::support::{App, OPERATOR};

/// The limit only ends failed tests.
const LIMIT: Duration = Duration::from_secs(60);

async fn change(app: &App, method: Method, body: &Value) -> Value {
    let answer = app.call(method, "/ops/cache/api/switches", Some(OPERATOR), Some(body.clone())).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    answer.json()
}

#[tokio::test]
async fn the_answer_and_the_log_name_the_operator_of_a_switch_of_all_instances() {
    let redis = RedisServer::start().await.unwrap();
    let store = RedisStore::builder(&redis.url()).command_timeout(LIMIT).connect().unwrap();
    let app = App::of(Cache::builder().shared_store(store).build());
    app.cache.ready(LIMIT).await.unwrap();
    let (journal, _guard) = Journal::listen();
    let scope = json!({ "route": "/products/{id}" });
    let set = change(&app, Method::POST, &json!({ "scope": scope, "seconds": 60, "fleet": true })).await;
    assert_eq!((&set[0]["who"], &set[0]["reach"]), (&json!("on-call"), &json!("fleet")));
    let lines = journal.lines();
    assert!(lines.len() == 1 && lines[0].contains("who=\"on-call\""), "{lines:?}");
    let ended = change(&app, Method::DELETE, &json!({ "scope": scope, "fleet": true })).await;
    assert_eq!(ended, json!({ "ended": true, "switches": [] }));
    let lines = journal.lines();
    assert!(lines.len() == 1 && lines[0].contains(" who=\"on-call\""), "{lines:?}");
}
