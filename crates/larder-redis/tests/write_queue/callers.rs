//! Callers of pushes that are sent together, and that leave or come too late.

use larder_core::store::StoreErrorKind;
use larder_core::write_queue::{PushOutcome, WriteQueue};
use larder_testing::RedisServer;

use crate::gathering::{Held, push_at_once, scripts, start};
use crate::helpers::{pending, push, queued, read_all, texts, value, write};
use crate::support::{brief, eventually, joined, patient, store};

/// A caller that leaves takes no other with it, whether its push is on its way or waits.
#[tokio::test]
async fn callers_that_leave_cancel_no_other_push() {
    let held = Held::new().await;
    let store = joined(patient(&held.url())).await;
    push(&store, "warm", value("up")).await;
    let gate = held.hold("sent alone");
    let alone = start(&store, write("a", value("sent alone")));
    gate.arrived(1).await;
    let leaving = start(&store, write("b", value("never sent")));
    let staying = start(&store, write("c", value("stays")));
    drop(leaving);
    drop(alone);
    gate.open();
    queued(staying.await.unwrap());
    // The push that was on its way may take effect. That of the caller that left before is not
    // sent.
    assert_eq!(pending(&store, "a").await.as_deref(), Some("sent alone"));
    assert_eq!(pending(&store, "b").await, None);
    assert_eq!(pending(&store, "c").await.as_deref(), Some("stays"));
}

/// Callers of one batch leave, and the batch goes on.
#[tokio::test]
async fn a_batch_goes_on_without_some_of_its_callers() {
    let held = Held::new().await;
    let store = joined(patient(&held.url())).await;
    push(&store, "warm", value("up")).await;
    let gate = held.hold("gathered");
    let alone = start(&store, write("a", value("1")));
    let leaving = start(&store, write("b", value("gathered")));
    let staying = start(&store, write("c", value("2")));
    queued(alone.await.unwrap());
    gate.arrived(1).await;
    drop(leaving);
    gate.open();
    queued(staying.await.unwrap());
    assert_eq!(pending(&store, "b").await.as_deref(), Some("gathered"), "it was on its way");
}

/// A push does not wait for a task that is not polled.
#[tokio::test]
async fn a_push_that_nobody_polls_delays_no_other() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    let mut unpolled = start(&store, write("a", value("1")));
    for key in ["b", "c", "d"] {
        push(&store, key, value("1")).await;
    }
    queued(unpolled.as_mut().await.unwrap());
    let writes = texts(&read_all(&store).await);
    assert_eq!(writes.len(), 5, "{writes:?}");
}

/// A batch that comes after its deadline has no effect: each of its callers has given up.
#[tokio::test]
async fn a_batch_that_timed_out_has_no_effect_later() {
    let held = Held::new().await;
    let store = joined(brief(&held.url())).await;
    let other = joined(patient(&held.server.url())).await;
    eventually("a first push", async || store.push(write("a", value("1"))).await.is_ok()).await;
    let gate = held.hold("overtaken");
    let all: Vec<_> = ["a", "b", "c"].into_iter().map(|key| write(key, value("overtaken"))).collect();
    for result in push_at_once(&store, all).await {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (StoreErrorKind::Timeout, PushOutcome::Unknown));
    }
    for key in ["a", "b", "c"] {
        push(&other, key, value("new")).await;
    }
    let before = scripts(&held.server).await;
    gate.open();
    eventually("they have arrived", async || scripts(&held.server).await >= before + 2).await;
    for key in ["a", "b", "c"] {
        assert_eq!(pending(&other, key).await.as_deref(), Some("new"));
    }
}
