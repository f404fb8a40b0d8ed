//! Checks the rule for lagging replicas, and that the model finds each misreading of it.

use larder_model::replica_lag::{LagBudget, LagModel, LagReading, check_lag};

fn here(reading: LagReading) -> LagModel {
    let budget = LagBudget { writes: 2, deferred: 0, fills: 1, gets: 0, polls: 2 };
    LagModel { processes: 1, budget, ticks: 4, reading }
}

fn there(reading: LagReading) -> LagModel {
    let budget = LagBudget { writes: 1, deferred: 0, fills: 1, gets: 1, polls: 2 };
    LagModel { processes: 2, budget, ticks: 3, reading }
}

fn deferred(reading: LagReading) -> LagModel {
    let budget = LagBudget { writes: 1, deferred: 1, fills: 1, gets: 0, polls: 1 };
    LagModel { processes: 1, budget, ticks: 4, reading }
}

#[test]
fn once_the_lag_has_passed_no_older_row_is_served() {
    for (name, model) in [("here", here as fn(_) -> _), ("there", there), ("deferred", deferred)] {
        let (states, violation) = check_lag(model(LagReading::Right));
        println!("{name}: {states} states");
        assert!(violation.is_none(), "{name}: {violation:#?}");
        assert!(states > 1_000, "{name}: {states}");
    }
}

#[test]
fn every_misreading_is_found() {
    for reading in LagReading::MISTAKES {
        let found = [here, there, deferred].into_iter().find_map(|model| check_lag(model(reading)).1);
        let steps = found.unwrap_or_else(|| panic!("{reading:?} does no harm"));
        println!("{reading:?} is found in {} steps: {steps:?}", steps.len());
    }
}
