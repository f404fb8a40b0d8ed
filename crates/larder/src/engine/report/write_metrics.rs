//! The metrics of collections whose writes are queued, through the `metrics` facade.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::engine::report::metrics::NO_VALUE;
use crate::engine::report::write_stats::{WriteBehindStats, WriteEvent};

/// Registers the descriptions of the metrics with the recorder.
pub(crate) fn describe() {
    let count = |name, what| describe_counter!(name, Unit::Count, what);
    count("larder_queued_writes_total", "Writes that were queued or refused");
    count("larder_flushed_writes_total", "Queued writes that were brought to the database");
    count("larder_ignored_writes_total", "Flushed writes that the database had already");
    count("larder_failed_flushes_total", "Flushes of queued writes that failed");
    count("larder_quarantined_writes_total", "Queued writes that the database rejected again and again");
    let number = |name, what| describe_gauge!(name, Unit::Count, what);
    number("larder_queue_partitions", "Partitions of the write queue that this instance reads");
    number("larder_queue_writes", "Writes in these partitions");
    number("larder_queue_dead_writes", "Writes in the quarantine of these partitions");
    describe_gauge!("larder_queue_bytes", Unit::Bytes, "Size of the writes in these partitions");
    describe_gauge!("larder_queue_oldest_seconds", Unit::Seconds, "Age of the oldest write in them");
}

pub(super) fn record(collection: &str, event: WriteEvent) {
    let name = collection.to_owned();
    let queued = |name, outcome, reason| {
        let labels = [("collection", name), ("outcome", outcome), ("reason", reason)];
        counter!("larder_queued_writes_total", &labels)
    };
    let (counter, count) = match event {
        WriteEvent::Queued => (queued(name, "queued".to_owned(), NO_VALUE.to_owned()), 1),
        WriteEvent::Refused(reason) => (queued(name, "refused".to_owned(), reason.to_owned()), 1),
        WriteEvent::Flushed(writes) => {
            (counter!("larder_flushed_writes_total", "collection" => name), writes)
        }
        WriteEvent::Ignored(writes) => {
            (counter!("larder_ignored_writes_total", "collection" => name), writes)
        }
        WriteEvent::Failed => (counter!("larder_failed_flushes_total", "collection" => name), 1),
        WriteEvent::Quarantined => (counter!("larder_quarantined_writes_total", "collection" => name), 1),
    };
    counter.increment(count);
}

/// Sets the gauges of a collection.
#[allow(clippy::cast_precision_loss)] // A gauge is a float.
pub(super) fn set_size(collection: &str, stats: &WriteBehindStats) {
    let set = |metric: &'static str, value: f64| {
        gauge!(metric, "collection" => collection.to_owned()).set(value);
    };
    set("larder_queue_partitions", stats.partitions as f64);
    set("larder_queue_writes", stats.pending as f64);
    set("larder_queue_bytes", stats.pending_bytes as f64);
    set("larder_queue_dead_writes", stats.dead as f64);
    set("larder_queue_oldest_seconds", stats.oldest_age.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    /// Each number is another one, so that none stands for another one.
    #[test]
    fn each_gauge_of_a_queue_has_its_own_number_and_collection() {
        let recorder = DebuggingRecorder::new();
        let stats = WriteBehindStats {
            quarantined: 1,
            partitions: 2,
            pending: 3,
            pending_bytes: 4,
            oldest_age: Duration::from_millis(5_500),
            dead: 6,
            ..WriteBehindStats::default()
        };
        metrics::with_local_recorder(&recorder, || set_size("cart", &stats));
        let values = recorder.snapshotter().snapshot().into_vec();
        let shown = |(key, _, _, value): (metrics_util::CompositeKey, _, _, DebugValue)| {
            let labels: Vec<_> = key.key().labels().map(|label| (label.key(), label.value())).collect();
            assert_eq!(labels, [("collection", "cart")]);
            (key.key().name().to_owned(), value)
        };
        let expected = [
            ("partitions", 2.0),
            ("writes", 3.0),
            ("bytes", 4.0),
            ("oldest_seconds", 5.5),
            ("dead_writes", 6.0),
        ];
        let expected = expected
            .map(|(name, value)| (format!("larder_queue_{name}"), DebugValue::Gauge(f64::into(value))));
        assert_eq!(values.into_iter().map(shown).collect::<BTreeMap<_, _>>(), expected.into());
    }
}
