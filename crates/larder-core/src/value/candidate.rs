//! The rule for using a stored value.

use std::time::Duration;

use crate::invalidation::table::Verdict;
use crate::lifetime::Lifetime;
use crate::lifetime::permitted_use::{Reuse, by_lifetime, refusal};

/// The properties of a stored value that decide whether it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A decision needs all of them.
pub struct ValueCandidate {
    /// The time since the value was loaded.
    pub age: Duration,
    /// The freshness lifetime and the windows after it.
    pub lifetime: Lifetime,
    /// The verdict of the invalidation log.
    pub verdict: Verdict,
    /// Whether the log was confirmed recently enough to be trusted (rule 10 of the log).
    pub confirmed: bool,
}

impl ValueCandidate {
    /// Decides how the value may be used.
    #[inline]
    #[must_use]
    pub fn permitted_use(&self) -> Reuse {
        match refusal(self.verdict, self.confirmed) {
            Some(reason) => Reuse::Refused(reason),
            None => by_lifetime(self.age, self.lifetime, self.verdict),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::MissReason;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Returns a value that is fresh for 60 s, and has windows of 10 s and 20 s.
    fn aged(age: u64) -> ValueCandidate {
        ValueCandidate {
            age: secs(age),
            lifetime: Lifetime { fresh: secs(60), while_revalidate: secs(10), if_error: secs(20) },
            verdict: Verdict::Valid,
            confirmed: true,
        }
    }

    #[test]
    fn a_value_is_fresh_then_stale_within_its_windows() {
        let stale = |reason, while_revalidate, if_error| Reuse::Stale { reason, while_revalidate, if_error };
        let expired = MissReason::Expired;
        for (age, expected) in [
            (0, Reuse::Fresh { left: secs(60) }),
            (59, Reuse::Fresh { left: secs(1) }),
            (60, stale(expired, true, true)),
            (70, stale(expired, false, true)),
            (80, stale(expired, false, false)),
        ] {
            assert_eq!(aged(age).permitted_use(), expected, "{age}");
        }
        let soft = ValueCandidate { verdict: Verdict::Soft(secs(15)), ..aged(5) };
        assert_eq!(soft.permitted_use(), stale(MissReason::Invalidated, false, true));
    }

    #[test]
    fn a_refused_or_unconfirmed_value_is_of_no_use() {
        let refused = ValueCandidate { verdict: Verdict::Refused, confirmed: false, ..aged(0) };
        assert_eq!(refused.permitted_use(), Reuse::Refused(MissReason::Invalidated));
        let unconfirmed = ValueCandidate { confirmed: false, ..aged(0) };
        assert_eq!(unconfirmed.permitted_use(), Reuse::Refused(MissReason::Unconfirmed));
    }
}
