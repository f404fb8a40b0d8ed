//! The metrics of a collection of values, through the `metrics` facade.

use std::sync::OnceLock;
use std::time::Duration;

use larder_core::outcome::{Outcome, Tier};
use metrics::{Counter, Unit, counter, describe_counter, describe_histogram, histogram};

use crate::engine::report::metrics::NO_VALUE;
use crate::engine::report::outcome_index::{OUTCOMES, index_of};

/// Registers the descriptions of the metrics with the recorder.
pub(crate) fn describe() {
    describe_counter!("larder_value_requests_total", Unit::Count, "Values asked for");
    describe_counter!("larder_value_loads_total", Unit::Count, "Loads of values");
    describe_histogram!("larder_value_load_seconds", Unit::Seconds, "Time that a load of a value took");
}

/// The counters of the requests to one collection, by outcome.
///
/// Their handles are stored here, so that a hit does not look them up in the recorder.
pub(super) struct ValueRequests(Box<[OnceLock<Counter>; OUTCOMES]>);

impl Default for ValueRequests {
    fn default() -> Self {
        Self(Box::new([const { OnceLock::new() }; OUTCOMES]))
    }
}

impl ValueRequests {
    #[inline]
    pub(super) fn record(&self, collection: &str, outcome: Outcome) {
        let counter = self.0[index_of(outcome)].get_or_init(|| {
            counter!(
                "larder_value_requests_total",
                "collection" => collection.to_owned(),
                "outcome" => outcome.as_str(),
                "tier" => outcome.tier().map_or(NO_VALUE, Tier::as_str),
                "reason" => if matches!(outcome, Outcome::Hit(_)) { NO_VALUE } else { outcome.reason() },
            )
        });
        counter.increment(1);
    }
}

pub(super) fn record_load(collection: &str, outcome: &'static str, took: Duration) {
    let name = collection.to_owned();
    counter!("larder_value_loads_total", "collection" => name.clone(), "outcome" => outcome).increment(1);
    histogram!("larder_value_load_seconds", "collection" => name).record(took);
}
