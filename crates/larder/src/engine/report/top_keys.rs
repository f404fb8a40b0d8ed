//! The keys with the most requests, handler time, bytes and misses.

use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

use larder_core::heavy_hitters::{HeavyHitter, HeavyHitters};
use larder_core::key::redact::redact;
use serde::Serialize;

use crate::engine::report::nanos;

/// The number of keys that are returned.
const RETURNED: usize = 100;
/// The number of keys that are counted. With more of them, the estimates are better.
const COUNTED: usize = 512;

/// Counts the keys of samples of the requests.
///
/// No request waits for another one here: a sample that comes while another one is counted is
/// dropped.
pub(crate) struct KeyCounters {
    requests: Mutex<HeavyHitters>,
    handler_time: Mutex<HeavyHitters>,
    bytes: Mutex<HeavyHitters>,
    misses: Mutex<HeavyHitters>,
}

impl KeyCounters {
    pub(crate) fn new() -> Self {
        let counters = || Mutex::new(HeavyHitters::new(COUNTED));
        Self { requests: counters(), handler_time: counters(), bytes: counters(), misses: counters() }
    }

    /// Counts hits of a response with this many bytes.
    pub(crate) fn hits(&self, key: &str, bytes: u64, count: u64) {
        observe(&self.requests, key, count);
        observe(&self.bytes, key, bytes.saturating_mul(count));
    }

    /// Counts a request that was no hit.
    pub(crate) fn miss(&self, key: &str) {
        observe(&self.requests, key, 1);
        observe(&self.misses, key, 1);
    }

    /// Counts a run of the handler that took this long.
    pub(crate) fn fill(&self, key: &str, time: Duration) {
        observe(&self.handler_time, key, nanos(time) / 1_000);
    }

    pub(crate) fn top(&self) -> TopKeys {
        TopKeys {
            requests: top(&self.requests),
            handler_micros: top(&self.handler_time),
            bytes: top(&self.bytes),
            misses: top(&self.misses),
        }
    }
}

fn observe(counters: &Mutex<HeavyHitters>, key: &str, weight: u64) {
    match counters.try_lock() {
        Ok(mut counters) => counters.observe(key, weight),
        Err(TryLockError::Poisoned(counters)) => counters.into_inner().observe(key, weight),
        Err(TryLockError::WouldBlock) => {}
    }
}

fn top(counters: &Mutex<HeavyHitters>) -> Vec<TopKey> {
    let counters = counters.lock().unwrap_or_else(PoisonError::into_inner);
    counters.top(RETURNED).into_iter().map(TopKey::from).collect()
}

/// The keys with the most requests, handler time, bytes and misses, up to 100 of each.
///
/// Returned by [`Cache::top_keys`](crate::Cache::top_keys).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TopKeys {
    /// By the number of requests.
    pub requests: Vec<TopKey>,
    /// By the time of the handler, in microseconds.
    pub handler_micros: Vec<TopKey>,
    /// By the bytes of the bodies that hits served.
    pub bytes: Vec<TopKey>,
    /// By the number of misses.
    pub misses: Vec<TopKey>,
}

/// A key among those with the most of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TopKey {
    /// The key, or the first 256 bytes of it. Credentials in it are hidden.
    pub key: String,
    /// The estimate. It may be too high, and is too low only by what sampling missed.
    pub count: u64,
    /// How much the estimate may be too high.
    pub error: u64,
}

impl From<HeavyHitter> for TopKey {
    fn from(HeavyHitter { key, count, error }: HeavyHitter) -> Self {
        Self { key: redact(&key).into_owned(), count, error }
    }
}
