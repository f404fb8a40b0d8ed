//! Invalidating: appending to the log, or deferring.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::append_status::{AppendStatus, Appended};
use larder_core::invalidation::outbox::batches;
use larder_core::invalidation::selector::{Event, Selector};
use larder_core::invalidation::tail::Tail;
use larder_core::write_queue::LoggedEvent;
use tokio::time::timeout;

use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::invalidate::reclaim::enqueue;
use crate::engine::invalidation_log::group_commit::{share_append, single_path};
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::engine::invalidation_log::key_commits::{key_event, share_key_append, single_key};
use crate::engine::invalidation_log::view::deadline_in;
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// How long this instance waits until it has applied an event that it appended.
///
/// After that, the event counts as deferred.
const APPLY_TIMEOUT: Duration = Duration::from_millis(500);

/// How many deferred events there may be before invalidations wait for their appends to the end.
///
/// In a flood of writes, appends take long. If all of them were deferred, they would soon collapse
/// into one invalidation of everything (rule 15).
const MAX_EARLY_DEFERRALS: usize = 256;

/// An append that runs.
type Appending<'a> = Pin<Box<dyn Future<Output = AppendResult> + Send + 'a>>;

/// Starts an append of these events.
type StartAppend<'a> = fn(&'a Arc<Engine>, &'a Arc<dyn Store>, Vec<Event>) -> Appending<'a>;

/// The result of an append.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AppendResult {
    pub(crate) outcome: InvalidationOutcome,
    /// The entry of the log that has the events. If there are several entries, the last one.
    ///
    /// `None` if the events were deferred, or if another event of that entry may name the same.
    pub(crate) entry: Option<Appended>,
}

impl AppendResult {
    /// There was nothing to append.
    const NOTHING: Self = Self { outcome: InvalidationOutcome::Applied, entry: None };
    /// The events were deferred.
    const DEFERRED: Self = Self { outcome: InvalidationOutcome::Deferred, entry: None };

    pub(super) const fn applied(entry: Option<Appended>) -> Self {
        Self { outcome: InvalidationOutcome::Applied, entry }
    }
}

/// Appends the invalidation to the log, and waits until this instance has applied it.
pub(crate) async fn invalidate(engine: &Arc<Engine>, what: Invalidation) -> InvalidationOutcome {
    append_invalidation(engine, what).await.outcome
}

/// Invalidates like [`invalidate`], but never waits: the invalidation is deferred.
///
/// It takes effect on this instance at once. The task that follows the log appends it.
pub(crate) fn invalidate_now(engine: &Arc<Engine>, what: &Invalidation) {
    let Some(events) = prepare_events(engine, what) else { return };
    if engine.store.is_some() {
        spawn_follower(engine);
    }
    defer(engine, &events);
}

/// Invalidates like [`invalidate`], and also returns the entry of the log.
pub(crate) async fn append_invalidation(engine: &Arc<Engine>, what: Invalidation) -> AppendResult {
    append_with(engine, what, |engine, store, events| Box::pin(append_shared(engine, store, events))).await
}

/// Invalidates like [`append_invalidation`], for a write that waits in a queue.
///
/// If it names one key, the append is shared with other such writes.
pub(crate) async fn append_queued_write(engine: &Arc<Engine>, what: Invalidation) -> AppendResult {
    append_with(engine, what, |engine, store, events| Box::pin(append_single(engine, store, events))).await
}

async fn append_with<'a>(
    engine: &'a Arc<Engine>,
    what: Invalidation,
    append: StartAppend<'a>,
) -> AppendResult {
    let Some(events) = prepare_events(engine, &what) else { return AppendResult::NOTHING };
    let store = match store_to_append(engine) {
        Ok(store) => store,
        Err(missing) => return missing.apply(engine, &events),
    };
    let steps = u32::try_from(batches(&events).count()).unwrap_or(u32::MAX);
    let append = append(engine, store, events.clone());
    append_within(engine, steps, append, || events).await
}

/// Invalidates the value with this key like [`append_queued_write`], but makes its event only where
/// that is needed.
///
/// A key has no aliases, and the log accepts any key.
pub(crate) async fn append_queued_key(engine: &Arc<Engine>, key: &Arc<str>) -> AppendResult {
    if engine.is_disabled {
        return AppendResult::NOTHING;
    }
    engine.report.invalidated(1);
    let store = match store_to_append(engine) {
        Ok(store) => store,
        Err(missing) => return missing.apply(engine, &[key_event(key)]),
    };
    append_within(engine, 1, append_key(engine, store, key), || vec![key_event(key)]).await
}

