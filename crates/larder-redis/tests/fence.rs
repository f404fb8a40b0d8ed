//! The *all* that is appended to an incarnation for events that another one took (rule 6).
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // In the helpers, too.

mod support;

use std::time::Duration;

use larder_core::invalidation::last_appends::{AppendAge, LastAppends};
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::Incarnation;
use larder_core::invalidation::selector::Event;
use larder_core::store::InvalidationLog;
use larder_testing::RedisServer;
use support::{EVENTS, event, events, start, store};

const FENCE: &str = "larder:{larder:log}:fence";
const BEAT: &str = "larder:{larder:log}:beat";
const OTHER: Incarnation = Incarnation::from_bytes([9; 16]);
const LONG_AGO: Duration = Duration::from_secs(3600);

/// Returns the cursor of an instance that appended to another incarnation this long ago.
fn appended(age: Duration) -> Cursor {
    let newest = Some(AppendAge { incarnation: OTHER, age });
    Cursor { appends: LastAppends { newest, elsewhere: None }, ..start() }
}

/// Returns the number of *all* in the log.
fn alls(look: &LogPage) -> usize {
    events(look).iter().filter(|event| **event == Event::EVERYTHING).count()
}

/// The incarnation began before the append. So it may contain responses without the event.
#[tokio::test]
async fn one_of_many_instances_appends_all_to_an_incarnation_that_missed_their_events() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let look = store.poll(appended(Duration::ZERO)).await.unwrap();
    assert!(look.fenced);
    assert_eq!((alls(&look), look.entries.last().unwrap().0), (1, look.last), "in the same answer");
    // All that append now did so before the *all*. A clock with more than microseconds is not
    // needed, because each poll takes longer.
    let age = Duration::from_millis(1);
    tokio::time::sleep(age * 5).await;
    for _ in 0..5 {
        assert_eq!(alls(&store.poll(appended(LONG_AGO)).await.unwrap()), 1);
    }
    assert_eq!(alls(&store.poll(appended(age)).await.unwrap()), 2, "this append was later");
}

#[tokio::test]
async fn an_incarnation_that_began_after_the_appends_needs_no_all() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    for _ in 0..3 {
        let look = store.poll(appended(LONG_AGO)).await.unwrap();
        assert_eq!((look.fenced, alls(&look)), (true, 0));
    }
}

#[tokio::test]
async fn appends_to_the_same_incarnation_need_no_all() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let (incarnation, _) = store.append(&[event("x")]).await.unwrap();
    let newest = Some(AppendAge { incarnation, age: Duration::ZERO });
    let mut cursor = Cursor { appends: LastAppends { newest, elsewhere: None }, ..start() };
    assert_eq!(alls(&store.poll(cursor).await.unwrap()), 0);
    cursor.appends.elsewhere = Some(LONG_AGO);
    assert_eq!(alls(&store.poll(cursor).await.unwrap()), 0);
    cursor.appends.elsewhere = Some(Duration::ZERO);
    assert_eq!(alls(&store.poll(cursor).await.unwrap()), 1);
    let known = Cursor { incarnation, ..cursor };
    assert_eq!(alls(&store.poll(known).await.unwrap()), 1, "it was appended when it came");
}

/// If the clock of the server goes back, everything seems younger than it is.
#[tokio::test]
async fn without_a_fence_that_can_be_believed_all_is_appended() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    let id = store.poll(start()).await.unwrap().incarnation;
    let far = "99999999999999999";
    let cases: [&[&str]; 6] = [
        &["DEL", FENCE],
        &["SET", FENCE, "nonsense"],
        &["SET", FENCE, &format!("{OTHER} 1000")],
        &["SET", FENCE, &format!("{id} {far}")],
        &["SET", BEAT, "99999999999"],
        &["EVAL", "redis.call('DEL', KEYS[1]) redis.call('LPUSH', KEYS[1], 'x')", "1", FENCE],
    ];
    for (number, case) in (1..).zip(cases) {
        server.command(case).await.unwrap();
        let look = store.poll(appended(LONG_AGO)).await.unwrap();
        assert_eq!((look.fenced, alls(&look)), (true, number), "{case:?}");
        assert_eq!(alls(&store.poll(appended(LONG_AGO)).await.unwrap()), number, "{case:?}: once");
    }
}

#[tokio::test]
async fn a_new_incarnation_begins_with_a_fence() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    store.poll(appended(Duration::ZERO)).await.unwrap();
    server.command(&["DEL", EVENTS]).await.unwrap();
    assert_eq!(alls(&store.poll(appended(LONG_AGO)).await.unwrap()), 0);
}
