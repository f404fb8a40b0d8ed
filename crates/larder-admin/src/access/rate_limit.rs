//! The bound on requests.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// A bucket of permits that fills at a steady rate.
#[derive(Debug)]
pub(crate) struct RateLimit {
    each: Duration,
    burst: u32,
    /// The moment at which the bucket is full again.
    full_at: Mutex<Option<Instant>>,
}

impl RateLimit {
    /// Permits this many requests a second, and as many at once.
    pub(crate) fn per_second(requests: u32) -> Self {
        let burst = requests.max(1);
        Self { each: Duration::from_secs(1) / burst, burst, full_at: Mutex::new(None) }
    }

    /// Takes a permit, or returns how long it takes until there is one.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        let now = Instant::now();
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let next = full_at.unwrap_or(now).max(now) + self.each;
        let wait = next.duration_since(now).saturating_sub(self.each * self.burst);
        if !wait.is_zero() {
            return Err(wait);
        }
        *full_at = Some(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn permits_come_back_at_a_steady_rate() {
        let limit = RateLimit::per_second(10);
        for _ in 0..10 {
            assert_eq!(limit.take(), Ok(()));
        }
        assert_eq!(limit.take(), Err(Duration::from_millis(100)));
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(limit.take(), Ok(()));
        assert!(limit.take().is_err());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!((0..20).filter(|_| limit.take().is_ok()).count(), 10);
    }
}
