//! The scope of a fill, in every order of the steps of its loads.

use larder_loom::fill_scopes::{self, Scope};
use larder_loom::{explore, must_be_found};

fn loads<S: Scope>() -> usize {
    explore(3, fill_scopes::loads_note_at_once::<S>)
}

#[test]
fn a_fill_is_as_old_as_its_oldest_value() {
    let orders = loads::<fill_scopes::Sound>();
    println!("three loads note a value each: {orders} orders");
    assert!(orders > 1, "nothing was explored");
}

#[test]
fn a_mistake_is_found() {
    let mistakes: larder_loom::Mistakes<'_> =
        &[("notes_in_two_steps", "what the fill has used", loads::<fill_scopes::NotesInTwoSteps>)];
    must_be_found("a_mistake_is_found", mistakes);
}
