//! What can happen with a lease.

/// What happened with the lease of a response.
#[derive(Clone, Copy)]
pub(crate) enum Leased {
    /// A fill here has it.
    Taken,
    /// Another instance has it, and was waited for.
    Awaited,
    /// It was taken after another instance had been waited for.
    TakenOver,
}

impl Leased {
    /// The word that stands for it in metrics.
    #[cfg(feature = "metrics")]
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Awaited => "awaited",
            Self::TakenOver => "taken-over",
        }
    }
}
