//! The pauses between polls of the log.
//!
//! The first polls after a while follow the news at once. Only polls that follow each other quickly
//! have pauses between them, for two reasons:
//!
//! - **The budget**: the polls of all instances together may take half of one core of Redis. So the
//!   pause grows with the number of instances.
//! - **The load**: from 2,000 events a second on, a poll waits for more of them. A large page takes
//!   Redis less time for each event. A caller that waits for the news ends this pause.
//!
//! No pause lasts longer than a small part of `max_staleness` after the last poll. Polls without
//! any news are four times as far apart, so no confirmation is late because of a pause.

use std::time::Duration;

use tokio::time::Instant;

/// The time that a poll takes Redis, with the alarm before it.
const POLL_COST: Duration = Duration::from_micros(80);
/// The time that each entry of a poll takes Redis.
const ENTRY_COST: Duration = Duration::from_nanos(400);
/// The polls of all instances may take one such part of a core of Redis.
const CORE_PART: u32 = 2;
/// The number of polls that may follow each other without a pause after a quiet time.
const BURST: u32 = 4;
/// A pause ends within this part of `max_staleness` after the last poll.
const STALENESS_PART: u32 = 16;

/// The number of events a second up to which the load makes no pauses.
const LIGHT_LOAD: f64 = 2_000.0;
/// The number of events a second from which on the pause is [`MAX_LOAD_PAUSE`].
const HEAVY_LOAD: f64 = 10_000.0;
const MAX_LOAD_PAUSE: Duration = Duration::from_millis(5);
/// The time over which the number of events a second is averaged.
const RATE_WINDOW: Duration = Duration::from_millis(100);

/// The number of expected events from which on a poll needs no alarm before it.
///
/// Then only one poll in seven finds nothing.
const SURE_NEWS: f64 = 2.0;
/// Shorter pauses are left out, because timers end on whole milliseconds.
const MIN_PAUSE: Duration = Duration::from_millis(1);

/// The instances that share the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct FleetScale {
    /// Their number, if it is known.
    pub(super) instances: Option<u64>,
    pub(super) max_staleness: Duration,
}

/// A poll that was answered.
#[derive(Debug, Clone, Copy)]
pub(super) struct PollDone {
    pub(super) sent: Instant,
    /// The number of its entries that are news.
    pub(super) entries: usize,
}

/// Decides when the next poll is sent, if there are news.
#[derive(Debug, Default)]
pub(super) struct PollPace {
    last: Option<LastPoll>,
    /// Events a second.
    rate: f64,
}

#[derive(Debug, Clone, Copy)]
struct LastPoll {
    sent: Instant,
    /// When the polls up to this one are paid for.
    paid: Instant,
    next: NextPoll,
}

/// The moments from which on the next poll may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NextPoll {
    /// The budget allows it from this moment on.
    pub(super) by_budget: Instant,
    /// The load calls for it from this moment on, unless a caller waits for the news.
    pub(super) by_load: Instant,
}

impl NextPoll {
    pub(super) fn latest(self) -> Instant {
        self.by_budget.max(self.by_load)
    }
}

impl PollPace {
    /// Notes a poll. `draw` is a random number from 0 to 1. It delays the next poll by up to a
    /// quarter of its share.
    ///
    /// So instances that were woken by the same event do not stay together. The poll after the next
    /// one makes up for it.
    pub(super) fn polled(&mut self, poll: PollDone, fleet: FleetScale, draw: f64) {
        let PollDone { sent, entries } = poll;
        self.rate = match self.last {
            Some(last) => mean_rate(self.rate, entries, sent.saturating_duration_since(last.sent)),
            None => 0.0,
        };
        let limit = fleet.max_staleness / STALENESS_PART;
        let share = share_of_poll(entries, fleet.instances).min(limit);
        let paid = self.last.map_or(sent, |last| last.paid.max(sent));
        let paid = (paid + share).min(sent + share * BURST);
        let free = paid.checked_sub(share * (BURST - 1)).filter(|free| *free > sent);
        let delay = share.mul_f64(draw.clamp(0.0, 1.0) / 4.0);
        let by_budget = free.map_or(sent, |free| (free + delay).min(sent + limit));
        let by_load = sent + load_pause(self.rate).min(limit);
        self.last = Some(LastPoll { sent, paid, next: NextPoll { by_budget, by_load } });
    }

    /// Returns when the next poll may be sent. `None` if it may be sent at once.
    pub(super) fn next_poll(&self, now: Instant) -> Option<NextPoll> {
        let next = self.last?.next;
        (next.latest() >= now + MIN_PAUSE).then_some(next)
    }

    /// Returns the next poll, if there will be news by then and an alarm would be useless.
    pub(super) fn next_poll_with_news(&self, now: Instant) -> Option<NextPoll> {
        let next = self.next_poll(now)?;
        let gap = next.latest().saturating_duration_since(self.last?.sent);
        (self.rate * gap.as_secs_f64() >= SURE_NEWS).then_some(next)
    }
}

/// Returns the mean number of events a second, after a poll with `entries` that came `gap` after
/// the poll before it.
fn mean_rate(before: f64, entries: usize, gap: Duration) -> f64 {
    let kept = (-gap.as_secs_f64() / RATE_WINDOW.as_secs_f64()).exp();
    let weight = match gap.is_zero() {
        true => 1.0 / RATE_WINDOW.as_secs_f64(),
        false => (1.0 - kept) / gap.as_secs_f64(),
    };
    before * kept + entries as f64 * weight
}

/// Returns how long all instances share the budget for one poll of each.
///
/// If their number is not known, there is no budget.
fn share_of_poll(entries: usize, instances: Option<u64>) -> Duration {
    let entries = u32::try_from(entries).unwrap_or(u32::MAX);
    let cost = POLL_COST.saturating_add(ENTRY_COST.saturating_mul(entries));
    let instances = u32::try_from(instances.unwrap_or(0)).unwrap_or(u32::MAX);
    cost.saturating_mul(CORE_PART).saturating_mul(instances)
}

fn load_pause(rate: f64) -> Duration {
    let part = (rate - LIGHT_LOAD) / (HEAVY_LOAD - LIGHT_LOAD);
    MAX_LOAD_PAUSE.mul_f64(part.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests;
