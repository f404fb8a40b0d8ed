//! Explores the clients of a fill.

use larder_loom::audiences::{self, Clients};
use larder_loom::{explore, must_be_found};

fn leaving<C: Clients>() -> usize {
    explore(None, || audiences::all_leave::<C>(2))
}

fn coming<C: Clients>() -> usize {
    explore(3, audiences::another_comes::<C>)
}

#[test]
fn the_last_client_that_leaves_ends_the_run() {
    for (name, orders) in [
        ("two clients leave", leaving::<audiences::Sound>()),
        ("another one comes", coming::<audiences::Sound>()),
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
            ("counts_before_listening", "deadlock", leaving::<audiences::CountsBeforeListening>),
            ("leaves_in_silence", "deadlock", leaving::<audiences::LeavesInSilence>),
            ("leaves_in_two_steps", "deadlock", leaving::<audiences::LeavesInTwoSteps>),
        ],
    );
}
