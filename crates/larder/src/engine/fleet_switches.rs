//! The switches of all instances: changing them, and the task that reads them.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use larder_core::store::{StoreError, StoreErrorKind, SwitchRecord};
use tokio::time::sleep;

use crate::engine::shared::Engine;
use crate::engine::store::Store;
use crate::engine::switches::scope::SwitchScope;
use crate::engine::switches::switch::{SwitchReach, validate_who};
use crate::engine::switches::switch_error::{SwitchError, SwitchErrorKind};
use crate::engine::switches::switch_record::{FleetSwitches, decode, encode};
use crate::engine::switches::switch_table::{insert, new_switch};

/// How often each instance reads the switches.
const INTERVAL: Duration = Duration::from_secs(5);
/// The pause after a failure before the switches were read once.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often a change is tried if other instances change the record at the same moment.
const MAX_TRIES: usize = 8;

/// Sets a switch on all instances, in place of an earlier one with the same scope.
pub(crate) async fn set(
    engine: &Engine,
    scope: SwitchScope,
    duration: Duration,
    who: &str,
) -> Result<(), SwitchError> {
    let switch = new_switch(scope, SwitchReach::Fleet, duration, who, &*engine.clock)?;
    change(engine, who, |fleet| insert(&mut fleet.switches, switch.clone())).await
}

/// Ends a switch on all instances. Returns whether there was one with this scope.
pub(crate) async fn end(engine: &Engine, scope: &SwitchScope, who: &str) -> Result<bool, SwitchError> {
    validate_who(who)?;
    let mut was_set = false;
    change(engine, who, |fleet| {
        let before = fleet.switches.len();
        fleet.switches.retain(|switch| switch.scope != *scope);
        was_set = fleet.switches.len() < before;
        Ok(())
    })
    .await?;
    Ok(was_set)
}

/// Changes the record, and applies it here at once.
async fn change(
    engine: &Engine,
    who: &str,
    mut change: impl FnMut(&mut FleetSwitches) -> Result<(), SwitchError>,
) -> Result<(), SwitchError> {
    let no_store = || SwitchError::new(SwitchErrorKind::NoStore, "the cache has no shared store");
    let store = engine.open_store().ok_or_else(no_store)?;
    for _ in 0..MAX_TRIES {
        let record = store.switches().await.map_err(|error| SwitchError::of_store(&error))?;
        let version = record.as_ref().map(|record| record.version);
        let mut fleet = record.and_then(|record| read(engine, &record)).unwrap_or_else(|| FleetSwitches {
            // The store may have lost the record, so what this instance knows of it counts.
            switches: engine.switches.fleet(engine.clock.boot()),
            by: who.into(),
        });
        fleet.switches.retain(|switch| !switch.has_ended(engine.clock.boot()));
        fleet.by = who.into();
        change(&mut fleet)?;
        let Some(data) = encode(&fleet, &engine.store_calendar) else {
            return Err(SwitchError::new(SwitchErrorKind::TooMany, "the record would be too large"));
        };
        if replace(&**store, version, data).await? {
            engine.switches.set_fleet(fleet.switches, who, engine.clock.boot());
            return Ok(());
        }
    }
    Err(SwitchError::new(SwitchErrorKind::Conflict, "other instances change the switches at this moment"))
}

async fn replace(store: &dyn Store, replaces: Option<u64>, data: Bytes) -> Result<bool, SwitchError> {
    let version = replaces.map_or(1, |version| version.wrapping_add(1));
    let record = SwitchRecord { version, data };
    store.replace_switches(replaces, &record).await.map_err(|error| SwitchError::of_store(&error))
}

fn read(engine: &Engine, record: &SwitchRecord) -> Option<FleetSwitches> {
    decode(&record.data, &engine.store_calendar, &*engine.clock)
}

/// Reads the switches of all instances again and again, for as long as the cache lives.
///
/// If the store cannot be asked, the switches that are known hold until their time. Without such
/// switches in the store, this never ends.
pub(crate) async fn follow(engine: Weak<Engine>) {
    let mut pause = FIRST_PAUSE;
    while let Some(engine) = engine.upgrade() {
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
    match read(engine, &record) {
        Some(fleet) => engine.switches.set_fleet(fleet.switches, &fleet.by, engine.clock.boot()),
        None => tracing::debug!(target: "larder", "record of switches in another form"),
    }
    Ok(())
}
