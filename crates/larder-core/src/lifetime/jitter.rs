//! Jitter: varies lifetimes at random, so that values stored together don't expire together.

use std::time::Duration;

/// The fraction by which freshness lifetimes vary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// No variation.
    pub const OFF: Self = Self(0.0);

    /// A variation of up to a twentieth.
    pub const DEFAULT: Self = Self(0.05);

    /// The largest allowed fraction.
    pub const MAX: f64 = 0.5;

    /// Creates a variation of up to `fraction`.
    ///
    /// 0 means no variation. Returns `None` if `fraction` is not from 0 to [`MAX`](Self::MAX).
    #[must_use]
    pub fn new(fraction: f64) -> Option<Self> {
        (0.0..=Self::MAX).contains(&fraction).then_some(Self(fraction))
    }

    /// Returns the fraction.
    #[must_use]
    pub const fn fraction(self) -> f64 {
        self.0
    }

    /// Returns the longest lifetime that this makes of `lifetime`.
    #[must_use]
    pub fn longest(self, lifetime: Duration) -> Duration {
        lifetime.saturating_add(scaled(lifetime, self.0))
    }

    /// Returns a lifetime that is varied in both directions.
    ///
    /// Only the part that is left of it is varied. `drawn` is a uniformly distributed number from 0
    /// to 1.
    #[must_use]
    pub fn vary(self, lifetime: Duration, left: Duration, drawn: f64) -> Duration {
        let most = scaled(left, self.0);
        lifetime.saturating_sub(most).saturating_add(scaled(most, 2.0 * drawn))
    }

    /// Returns a lifetime that is only shortened, otherwise like [`vary`](Self::vary).
    #[must_use]
    pub fn shorten(self, lifetime: Duration, left: Duration, drawn: f64) -> Duration {
        lifetime.saturating_sub(scaled(scaled(left, self.0), drawn))
    }
}

/// Multiplies a time by a factor.
///
/// Returns the time unchanged if the result is too long for a `Duration`.
fn scaled(time: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(time.as_secs_f64() * factor).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_lifetime_is_too_long() {
        let half = Jitter::new(0.5).unwrap();
        for drawn in [0.0, 0.3, 1.0] {
            for moved in [
                half.vary(Duration::MAX, Duration::MAX, drawn),
                half.shorten(Duration::MAX, Duration::MAX, drawn),
            ] {
                assert!(moved >= Duration::MAX / 3, "{moved:?}");
            }
        }
    }

    #[test]
    fn a_fraction_that_makes_no_sense_is_none() {
        for fraction in [-0.01, 0.51, f64::NAN, f64::INFINITY] {
            assert_eq!(Jitter::new(fraction), None, "{fraction}");
        }
        assert_eq!(Jitter::new(0.0), Some(Jitter::OFF));
        assert_eq!(Jitter::new(0.05), Some(Jitter::DEFAULT));
    }
}
