//! Checks that the model finds every misreading: a response comes back, or refusing never ends.

use larder_model::misreadings;
use larder_model::run::check;

const MAX_STATES: usize = 5_000_000;

#[test]
fn every_misreading_is_found_out() {
    for (rule, scope) in misreadings::all() {
        let report = check(&scope, MAX_STATES, 1);
        let trace = report.trace.unwrap_or_else(|| panic!("rule {rule}: {:?} does no harm", scope.reading));
        println!("rule {rule}: {:?} is found out in {} steps", scope.reading, trace.actions.len());
    }
}

#[test]
fn a_misreading_that_another_rule_makes_up_for_does_no_harm() {
    for (rule, scope) in misreadings::harmless() {
        let report = check(&scope, MAX_STATES, 1);
        assert!(report.is_exhausted, "rule {rule}: {:?}: {:#?}", scope.reading, report.trace);
    }
}