/// Waits until this instance has applied the event of a key that was appended already.
///
/// If that event was lost, or is not passed in time, the key is invalidated like any other.
pub(super) async fn append_logged_key(
    engine: &Arc<Engine>,
    key: &Arc<str>,
    event: LoggedEvent,
) -> AppendResult {
    let store = match store_to_append(engine) {
        Ok(store) => store,
        Err(missing) => return missing.apply(engine, &[key_event(key)]),
    };
    let append = async {
        let LoggedEvent { appended, has_rival } = event;
        match wait_until_applied(engine, appended).await {
            AppendStatus::Applied => AppendResult::applied((!has_rival).then_some(appended)),
            AppendStatus::AppendAgain | AppendStatus::Pending => append_key(engine, store, key).await,
        }
    };
    append_within(engine, 1, append, || vec![key_event(key)]).await
}

/// The reason why nothing is appended.
enum NoAppend {
    /// The log is that of this process.
    NoStore,
    /// The cache is closed.
    Closed,
}

impl NoAppend {
    fn apply(self, engine: &Engine, events: &[Event]) -> AppendResult {
        match self {
            Self::NoStore => AppendResult::applied(record(engine, events)),
            Self::Closed => defer(engine, events),
        }
    }
}

/// Returns the store to append to. Its log is followed from now on.
fn store_to_append(engine: &Arc<Engine>) -> Result<&Arc<dyn Store>, NoAppend> {
    let store = engine.store.as_ref().ok_or(NoAppend::NoStore)?;
    if engine.background.is_closed() {
        return Err(NoAppend::Closed);
    }
    spawn_follower(engine);
    Ok(store)
}

/// Waits for an append of so many steps. If it takes too long, the events are deferred.
///
/// In a task of its own, each append goes on after that. So the store still learns whether the
/// server answers, and an event that is appended late is only there twice (rule 15).
async fn append_within(
    engine: &Engine,
    steps: u32,
    append: impl Future<Output = AppendResult>,
    events: impl FnOnce() -> Vec<Event>,
) -> AppendResult {
    let began = engine.clock.boot();
    let limit = engine.store_limits.invalidation_timeout.saturating_mul(steps);
    let mut append = pin!(append);
    let result = match timeout(limit, append.as_mut()).await {
        Ok(result) => result,
        Err(_) if engine.log.read(Tail::deferred_count) < MAX_EARLY_DEFERRALS => defer(engine, &events()),
        Err(_) => append.await,
    };
    engine.report.store_times.append(engine.clock.boot().saturating_since(began));
    result
}

/// Returns the events as the log accepts them. `None` if there are none.
fn prepare_events(engine: &Engine, what: &Invalidation) -> Option<Vec<Event>> {
    if engine.is_disabled {
        return None;
    }
    let events = what.events();
    engine.report.invalidated(events.len());
    let events = named_events(engine, events);
    (!events.is_empty()).then_some(events)
}

/// Returns these events and those of the aliases that they name, as the log accepts them.
pub(crate) fn named_events(engine: &Engine, events: Vec<Event>) -> Vec<Event> {
    bounded_events(engine.uri_aliases.with_aliases(events, engine.clock.boot()))
}

/// Appends the events in a task of their own, or together with other invalidations of their path.
async fn append_shared(engine: &Arc<Engine>, store: &Arc<dyn Store>, events: Vec<Event>) -> AppendResult {
    let Some(path) = single_path(&events).cloned() else {
        let background = &engine.background;
        let (engine, store) = (Arc::clone(engine), Arc::clone(store));
        let append = async move { append_or_defer(&engine, &*store, events, Reclaim::Now).await };
        // In a task of its own, so that a client that disconnects does not cancel half of it.
        return background.spawn(append).await.unwrap_or(AppendResult::DEFERRED);
    };
    let append = {
        let (engine, store, events) = (Arc::clone(engine), Arc::clone(store), events.clone());
        move || {
            let (engine, store, events) = (Arc::clone(&engine), Arc::clone(&store), events.clone());
            async move { append_or_defer(&engine, &*store, events, Reclaim::Now).await.outcome }
        }
    };
    match share_append(&engine.group_commits, &engine.background, &path, append).await {
        Some(outcome) => AppendResult { outcome, entry: None },
        None => defer(engine, &events),
    }
}

/// Appends the events of a queued write, together with those of others if they name one key.
async fn append_single(engine: &Arc<Engine>, store: &Arc<dyn Store>, events: Vec<Event>) -> AppendResult {
    match single_key(&events).map(Arc::from) {
        Some(key) => append_key(engine, store, &key).await,
        None => append_shared(engine, store, events).await,
    }
}

/// Appends the event of a key together with those of other queued writes.
async fn append_key(engine: &Arc<Engine>, store: &Arc<dyn Store>, key: &Arc<str>) -> AppendResult {
    let append = {
        let (engine, store) = (Arc::clone(engine), Arc::clone(store));
        move |events| {
            let (engine, store) = (Arc::clone(&engine), Arc::clone(&store));
            async move {
                let AppendResult { outcome, entry } =
                    append_or_defer(&engine, &*store, events, Reclaim::Later).await;
                (outcome, entry)
            }
        }
    };
    match share_key_append(&engine.key_commits, &engine.background, Arc::clone(key), append).await {
        Some((outcome, entry)) => AppendResult { outcome, entry },
        None => defer(engine, &[key_event(key)]),
    }
}

