//! The options for warming a cache.

use std::time::Duration;

/// The maximum number of requests at the same time.
const MAX_CONCURRENCY: usize = 256;
/// The maximum number of requests per second.
const MAX_PER_SECOND: u32 = 100_000;
/// The minimum time for one request.
const MIN_TIMEOUT: Duration = Duration::from_millis(10);

/// The options for [`Cache::warm`](crate::Cache::warm): how fast requests are sent.
///
/// # Examples
///
/// ```
/// use larder::warm::WarmOptions;
///
/// let gentle = WarmOptions::default().concurrency(2).per_second(10);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmOptions {
    pub(super) concurrency: usize,
    pub(super) per_second: u32,
    pub(super) request_timeout: Duration,
}

impl WarmOptions {
    /// Sets the maximum number of requests at the same time.
    ///
    /// Default: 4. Minimum: 1. Maximum: 256.
    #[must_use]
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.clamp(1, MAX_CONCURRENCY);
        self
    }

    /// Sets the maximum number of requests per second.
    ///
    /// Default: 100. Minimum: 1. Maximum: 100,000.
    #[must_use]
    pub fn per_second(mut self, requests: u32) -> Self {
        self.per_second = requests.clamp(1, MAX_PER_SECOND);
        self
    }

    /// Sets how long one request may take, with its body. A request that takes longer has failed.
    ///
    /// Default: 30 s. Minimum: 10 ms.
    #[must_use]
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout.max(MIN_TIMEOUT);
        self
    }
}

impl Default for WarmOptions {
    fn default() -> Self {
        Self { concurrency: 4, per_second: 100, request_timeout: Duration::from_secs(30) }
    }
}
