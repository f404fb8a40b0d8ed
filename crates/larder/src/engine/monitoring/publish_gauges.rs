//! The gauges of this instance and of the shared store.

use std::time::Duration;

use larder_core::store::StoreErrorKind;
use tokio::time::Instant;

use crate::engine::monitoring::own_record::own_record;
use crate::engine::report::store_gauges::{self, InstanceGauges};
use crate::engine::shared::Engine;
use crate::engine::store::Store;

/// How often the statistics of the shared store are read.
const STATS_INTERVAL: Duration = Duration::from_secs(15);

/// Publishes the gauges from time to time. Those of this instance end with it.
#[derive(Default)]
pub(super) struct GaugePublisher {
    instance: InstanceGauges,
    stats_due: Option<Instant>,
}

impl GaugePublisher {
    /// Publishes the gauges of this instance, and those of the shared store if they are due.
    pub(super) async fn publish(&mut self, engine: &Engine, store: &dyn Store) {
        self.instance.set(&own_record(engine));
        if self.stats_due.is_some_and(|due| Instant::now() < due) {
            return;
        }
        self.stats_due = Some(Instant::now() + STATS_INTERVAL);
        match store.store_stats().await {
            Ok(stats) => store_gauges::set_stats(&stats),
            Err(error) if error.kind() == StoreErrorKind::Unsupported => {}
            Err(_) => store_gauges::set_down(),
        }
    }
}
