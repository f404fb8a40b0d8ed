//! The counters of one route, as numbers.

use std::collections::BTreeMap;
use std::time::Duration;

use larder_core::outcome::{Outcome, Tier};
use serde::Serialize;

use crate::engine::report::distribution::Distribution;
use crate::engine::serialize::seconds;

/// The name of the sum of all routes of a class.
const ALL: &str = "all";

/// The counters of a route since the cache was built.
///
/// [`Stats::routes`](crate::Stats::routes) has one for each route and lifetime class, and
/// [`Stats::classes`](crate::Stats::classes) one for each class.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RouteStats {
    /// The [name](crate::Policy::name) of the route, or `all` for the sum over a class.
    pub route: String,
    /// The [lifetime class](crate::Policy::class) of its policy.
    pub class: String,
    /// Requests answered with a fresh response from memory.
    pub hits_memory: u64,
    /// Requests answered with a fresh response from the shared store.
    pub hits_shared: u64,
    /// Requests answered with a stale response, grouped by the reason that allowed it.
    pub stale: BTreeMap<&'static str, u64>,
    /// Requests that could have been hits but were answered by the handler, grouped by reason.
    pub misses: BTreeMap<&'static str, u64>,
    /// Requests that bypassed the cache, grouped by reason.
    pub bypasses: BTreeMap<&'static str, u64>,
    /// Requests that waited for the fill of another request instead of running the handler.
    pub collapsed: u64,
    /// Fills: runs of the handler whose response may be stored.
    pub fills: u64,
    /// The total time that the handler took in these fills.
    #[serde(rename = "fill_seconds", serialize_with = "seconds")]
    pub fill_time: Duration,
    /// The time that the handler took in each of them.
    pub fill_times: Distribution,
    /// Responses that were stored.
    pub stored: u64,
    /// Responses that were not stored, grouped by reason.
    pub not_stored: BTreeMap<&'static str, u64>,
    /// Bytes of stored bodies that answered requests.
    pub bytes_served: u64,
    /// The handler time that hits have saved.
    #[serde(rename = "handler_seconds_saved", serialize_with = "seconds")]
    pub handler_time_saved: Duration,
    /// The age of the responses that were served fresh.
    ///
    /// One in 64 hits is measured, on behalf of the others.
    pub age_at_hit: Distribution,
    /// Responses that were evicted from memory, to make room for others.
    pub evictions: u64,
    /// The age of the responses that were evicted from memory.
    pub age_at_eviction: Distribution,
    /// The time until the head of the response, by `memory`, `shared`, `stale`, `miss` and
    /// `bypass`.
    ///
    /// One in 64 hits in memory and one in 64 bypasses are measured, on behalf of the others. The
    /// time of a hit in memory begins with its lookup.
    pub times: BTreeMap<&'static str, Distribution>,
}

impl RouteStats {
    /// Returns the number of requests that were answered from the cache, fresh or stale.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits_memory + self.hits_shared + self.stale.values().sum::<u64>()
    }

    /// Returns the share of hits among the requests that could have been hits, from 0.0 to 1.0.
    ///
    /// Returns 0.0 before the first such request.
    #[must_use]
    pub fn hit_ratio(&self) -> f64 {
        ratio(self.hits(), self.misses.values().sum())
    }

    pub(super) fn add_requests(&mut self, outcome: Outcome, count: u64) {
        let by_reason = match outcome {
            Outcome::Hit(Tier::Memory) => return self.hits_memory += count,
            Outcome::Hit(Tier::Shared) => return self.hits_shared += count,
            Outcome::Stale(..) => &mut self.stale,
            Outcome::Miss(_) => &mut self.misses,
            Outcome::Bypass(_) => &mut self.bypasses,
        };
        if count > 0 {
            *by_reason.entry(outcome.reason()).or_default() += count;
        }
    }

    /// Returns the sum of these routes.
    pub(super) fn sum<'a>(class: &str, routes: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self { route: ALL.to_owned(), class: class.to_owned(), ..Self::default() };
        for route in routes {
            sum.merge(route);
        }
        sum
    }

    /// Adds the counters of another route.
    fn merge(&mut self, other: &Self) {
        let sums = [
            (&mut self.hits_memory, other.hits_memory),
            (&mut self.hits_shared, other.hits_shared),
            (&mut self.collapsed, other.collapsed),
            (&mut self.fills, other.fills),
            (&mut self.stored, other.stored),
            (&mut self.bytes_served, other.bytes_served),
            (&mut self.evictions, other.evictions),
        ];
        for (sum, more) in sums {
            *sum += more;
        }
        self.fill_time += other.fill_time;
        self.handler_time_saved += other.handler_time_saved;
        for (sum, more) in [
            (&mut self.stale, &other.stale),
            (&mut self.misses, &other.misses),
            (&mut self.bypasses, &other.bypasses),
            (&mut self.not_stored, &other.not_stored),
        ] {
            for (reason, count) in more {
                *sum.entry(reason).or_default() += count;
            }
        }
        self.fill_times.merge(&other.fill_times);
        self.age_at_hit.merge(&other.age_at_hit);
        self.age_at_eviction.merge(&other.age_at_eviction);
        for (result, times) in &other.times {
            self.times.entry(result).or_default().merge(times);
        }
    }
}

/// Returns the share of hits among hits and misses.
#[allow(clippy::cast_precision_loss)] // A ratio does not need more than 53 bits.
pub(super) fn ratio(hits: u64, misses: u64) -> f64 {
    match hits + misses {
        0 => 0.0,
        all => hits as f64 / all as f64,
    }
}

/// How a request was answered, for the distribution of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestResult {
    Memory,
    Shared,
    Stale,
    Miss,
    Bypass,
}

impl RequestResult {
    pub(super) const ALL: [Self; 5] = [Self::Memory, Self::Shared, Self::Stale, Self::Miss, Self::Bypass];

    pub(super) const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Hit(Tier::Memory) => Self::Memory,
            Outcome::Hit(Tier::Shared) => Self::Shared,
            Outcome::Stale(..) => Self::Stale,
            Outcome::Miss(_) => Self::Miss,
            Outcome::Bypass(_) => Self::Bypass,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Shared => "shared",
            Self::Stale => "stale",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }
}
