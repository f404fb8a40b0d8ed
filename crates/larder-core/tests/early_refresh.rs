//! The probability of an early refresh, compared with the formula of the paper.

use std::time::Duration;

use larder_core::lifetime::early_refresh::EarlyRefresh;
use proptest::prelude::*;

const DRAWS: u32 = 20_000;

/// Returns the share of the requests, each with its own draw, that are due to refresh.
fn share_due(rule: EarlyRefresh, left: Duration, cost: Duration, seed: u64) -> f64 {
    let mut random = fastrand::Rng::with_seed(seed);
    let due = (0..DRAWS).filter(|_| rule.is_due(left, cost, || 1.0 - random.f64()));
    due.map(|_| 1.0).sum::<f64>() / f64::from(DRAWS)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// `cost · β · −ln(u) ≥ left` is as likely as `u ≤ e^(−left / (cost · β))`.
    #[test]
    fn it_is_as_likely_as_the_paper_says(
        beta in 0.05_f64..20.0,
        cost in 1_u64..10_000,
        expected in 0.01_f64..0.99,
        seed: u64,
    ) {
        let cost = Duration::from_millis(cost);
        let left = Duration::from_secs_f64(-expected.ln() * cost.as_secs_f64() * beta);
        let found = share_due(EarlyRefresh::new(beta).unwrap(), left, cost, seed);
        // Six standard deviations of a share of this many draws.
        let tolerance = 6.0 * (expected * (1.0 - expected) / f64::from(DRAWS)).sqrt();
        prop_assert!((found - expected).abs() < tolerance, "{found} instead of {expected}");
    }

    #[test]
    fn a_free_fill_is_never_refreshed_early(beta in 0.0..=EarlyRefresh::MAX, left in 1_u64.., drawn in 0.0_f64..=1.0) {
        let left = Duration::from_nanos(left);
        prop_assert!(!EarlyRefresh::new(beta).unwrap().is_due(left, Duration::ZERO, || drawn));
    }

    /// A lower draw, less time left or a higher cost never makes a refresh less likely.
    #[test]
    fn it_never_turns_back(
        beta in 0.0..=EarlyRefresh::MAX,
        (left, sooner) in (0_u64..1 << 60, 0_u64..1 << 60),
        (cost, more) in (0_u64..1 << 60, 0_u64..1 << 60),
        (drawn, lower) in (0.001_f64..=1.0, 0.001_f64..=1.0),
    ) {
        let rule = EarlyRefresh::new(beta).unwrap();
        let is_due = |left: u64, cost: u64, drawn: f64| {
            rule.is_due(Duration::from_nanos(left), Duration::from_nanos(cost), || drawn)
        };
        if is_due(left, cost, drawn) {
            prop_assert!(is_due(left.min(sooner), cost.max(more), drawn.min(lower)));
        }
    }
}