/// Returns these events as the log accepts them, each once.
///
/// A URI that is too long for a key is replaced by its path. If the path is too long as well, the
/// event is left out, because nothing is stored under such a URI.
pub(crate) fn bounded_events(events: Vec<Event>) -> Vec<Event> {
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

/// When the shared store is freed of what the events invalidated.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reclaim {
    Now,
    /// The flush of a queued write invalidates the same once more.
    Later,
}

async fn append_or_defer(
    engine: &Arc<Engine>,
    store: &dyn Store,
    events: Vec<Event>,
    reclaim: Reclaim,
) -> AppendResult {
    let mut left = events.as_slice();
    for _ in 0..MAX_APPENDS {
        match append(engine, store, &mut left, reclaim).await {
            (AppendStatus::Applied, entry) => return AppendResult::applied(entry),
            (AppendStatus::AppendAgain, _) => {}
            (AppendStatus::Pending, _) => break,
        }
    }
    // Rule 15: "An append that timed out may have happened: append again; a duplicate costs misses
    // only."
    defer(engine, left)
}

/// Adds the events to the log of this process, and applies them.
fn record(engine: &Engine, events: &[Event]) -> Option<Appended> {
    let now = engine.clock.boot();
    engine.update_log(|tail| {
        let entry = tail.record(events, now);
        // Under the lock, so that a feed has the order of the log.
        engine.feed.publish_own(events, entry.map(|entry| entry.id), || engine.clock.wall());
        entry
    })
}

fn defer(engine: &Engine, events: &[Event]) -> AppendResult {
    if engine.store.is_none() {
        record(engine, events);
        return AppendResult::DEFERRED;
    }
    let now = engine.clock.boot();
    engine.update_log(|tail| {
        tail.defer(events, now);
        engine.feed.publish_own(events, None, || engine.clock.wall());
    });
    engine.outbox_filled.notify_one();
    AppendResult::DEFERRED
}

/// Appends the events once, part by part, and waits until our own tail knows what became of them.
///
/// If a part cannot be appended, the parts before it are removed from `events` once our tail has
/// passed them. So only the others are deferred.
/// Also returns the last entry.
async fn append(
    engine: &Arc<Engine>,
    store: &dyn Store,
    events: &mut &[Event],
    reclaim: Reclaim,
) -> (AppendStatus, Option<Appended>) {
    let (mut last, mut sent): (Option<Appended>, usize) = (None, 0);
    for batch in batches(events) {
        let Some(appended) = append_batch(engine, store, batch).await else { break };
        // Events that went into two incarnations are complete in neither of them.
        if last.is_some_and(|last| last.incarnation != appended.incarnation) {
            return (AppendStatus::AppendAgain, None);
        }
        last = Some(appended);
        sent += batch.len();
    }
    let Some(entry) = last else { return (AppendStatus::Pending, None) };
    let (appended, left) = events.split_at(sent);
    let mut status = wait_until_applied(engine, entry).await;
    if status == AppendStatus::Applied {
        if reclaim == Reclaim::Now {
            enqueue(engine, appended, entry.incarnation, entry.id);
        }
        *events = left;
        if !left.is_empty() {
            status = AppendStatus::Pending;
        }
    }
    (status, Some(entry))
}

async fn append_batch(engine: &Arc<Engine>, store: &dyn Store, batch: &[Event]) -> Option<Appended> {
    let own = engine.feed.begin_append(batch);
    let began = engine.clock.boot();
    let (incarnation, id) = match store.append(batch).await {
        Ok(appended) => appended,
        Err(error) => {
            engine.report.store_error(StoreOp::Append, began, &error, &*engine.clock);
            return None;
        }
    };
    own.appended(id);
    engine.report.store_ok(StoreOp::Append, began, &*engine.clock);
    // Note the append and read the clock in one step. Otherwise a poll that is sent after this
    // moment could be applied before the append is noted.
    Some(engine.log.note(|tail| {
        let appended = Appended { incarnation, id, answered: engine.clock.boot() };
        tail.note_appended(&appended);
        appended
    }))
}

/// Waits until our own tail has passed the appended events.
async fn wait_until_applied(engine: &Engine, appended: Appended) -> AppendStatus {
    let settled = |tail: &Tail| tail.append_status(&appended) != AppendStatus::Pending;
    engine.news_wanted.notify_one();
    engine.log.wait(deadline_in(APPLY_TIMEOUT), settled).await;
    engine.log.read(|tail| tail.append_status(&appended))
}
