//! How slow the handlers of a layer are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The time that the slowest of the last runs took, from the call to the head of the response.
#[derive(Debug, Default)]
pub(crate) struct HandlerTime {
    nanos: AtomicU64,
}

impl HandlerTime {
    /// Records one run. Each later run that is faster lowers the time by an eighth.
    pub(crate) fn record(&self, took: Duration) {
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let slowest = |before: u64| Some(took.max(before - before / 8));
        let _ = self.nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, slowest);
    }

    pub(crate) fn slowest(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_run_counts_for_a_while() {
        let time = HandlerTime::default();
        assert_eq!(time.slowest(), Duration::ZERO);
        for (took, slowest) in [(800, 800), (10, 700), (900, 900), (0, 788)] {
            time.record(Duration::from_millis(took));
            assert!(time.slowest().as_millis().abs_diff(slowest) <= 1, "{took}");
        }
    }
}
