//! The options of write-behind.

use std::time::Duration;

use larder_core::write_queue::{Durability, QueueLimits};

use crate::values::collection_policy::WriteBehindPolicy;

const LIMITS: QueueLimits = QueueLimits { entries: 100_000, bytes: 64 * 1024 * 1024 };
/// A service has less memory than Redis: with 8 partitions, this is 32 MiB.
const IN_PROCESS_LIMITS: QueueLimits = QueueLimits { entries: 10_000, bytes: 4 * 1024 * 1024 };

/// The options of write-behind, besides those of the values.
#[derive(Debug, Clone, Copy)]
pub(super) struct BehindOptions {
    pub(super) partitions: u16,
    /// Whether the queue is in the memory of this process.
    pub(super) is_in_process: bool,
    pub(super) max_queued: Option<u64>,
    pub(super) max_queued_bytes: Option<u64>,
    pub(super) durability: Option<Durability>,
    /// How long a write waits until it is durable.
    pub(super) durability_timeout: Option<Duration>,
    pub(super) may_lag: bool,
    /// The maximum size of the copies of unflushed writes.
    pub(super) max_unflushed_bytes: u64,
    pub(super) max_batch: u32,
    pub(super) poll_interval: Duration,
    /// How long a reader has the right to read without an extension.
    pub(super) reader_lease: Duration,
    pub(super) flush_timeout: Duration,
    pub(super) retry_delay: Duration,
    pub(super) max_attempts: u32,
}

impl Default for BehindOptions {
    fn default() -> Self {
        Self {
            partitions: 8,
            is_in_process: false,
            max_queued: None,
            max_queued_bytes: None,
            durability: None,
            durability_timeout: None,
            may_lag: false,
            max_unflushed_bytes: 16 * 1024 * 1024,
            max_batch: 500,
            poll_interval: Duration::from_millis(500),
            reader_lease: Duration::from_secs(10),
            flush_timeout: Duration::from_secs(30),
            retry_delay: Duration::from_millis(100),
            max_attempts: 8,
        }
    }
}

impl BehindOptions {
    pub(super) fn limits(&self) -> QueueLimits {
        let default = if self.is_in_process { IN_PROCESS_LIMITS } else { LIMITS };
        QueueLimits {
            entries: self.max_queued.unwrap_or(default.entries),
            bytes: self.max_queued_bytes.unwrap_or(default.bytes),
        }
    }

    pub(super) fn durability(&self) -> Durability {
        let default = if self.is_in_process { Durability::Memory } else { Durability::Fsync };
        self.durability.unwrap_or(default)
    }

    /// Describes the options for operators.
    pub(super) fn describe(&self) -> WriteBehindPolicy {
        let QueueLimits { entries, bytes } = self.limits();
        WriteBehindPolicy {
            is_in_process: self.is_in_process,
            partitions: self.partitions,
            max_queued: entries,
            max_queued_bytes: bytes,
            durability: self.durability(),
            max_batch: self.max_batch,
            flush_timeout: self.flush_timeout,
            max_attempts: self.max_attempts,
        }
    }

    pub(super) fn durability_timeout(&self) -> Duration {
        self.durability_timeout.unwrap_or(Duration::from_secs(1))
    }
}
