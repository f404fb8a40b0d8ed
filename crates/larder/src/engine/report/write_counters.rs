//! The counters of collections whose writes are queued.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder_core::write_queue::QueueStats;

use crate::engine::report::write_stats::{WriteBehindStats, WriteEvent};

/// The counters of one collection.
#[derive(Default)]
pub(crate) struct WriteCounters {
    /// The name of the collection, for metrics.
    #[cfg(feature = "metrics")]
    name: Box<str>,
    queued: AtomicU64,
    refused: AtomicU64,
    flushed: AtomicU64,
    ignored: AtomicU64,
    failed: AtomicU64,
    quarantined: AtomicU64,
    /// The partitions that this instance reads.
    partitions: Mutex<BTreeMap<u16, QueueStats>>,
}

impl WriteCounters {
    #[cfg_attr(not(feature = "metrics"), allow(unused_variables))] // Only metrics have names.
    fn new(name: &str) -> Self {
        Self {
            #[cfg(feature = "metrics")]
            name: name.into(),
            ..Self::default()
        }
    }

    pub(crate) fn record(&self, event: WriteEvent) {
        let (counter, count) = match event {
            WriteEvent::Queued => (&self.queued, 1),
            WriteEvent::Refused(_) => (&self.refused, 1),
            WriteEvent::Flushed(writes) => (&self.flushed, writes),
            WriteEvent::Ignored(writes) => (&self.ignored, writes),
            WriteEvent::Failed => (&self.failed, 1),
            WriteEvent::Quarantined => (&self.quarantined, 1),
        };
        counter.fetch_add(count, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        crate::engine::report::write_metrics::record(&self.name, event);
    }

    /// Notes the size of a partition that this instance reads.
    pub(crate) fn note_partition(&self, number: u16, stats: QueueStats) {
        self.partitions().insert(number, stats);
        self.publish_size();
    }

    /// Notes that this instance does not read a partition any more.
    pub(crate) fn forget_partition(&self, number: u16) {
        if self.partitions().remove(&number).is_some() {
            self.publish_size();
        }
    }

    fn publish_size(&self) {
        #[cfg(feature = "metrics")]
        crate::engine::report::write_metrics::set_size(&self.name, &self.stats());
    }

    /// Returns all counters as numbers.
    pub(crate) fn stats(&self) -> WriteBehindStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut stats = WriteBehindStats {
            queued: read(&self.queued),
            refused: read(&self.refused),
            flushed: read(&self.flushed),
            ignored: read(&self.ignored),
            failed: read(&self.failed),
            quarantined: read(&self.quarantined),
            ..WriteBehindStats::default()
        };
        for partition in self.partitions().values() {
            stats.partitions += 1;
            stats.pending += partition.entries;
            stats.pending_bytes += partition.bytes;
            stats.dead += partition.dead;
            stats.oldest_age = stats.oldest_age.max(partition.oldest_age.unwrap_or_default());
        }
        stats
    }

    fn partitions(&self) -> MutexGuard<'_, BTreeMap<u16, QueueStats>> {
        self.partitions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counters of all collections of a cache whose writes are queued, by name.
#[derive(Default)]
pub(crate) struct WriteTable(Mutex<BTreeMap<Box<str>, Arc<WriteCounters>>>);

impl WriteTable {
    /// Returns the counters of a collection. They stay when its last handle is dropped.
    pub(crate) fn counters_of(&self, collection: &str) -> Arc<WriteCounters> {
        let mut collections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counters = collections.entry(collection.into());
        Arc::clone(counters.or_insert_with(|| Arc::new(WriteCounters::new(collection))))
    }

    /// Returns the counters of all collections as numbers.
    pub(crate) fn stats(&self) -> BTreeMap<String, WriteBehindStats> {
        let collections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collections.iter().map(|(name, counters)| (name.to_string(), counters.stats())).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn queue(entries: u64, oldest: Duration) -> QueueStats {
        let mut stats = QueueStats::new();
        (stats.entries, stats.bytes, stats.dead) = (entries, 10 * entries, 1);
        stats.oldest_age = Some(oldest);
        stats
    }

    #[test]
    fn each_event_has_a_counter() {
        let table = WriteTable::default();
        let carts = table.counters_of("cart");
        for event in [
            WriteEvent::Queued,
            WriteEvent::Queued,
            WriteEvent::Refused("full"),
            WriteEvent::Flushed(4),
            WriteEvent::Ignored(3),
            WriteEvent::Failed,
            WriteEvent::Quarantined,
        ] {
            carts.record(event);
        }
        table.counters_of("views").record(WriteEvent::Queued);
        let stats = table.stats();
        let WriteBehindStats { queued, refused, flushed, ignored, failed, quarantined, .. } = stats["cart"];
        assert_eq!((queued, refused, flushed, ignored, failed, quarantined), (2, 1, 4, 3, 1, 1));
        assert_eq!((stats.len(), stats["views"].queued), (2, 1));
    }

    #[test]
    fn the_partitions_of_this_instance_add_up() {
        let counters = WriteCounters::new("cart");
        counters.note_partition(0, queue(5, Duration::from_secs(1)));
        counters.note_partition(1, queue(1, Duration::from_secs(9)));
        counters.note_partition(0, queue(2, Duration::from_secs(3)));
        let WriteBehindStats { partitions, pending, pending_bytes, oldest_age, dead, .. } = counters.stats();
        assert_eq!((partitions, pending, pending_bytes, dead), (2, 3, 30, 2));
        assert_eq!(oldest_age, Duration::from_secs(9));
        counters.forget_partition(1);
        counters.forget_partition(1);
        assert_eq!((counters.stats().pending, counters.stats().oldest_age), (2, Duration::from_secs(3)));
    }
}
