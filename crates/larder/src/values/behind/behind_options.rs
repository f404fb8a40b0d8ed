//! The options of write-behind.

use std::time::Duration;

use larder_core::write_queue::{Durability, QueueLimits};

/// The options of write-behind, besides those of the values.
#[derive(Debug, Clone, Copy)]
pub(super) struct BehindOptions {
    pub(super) partitions: u16,
    pub(super) limits: QueueLimits,
    pub(super) durability: Durability,
    /// How long a write waits until it is durable.
    pub(super) durability_timeout: Duration,
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
            limits: QueueLimits { entries: 100_000, bytes: 64 * 1024 * 1024 },
            durability: Durability::Fsync,
            durability_timeout: Duration::from_secs(1),
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
