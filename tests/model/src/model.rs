//! The model for `stateright`.

use stateright::{Model, Property};

use crate::action::{self, Action};
use crate::protocol::Protocol;
use crate::server::Server;
use crate::world::{LowestVersions, World};

/// P1, P2 and rule 17.
pub const NOTHING_COMES_BACK: &str = "what was invalidated does not come back";
/// P3.
pub const REFUSING_ENDS: &str = "once faults are over, what is filled is served";

/// Further failovers and repairs would repeat the same states.
const MAX_BIRTHS: u8 = 6;

impl Model for Protocol {
    type State = World;
    type Action = Action;

    /// Every process has read the log once. Restarts add processes that have not.
    fn init_states(&self) -> Vec<World> {
        let mut world = World {
            left: self.scope.budget,
            db: [1; crate::target::KEYS],
            births: 1,
            server: Server::new(1),
            old: None,
            owed: None,
            instances: vec![],
            invalidations: vec![],
            everywhere: LowestVersions::default(),
            shared: vec![],
            register: [None; crate::target::KEYS],
            tokens: vec![],
            found: None,
        };
        for by in (0..self.scope.instances).filter_map(|by| u8::try_from(by).ok()) {
            world.births += 1;
            world.instances.push(self.instance(world.births, LowestVersions::default()));
            for action in
                [Action::Look { by, log: action::Log::New }, Action::LookOn { by }, Action::Take { by }]
            {
                world = self.after(&world, action).unwrap_or(world);
            }
        }
        vec![world]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        action::all(self, world, actions);
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        // An action that changes nothing is no step.
        self.after(world, action).filter(|after| after != world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![Property::<Self>::always(NOTHING_COMES_BACK, |protocol, world| {
            protocol.broken(world).is_none()
        })];
        if self.scope.recovers {
            properties.push(Property::<Self>::always(REFUSING_ENDS, super::protocol::Protocol::recovers));
        }
        properties
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.births <= MAX_BIRTHS
    }
}
