//! The `metrics` facade.
//!
//! | metric | kind | labels |
//! | --- | --- | --- |
//! | `larder_requests_total` | counter | `route`, `outcome` (`hit`, `stale`, `miss`, `bypass`), `reason` |
//! | `larder_collapsed_total` | counter | |
//! | `larder_fill_seconds` | histogram | |
//! | `larder_stored_total` | counter | |
//! | `larder_not_stored_total` | counter | `reason` |
//! | `larder_saved_seconds_total` | counter, in microseconds | |
//! | `larder_invalidations_total` | counter | |
//! | `larder_store_errors_total` | counter | `part`, `kind` |
//! | `larder_held_bytes`, `larder_held` | gauge | |

use std::time::Duration;

use larder_core::outcome::NotStored;
use larder_core::store::StoreError;
use metrics::{counter, histogram};

pub(super) fn filled(cost: Duration) {
    histogram!("larder_fill_seconds").record(cost);
}

pub(super) fn judged(stored: Result<(), NotStored>) {
    match stored {
        Ok(()) => counter!("larder_stored_total").increment(1),
        Err(reason) => counter!("larder_not_stored_total", "reason" => reason.as_str()).increment(1),
    }
}

pub(super) fn invalidated(selectors: u64) {
    counter!("larder_invalidations_total").increment(selectors);
}

pub(super) fn store_failed(part: &'static str, error: &StoreError) {
    counter!("larder_store_errors_total", "part" => part, "kind" => error.kind().as_str()).increment(1);
}
