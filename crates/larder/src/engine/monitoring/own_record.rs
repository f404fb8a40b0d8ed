//! The record of this instance, and the list of all instances.

use std::time::Duration;

use larder_core::monitoring::{CircuitState, Instance, InstanceRecord, StoreStats};
use larder_core::store::{StoreError, StoreErrorKind};

use crate::engine::instance_info::VERSION;
use crate::engine::shared::Engine;

/// Returns the record of this instance.
pub(crate) fn own_record(engine: &Engine) -> InstanceRecord {
    let mut record = InstanceRecord::new(engine.instance.id);
    record.version = VERSION.to_owned();
    record.host = engine.instance.host.to_string();
    record.started_at = engine.instance.started_at;
    record.max_staleness = engine.log.max_staleness();
    record.slow_polls = engine.report.slow_polls();
    record.circuits = engine.open_store().and_then(|store| store.circuits()).unwrap_or_default();
    engine.log.read(|tail| {
        let position = tail.position();
        (record.incarnation, record.position) = (position.incarnation, position.watermark.log);
        let now = engine.clock.boot();
        record.confirmation_age = tail.confirmed_at().map(|at| now.saturating_since(at));
        record.deferred = tail.pending_count() as u64;
    });
    record
}

/// Returns the instances that share the store. Without a shared store, there is only this one.
pub(crate) async fn instances(engine: &Engine) -> Result<Vec<Instance>, StoreError> {
    match (&engine.store, engine.open_store()) {
        (None, _) => Ok(vec![Instance::new(own_record(engine), Duration::ZERO, Some(Duration::ZERO))]),
        (Some(_), Some(store)) => store.instances().await,
        (Some(_), None) => Err(closed()),
    }
}

/// Returns the statistics of the shared store.
pub(crate) async fn store_stats(engine: &Engine) -> Result<StoreStats, StoreError> {
    match (&engine.store, engine.open_store()) {
        (None, _) => Err(StoreError::new(StoreErrorKind::Unsupported, "the cache has no shared store")),
        (Some(_), Some(store)) => store.store_stats().await,
        (Some(_), None) => Err(closed()),
    }
}

/// Returns the worst state of a circuit, if the shared store has circuits.
pub(crate) fn worst_circuit(engine: &Engine) -> Option<CircuitState> {
    Some(CircuitState::worst(&engine.open_store()?.circuits()?))
}

fn closed() -> StoreError {
    StoreError::new(StoreErrorKind::Unreachable, "the cache is closed")
}
