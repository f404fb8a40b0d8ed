//! The task that announces this instance to the others.

use std::sync::{Arc, Weak};
use std::time::Duration;

use larder_core::invalidation::tail::Tail;
use larder_core::store::StoreErrorKind;
use tokio::time::{Instant, sleep, timeout_at};

use crate::engine::invalidation_log::view::deadline_in;
use crate::engine::monitoring::announce_schedule::{AnnounceSchedule, Urgent};
use crate::engine::monitoring::own_record::own_record;
#[cfg(feature = "metrics")]
use crate::engine::monitoring::publish_gauges::GaugePublisher;
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// How often the task looks whether something has changed.
const TICK: Duration = Duration::from_secs(1);
/// The longest wait for the first look at the log, in [`START_STEP`]s.
const START_STEPS: u32 = 20;
/// How long the task keeps a cache alive that was dropped meanwhile.
const START_STEP: Duration = Duration::from_millis(250);
/// How long closing waits for the end of the record. The others forget it later in any case.
const WITHDRAW_TIMEOUT: Duration = Duration::from_millis(500);

/// Announces this instance for as long as the cache lives and is not closed.
///
/// This is no part of the task that polls the log, so neither waits for the other. Each exchange
/// has the time limit of the store, and no request waits for it.
pub(crate) async fn announce(engine: Weak<Engine>, store: Arc<dyn Store>) {
    wait_until_started(&engine).await;
    let mut schedule = Some(AnnounceSchedule::new(Instant::now()));
    #[cfg(feature = "metrics")]
    let mut gauges = GaugePublisher::default();
    while let Some(engine) = engine.upgrade() {
        #[cfg(feature = "metrics")]
        gauges.publish(&engine, &*store).await;
        if let Some(mut running) = schedule.take() {
            schedule = match announce_if_due(&engine, &*store, &mut running).await {
                IsListed::Perhaps => Some(running),
                IsListed::Never => None,
            };
        }
        drop(engine);
        sleep(TICK).await;
    }
}

/// Waits until this instance has read the log to its end, but not for long.
///
/// Otherwise each instance would be listed as starting at first.
async fn wait_until_started(engine: &Weak<Engine>) {
    for _ in 0..START_STEPS {
        let Some(engine) = engine.upgrade() else { return };
        engine.log.wait(deadline_in(START_STEP), |tail: &Tail| tail.confirmed_at().is_some()).await;
        if engine.log.has_caught_up() {
            return;
        }
    }
}

/// Whether the store lists instances.
enum IsListed {
    Perhaps,
    /// The store has no such list.
    Never,
}

async fn announce_if_due(engine: &Engine, store: &dyn Store, schedule: &mut AnnounceSchedule) -> IsListed {
    let record = own_record(engine);
    let urgent = Urgent::of(&record);
    if !schedule.is_due(Instant::now(), urgent) {
        return IsListed::Perhaps;
    }
    // Even if the answer is lost, the store may have the record.
    engine.instance.note_announced();
    let announced = store.announce(&record).await;
    let now = Instant::now();
    match announced {
        Ok(()) => schedule.announced(now, urgent, fastrand::f64()),
        Err(error) if error.kind() == StoreErrorKind::Unsupported => return IsListed::Never,
        Err(error) => {
            engine.report.announcement_failed(&error);
            schedule.failed(now, fastrand::f64());
        }
    }
    IsListed::Perhaps
}

/// Removes this instance from the list, until `deadline` at the latest.
///
/// No announcement may begin after this one has.
pub(crate) async fn withdraw(engine: &Engine, deadline: Instant) {
    let Some(store) = engine.store.as_ref().filter(|_| engine.instance.is_announced()) else { return };
    let deadline = deadline.min(Instant::now() + WITHDRAW_TIMEOUT);
    let _ = timeout_at(deadline, store.withdraw(engine.instance.id)).await;
}
