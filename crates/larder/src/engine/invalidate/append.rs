//! Invalidating.

use std::sync::Arc;
use std::time::Duration;

use larder_core::log::outbox::batches;
use larder_core::log::selector::{Event, Selector};
use larder_core::log::tail::{Passing, Tail};
use larder_core::store::Appended;

use crate::engine::invalidate::follow_log::start;
use crate::engine::invalidate::reclaim::reclaim;
use crate::engine::invalidation_log::group_commit::{one_path, share};
use crate::engine::invalidation_log::invalidation::{Invalidated, Invalidation};
use crate::engine::invalidation_log::view::within;
use crate::engine::report::store_health::Exchange;
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// How long an event that was appended may take to come back to this instance before it counts as deferred.
const COMES_BACK_WITHIN: Duration = Duration::from_millis(500);

/// Appends the invalidation to the log, and waits until this instance has taken it in.
pub(crate) async fn invalidate(inner: &Arc<Engine>, what: Invalidation) -> Invalidated {
    let events = what.events();
    inner.report.invalidated(events.len());
    let events = bounded(inner.uri_aliases.with_aliases(events, inner.clock.boot()));
    if events.is_empty() {
        return Invalidated::Applied;
    }
    let Some(store) = &inner.store else {
        let now = inner.clock.boot();
        inner.change_log(|tail| tail.record(&events, now));
        return Invalidated::Applied;
    };
    if inner.background.is_closed() {
        return defer(inner, &events);
    }
    start(inner);
    let (cache, store) = (Arc::clone(inner), Arc::clone(store));
    if let Some(path) = one_path(&events).cloned() {
        let again = events.clone();
        let append = move || {
            let (cache, store, events) = (Arc::clone(&cache), Arc::clone(&store), again.clone());
            async move { tell(&cache, &*store, events).await }
        };
        let shared = share(&inner.groups, &inner.background, &path, append).await;
        return shared.unwrap_or_else(|| defer(inner, &events));
    }
    // In a task of its own, so that a client that hangs up does not take half of it back.
    let told = inner.background.spawn(async move { tell(&cache, &*store, events).await });
    told.await.unwrap_or(Invalidated::Deferred)
}

/// These events as the log takes them, each once. A URI that is too long for a key is named by its path, or, where that is
/// too long, not at all: nothing is stored under it.
fn bounded(events: Vec<Event>) -> Vec<Event> {
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

/// How often an event is appended before it counts as deferred. A failover takes one; two in a row are left to the
/// outbox.
const APPENDS: usize = 2;

async fn tell(inner: &Arc<Engine>, store: &dyn Store, events: Vec<Event>) -> Invalidated {
    for _ in 0..APPENDS {
        match append(inner, store, &events).await {
            Passing::Passed => return Invalidated::Applied,
            Passing::AppendAgain => {}
            Passing::Waiting => break,
        }
    }
    // Rule 15: what timed out may have happened; it is appended again, and a duplicate costs misses only.
    defer(inner, &events)
}

fn defer(inner: &Engine, events: &[Event]) -> Invalidated {
    let now = inner.clock.boot();
    inner.change_log(|tail| tail.defer(events, now));
    inner.deferred.notify_one();
    Invalidated::Deferred
}

/// Appends once, and waits until our own tail knows what became of it.
async fn append(inner: &Arc<Engine>, store: &dyn Store, events: &[Event]) -> Passing {
    let mut last: Option<Appended> = None;
    for batch in batches(events) {
        let appended = match append_batch(inner, store, batch).await {
            Ok(appended) => appended,
            Err(passing) => return passing,
        };
        // Events that went into two logs are complete in neither.
        if last.is_some_and(|last| last.incarnation != appended.incarnation) {
            return Passing::AppendAgain;
        }
        last = Some(appended);
    }
    match last {
        Some(appended) => wait_for(inner, events, appended).await,
        None => Passing::Passed,
    }
}

async fn append_batch(inner: &Arc<Engine>, store: &dyn Store, batch: &[Event]) -> Result<Appended, Passing> {
    let (incarnation, id) = match store.append(batch).await {
        Ok(appended) => appended,
        Err(error) => {
            inner.report.store_failed(Exchange::Append, &error, &*inner.clock);
            return Err(Passing::Waiting);
        }
    };
    inner.report.store_worked(Exchange::Append, &*inner.clock);
    // In one step: no look sent after that moment may be taken in before what it has to know is noted.
    let answered = inner.log.change(|tail| {
        tail.note_appended();
        inner.clock.boot()
    });
    Ok(Appended { incarnation, id, answered })
}

/// Waits until our own tail has passed what was appended.
async fn wait_for(inner: &Arc<Engine>, events: &[Event], appended: Appended) -> Passing {
    let settled = |tail: &Tail| tail.passed(&appended) != Passing::Waiting;
    inner.log.wait(within(COMES_BACK_WITHIN), settled).await;
    let passing = inner.log.read(|tail| tail.passed(&appended));
    if passing == Passing::Passed {
        reclaim(inner, events, appended.incarnation, appended.id);
    }
    passing
}
