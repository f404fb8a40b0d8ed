//! The rate at which requests are sent.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How much time that was not used is made up for.
///
/// Timers end on whole milliseconds, so a fast rate needs several requests at once.
const MAX_LAG: Duration = Duration::from_millis(10);

/// Limits a rate, without bursts after a pause.
pub(super) struct Pace {
    interval: Duration,
    next: Instant,
}

impl Pace {
    pub(super) fn new(per_second: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second.max(1), next: Instant::now() }
    }

    /// Waits until the next request may be sent.
    pub(super) async fn wait(&mut self) {
        sleep_until(self.next).await;
        let earliest = Instant::now().checked_sub(MAX_LAG).map_or(self.next, |lag| self.next.max(lag));
        self.next = earliest + self.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn time_of(pace: &mut Pace, requests: u32) -> Duration {
        let begun = Instant::now();
        for _ in 0..requests {
            pace.wait().await;
        }
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn as_many_requests_are_sent_as_the_rate_allows() {
        for per_second in [1, 100, 10_000] {
            let mut pace = Pace::new(per_second);
            let expected = Duration::from_secs(2);
            let took = time_of(&mut pace, 2 * per_second + 1).await;
            // Timers of tokio end on whole milliseconds.
            assert!(
                (expected..expected + Duration::from_millis(2)).contains(&took),
                "{per_second}: {took:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_followed_by_no_burst() {
        let mut pace = Pace::new(100);
        time_of(&mut pace, 10).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
        let took = time_of(&mut pace, 101).await;
        assert!(took >= Duration::from_millis(980), "{took:?}");
    }
}
