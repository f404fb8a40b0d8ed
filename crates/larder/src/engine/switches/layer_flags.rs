//! The flags of a layer: why its requests may have to leave it at once.

use std::sync::atomic::{AtomicU8, Ordering};

/// The reasons why the requests of a layer may have to leave it at once.
///
/// In normal operation none is set, and a hit loads no more than this one byte.
#[derive(Debug, Default)]
pub(crate) struct LayerFlags(AtomicU8);

/// One of the flags.
#[derive(Debug, Clone, Copy)]
#[repr(u8)]
pub(crate) enum LayerFlag {
    /// The cache is disabled.
    Disabled = 1,
    /// A layer further in handles the requests of some routes.
    Nested = 2,
    /// A switch of the cache is set, which may cover the layer.
    Switched = 4,
}

impl LayerFlags {
    /// Whether no flag is set.
    #[inline]
    pub(crate) fn are_clear(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    pub(crate) fn has(&self, flag: LayerFlag) -> bool {
        self.0.load(Ordering::Relaxed) & flag as u8 != 0
    }

    pub(crate) fn set(&self, flag: LayerFlag) {
        self.0.fetch_or(flag as u8, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self, flag: LayerFlag) {
        self.0.fetch_and(!(flag as u8), Ordering::Relaxed);
    }
}
