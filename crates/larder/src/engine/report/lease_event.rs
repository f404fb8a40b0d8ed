//! What can happen with a lease.

/// What happened with the lease of a response.
#[derive(Clone, Copy)]
pub(crate) enum LeaseEvent {
    /// A fill here has it.
    Acquired,
    /// Another instance has it, and was waited for.
    Awaited,
    /// It was taken after another instance had been waited for.
    TakenOver,
}

impl LeaseEvent {
    /// The word that stands for it in metrics.
    #[cfg(feature = "metrics")]
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Acquired => "taken",
            Self::Awaited => "awaited",
            Self::TakenOver => "taken-over",
        }
    }
}
