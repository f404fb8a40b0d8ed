//! The task that follows the invalidation log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::log_page::Cursor;
use larder_core::invalidation::tail::{PageApplied, Tail};
use larder_core::store::StoreError;
use tokio::time::{Instant, sleep, sleep_until};

use crate::engine::fleet_switches;
use crate::engine::invalidate::log_pages::PageAnswer;
use crate::engine::invalidate::poll_pace::{FleetScale, NextPoll, PollDone, PollPace};
use crate::engine::invalidate::pushed_news::PushedNews;
use crate::engine::invalidate::reclaim::enqueue;
use crate::engine::invalidation_log::view::deadline_in;
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
/// The pause between two alarms while pushes bring the news.
///
/// Each of the pushes would set off an alarm of its own, for news that it brings.
const PUSH_PAUSE: Duration = Duration::from_millis(1);
/// The longest pause between polls of a start.
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
/// stays confirmed even if one poll is lost. Polls that follow each other quickly have
/// [pauses](PollPace) between them.
async fn follow(engine: Weak<Engine>, store: Arc<dyn Store>) {
    let (mut pause, mut start_pause) = (MIN_PAUSE, MIN_START_PAUSE);
    let (mut pushes, mut pace) = (PushedNews::default(), PollPace::default());
    while let Some(engine) = engine.upgrade() {
        let began = engine.clock.boot();
        if pushes.needs_poll(began) {
            match poll(&engine, &*store, &mut pace).await {
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
            pushes.polled(engine.clock.boot().saturating_add(engine.log.max_staleness() / 4));
        }
        flush(&engine, &*store).await;
        if let Some(next) = pace.next_poll_with_news(Instant::now()) {
            rest(&engine, next).await;
            continue;
        }
        let alarm = wait_for_alarm(&engine, &*store, &pushes).await;
        if let (Alarm::News, Some(next)) = (alarm, pace.next_poll(Instant::now())) {
            rest(&engine, next).await;
        }
        drop(engine);
        if alarm == Alarm::Failed {
            sleep(pause).await;
        }
        if pushes.note_alarm(alarm == Alarm::KnownNews) {
            sleep(PUSH_PAUSE).await;
        }
    }
}

/// The end of a wait for news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alarm {
    /// There are news, or the time is over.
    News,
    /// There are news, and they came with a push.
    KnownNews,
    /// An event waits in the outbox.
    Deferred,
    Failed,
}

/// Waits for news, for as long as no poll is due.
///
/// This future keeps the engine, so it must not last longer than one alarm.
async fn wait_for_alarm(engine: &Engine, store: &dyn Store, pushes: &PushedNews) -> Alarm {
    let armed = engine.clock.boot();
    let cursor = engine.log.read(|tail| tail.cursor(armed));
    let at_most = pushes.time_to_poll(armed).min(engine.log.max_staleness() / 4);
    tokio::select! {
        alarm = store.wait_for_news(cursor, at_most) => match alarm {
            Ok(()) if is_known(engine, &cursor).await => Alarm::KnownNews,
            Ok(()) => Alarm::News,
            Err(_) => Alarm::Failed,
        },
        () = engine.outbox_filled.notified() => Alarm::Deferred,
    }
}

/// Waits for the next poll, or until a caller wants the news or has deferred an event.
async fn rest(engine: &Engine, next: NextPoll) {
    let wanted = async {
        sleep_until(next.by_budget).await;
        engine.news_wanted.notified().await;
    };
    tokio::select! {
        () = sleep_until(next.latest()) => {}
        () = wanted => {}
        () = engine.outbox_filled.notified() => {}
    }
}

/// Whether news after this cursor came with a push.
///
/// Then no poll is needed for them: the next alarm begins after them. While pushes are under way,
/// the alarm may come a moment before the answer to the push that has set it off.
async fn is_known(engine: &Engine, cursor: &Cursor) -> bool {
    let is_passed = |tail: &Tail| {
        let position = tail.position();
        position.incarnation == cursor.incarnation && position.watermark.log > cursor.after
    };
    if engine.pushed_lately(PUSH_PAUSE * 4) {
        engine.log.wait(deadline_in(PUSH_PAUSE), is_passed).await;
    }
    engine.log.read(is_passed)
}

/// Returns a time between half of `pause` and `pause`, so that instances do not return together.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(0.5 + fastrand::f64() / 2.0)
}

/// Polls the log once, and applies the answer.
async fn poll(engine: &Engine, store: &dyn Store, pace: &mut PollPace) -> Result<PageApplied, StoreError> {
    let began = Instant::now();
    // Rule 9: the answer is as old as the moment at which the poll was sent.
    let (sent, asked) = (engine.clock.boot(), engine.clock.wall());
    let cursor = engine.log.read(|tail| tail.cursor(sent));
    let answer = store.poll(cursor).await;
    let took = engine.clock.boot().saturating_since(sent);
    engine.report.poll_took(took);
    let look = answer?;
    if !engine.clock.is_manual() {
        let answered = engine.clock.wall();
        engine.report.store_time(look.now, asked, answered);
        engine.store_calendar.note(look.now, asked, answered);
    }
    // At a start, the entries are no news.
    let is_followed = !cursor.replaying && look.incarnation == cursor.incarnation;
    let done = PollDone { sent: began, entries: if is_followed { look.entries.len() } else { 0 } };
    let (instances, max_staleness) = (store.instance_count(), engine.log.max_staleness());
    pace.polled(done, FleetScale { instances, max_staleness }, fastrand::f64());
    let answer = PageAnswer { cursor, sent, took, page: look };
    Ok(engine.update_log(|tail| answer.apply(engine, tail)))
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
