//! The gauges of the shared store and of this instance, through the `metrics` facade.

use larder_core::monitoring::{CircuitState, InstanceRecord, StoreStats};
use metrics::{Unit, describe_counter, describe_gauge, gauge};

/// Registers the descriptions of the metrics with the recorder, and reports the version.
pub(crate) fn describe(version: &'static str) {
    let number = |name, what| describe_gauge!(name, Unit::Count, what);
    let bytes = |name, what| describe_gauge!(name, Unit::Bytes, what);
    number("larder_build_info", "1, with the version of Larder as a label");
    describe_counter!("larder_slow_polls_total", Unit::Count, "Polls of the log that took 100 ms or longer");
    number("larder_instance_confirmation_age_ratio", "Age of the last confirmation by its limit");
    number("larder_instance_detached", "1 if the log was not read to its end in time");
    number("larder_instance_deferred_invalidations", "Selectors that the other instances do not know yet");
    number("larder_instance_open_circuits", "Servers whose circuit is not closed");
    number("larder_redis_up", "1 if the server answered the last time");
    number("larder_redis_servers", "Servers that the numbers are of");
    bytes("larder_redis_memory_used_bytes", "Memory that the server uses");
    bytes("larder_redis_memory_peak_bytes", "Largest memory that the server has used");
    bytes("larder_redis_memory_limit_bytes", "Limit of the memory of the server");
    bytes("larder_redis_memory_resident_bytes", "Memory that the server has from its system");
    number("larder_redis_fragmentation_ratio", "Resident memory by used memory");
    number("larder_redis_evicted_keys", "Keys that the server has evicted");
    number("larder_redis_expired_keys", "Keys that have expired");
    number("larder_redis_hits", "Lookups of all clients that found their key");
    number("larder_redis_misses", "Lookups of all clients that did not find their key");
    number("larder_redis_hit_ratio", "Share of lookups that found their key");
    number("larder_redis_connected_clients", "Connections to the server");
    number("larder_redis_log_entries", "Entries of the invalidation log");
    bytes("larder_redis_log_bytes", "Memory that the invalidation log takes");
    gauge!("larder_build_info", "version" => version).set(1.0);
}

/// Sets the gauges of a shared store that answered. A number that is not known is left out.
pub(crate) fn set_stats(stats: &StoreStats) {
    gauge!("larder_redis_up").set(1.0);
    gauge!("larder_redis_servers").set(f64::from(stats.servers));
    let numbers = [
        ("larder_redis_memory_used_bytes", stats.memory_used),
        ("larder_redis_memory_peak_bytes", stats.memory_peak),
        ("larder_redis_memory_limit_bytes", stats.memory_limit),
        ("larder_redis_memory_resident_bytes", stats.memory_resident),
        ("larder_redis_evicted_keys", stats.evicted_keys),
        ("larder_redis_expired_keys", stats.expired_keys),
        ("larder_redis_hits", stats.hits),
        ("larder_redis_misses", stats.misses),
        ("larder_redis_connected_clients", stats.connected_clients),
        ("larder_redis_log_entries", stats.log_length),
        ("larder_redis_log_bytes", stats.log_bytes),
    ];
    #[allow(clippy::cast_precision_loss)] // A gauge is a float.
    let numbers = numbers.map(|(name, number)| (name, number.map(|number| number as f64)));
    let ratios = [
        ("larder_redis_fragmentation_ratio", stats.fragmentation()),
        ("larder_redis_hit_ratio", stats.hit_ratio()),
    ];
    for (name, value) in numbers.into_iter().chain(ratios) {
        if let Some(value) = value {
            gauge!(name).set(value);
        }
    }
}

/// Sets the gauge of a shared store that did not answer. Its other gauges stay.
pub(crate) fn set_down() {
    gauge!("larder_redis_up").set(0.0);
}

/// The gauges of one instance, as they were last reported.
///
/// A gauge changes by the difference from the last report, so that it shows the sum of all caches
/// of the process.
#[derive(Default)]
pub(crate) struct InstanceGauges {
    last: [f64; 4],
}

const INSTANCE_GAUGES: [&str; 4] = [
    "larder_instance_confirmation_age_ratio",
    "larder_instance_detached",
    "larder_instance_deferred_invalidations",
    "larder_instance_open_circuits",
];

