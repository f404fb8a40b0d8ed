//! The task that follows the invalidation log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::Position;
use larder_core::invalidation::tail::{PageApplied, Tail};
use larder_core::store::StoreError;
use larder_core::time::WallTime;
use tokio::time::sleep;

use crate::engine::fleet_switches;
use crate::engine::invalidate::reclaim::enqueue;
use crate::engine::invalidation_log::feed::FeedPage;
use crate::engine::monitoring::announce_task::announce;
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// The first pause after a failure.
///
/// It is short, because nothing old is served until the log answers.
const MIN_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause after a failure.
const MAX_PAUSE: Duration = Duration::from_millis(400);
/// The first pause while too many instances start at the same time.
const MIN_START_PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause.
const MAX_START_PAUSE: Duration = Duration::from_millis(400);

/// Spawns the task that follows the log of the shared store, unless it runs.
///
/// Beside it, another task announces this instance to the others. Both end with their runtime. A
/// cache in a `static` may outlive that: the first request on another runtime starts them there.
/// Without a shared store or without a runtime, this does nothing.
pub(crate) fn spawn_follower(engine: &Arc<Engine>) {
    let Some(store) = &engine.store else { return };
    // Each miss, and each hit in the shared tier, comes to this check.
    if engine.follower_runs.load(Ordering::Acquire) || engine.background.is_closed() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    if engine.follower_runs.swap(true, Ordering::AcqRel) {
        return;
    }
    let running = Running(Arc::clone(&engine.follower_runs));
    let announcing = announce(Arc::downgrade(engine), Arc::clone(store));
    runtime.spawn(engine.background.until_closed(announcing));
    let following = follow(Arc::downgrade(engine), Arc::clone(store));
    let switches = fleet_switches::follow(Arc::downgrade(engine));
    runtime.spawn(engine.background.until_closed(async move {
        let _running = running;
        // The log is followed for as long as the cache lives, and the switches as long as the log.
        tokio::select! {
            () = following => {}
            () = switches => {}
        }
    }));
}

