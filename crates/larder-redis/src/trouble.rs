//! When to speak of trouble: once when it begins, once when it has ended.
//!
//! A pure state machine; `health.rs` gives it the time and does the speaking.

use std::time::Duration;

use tokio::time::Instant;

/// Trouble has ended only after this long without a failure: a Redis at the edge of its memory limit takes one response
/// and refuses the next, and each of them would be news.
const CALM: Duration = Duration::from_secs(1);

/// What there can be trouble with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Concern {
    /// Reaching Redis at all.
    Reach,
    /// Being allowed to read responses.
    Read,
    /// Being allowed to write them.
    Write,
    /// Being allowed to follow and write the log.
    Log,
}

impl Concern {
    const fn bit(self) -> u8 {
        match self {
            Self::Reach => 1,
            Self::Read => 2,
            Self::Write => 4,
            Self::Log => 8,
        }
    }
}

/// What there is trouble with now.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    concerns: u8,
    last: Option<Instant>,
}

impl Trouble {
    /// Something failed. Says whether trouble begins.
    pub(crate) fn failed(&mut self, concern: Concern, now: Instant) -> bool {
        let begins = !self.any();
        self.concerns |= concern.bit();
        self.last = Some(now);
        begins
    }

    /// Something worked. Says whether trouble has ended.
    pub(crate) fn worked(&mut self, concern: Concern, now: Instant) -> bool {
        if !self.any() || self.last.is_some_and(|last| now < last + CALM) {
            return false;
        }
        self.concerns &= !(concern.bit() | Concern::Reach.bit());
        !self.any()
    }

    /// Whether there is any.
    pub(crate) fn any(&self) -> bool {
        self.concerns != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_begins_once_and_ends_once() {
        let now = Instant::now();
        let mut trouble = Trouble::default();
        assert!(!trouble.worked(Concern::Read, now));
        assert!(trouble.failed(Concern::Reach, now));
        assert!(!trouble.failed(Concern::Reach, now));
        assert!(!trouble.failed(Concern::Write, now));
        assert!(
            !trouble.worked(Concern::Read, now + CALM),
            "writes are still refused"
        );
        assert!(trouble.worked(Concern::Write, now + CALM));
        assert!(!trouble.worked(Concern::Write, now + CALM));
        assert!(trouble.failed(Concern::Reach, now + CALM));
    }

    #[tokio::test]
    async fn whatever_works_shows_that_redis_is_reached() {
        let now = Instant::now();
        for concern in [Concern::Read, Concern::Write, Concern::Log] {
            let mut trouble = Trouble::default();
            trouble.failed(Concern::Reach, now);
            assert!(trouble.worked(concern, now + CALM));
        }
    }

    #[tokio::test]
    async fn a_success_between_two_failures_is_not_its_end() {
        let now = Instant::now();
        let mut trouble = Trouble::default();
        trouble.failed(Concern::Write, now);
        assert!(!trouble.worked(Concern::Write, now + CALM / 2));
        assert!(!trouble.failed(Concern::Write, now + CALM / 2));
    }
}
