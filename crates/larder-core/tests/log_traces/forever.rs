//! Random histories, compared with two references that forget nothing.
//!
//! The first reference has the events that an instance received, one by one. A response that it
//! refuses is never valid in the table of the instance. The second reference is what really
//! happened (P1, P2 and P3 of the log).

mod history;
mod reference;
mod steps;

use larder_core::invalidation::tail::Limits;
use proptest::prelude::*;

use self::history::World;
use self::steps::{Step, steps};

const SMALL: Limits = Limits { rows: 6, globs: 1, outbox: 3 };

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// There is little room: rows are folded into the floor, and the outbox collapses.
    #[test]
    fn no_verdict_is_milder_than_the_history_if_names_are_forgotten(steps in steps()) {
        let mut world = World::new(SMALL);
        for step in steps {
            world.take(step);
            world.check_against_history(false)?;
        }
    }

    /// There is room for all, so no response is refused without a reason.
    #[test]
    fn every_verdict_equals_the_history_if_no_name_is_forgotten(steps in steps()) {
        let mut world = World::new(Limits::default());
        for step in steps {
            world.take(step);
            world.check_against_history(true)?;
        }
    }

    #[test]
    fn invalidated_responses_are_gone_and_later_fills_are_served(steps in steps()) {
        for limits in [SMALL, Limits::default()] {
            let mut world = World::new(limits);
            for step in steps.clone() {
                world.take(step);
                world.hold_against_what_happened()?;
            }
            world.recovers()?;
            world.take(Step::Wait { millis: 1_000 });
            world.hold_against_what_happened()?;
        }
    }
}
