//! The delays between two claims to a lease that another instance holds.

use std::time::Duration;

/// The shortest delay. A fill that takes less time than this is hardly worth the wait.
const MIN_DELAY: Duration = Duration::from_millis(2);
/// The longest delay. A response is found at most this long after it was stored.
const MAX_DELAY: Duration = Duration::from_millis(25);

/// Delays that grow by half each time.
///
/// So the end of a short fill is noticed soon, and a long fill costs few claims. An instance waits
/// for at most one and a half times as long as the fill takes. It claims ten times in the first
/// tenth of a second.
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: MIN_DELAY }
    }

    /// Returns the next delay. `random` is from 0 to 1, and shortens the delay by up to a quarter.
    ///
    /// So instances that began to wait at the same moment do not claim at the same moments.
    pub(crate) fn next_delay(&mut self, random: f64) -> Duration {
        let pause = self.next;
        self.next = (pause * 3 / 2).min(MAX_DELAY);
        pause.mul_f64(1.0 - random.clamp(0.0, 1.0) / 4.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_by_half_up_to_the_longest() {
        let mut backoff = Backoff::new();
        let pauses: Vec<_> = (0..9).map(|_| backoff.next_delay(0.0).as_micros()).collect();
        assert_eq!(pauses, [2_000, 3_000, 4_500, 6_750, 10_125, 15_187, 22_781, 25_000, 25_000]);
    }

    #[test]
    fn chance_shortens_a_pause_by_a_quarter_at_most_and_not_the_next_one() {
        let mut backoff = Backoff::new();
        assert_eq!(backoff.next_delay(1.0), MIN_DELAY.mul_f64(0.75));
        assert_eq!(backoff.next_delay(7.0), (MIN_DELAY * 3 / 2).mul_f64(0.75));
        assert_eq!(backoff.next_delay(-7.0), MIN_DELAY * 9 / 4);
    }
}
