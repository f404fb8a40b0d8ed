//! Reclaim: the shared store's memory is freed of what was invalidated, behind the scenes.
//!
//! Nothing rests on it: what was invalidated is refused by its position, removed or not. So it is slow on purpose, one
//! step at a time, it stops while the store is in trouble, and what it does not get to expires.

use std::sync::{Arc, Weak};
use std::time::Duration;

use larder_core::log::position::{Incarnation, LogId};
use larder_core::log::selector::{Event, Mode, Reach};
use larder_core::store::{Reclaim, StoreError, StoreErrorKind};
use tokio::time::sleep;

use crate::engine::invalidation_log::reclaim_queue::{ReclaimQueue, ReclaimStep};
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// Between two scans: twenty in a second at most.
const BETWEEN_SCANS: Duration = Duration::from_millis(50);
/// After a failure, before the same is tried again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// After so many failures in a row, all that waits is left to expire.
const FAILURES: u32 = 10;

/// Frees, some time from now, what these events have made worthless. They were appended to the log at `id`.
///
/// Where the names of stored responses do not tell what a tag names, there is nothing to be found. What was invalidated
/// softly is still of use.
pub(crate) fn enqueue(engine: &Arc<Engine>, events: &[Event], incarnation: Incarnation, before: LogId) {
    let Some(store) = &engine.store else { return };
    let mut state = engine.reclaim.lock();
    let hard = events.iter().filter(|event| event.mode == Mode::Hard);
    for selector in hard.flat_map(|event| event.selector.for_reclaim()) {
        if selector.reach() != Reach::Nowhere {
            state.queue.push(Reclaim { selector, incarnation, before });
        }
    }
    if !state.queue.is_empty() && !state.running {
        state.running = true;
        tokio::spawn(run(Arc::downgrade(engine), Arc::clone(store)));
    }
}

async fn run(engine: Weak<Engine>, store: Arc<dyn Store>) {
    let mut failures = 0;
    // Nothing here keeps the cache alive for longer than one step.
    while let Some(engine) = engine.upgrade() {
        let Some(step) = engine.reclaim.next() else { return };
        let result = run_step(&engine, &*store, &step).await;
        let pause = match result {
            Ok(scans) => {
                failures = 0;
                (scans > 0).then_some(BETWEEN_SCANS)
            }
            Err(error) => {
                failures += 1;
                on_failure(&engine, step, &error, failures)
            }
        };
        drop(engine);
        if let Some(pause) = pause {
            sleep(pause).await;
        }
    }
}

/// Takes the step, and says how many scans it took.
async fn run_step(engine: &Engine, store: &dyn Store, step: &ReclaimStep) -> Result<u64, StoreError> {
    // Of another log it cannot be told what is lower.
    if engine.log.position().incarnation != step.what.incarnation {
        return Ok(0);
    }
    let done = store.reclaim(&step.what, step.from).await?;
    engine.report.reclaimed(done.responses, done.scans);
    if let Some(next) = done.next {
        engine.reclaim.lock().queue.push_next(ReclaimStep { from: Some(next), ..step.clone() });
    }
    Ok(done.scans)
}

/// What becomes of a step that failed, and how long to wait now.
fn on_failure(engine: &Engine, step: ReclaimStep, error: &StoreError, failures: u32) -> Option<Duration> {
    tracing::debug!(target: "larder", %error, selector = %step.what.selector, "memory is not freed");
    let mut state = engine.reclaim.lock();
    match error.kind() {
        // It will not do this next time either.
        StoreErrorKind::Refused | StoreErrorKind::Unreadable => return None,
        _ if failures >= FAILURES => state.queue = ReclaimQueue::default(),
        _ => state.queue.push_next(step),
    }
    Some(AFTER_FAILURE)
}
