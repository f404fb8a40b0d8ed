//! The `metrics` facade.
//!
//! | metric | kind | labels |
//! | --- | --- | --- |
//! | `larder_requests_total` | counter | `route`, `outcome` (`hit`, `stale`, `miss`, `bypass`), `reason` |
//! | `larder_collapsed_total` | counter | |
//! | `larder_fill_seconds` | histogram | |
//! | `larder_stored_total` | counter | |
//! | `larder_not_stored_total` | counter | `reason` |
//! | `larder_saved_microseconds_total` | counter | |
//! | `larder_invalidations_total` | counter | |
//! | `larder_store_errors_total` | counter | `exchange`, `kind` |
//! | `larder_held_bytes`, `larder_held` | gauge | |

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use super::Exchange;
use larder_core::outcome::{NotStored, Outcome};
use larder_core::store::StoreError;
use metrics::{Counter, counter, gauge, histogram};

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

pub(super) fn store_failed(exchange: Exchange, error: &StoreError) {
    let (exchange, kind) = (exchange.as_str(), error.kind().as_str());
    counter!("larder_store_errors_total", "exchange" => exchange, "kind" => kind).increment(1);
}

/// Handles of the counters of requests, by route and outcome, so that a hit looks none up in the recorder.
#[derive(Default)]
pub(super) struct PerRoute {
    routes: RwLock<HashMap<Box<str>, HashMap<Outcome, Counter>>>,
}

impl PerRoute {
    pub(super) fn answered(&self, route: &str, outcome: Outcome) {
        let known = |routes: &HashMap<Box<str>, HashMap<Outcome, Counter>>| {
            routes.get(route)?.get(&outcome)?.increment(1);
            Some(())
        };
        if known(&self.routes.read().unwrap_or_else(PoisonError::into_inner)).is_some() {
            return;
        }
        let counter = counter!(
            "larder_requests_total",
            "route" => route.to_owned(),
            "outcome" => outcome.x_cache().to_ascii_lowercase(),
            "reason" => outcome.reason(),
        );
        counter.increment(1);
        let mut routes = self.routes.write().unwrap_or_else(PoisonError::into_inner);
        routes.entry(route.into()).or_default().insert(outcome, counter);
    }
}

impl std::fmt::Debug for PerRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PerRoute").finish_non_exhaustive()
    }
}

pub(super) fn collapsed() {
    counter!("larder_collapsed_total").increment(1);
}

/// What hits have saved, in whole microseconds: a counter has no fractions.
pub(super) fn saved(cost: Duration) {
    let micros = u64::try_from(cost.as_micros()).unwrap_or(u64::MAX);
    counter!("larder_saved_microseconds_total").increment(micros);
}

pub(super) fn held(responses: u64, bytes: u64) {
    #[allow(clippy::cast_precision_loss)] // A gauge is a float.
    {
        gauge!("larder_held").set(responses as f64);
        gauge!("larder_held_bytes").set(bytes as f64);
    }
}
