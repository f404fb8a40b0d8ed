//! Checks rule 18, and that the model finds each misreading of it.

use std::time::Instant;

use larder_model::write_through::{check_writes, harmless, misreadings, small};

/// More states than any of these scopes has, so that each is exhausted.
const MAX_STATES: usize = 5_000_000;

#[test]
fn no_older_value_is_served_and_undisturbed_writes_are_stored() {
    for model in small() {
        let began = Instant::now();
        let report = check_writes(model, MAX_STATES, 1);
        println!("{}: {} states, {:.1?}", model.name, report.unique, began.elapsed());
        assert!(report.violation.is_none(), "{}: {:#?}", model.name, report.violation);
        assert!(report.is_exhausted, "{}", model.name);
    }
}

#[test]
fn every_misreading_is_found() {
    for model in misreadings() {
        let report = check_writes(model, MAX_STATES, 1);
        let reading = model.reading;
        let found = report.violation.unwrap_or_else(|| panic!("{reading:?} does no harm: {}", report.unique));
        println!("{reading:?} breaks {:?} in {} steps: {:?}", found.broken, found.steps.len(), found.steps);
    }
}

#[test]
fn a_misreading_that_another_rule_makes_up_for_does_no_harm() {
    for model in harmless() {
        let report = check_writes(model, MAX_STATES, 1);
        assert!(report.is_exhausted, "{:?}: {:#?}", model.reading, report.violation);
    }
}
