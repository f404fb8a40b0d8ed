//! Tests that each case measures what its name says.

use clap::ValueEnum;
use tokio::runtime::Runtime;

use super::{Case, origin};

/// One test covers everything, because the handler counts its runs for the whole process.
#[test]
fn the_handler_runs_without_a_layer_and_for_a_bypass() {
    let runtime = Runtime::new().unwrap();
    let _entered = runtime.enter();
    for case in Case::value_variants() {
        let mut hit = case.hit(&runtime);
        let before = origin::runs();
        hit.once();
        hit.once();
        let expected = if case.runs_handler() { 2 } else { 0 };
        assert_eq!(origin::runs() - before, expected, "{case:?}");
    }
}
