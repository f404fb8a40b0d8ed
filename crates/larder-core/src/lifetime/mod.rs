//! The lifetime of what is stored, and what it permits. It is the same for responses and values.
//!
//! * [`permitted_use`]: the use that a lifetime and the invalidation log permit at some age.
//! * [`jitter`]: random variation of freshness lifetimes.
//! * [`shared_expiry`]: how long the shared tier keeps a value.
//! * [`early_refresh`]: whether a stored value is refreshed before it becomes stale.

pub mod early_refresh;
pub mod jitter;
pub mod permitted_use;
pub mod shared_expiry;

use std::time::Duration;

/// The freshness lifetime of a stored response or value, and the windows after it.
///
/// In a window, it may still be used although it is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)] // A fourth window would change every rule.
pub struct Lifetime {
    /// The freshness lifetime (RFC 9111 §4.2.1).
    pub fresh: Duration,
    /// The time after expiry in which it may be served during a refresh (RFC 5861 §3).
    pub while_revalidate: Duration,
    /// The time after expiry in which it may be served if the fill fails (RFC 5861 §4).
    pub if_error: Duration,
}

impl Lifetime {
    /// Returns for how long it is of use at all, with or without validation.
    ///
    /// This is the freshness lifetime plus the longer window.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.fresh.saturating_add(self.while_revalidate.max(self.if_error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_freshness_and_the_longer_window() {
        let secs = Duration::from_secs;
        let lifetime = Lifetime { fresh: secs(100), while_revalidate: secs(20), if_error: secs(30) };
        assert_eq!(lifetime.total(), secs(130));
    }
}
