//! The live feed of invalidations.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{App, OPERATOR};

const PATH: &str = "/ops/cache/api/invalidations";
/// The most feeds of a token.
const MAX_FEEDS: usize = 32;

#[tokio::test]
async fn the_feed_shows_an_invalidation_when_it_happens() {
    let app = App::new();
    let mut feed = app.stream(PATH).await;
    app.purge(OPERATOR, json!({ "tags": ["product:7"], "soft": true })).await;
    let line: Value = serde_json::from_str(&feed.line().await).unwrap();
    assert_eq!((&line["event"], &line["selector"]), (&json!("invalidation"), &json!("t:product:7")));
    assert_eq!(
        (&line["is_soft"], &line["status"], &line["is_own"]),
        (&json!(true), &json!("applied"), &json!(true))
    );
}

#[tokio::test(start_paused = true)]
async fn the_feed_has_a_line_for_each_selector_of_a_purge() {
    let app = App::new();
    let mut feed = app.stream(PATH).await;
    app.purge(OPERATOR, json!({ "tags": ["one", "two"], "uris": ["/three"], "prefixes": ["/four"] })).await;
    for expected in ["t:one", "t:two", "u:/three", "p:/four"] {
        // An empty line would mean that there is no other one.
        let line: Value = serde_json::from_str(&feed.part().await.unwrap()).unwrap();
        assert_eq!(line["selector"], expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_feed_without_an_invalidation_shows_that_it_is_alive() {
    let app = App::new();
    let mut feed = app.stream(PATH).await;
    let begun = Instant::now();
    for count in 1..4 {
        assert_eq!(feed.part().await.as_deref(), Some("\n"));
        assert_eq!(begun.elapsed().as_secs(), count * 15);
    }
}

#[tokio::test(start_paused = true)]
async fn one_feed_too_many_ends_the_oldest() {
    let app = App::new();
    let mut oldest = app.stream(PATH).await;
    let mut others = Vec::new();
    for _ in 1..MAX_FEEDS {
        others.push(app.stream(PATH).await);
    }
    // A client that has left has no feed.
    for _ in 0..MAX_FEEDS {
        tokio::time::advance(Duration::from_secs(1)).await;
        others.pop();
        others.push(app.stream(PATH).await);
    }
    app.purge(OPERATOR, json!({ "tags": ["product:7"] })).await;
    assert!(oldest.line().await.contains("product:7"));
    tokio::time::advance(Duration::from_secs(1)).await;
    let mut newest = app.stream(PATH).await;
    assert_eq!(oldest.part().await, None);
    app.purge(OPERATOR, json!({ "tags": ["product:8"] })).await;
    assert!(newest.line().await.contains("product:8"));
    assert!(others[0].line().await.contains("product:7"));
}
