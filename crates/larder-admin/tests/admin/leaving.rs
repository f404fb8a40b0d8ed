//! A client leaves before the answer.

use std::future::{Future, poll_fn};
use std::task::Poll;

use axum::body::Body;
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::support::journal::Journal;
use crate::support::{App, OPERATOR};

/// A client that leaves before this poll of its request has seen everything.
const MAX_POLLS: usize = 12;

/// Sends a purge, and drops it after some polls. Everything that goes on then ends.
async fn send_and_leave(app: &App, body: &Value, polls: usize) {
    let request = Request::post("/ops/cache/api/purge");
    let request = request.header(AUTHORIZATION, format!("Bearer {OPERATOR}"));
    let request = request.header(CONTENT_TYPE, "application/json").body(Body::from(body.to_string()));
    let mut answer = Box::pin(app.router.clone().oneshot(request.unwrap()));
    for _ in 0..polls {
        let is_ready = poll_fn(|context| Poll::Ready(answer.as_mut().poll(context).is_ready())).await;
        if is_ready {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(answer);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_purge_that_takes_effect_is_logged_although_the_client_has_left() {
    let mut effects = Vec::new();
    for polls in 0..MAX_POLLS {
        let app = App::with_store().await;
        app.get("/products/7").await;
        let (journal, _guard) = Journal::listen();
        send_and_leave(&app, &json!({ "tags": ["product:7"] }), polls).await;
        let lines = journal.lines();
        let has_line = lines.iter().any(|line| line.contains("on-call"));
        let found = app.get("/products/7").await;
        assert_eq!(found == "MISS", has_line, "{polls} polls: {found} {lines:?}");
        effects.push(has_line);
    }
    assert!(!effects[0] && effects[MAX_POLLS - 1], "{effects:?}");
}
