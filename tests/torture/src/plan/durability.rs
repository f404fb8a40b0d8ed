//! How durable queued writes are, and which faults they survive.

use std::num::NonZeroU16;

use larder::write_queue::Durability;

use super::FaultKind;

/// The condition that a queued write waits for. All servers have `appendfsync always`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
#[allow(clippy::exhaustive_enums)] // Each is a setup of the servers.
pub enum QueueDurability {
    /// The disk of the primary.
    Fsync,
    /// The disk of the primary, and one replica.
    Replicas,
}

impl QueueDurability {
    /// Returns its name on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fsync => "fsync",
            Self::Replicas => "replicas",
        }
    }

    /// Whether acknowledged writes survive such a fault.
    ///
    /// Nothing survives an emptied server. A failover loses what no replica has.
    #[must_use]
    pub fn survives(self, fault: FaultKind) -> bool {
        match fault {
            FaultKind::Flush => false,
            FaultKind::Failover => self == Self::Replicas,
            _ => true,
        }
    }
}

impl From<QueueDurability> for Durability {
    fn from(durability: QueueDurability) -> Self {
        match durability {
            QueueDurability::Fsync => Self::Fsync,
            QueueDurability::Replicas => Self::Replicas(NonZeroU16::MIN),
        }
    }
}
