//! The events of leases that are counted.

/// An event of the lease of a response.
#[derive(Clone, Copy)]
pub(crate) enum LeaseEvent {
    /// A fill on this instance acquired the lease.
    Acquired,
    /// Another instance holds the lease, and this instance waits for it.
    Awaited,
    /// A fill on this instance acquired the lease after it had waited for another instance.
    TakenOver,
}

impl LeaseEvent {
    /// Returns the word for the event in metrics.
    #[cfg(feature = "metrics")]
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Acquired => "acquired",
            Self::Awaited => "awaited",
            Self::TakenOver => "taken-over",
        }
    }
}
