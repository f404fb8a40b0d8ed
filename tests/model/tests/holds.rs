//! Checks that the rules hold in every state of the small scopes.

use larder_model::configurations;
use larder_model::run::check;

/// More states than any of these scopes has, so that each is exhausted.
const MAX_STATES: usize = 5_000_000;

#[test]
fn no_response_comes_back_and_refusals_end() {
    for scope in configurations::small() {
        let report = check(&scope, MAX_STATES, 1);
        println!("{}: {} states, {:.1?}", scope.name, report.unique, report.took);
        assert!(report.trace.is_none(), "{}: {:#?}", scope.name, report.trace);
        assert!(report.is_exhausted, "{}", scope.name);
    }
}

/// If two logs are trusted in turns, the number of states is unlimited.
#[test]
fn no_response_comes_back_after_a_cut_off_primary_within_the_explored_depth() {
    let report = check(&configurations::cut_off_here(), 1_000_000, 1);
    assert!(report.trace.is_none(), "{:#?}", report.trace);
    assert!(report.depth > 12, "{}", report.depth);
}
