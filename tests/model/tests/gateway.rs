//! Checks the rule for a cache in front of a cache, and that the model finds each misreading of it.

use larder_model::gateway::{GatewayBudget, GatewayModel, GatewayReading, check_gateway};

fn late(reading: GatewayReading) -> GatewayModel {
    let budget = GatewayBudget { writes: 1, restarts: 0, fills: 2, polls: 1 };
    GatewayModel { budget, ticks: 4, reading }
}

fn restarted(reading: GatewayReading) -> GatewayModel {
    let budget = GatewayBudget { writes: 1, restarts: 1, fills: 2, polls: 1 };
    GatewayModel { budget, ticks: 4, reading }
}

#[test]
fn a_gateway_keeps_nothing_longer_than_it_may() {
    for (name, model) in [("late", late as fn(_) -> _), ("restarted", restarted)] {
        let (states, violation) = check_gateway(model(GatewayReading::Right));
        println!("{name}: {states} states");
        assert!(violation.is_none(), "{name}: {violation:#?}");
        assert!(states > 1_000, "{name}: {states}");
    }
}

#[test]
fn every_misreading_is_found() {
    for reading in GatewayReading::MISTAKES {
        let found = [late, restarted].into_iter().find_map(|model| check_gateway(model(reading)).1);
        let steps = found.unwrap_or_else(|| panic!("{reading:?} does no harm"));
        println!("{reading:?} is found in {} steps: {steps:?}", steps.len());
    }
}
