//! How long the work with the shared store takes: its operations, waits and invalidations.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::report::distribution::{Distribution, DistributionCounters};
#[cfg(feature = "metrics")]
use crate::engine::report::metrics::store_metrics;
use crate::engine::report::store_health::StoreOp;

/// How long the work with the shared store takes.
#[derive(Default)]
pub(crate) struct StoreTimes {
    operations: [DistributionCounters; StoreOp::ALL.len()],
    lease_waits: DistributionCounters,
    appends: DistributionCounters,
    lag: DistributionCounters,
}

impl StoreTimes {
    /// Records an operation that succeeded or timed out.
    pub(super) fn operation(&self, operation: StoreOp, time: Duration) {
        self.operations[operation as usize].record(time, 1);
        #[cfg(feature = "metrics")]
        store_metrics::record_operation(operation.as_str(), time);
    }

    /// Records a wait for the lease of another instance.
    pub(crate) fn lease_wait(&self, time: Duration) {
        self.lease_waits.record(time, 1);
        #[cfg(feature = "metrics")]
        store_metrics::record_lease_wait(time);
    }

    /// Records an invalidation that was appended to the log and applied, or that was deferred.
    pub(crate) fn append(&self, time: Duration) {
        self.appends.record(time, 1);
        #[cfg(feature = "metrics")]
        store_metrics::record_append(time);
    }

    /// Records an entry of the log that this instance has read so long after it was appended.
    pub(crate) fn lag(&self, time: Duration) {
        self.lag.record(time, 1);
        #[cfg(feature = "metrics")]
        store_metrics::record_lag(time);
    }

    /// Returns the times of each operation that was used, by its word.
    pub(super) fn operations(&self) -> BTreeMap<&'static str, Distribution> {
        let times = |operation: &StoreOp| (operation.as_str(), self.operations[*operation as usize].read());
        StoreOp::ALL.iter().map(times).filter(|(_, times)| times.count() > 0).collect()
    }

    pub(super) fn lease_waits(&self) -> Distribution {
        self.lease_waits.read()
    }

    pub(super) fn appends(&self) -> Distribution {
        self.appends.read()
    }

    pub(super) fn lags(&self) -> Distribution {
        self.lag.read()
    }
}