impl InstanceGauges {
    /// Reports the current state of the instance.
    #[allow(clippy::cast_precision_loss)] // A gauge is a float.
    pub(crate) fn set(&mut self, record: &InstanceRecord) {
        let open = record.circuits.iter().filter(|circuit| circuit.state != CircuitState::Closed).count();
        self.set_values([
            record.staleness_ratio().unwrap_or_default(),
            f64::from(u8::from(record.is_detached())),
            record.deferred as f64,
            open as f64,
        ]);
    }

    fn set_values(&mut self, values: [f64; 4]) {
        for ((name, last), value) in INSTANCE_GAUGES.into_iter().zip(&mut self.last).zip(values) {
            gauge!(name).increment(value - std::mem::replace(last, value));
        }
    }
}

impl Drop for InstanceGauges {
    fn drop(&mut self) {
        self.set_values([0.0; 4]);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use larder_core::monitoring::{InstanceId, NodeCircuit};
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    /// Returns the gauges that `run` leaves.
    fn gauges(run: impl FnOnce()) -> BTreeMap<String, f64> {
        let recorder = DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, run);
        let values = recorder.snapshotter().snapshot().into_vec();
        let gauge =
            |value| if let DebugValue::Gauge(value) = value { Some(value.into_inner()) } else { None };
        let named = values.into_iter().map(|(key, _, _, value)| (key.key().name().to_owned(), gauge(value)));
        named.filter_map(|(name, value)| Some((name, value?))).collect()
    }

    fn record() -> InstanceRecord {
        let mut record = InstanceRecord::new(InstanceId::from_bytes([1; 16]));
        (record.max_staleness, record.deferred) = (Duration::from_secs(2), 3);
        record.confirmation_age = Some(Duration::from_secs(3));
        record.circuits = [CircuitState::Open, CircuitState::Probing, CircuitState::Closed]
            .map(|state| NodeCircuit::new(None, state))
            .to_vec();
        record
    }

    #[test]
    fn the_gauges_of_instances_add_up_and_end_with_them() {
        let values = gauges(|| {
            let (mut one, mut other) = (InstanceGauges::default(), InstanceGauges::default());
            one.set(&InstanceRecord::new(InstanceId::from_bytes([1; 16])));
            one.set(&record());
            other.set(&record());
            drop(other);
            std::mem::forget(one);
        });
        let expected = INSTANCE_GAUGES.map(str::to_owned).into_iter().zip([1.5, 1.0, 3.0, 2.0]);
        assert_eq!(values, expected.collect());
    }

    /// Each number is another one, so that none stands for another one.
    #[test]
    fn each_gauge_has_its_own_number() {
        let mut stats = StoreStats::new();
        stats.servers = 1;
        (stats.memory_used, stats.memory_peak, stats.memory_limit) = (Some(2), Some(3), Some(4));
        (stats.memory_resident, stats.evicted_keys, stats.expired_keys) = (Some(5), Some(6), Some(7));
        (stats.hits, stats.misses, stats.connected_clients) = (Some(9), Some(1), Some(10));
        (stats.log_length, stats.log_bytes) = (Some(11), Some(12));
        let expected = [
            ("up", 1.0),
            ("servers", 1.0),
            ("memory_used_bytes", 2.0),
            ("memory_peak_bytes", 3.0),
            ("memory_limit_bytes", 4.0),
            ("memory_resident_bytes", 5.0),
            ("evicted_keys", 6.0),
            ("expired_keys", 7.0),
            ("hits", 9.0),
            ("misses", 1.0),
            ("connected_clients", 10.0),
            ("log_entries", 11.0),
            ("log_bytes", 12.0),
            ("fragmentation_ratio", 2.5),
            ("hit_ratio", 0.9),
        ];
        let expected = expected.map(|(name, value)| (format!("larder_redis_{name}"), value));
        assert_eq!(gauges(|| set_stats(&stats)), expected.into_iter().collect());
    }

    #[test]
    fn a_number_that_is_not_known_is_not_reported() {
        let mut stats = StoreStats::new();
        (stats.servers, stats.memory_used, stats.memory_resident) = (1, Some(1_000), Some(1_500));
        let values = gauges(|| set_stats(&stats));
        let expected = [
            ("larder_redis_up", 1.0),
            ("larder_redis_servers", 1.0),
            ("larder_redis_memory_used_bytes", 1_000.0),
            ("larder_redis_memory_resident_bytes", 1_500.0),
            ("larder_redis_fragmentation_ratio", 1.5),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(values, expected.into_iter().collect());
        let down = gauges(|| {
            set_stats(&stats);
            set_down();
        });
        assert_eq!((down["larder_redis_up"], down["larder_redis_memory_used_bytes"]), (0.0, 1_000.0));
    }
}
