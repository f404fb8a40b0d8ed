//! The switches of all instances: changing them, and the task that reads them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use larder_core::invalidation::tail::Tail;
use larder_core::store::{StoreError, StoreErrorKind};
use tokio::time::sleep;

use crate::engine::fleet_record::{EndedSwitch, FleetRecord};
use crate::engine::invalidation_log::view::deadline_in;
use crate::engine::shared::Engine;
use crate::engine::store::Store;
use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch::ActiveSwitch;
use crate::engine::switches::switch_error::{SwitchError, SwitchErrorKind};

/// How often each instance reads the switches.
const INTERVAL: Duration = Duration::from_secs(5);
/// The pause after a failure before the switches were read once.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Sets a switch on all instances, in place of an earlier one with the same scope.
pub(crate) async fn set(
    engine: &Engine,
    scope: SwitchScope,
    duration: Duration,
    who: &str,
) -> Result<(), SwitchError> {
    let record = record(engine)?;
    wait_for_calendar(engine).await;
    let switches = record.set(scope, duration, who, || known(engine)).await?;
    engine.switches.set_fleet(switches, who, engine.clock.boot());
    Ok(())
}

/// Ends a switch on all instances. Returns whether there was one with this scope.
pub(crate) async fn end(engine: &Engine, scope: &SwitchScope, who: &str) -> Result<bool, SwitchError> {
    let record = record(engine)?;
    wait_for_calendar(engine).await;
    let EndedSwitch { was_set, left } = record.end(scope, who, || known(engine)).await?;
    engine.switches.set_fleet(left, who, engine.clock.boot());
    Ok(was_set)
}

fn record(engine: &Engine) -> Result<FleetRecord<'_>, SwitchError> {
    let no_store = || SwitchError::new(SwitchErrorKind::NoStore, "the cache has no shared store");
    let store = engine.open_store().ok_or_else(no_store)?;
    Ok(record_in(engine, &**store))
}

fn record_in<'a>(engine: &'a Engine, store: &'a dyn Store) -> FleetRecord<'a> {
    FleetRecord { store, calendar: &engine.store_calendar, clock: &*engine.clock }
}

/// Waits until the time of the store is known, but not for long.
///
/// The dates of the record are those of the store. Its time comes with each poll of the log. Before
/// the first one, a clock that differs would end a switch too early or too late.
async fn wait_for_calendar(engine: &Engine) {
    engine.log.wait(deadline_in(FIRST_PAUSE), |tail: &Tail| tail.confirmed_at().is_some()).await;
}

/// Returns the switches of all instances, as far as this one knows them.
fn known(engine: &Engine) -> Vec<ActiveSwitch> {
    engine.switches.fleet(engine.clock.boot())
}

/// Reads the switches of all instances again and again, for as long as the cache lives.
///
/// If the store cannot be asked, the switches that are known hold until their time. Without such
/// switches in the store, this never ends.
pub(crate) async fn follow(engine: Weak<Engine>) {
    let mut pause = FIRST_PAUSE;
    while let Some(engine) = engine.upgrade() {
        wait_for_calendar(&engine).await;
        match refresh(&engine).await {
            Ok(()) => pause = INTERVAL,
            Err(error) if error.kind() == StoreErrorKind::Unsupported => break,
            Err(_) => {}
        }
        engine.switches.end_expired_at(engine.clock.boot());
        drop(engine);
        sleep(pause).await;
    }
    // The caller goes on without this.
    std::future::pending::<()>().await;
}

/// Reads the switches of all instances once.
async fn refresh(engine: &Arc<Engine>) -> Result<(), StoreError> {
    let Some(store) = engine.open_store() else { return Ok(()) };
    // A record that is gone was lost: a change leaves an empty one. What is known holds.
    let Some(record) = store.switches().await? else { return Ok(()) };
    match record_in(engine, &**store).decode(&record) {
        Some(fleet) => engine.switches.set_fleet(fleet.switches, &fleet.by, engine.clock.boot()),
        None => tracing::debug!(target: "larder", "record of switches in another form"),
    }
    Ok(())
}
