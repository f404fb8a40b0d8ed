//! The counters of write-behind in `GET /stats`.

use larder::values::WriteBehindStats;
use larder::write_queue::QueueStats;
use serde_json::{Value, json};

/// Returns the counters of this instance, and the size of the queue over all instances.
///
/// The size is null if the queue cannot be asked.
pub(crate) fn queue_counters(writes: WriteBehindStats, queue: Option<Vec<QueueStats>>) -> Value {
    json!({
        "queued": writes.queued,
        "refused": writes.refused,
        "flushed": writes.flushed,
        "ignored": writes.ignored,
        "failed": writes.failed,
        "quarantined": writes.quarantined,
        "queue": queue.map(|partitions| queue_size(&partitions)),
    })
}

fn queue_size(partitions: &[QueueStats]) -> Value {
    let oldest = partitions.iter().filter_map(|partition| partition.oldest_age).max();
    json!({
        "entries": partitions.iter().map(|partition| partition.entries).sum::<u64>(),
        "bytes": partitions.iter().map(|partition| partition.bytes).sum::<u64>(),
        "oldest_seconds": oldest.map(|age| age.as_secs_f64()),
        "dead": partitions.iter().map(|partition| partition.dead).sum::<u64>(),
    })
}
