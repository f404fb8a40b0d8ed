//! A number for each outcome of a request, for arrays of counters.

use larder_core::outcome::{BypassReason, MissReason, Outcome, StaleReason, Tier};

/// The number of outcomes.
pub(super) const OUTCOMES: usize = bypass(BypassReason::ALL.len());

const fn stale(tier: Tier) -> usize {
    2 + (tier as usize) * StaleReason::ALL.len()
}

const fn miss(index: usize) -> usize {
    stale(Tier::Memory) + 2 * StaleReason::ALL.len() + index
}

const fn bypass(index: usize) -> usize {
    miss(MissReason::ALL.len()) + index
}

/// Returns the number of an outcome, from 0 to `OUTCOMES - 1`.
pub(super) const fn index_of(outcome: Outcome) -> usize {
    match outcome {
        Outcome::Hit(tier) => tier as usize,
        Outcome::Stale(tier, reason) => stale(tier) + reason.index(),
        Outcome::Miss(reason) => miss(reason.index()),
        Outcome::Bypass(reason) => bypass(reason.index()),
    }
}

/// Returns every outcome.
pub(super) fn all_outcomes() -> impl Iterator<Item = Outcome> {
    const TIERS: [Tier; 2] = [Tier::Memory, Tier::Shared];
    let stale = |tier| StaleReason::ALL.iter().map(move |reason| Outcome::Stale(tier, *reason));
    let hits = TIERS.into_iter().map(Outcome::Hit);
    hits.chain(TIERS.into_iter().flat_map(stale))
        .chain(MissReason::ALL.iter().map(|reason| Outcome::Miss(*reason)))
        .chain(BypassReason::ALL.iter().map(|reason| Outcome::Bypass(*reason)))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_outcome_has_a_place_of_its_own() {
        let places: HashSet<_> = all_outcomes().map(index_of).collect();
        assert_eq!(places, (0..OUTCOMES).collect());
    }
}
