//! The need for polls while pushes bring the news.

use std::time::Duration;

use larder_core::time::BootTime;

/// The need for polls while pushes bring the news.
#[derive(Default)]
pub(super) struct PushedNews {
    /// Whether the last alarm was for news that are known.
    is_known: bool,
    /// When a poll is due in any case.
    next_poll: Option<BootTime>,
}

impl PushedNews {
    pub(super) fn needs_poll(&self, now: BootTime) -> bool {
        !self.is_known || self.next_poll.is_none_or(|next| next <= now)
    }

    pub(super) fn polled(&mut self, next_poll: BootTime) {
        (self.is_known, self.next_poll) = (false, Some(next_poll));
    }

    /// Returns how long an alarm may take.
    pub(super) fn time_to_poll(&self, now: BootTime) -> Duration {
        self.next_poll.map_or(Duration::ZERO, |next| next.saturating_since(now))
    }

    /// Notes an alarm. Returns whether to pause before the next one, because pushes bring news
    /// again and again.
    pub(super) fn note_alarm(&mut self, is_known: bool) -> bool {
        std::mem::replace(&mut self.is_known, is_known) && is_known
    }
}
