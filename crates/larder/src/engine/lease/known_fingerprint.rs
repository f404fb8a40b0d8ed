//! The fingerprint of a value in the shared tier, beside the same value in memory.

use std::sync::atomic::{AtomicU64, Ordering};

/// The fingerprint of the value that the shared tier has, if it is known.
///
/// An instance that cannot use the value in memory cannot use that one either. So it claims the
/// lease at once: the reply to the claim has the value of the shared tier if it is another one.
#[derive(Debug, Default)]
pub(crate) struct KnownFingerprint(AtomicU64);

/// One in 2^64 fingerprints is this number. It then counts as unknown, which costs a lookup.
const UNKNOWN: u64 = 0;

impl KnownFingerprint {
    /// Sets the fingerprint. `None` stands for a value that has none.
    pub(crate) fn set(&self, fingerprint: Option<[u8; 8]>) {
        self.0.store(fingerprint.map_or(UNKNOWN, u64::from_ne_bytes), Ordering::Relaxed);
    }

    /// Returns the fingerprint, or `None` if it is unknown.
    pub(crate) fn get(&self) -> Option<[u8; 8]> {
        match self.0.load(Ordering::Relaxed) {
            UNKNOWN => None,
            known => Some(known.to_ne_bytes()),
        }
    }
}

impl Clone for KnownFingerprint {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}
