//! The delays between two claims to a lease that another instance holds.

use std::time::Duration;

/// The shortest delay. A fill that takes less time than this is hardly worth the wait.
const MIN_DELAY: Duration = Duration::from_millis(2);
/// The longest delay. A response is found at most this long after it was stored.
const MAX_DELAY: Duration = Duration::from_millis(25);
/// With many instances, delays get longer: all of them together claim about 2,000 times a second.
const DELAY_PER_INSTANCE: Duration = Duration::from_micros(500);
/// But a delay is at most this part of the time that was waited already.
const WAITED_PART: u32 = 16;
/// The longest delay with many instances. It is much shorter than the result of a fill is kept.
const MAX_FLEET_DELAY: Duration = Duration::from_millis(250);

/// Delays that grow by half each time.
///
/// So the end of a short fill is noticed soon, and a long fill costs few claims. An instance waits
/// for at most one and a half times as long as the fill takes. It claims ten times in the first
/// tenth of a second.
///
/// If many instances wait, the claims of all of them would take much of the store's time. So with
/// more than 50 instances, delays go on growing after 0.4 s. An instance then waits for at most a
/// sixteenth longer than the fill takes.
pub(crate) struct Backoff {
    next: Duration,
    waited: Duration,
    fleet_delay: Duration,
}

impl Backoff {
    /// Creates the delays for one of so many instances, if their number is known.
    pub(crate) fn new(instances: Option<u64>) -> Self {
        let instances = u32::try_from(instances.unwrap_or(0)).unwrap_or(u32::MAX);
        let fleet_delay = DELAY_PER_INSTANCE.saturating_mul(instances).min(MAX_FLEET_DELAY);
        Self { next: MIN_DELAY, waited: Duration::ZERO, fleet_delay }
    }

    /// Returns the next delay. `random` is from 0 to 1, and shortens the delay by up to a quarter.
    ///
    /// So instances that began to wait at the same moment do not claim at the same moments.
    pub(crate) fn next_delay(&mut self, random: f64) -> Duration {
        let pause = self.next.mul_f64(1.0 - random.clamp(0.0, 1.0) / 4.0);
        self.waited = self.waited.saturating_add(pause);
        let longest = (self.waited / WAITED_PART).min(self.fleet_delay).max(MAX_DELAY);
        self.next = (self.next * 3 / 2).min(longest);
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_by_half_up_to_the_longest() {
        let mut backoff = Backoff::new(None);
        let pauses: Vec<_> = (0..9).map(|_| backoff.next_delay(0.0).as_micros()).collect();
        assert_eq!(pauses, [2_000, 3_000, 4_500, 6_750, 10_125, 15_187, 22_781, 25_000, 25_000]);
    }

    /// Waits this long. Returns the number of pauses, and the last one in milliseconds.
    fn wait(instances: u64, limit: Duration) -> (u32, u128) {
        let (mut backoff, mut waited) = (Backoff::new(Some(instances)), Duration::ZERO);
        let (mut pauses, mut last) = (0, Duration::ZERO);
        while waited < limit {
            last = backoff.next_delay(0.0);
            (pauses, waited) = (pauses + 1, waited + last);
        }
        (pauses, last.as_millis())
    }

    #[test]
    fn many_instances_claim_more_rarely_the_longer_they_wait() {
        let ms = Duration::from_millis;
        for (instances, limit, pauses, last) in [
            (1, ms(10_000), 405, 25),
            (50, ms(10_000), 405, 25),
            (200, ms(390), 21, 25),
            (200, ms(1_000), 36, 60),
            (200, ms(10_000), 128, 100),
            (1_000, ms(4_000), 59, 244),
            (u64::MAX, ms(60_000), 283, 250),
        ] {
            assert_eq!(wait(instances, limit), (pauses, last), "{instances} {limit:?}");
        }
    }

    #[test]
    fn chance_shortens_a_pause_by_a_quarter_at_most_and_not_the_next_one() {
        let mut backoff = Backoff::new(None);
        assert_eq!(backoff.next_delay(1.0), MIN_DELAY.mul_f64(0.75));
        assert_eq!(backoff.next_delay(7.0), (MIN_DELAY * 3 / 2).mul_f64(0.75));
        assert_eq!(backoff.next_delay(-7.0), MIN_DELAY * 9 / 4);
    }
}
