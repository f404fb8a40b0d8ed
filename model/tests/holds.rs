//! As they are meant, the rules hold in every state of the small scopes.

use larder_model::configurations;
use larder_model::run::check;

/// More states than any of these has: each is exhausted.
const MOST: usize = 5_000_000;

#[test]
fn nothing_comes_back_and_refusing_ends() {
    for scope in configurations::small() {
        let report = check(&scope, MOST, 1);
        println!("{}: {} states, {:.1?}", scope.name, report.unique, report.took);
        assert!(report.trace.is_none(), "{}: {:#?}", scope.name, report.trace);
        assert!(report.is_exhausted, "{}", scope.name);
    }
}
