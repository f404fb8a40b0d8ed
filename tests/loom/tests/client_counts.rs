//! The clients of a fill, in every order of their steps.

use larder_loom::client_counts::{self, Clients};
use larder_loom::{explore, must_be_found};

fn leaving<C: Clients>() -> usize {
    explore(None, || client_counts::all_leave::<C>(2))
}

fn coming<C: Clients>() -> usize {
    explore(3, client_counts::another_comes::<C>)
}

#[test]
fn the_last_client_that_leaves_ends_the_run() {
    for (name, orders) in [
        ("two clients leave", leaving::<client_counts::Sound>()),
        ("another one comes", coming::<client_counts::Sound>()),
    ] {
        println!("{name}: {orders} orders");
        assert!(orders > 1, "{name}: nothing was explored");
    }
}

#[test]
fn a_mistake_is_found() {
    must_be_found(
        "a_mistake_is_found",
        &[
            ("counts_before_listening", "deadlock", leaving::<client_counts::CountsBeforeListening>),
            ("leaves_in_silence", "deadlock", leaving::<client_counts::LeavesInSilence>),
            ("leaves_in_two_steps", "deadlock", leaving::<client_counts::LeavesInTwoSteps>),
        ],
    );
}
