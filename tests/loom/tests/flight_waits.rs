//! Loads that ask for each other's values, in every order of their steps.

use larder_loom::flight_waits::{self, Waits};
use larder_loom::{explore, must_be_found};

fn circle<W: Waits>(number: usize) -> usize {
    explore((number > 2).then_some(3), move || flight_waits::loads_in_a_circle::<W>(number))
}

fn many<W: Waits>() -> usize {
    explore(3, flight_waits::a_load_of_many::<W>)
}

fn within<W: Waits>() -> usize {
    explore(None, flight_waits::a_load_within_a_load::<W>)
}

#[test]
fn no_load_waits_for_itself() {
    for (name, orders) in [
        ("two loads in a circle", circle::<flight_waits::Sound>(2)),
        ("three loads in a circle", circle::<flight_waits::Sound>(3)),
        ("a load of many", many::<flight_waits::Sound>()),
        ("a load within a load", within::<flight_waits::Sound>()),
    ] {
        println!("{name}: {orders} orders");
        assert!(orders > 1, "{name}: nothing was explored");
    }
}

#[test]
fn a_mistake_is_found() {
    use flight_waits::*;
    must_be_found(
        "a_mistake_is_found",
        &[
            ("looks_and_notes_in_two_steps", "deadlock", || circle::<LooksAndNotesInTwoSteps>(2)),
            ("looks_at_the_next_flight_only", "deadlock", || circle::<LooksAtTheNextFlightOnly>(3)),
            ("waits_stay", "a wait stays", || circle::<WaitsStay>(2)),
            ("ends_the_other_waits", "deadlock", many::<EndsTheOtherWaits>),
            ("notes_the_inner_fill_only", "deadlock", within::<NotesTheInnerFillOnly>),
        ],
    );
}
