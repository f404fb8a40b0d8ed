//! Early refresh: refreshes a stored value shortly before it becomes stale, so that no request
//! waits.
//!
//! The algorithm is XFetch, from Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache
//! Stampede Prevention", PVLDB 8(8), 2015. A request that finds a value refreshes it if this holds:
//!
//! ```text
//! now − cost · β · ln(u) ≥ expiry        u uniform in (0, 1]
//! ```
//!
//! `cost` is the time that it took to generate the value. Each request draws its own `u`, without
//! any coordination. The more requests there are, the earlier one of them draws a `u` that is low
//! enough. The higher the cost is, the earlier the refresh starts, so there is more time for it.

use std::time::Duration;

/// The time to the expiry beyond which no number is drawn, in multiples of `cost · β`.
///
/// A refresh is due there with a probability of e^−20, which is one request in five hundred
/// million.
const NEGLIGIBLE: f64 = 20.0;

/// The setting that controls how early responses are refreshed before they become stale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyRefresh {
    beta: f64,
    /// The time to the expiry within which a refresh is possible, in multiples of the cost.
    ///
    /// It is `β` times `NEGLIGIBLE`, rounded up. It is a whole number, so that a hit on a response
    /// far from its expiry takes one multiplication and no random number.
    reach: u32,
}

impl EarlyRefresh {
    /// No early refresh.
    pub const OFF: Self = Self { beta: 0.0, reach: 0 };

    /// `β` = 1, as the paper recommends.
    pub const OPTIMAL: Self = Self { beta: 1.0, reach: 20 };

    /// The largest allowed `β`.
    pub const MAX: f64 = 1_000.0;

    /// Creates a setting with this `β`.
    ///
    /// A value above 1 refreshes earlier, a value below 1 refreshes later, and 0 never refreshes.
    /// Returns `None` if `beta` is not from 0 to [`MAX`](Self::MAX).
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 20,000.
    pub fn new(beta: f64) -> Option<Self> {
        (0.0..=Self::MAX).contains(&beta).then(|| Self { beta, reach: (beta * NEGLIGIBLE).ceil() as u32 })
    }

    /// Returns `β`.
    #[must_use]
    pub const fn beta(self) -> f64 {
        self.beta
    }

    /// Whether a response is so near its expiry that [`is_due`](Self::is_due) could return `true`.
    ///
    /// `left` is the time for which the response is still fresh, and `cost` is the time that it
    /// took to generate it. Both are in nanoseconds. For nearly all hits, this is the only check.
    #[inline]
    #[must_use]
    pub fn is_near(&self, left: u64, cost: u64) -> bool {
        left < cost.saturating_mul(self.reach.into())
    }

    /// Whether this request should refresh a response that is still fresh for `left`.
    ///
    /// `cost` is the time that it took to generate the response. `draw` returns a uniformly
    /// distributed number from `(0, 1]`. It is only called near the expiry.
    #[inline]
    #[must_use]
    pub fn is_due(&self, left: Duration, cost: Duration, draw: impl FnOnce() -> f64) -> bool {
        left < cost.saturating_mul(self.reach) && self.draws(left, cost, draw())
    }

    #[cold]
    fn draws(&self, left: Duration, cost: Duration, drawn: f64) -> bool {
        left.as_secs_f64() <= -(cost.as_secs_f64() * self.beta * drawn.ln())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLIS: fn(u64) -> Duration = Duration::from_millis;

    fn at(beta: f64) -> EarlyRefresh {
        EarlyRefresh::new(beta).unwrap()
    }

    #[test]
    fn a_draw_of_u_refreshes_from_cost_times_beta_times_minus_ln_u_before_the_expiry() {
        let e = std::f64::consts::E;
        // The last two numbers are times before the expiry in milliseconds: not due yet, and just
        // due.
        let cases = [
            (1.0, 100, 1.0 / e, 101, 99),
            (1.0, 100, 1.0 / (e * e), 201, 199),
            (2.0, 100, 1.0 / e, 201, 199),
            (0.5, 100, 1.0 / e, 51, 49),
            (1.0, 10_000, 0.5, 6_932, 6_931),
            (1_000.0, 1_000, 0.9, 105_361, 105_360),
        ];
        for (beta, cost, drawn, not_yet, due) in cases {
            let is_due = |left| at(beta).is_due(MILLIS(left), MILLIS(cost), || drawn);
            assert!(!is_due(not_yet), "{beta} {cost} {drawn}");
            assert!(is_due(due), "{beta} {cost} {drawn}");
        }
    }

    #[test]
    fn the_highest_draw_is_never_due_and_the_lowest_always_within_reach() {
        assert!(!at(1.0).is_due(MILLIS(1), MILLIS(1_000), || 1.0));
        assert!(at(1.0).is_due(MILLIS(19_999), MILLIS(1_000), || f64::MIN_POSITIVE));
    }

    #[test]
    fn no_number_is_drawn_far_from_the_expiry_for_a_free_fill_or_if_it_is_off() {
        let undrawn = || -> f64 { panic!("drawn") };
        assert!(!at(1.0).is_due(MILLIS(2_000), MILLIS(100), undrawn));
        assert!(!at(1.0).is_due(Duration::from_nanos(1), Duration::ZERO, undrawn));
        assert!(!at(0.0).is_due(Duration::from_nanos(1), Duration::MAX, undrawn));
        assert!(!EarlyRefresh::OFF.is_due(Duration::ZERO, Duration::MAX, undrawn));
        assert!(!at(1_000.0).is_due(Duration::MAX, Duration::MAX, undrawn), "no overflow");
    }

    #[test]
    fn a_beta_that_makes_no_sense_is_none() {
        for beta in [-0.1, 1_000.1, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(EarlyRefresh::new(beta), None, "{beta}");
        }
        assert_eq!(EarlyRefresh::new(0.0), Some(EarlyRefresh::OFF));
        assert_eq!(EarlyRefresh::new(1.0), Some(EarlyRefresh::OPTIMAL));
    }
}
