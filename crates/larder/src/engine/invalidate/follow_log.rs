//! The task that follows the log.

use std::sync::{Arc, Weak};
use std::time::Duration;

use larder_core::log::tail::{LookTaken, Tail};
use larder_core::store::{Appended, StoreError};
use tokio::time::sleep;

use crate::engine::invalidate::reclaim::enqueue;
use crate::engine::report::store_health::StoreOp;
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// How long to wait after a failure: short, since until the log answers nothing old is served.
const MIN_PAUSE: Duration = Duration::from_millis(20);
const MAX_PAUSE: Duration = Duration::from_millis(400);

/// Starts to follow the log, where there is one elsewhere, as soon as there is a runtime to do it on.
pub(crate) fn spawn_follower(inner: &Arc<Engine>) {
    let Some(store) = &inner.store else { return };
    if inner.follower_started.get().is_some() {
        return;
    }
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    inner.follower_started.get_or_init(|| {
        let following = follow(Arc::downgrade(inner), Arc::clone(store));
        runtime.spawn(inner.background.until_closed(following));
    });
}

/// Follows the log for as long as the cache lives and is not closed.
///
/// `XREAD BLOCK` and its like are only the alarm; what is believed is what a look says (rule 4). Between two alarms a
/// look is sent at least four times per `max_staleness`, so that one that is lost does not detach this instance.
async fn follow(cache: Weak<Engine>, store: Arc<dyn Store>) {
    let mut pause = MIN_PAUSE;
    while let Some(inner) = cache.upgrade() {
        match poll(&inner, &*store).await {
            Ok(taken) => {
                inner.report.store_ok(StoreOp::Poll, &*inner.clock);
                pause = MIN_PAUSE;
                if taken.again {
                    continue;
                }
            }
            Err(error) => {
                inner.report.store_error(StoreOp::Poll, &error, &*inner.clock);
                drop(inner);
                sleep(pause).await;
                pause = (pause * 2).min(MAX_PAUSE);
                continue;
            }
        }
        flush(&inner, &*store).await;
        let cursor = inner.log.read(Tail::cursor);
        let at_most = inner.log.max_staleness() / 4;
        // It goes with the future that has it: nothing here may keep the cache alive for longer than one alarm.
        let deferred = async move { inner.outbox_filled.notified().await };
        tokio::select! {
            alarm = store.alarm(cursor, at_most) => {
                if alarm.is_err() {
                    sleep(pause).await;
                }
            }
            () = deferred => {}
        }
    }
}

/// One look, taken in.
async fn poll(inner: &Engine, store: &dyn Store) -> Result<LookTaken, StoreError> {
    let cursor = inner.log.read(Tail::cursor);
    // Rule 9: the look is as old as the moment at which it was sent.
    let sent = inner.clock.boot();
    let look = store.look(cursor).await?;
    Ok(inner.update_log(|tail| tail.take_look(&look, sent)))
}

/// Appends what waits in the outbox, batch by batch, until nothing does or one fails.
async fn flush(inner: &Arc<Engine>, store: &dyn Store) {
    while let Some(batch) = inner.log.read(Tail::unsent) {
        let appended = match store.ready().await {
            Ok(()) => store.append(batch.events()).await,
            Err(error) => Err(error),
        };
        match appended {
            Ok((incarnation, id)) => {
                inner.report.store_ok(StoreOp::Append, &*inner.clock);
                let answered = inner.clock.boot();
                let appended = Appended { incarnation, id, answered };
                inner.log.update(|tail| tail.sent(&batch, appended));
                enqueue(inner, batch.events(), incarnation, id);
            }
            Err(error) => {
                inner.report.store_error(StoreOp::Append, &error, &*inner.clock);
                return;
            }
        }
    }
}
