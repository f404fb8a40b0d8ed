//! The counters of one route.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder_core::outcome::{NotStored, Outcome, Tier};

use crate::engine::report::add;
use crate::engine::report::distribution::DistributionCounters;
use crate::engine::report::hits::RequestNumber;
#[cfg(feature = "metrics")]
use crate::engine::report::metrics::{self, route_metrics};
use crate::engine::report::outcome_index::all_outcomes;
use crate::engine::report::request_counters::RequestCounters;
use crate::engine::report::route_stats::{RequestResult, RouteStats};

/// The counters of one route with one lifetime class, in all layers of a cache.
pub(crate) struct RouteCounters {
    route: Box<str>,
    class: Box<str>,
    requests: RequestCounters,
    collapsed: AtomicU64,
    fill_times: DistributionCounters,
    stored: AtomicU64,
    not_stored: [AtomicU64; NotStored::ALL.len()],
    times: [DistributionCounters; RequestResult::ALL.len()],
    age_at_hit: DistributionCounters,
    age_at_eviction: DistributionCounters,
    #[cfg(feature = "metrics")]
    published: route_metrics::Published,
}

impl RouteCounters {
    pub(super) fn new(route: &str, class: &str) -> Self {
        Self {
            route: route.into(),
            class: class.into(),
            requests: RequestCounters::default(),
            collapsed: AtomicU64::default(),
            fill_times: DistributionCounters::default(),
            stored: AtomicU64::default(),
            not_stored: std::array::from_fn(|_| AtomicU64::default()),
            times: std::array::from_fn(|_| DistributionCounters::default()),
            age_at_hit: DistributionCounters::default(),
            age_at_eviction: DistributionCounters::default(),
            #[cfg(feature = "metrics")]
            published: route_metrics::Published::default(),
        }
    }

    /// Returns the name of the route.
    pub(crate) fn route(&self) -> &str {
        &self.route
    }

    /// Counts a fresh hit that saved `cost` nanoseconds of handler time, and served `bytes` bytes.
    #[inline]
    pub(crate) fn hit(&self, tier: Tier, cost: u64, bytes: u64) -> RequestNumber {
        self.requests.hit(tier, cost, bytes)
    }

    /// Records how long a request took, on behalf of `weight` requests.
    pub(crate) fn record_time(&self, outcome: Outcome, time: Duration, weight: u64) {
        let result = RequestResult::of(outcome);
        self.times[result as usize].record(time, weight);
        #[cfg(feature = "metrics")]
        self.published.record_time(self.labels(), result, time, weight);
    }

    /// Records the age of a response that was served fresh, on behalf of `weight` requests.
    pub(crate) fn record_age(&self, age: Duration, weight: u64) {
        self.age_at_hit.record(age, weight);
        #[cfg(feature = "metrics")]
        self.published.record_age(self.labels(), age, weight);
    }

    /// Counts a request with this outcome.
    pub(crate) fn request(&self, outcome: Outcome) -> RequestNumber {
        self.requests.request(outcome)
    }

    /// Adds the handler time and the bytes of a response that was served from the cache.
    pub(crate) fn add_saved(&self, cost: Duration, bytes: u64) {
        self.requests.add_saved(cost, bytes);
    }

    /// Records a request that waited for the fill of another request.
    pub(crate) fn collapsed(&self) {
        add(&self.collapsed, 1);
        #[cfg(feature = "metrics")]
        metrics::record_collapsed();
    }

    /// Records a fill, for which the handler took this long.
    pub(crate) fn fill_finished(&self, cost: Duration) {
        self.fill_times.record(cost, 1);
        #[cfg(feature = "metrics")]
        route_metrics::record_fill(self.labels(), cost);
    }

    /// Records the eviction from memory of a response of this age.
    pub(crate) fn evicted(&self, age: Duration) {
        self.age_at_eviction.record(age, 1);
        #[cfg(feature = "metrics")]
        route_metrics::record_eviction(self.labels(), age);
    }

    /// Records whether a response was stored, or why not.
    pub(crate) fn store_decision(&self, stored: Result<(), NotStored>) {
        match stored {
            Ok(()) => add(&self.stored, 1),
            Err(reason) => add(&self.not_stored[reason.index()], 1),
        }
        #[cfg(feature = "metrics")]
        route_metrics::record_store_decision(self.labels(), stored);
    }

    /// Returns all counters as numbers.
    pub(crate) fn stats(&self) -> RouteStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (fill_times, age_at_eviction) = (self.fill_times.read(), self.age_at_eviction.read());
        let mut stats = RouteStats {
            route: self.route.to_string(),
            class: self.class.to_string(),
            collapsed: get(&self.collapsed),
            fills: fill_times.count(),
            fill_time: fill_times.sum(),
            fill_times,
            stored: get(&self.stored),
            bytes_served: self.requests.bytes(),
            handler_time_saved: Duration::from_nanos(self.requests.saved_nanos()),
            age_at_hit: self.age_at_hit.read(),
            evictions: age_at_eviction.count(),
            age_at_eviction,
            ..RouteStats::default()
        };
        for outcome in all_outcomes() {
            stats.add_requests(outcome, self.requests.count_of(outcome));
        }
        for reason in NotStored::ALL {
            let count = get(&self.not_stored[reason.index()]);
            if count > 0 {
                stats.not_stored.insert(reason.as_str(), count);
            }
        }
        for result in RequestResult::ALL {
            let times = self.times[result as usize].read();
            if times.count() > 0 {
                stats.times.insert(result.as_str(), times);
            }
        }
        stats
    }
}

#[cfg(feature = "metrics")]
impl RouteCounters {
    /// Publishes the counts that are not published yet.
    pub(super) fn publish(&self) {
        for outcome in all_outcomes() {
            self.published.requests(self.labels(), outcome, self.requests.count_of(outcome));
        }
        self.published.savings(self.labels(), self.requests.saved_nanos(), self.requests.bytes());
    }

    fn labels(&self) -> route_metrics::RouteLabels<'_> {
        route_metrics::RouteLabels { route: &self.route, class: &self.class }
    }
}

#[cfg(feature = "metrics")]
impl Drop for RouteCounters {
    /// Publishes the last counts.
    fn drop(&mut self) {
        self.publish();
    }
}

impl std::fmt::Debug for RouteCounters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteCounters")
            .field("route", &self.route)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}