/// Notes that the task has ended, also if it ends with its runtime.
struct Running(Arc<AtomicBool>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Follows the log for as long as the cache lives and is not closed.
///
/// `XREAD BLOCK` and its like are only the alarm. Only the answer to a poll is believed (rule 4).
/// Without an alarm, a poll is still sent at least four times per `max_staleness`. So this instance
/// stays confirmed even if one poll is lost.
async fn follow(engine: Weak<Engine>, store: Arc<dyn Store>) {
    let (mut pause, mut start_pause) = (MIN_PAUSE, MIN_START_PAUSE);
    while let Some(engine) = engine.upgrade() {
        let began = engine.clock.boot();
        match poll(&engine, &*store).await {
            Ok(taken) => {
                engine.report.store_ok(StoreOp::Poll, began, &*engine.clock);
                pause = MIN_PAUSE;
                if taken.is_busy {
                    flush(&engine, &*store).await;
                    drop(engine);
                    sleep(jittered(start_pause)).await;
                    start_pause = (start_pause * 2).min(MAX_START_PAUSE);
                    continue;
                }
                start_pause = MIN_START_PAUSE;
                if taken.poll_again {
                    continue;
                }
            }
            Err(error) => {
                engine.report.store_error(StoreOp::Poll, began, &error, &*engine.clock);
                drop(engine);
                sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
                continue;
            }
        }
        flush(&engine, &*store).await;
        let cursor = engine.log.read(|tail| tail.cursor(engine.clock.boot()));
        let at_most = engine.log.max_staleness() / 4;
        // This future owns the engine, and is dropped after the wait. The task must not keep the
        // cache alive for longer than one alarm.
        let deferred = async move { engine.outbox_filled.notified().await };
        tokio::select! {
            alarm = store.wait_for_news(cursor, at_most) => {
                if alarm.is_err() {
                    sleep(pause).await;
                }
            }
            () = deferred => {}
        }
    }
}

/// Returns a time between half of `pause` and `pause`, so that instances do not return together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Polls the log once, and applies the answer.
async fn poll(engine: &Engine, store: &dyn Store) -> Result<PageApplied, StoreError> {
    // Rule 9: the answer is as old as the moment at which the poll was sent.
    let (sent, asked) = (engine.clock.boot(), engine.clock.wall());
    let cursor = engine.log.read(|tail| tail.cursor(sent));
    let answer = store.poll(cursor).await;
    let took = engine.clock.boot().saturating_since(sent);
    engine.report.poll_took(took);
    let mut look = answer?;
    if !engine.clock.is_manual() {
        let answered = engine.clock.wall();
        engine.report.store_time(look.now, asked, answered);
        engine.store_calendar.note(look.now, asked, answered);
    }
    record_lag(engine, &cursor, &look);
    // As they stand in the log, without the keyed forms of URIs.
    let entries = engine.feed.is_read().then(|| look.entries.clone());
    Ok(engine.update_log(|tail| {
        engine.uri_aliases.keyed_by.add_keyed_uris(&mut look);
        if !look.entries.is_empty() {
            tail.note_poll_time(took);
        }
        let before = TailBefore::of(tail);
        let applied = tail.apply_page(&look, sent);
        if let Some(entries) = entries {
            publish_page(engine, &before, tail, &LogPage { entries, ..look });
        }
        applied
    }))
}

/// Records how old the entries of a page are that this instance follows.
///
/// At a start, and after a restart of the log, entries are old without any lag.
fn record_lag(engine: &Engine, cursor: &Cursor, page: &LogPage) {
    if cursor.replaying || page.incarnation != cursor.incarnation {
        return;
    }
    for (id, _) in &page.entries {
        let appended = WallTime::from_unix_millis(id.millis);
        engine.report.store_times.lag(page.now.saturating_since(appended));
    }
}

/// The state of the tail before a page is applied.
struct TailBefore {
    position: Position,
    /// Whether the log was never read to its end. Its entries are then older than this instance.
    is_replay: bool,
}

impl TailBefore {
    fn of(tail: &Tail) -> Self {
        Self { position: tail.position(), is_replay: tail.confirmed_at().is_none() }
    }
}

/// Publishes what a page has changed to the feeds, if it is news.
fn publish_page(engine: &Engine, before: &TailBefore, tail: &Tail, page: &LogPage) {
    if before.is_replay {
        return;
    }
    let (known, now) = (before.position, tail.position());
    let is_restart = known.incarnation != now.incarnation;
    let after = if is_restart { page.floor } else { known.watermark.log.max(page.floor) };
    if is_restart || after > known.watermark.log {
        engine.feed.publish_reset();
    }
    engine.feed.publish_page(&FeedPage {
        entries: &page.entries,
        after,
        until: now.watermark.log,
        log_millis: page.now.unix_millis().max(page.last.millis),
        now: engine.clock.wall(),
    });
}

/// Appends the events in the outbox, batch by batch, until it is empty or a batch fails.
async fn flush(engine: &Arc<Engine>, store: &dyn Store) {
    while let Some(batch) = engine.log.read(Tail::next_batch) {
        let own = engine.feed.begin_append(batch.events());
        let ready = store.ready().await;
        let began = engine.clock.boot();
        let appended = match ready {
            Ok(()) => store.append(batch.events()).await,
            Err(error) => Err(error),
        };
        match appended {
            Ok((incarnation, id)) => {
                own.appended(id);
                engine.report.store_ok(StoreOp::Append, began, &*engine.clock);
                let answered = engine.clock.boot();
                let appended = Appended { incarnation, id, answered };
                engine.log.update(|tail| tail.batch_appended(&batch, appended));
                enqueue(engine, batch.events(), incarnation, id);
            }
            Err(error) => {
                engine.report.store_error(StoreOp::Append, began, &error, &*engine.clock);
                return;
            }
        }
    }
}
