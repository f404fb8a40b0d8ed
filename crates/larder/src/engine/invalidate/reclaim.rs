//! Reclaiming: freeing the memory of invalidated responses in the shared store, in the background.
//!
//! Correctness does not depend on this. An invalidated response is refused by its position, whether
//! it was removed or not. So reclaiming is slow on purpose: it takes one step at a time, and pauses
//! while the store is in trouble. Responses that it does not reach expire.

use std::sync::{Arc, Weak};
use std::time::Duration;

use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Event, KeyScope, Mode};
use larder_core::store::{ReclaimRequest, StoreError, StoreErrorKind};
use tokio::time::sleep;

use crate::engine::invalidation_log::reclaim_queue::{ReclaimQueue, ReclaimStep};
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// The pause between two scans, for at most twenty scans in a second.
pub(crate) const BETWEEN_SCANS: Duration = Duration::from_millis(50);
/// The pause after a failure, before the next attempt.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The number of failures in a row after which the whole queue is left to expire.
const FAILURES: u32 = 10;

/// Queues the responses that these events invalidated, so that their memory is freed later.
///
/// The events were appended to the log with the id `before`. A selector is left out if the keys
/// of stored responses do not show whether it names them, as with a tag. A soft event is left out,
/// because the responses that it names are still useful.
pub(crate) fn enqueue(engine: &Arc<Engine>, events: &[Event], incarnation: Incarnation, before: LogId) {
    let Some(store) = &engine.store else { return };
    let is_idle = {
        let mut state = engine.reclaim.lock();
        let hard = events.iter().filter(|event| event.mode == Mode::Hard);
        for selector in hard.flat_map(|event| event.selector.for_reclaim()) {
            if selector.key_scope() != KeyScope::Unknown {
                state.queue.push(ReclaimRequest { selector, incarnation, before });
            }
        }
        !state.queue.is_empty() && !std::mem::replace(&mut state.running, true)
    };
    if is_idle {
        // Without the lock: a runtime that is shutting down drops the task at once.
        tokio::spawn(run(ReclaimTask { engine: Arc::downgrade(engine), ended: false }, Arc::clone(store)));
    }
}

/// Notes that no task runs any more, if this one ends with its runtime.
struct ReclaimTask {
    engine: Weak<Engine>,
    ended: bool,
}

impl Drop for ReclaimTask {
    fn drop(&mut self) {
        if self.ended {
            return;
        }
        if let Some(engine) = self.engine.upgrade() {
            engine.reclaim.lock().running = false;
        }
    }
}

async fn run(mut task: ReclaimTask, store: Arc<dyn Store>) {
    let mut failures = 0;
    // This task does not keep the cache alive for longer than one step.
    while let Some(engine) = task.engine.upgrade() {
        let Some(step) = engine.reclaim.next() else {
            task.ended = true;
            return;
        };
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

/// Runs the step, and returns how many scans it took.
async fn run_step(engine: &Engine, store: &dyn Store, step: &ReclaimStep) -> Result<u64, StoreError> {
    // Positions of another incarnation cannot be compared.
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

/// Handles a step that failed, and returns how long to pause.
fn on_failure(engine: &Engine, step: ReclaimStep, error: &StoreError, failures: u32) -> Option<Duration> {
    tracing::debug!(target: "larder", %error, selector = %step.what.selector, "shared store memory not freed");
    let mut state = engine.reclaim.lock();
    match error.kind() {
        // The store will refuse this step the next time too.
        StoreErrorKind::Refused | StoreErrorKind::Unreadable => return None,
        _ if failures >= FAILURES => state.queue = ReclaimQueue::default(),
        _ => state.queue.push_next(step),
    }
    Some(AFTER_FAILURE)
}
