//! Invalidating: appending to the log, or deferring.

use std::sync::Arc;
use std::time::Duration;

use larder_core::log::outbox::batches;
use larder_core::log::selector::{Event, Selector};
use larder_core::log::tail::{Passing, Tail};
use larder_core::store::Appended;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::invalidate::reclaim::enqueue;
use crate::engine::invalidation_log::group_commit::{share_append, single_path};
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::invalidation_log::view::deadline_in;
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// How long this instance waits until it has applied an event that it appended.
///
/// After that, the event counts as deferred.
const APPLY_TIMEOUT: Duration = Duration::from_millis(500);

/// Appends the invalidation to the log, and waits until this instance has applied it.
pub(crate) async fn invalidate(engine: &Arc<Engine>, what: Invalidation) -> InvalidationOutcome {
    let events = what.events();
    engine.report.invalidated(events.len());
    let events = bounded_events(engine.uri_aliases.with_aliases(events, engine.clock.boot()));
    if events.is_empty() {
        return InvalidationOutcome::Applied;
    }
    let Some(store) = &engine.store else {
        let now = engine.clock.boot();
        engine.update_log(|tail| tail.record(&events, now));
        return InvalidationOutcome::Applied;
    };
    if engine.background.is_closed() {
        return defer(engine, &events);
    }
    spawn_follower(engine);
    let Some(path) = single_path(&events).cloned() else {
        let background = &engine.background;
        let (engine, store) = (Arc::clone(engine), Arc::clone(store));
        let append = async move { append_or_defer(&engine, &*store, events).await };
        // In a task of its own, so that a client that disconnects does not cancel half of it.
        return background.spawn(append).await.unwrap_or(InvalidationOutcome::Deferred);
    };
    let append = {
        let (engine, store, events) = (Arc::clone(engine), Arc::clone(store), events.clone());
        move || {
            let (engine, store, events) = (Arc::clone(&engine), Arc::clone(&store), events.clone());
            async move { append_or_defer(&engine, &*store, events).await }
        }
    };
    let shared = share_append(&engine.group_commits, &engine.background, &path, append).await;
    shared.unwrap_or_else(|| defer(engine, &events))
}

/// Returns these events as the log accepts them, each once.
///
/// A URI that is too long for a key is replaced by its path. If the path is too long as well, the
/// event is left out, because nothing is stored under such a URI.
fn bounded_events(events: Vec<Event>) -> Vec<Event> {
    let mut all: Vec<Event> = Vec::with_capacity(events.len());
    for Event { mode, selector } in events {
        let was_uri = matches!(selector, Selector::Uri(_));
        let Some(selector) = selector.bounded() else { continue };
        let event = Event { mode, selector };
        if !(was_uri && all.contains(&event)) {
            all.push(event);
        }
    }
    all
}

/// How many times an event is appended before it counts as deferred.
///
/// One failover costs one append. Two failovers in a row are left to the outbox.
const MAX_APPENDS: usize = 2;

async fn append_or_defer(engine: &Arc<Engine>, store: &dyn Store, events: Vec<Event>) -> InvalidationOutcome {
    for _ in 0..MAX_APPENDS {
        match append(engine, store, &events).await {
            Passing::Passed => return InvalidationOutcome::Applied,
            Passing::AppendAgain => {}
            Passing::Waiting => break,
        }
    }
    // Rule 15: "An append that timed out may have happened: append again; a duplicate costs misses
    // only."
    defer(engine, &events)
}

fn defer(engine: &Engine, events: &[Event]) -> InvalidationOutcome {
    let now = engine.clock.boot();
    engine.update_log(|tail| tail.defer(events, now));
    engine.outbox_filled.notify_one();
    InvalidationOutcome::Deferred
}

/// Appends the events once, and waits until our own tail knows what became of them.
async fn append(engine: &Arc<Engine>, store: &dyn Store, events: &[Event]) -> Passing {
    let mut last: Option<Appended> = None;
    for batch in batches(events) {
        let appended = match append_batch(engine, store, batch).await {
            Ok(appended) => appended,
            Err(passing) => return passing,
        };
        // Events that went into two incarnations are complete in neither of them.
        if last.is_some_and(|last| last.incarnation != appended.incarnation) {
            return Passing::AppendAgain;
        }
        last = Some(appended);
    }
    match last {
        Some(appended) => wait_until_applied(engine, events, appended).await,
        None => Passing::Passed,
    }
}

async fn append_batch(engine: &Arc<Engine>, store: &dyn Store, batch: &[Event]) -> Result<Appended, Passing> {
    let (incarnation, id) = match store.append(batch).await {
        Ok(appended) => appended,
        Err(error) => {
            engine.report.store_error(StoreOp::Append, &error, &*engine.clock);
            return Err(Passing::Waiting);
        }
    };
    engine.report.store_ok(StoreOp::Append, &*engine.clock);
    // Note the append and read the clock in one step. Otherwise a poll that is sent after this
    // moment could be applied before the append is noted.
    let answered = engine.log.update(|tail| {
        tail.note_appended();
        engine.clock.boot()
    });
    Ok(Appended { incarnation, id, answered })
}

/// Waits until our own tail has passed the appended events.
async fn wait_until_applied(engine: &Arc<Engine>, events: &[Event], appended: Appended) -> Passing {
    let settled = |tail: &Tail| tail.passed(&appended) != Passing::Waiting;
    engine.log.wait(deadline_in(APPLY_TIMEOUT), settled).await;
    let passing = engine.log.read(|tail| tail.passed(&appended));
    if passing == Passing::Passed {
        enqueue(engine, events, appended.incarnation, appended.id);
    }
    passing
}
