//! Explores an arriving body, with its fill and its followers.

use larder_loom::bodies::{self, Stream};
use larder_loom::flights::Exit;
use larder_loom::{explore, must_be_found};

const EXITS: [Exit; 3] = [Exit::Ends, Exit::Dropped, Exit::Panics];

fn followed<S: Stream>(followers: usize, exit: Exit) -> usize {
    let preemptions = (followers > 1).then_some(3);
    explore(preemptions, move || bodies::followed::<S>(followers, exit))
}

#[test]
fn all_who_follow_hear_the_end() {
    for exit in EXITS {
        // A poisoned mutex of loom cannot be locked twice.
        let most = if exit == Exit::Panics { 1 } else { 2 };
        for followers in 1..=most {
            let orders = followed::<bodies::Sound>(followers, exit);
            println!("{followers} follow, the fill {exit:?}: {orders} orders");
            assert!(orders > 1, "nothing was explored");
        }
    }
}

#[test]
fn a_mistake_is_found() {
    use bodies::{EndsFromTheBeginning, TakesAnOldPlace, VanishesInSilence, WokenTooEarly};
    must_be_found(
        "a_mistake_is_found",
        &[
            ("woken too early", "deadlock", || followed::<WokenTooEarly>(1, Exit::Ends)),
            ("vanishes in silence", "deadlock", || followed::<VanishesInSilence>(1, Exit::Dropped)),
            ("panics in silence", "deadlock", || followed::<VanishesInSilence>(1, Exit::Panics)),
            ("takes an old place", "deadlock", || followed::<TakesAnOldPlace>(2, Exit::Ends)),
            ("ends from the beginning", "what was read", || followed::<EndsFromTheBeginning>(1, Exit::Ends)),
        ],
    );
}
