//! Store trouble, told once when it begins and once when it ends.

use std::sync::atomic::{AtomicBool, Ordering};

use larder_core::store::StoreError;

/// Whether there is trouble with one part of the store.
#[derive(Default)]
pub(super) struct Trouble(AtomicBool);

impl Trouble {
    pub(super) fn begins(&self, part: &str, error: &StoreError) {
        if !self.0.swap(true, Ordering::Relaxed) {
            tracing::warn!(target: "larder", %error, "{part} is in trouble; requests are served without it");
        }
    }

    pub(super) fn ends(&self, part: &str) {
        // Asked on each exchange: a load is cheaper than a swap.
        if self.0.load(Ordering::Relaxed) && self.0.swap(false, Ordering::Relaxed) {
            tracing::warn!(target: "larder", "{part} answers again");
        }
    }
}
