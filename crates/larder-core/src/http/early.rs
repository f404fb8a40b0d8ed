//! Early refresh: making a response anew shortly before it goes stale, so that nobody ever waits for it.
//!
//! XFetch, from Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", PVLDB 8(8),
//! 2015: a request that finds the value refreshes it when
//!
//! ```text
//! now − cost · β · ln(u) ≥ expiry        u uniform in (0, 1]
//! ```
//!
//! where `cost` is how long the value took to make. Each request draws for itself and asks nobody. The more requests, the
//! earlier one of them draws low enough, and the costlier the value, the more time there is for it.

use std::time::Duration;

/// Beyond this many times `cost · β` before the expiry nothing is drawn: e^−20 is one request in five hundred million.
const NEGLIGIBLE: f64 = 20.0;

/// How eagerly responses are refreshed before they go stale.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EarlyRefresh {
    beta: f64,
    /// So many times its cost before its expiry a response may be refreshed at all: `β` times the constant above, rounded
    /// up. A whole number, so that a hit on what is not near its expiry takes one multiplication and no random number.
    reach: u32,
}

impl EarlyRefresh {
    /// Not at all.
    pub const OFF: Self = Self { beta: 0.0, reach: 0 };

    /// As the paper advises.
    pub const OPTIMAL: Self = Self { beta: 1.0, reach: 20 };

    /// The largest `β`.
    pub const MOST: f64 = 1_000.0;

    /// With this `β`: above 1 is earlier, below is later, 0 is never. `None` if it is not between 0 and
    /// [`MOST`](Self::MOST).
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Between 0 and 20,000.
    pub fn new(beta: f64) -> Option<Self> {
        (0.0..=Self::MOST).contains(&beta).then(|| Self { beta, reach: (beta * NEGLIGIBLE).ceil() as u32 })
    }

    /// Whether a response that is fresh for so many nanoseconds more, and took so many to make, is so near its expiry that
    /// [`is_due`](Self::is_due) could say yes. It is what nearly all hits have to know.
    #[inline]
    #[must_use]
    pub fn is_near(&self, left: u64, cost: u64) -> bool {
        left < cost.saturating_mul(self.reach.into())
    }

    /// Whether a request that finds a response which is fresh for `left` more, and took `cost` to make, is the one to
    /// refresh it. `draw` gives a number from (0, 1], uniformly; it is only asked near the expiry.
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
        // The last moment at which it is not due yet, and the first at which it is, in milliseconds before the expiry.
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
    fn nothing_is_drawn_far_from_the_expiry_for_what_cost_nothing_or_where_it_is_off() {
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
