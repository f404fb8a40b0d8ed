//! P3: refusing ends. From every state, once faults are over, every invalidation is applied and
//! every filled response is served.

use larder_core::log::table::Verdict;

use crate::action::{Action, Log};
use crate::protocol::Protocol;
use crate::step::new;
use crate::world::{Progress, World};

/// The number of rounds in which every process polls and appends. Each round reads at least one
/// more event, and a log has at most seven.
const ROUNDS: usize = 12;

impl Protocol {
    /// Whether the system recovers once nothing fails anymore.
    #[must_use]
    pub fn recovers(&self, world: &World) -> bool {
        self.recovered(world).is_some()
    }

    fn recovered(&self, world: &World) -> Option<()> {
        let mut world = world.clone();
        world = self.after(&world, Action::Heal).unwrap_or(world);
        world.instances.iter_mut().for_each(|instance| instance.look = None);
        for _ in 0..ROUNDS {
            world = self.round(world)?;
        }
        let is_applied = |progress| matches!(progress, Progress::Applied(_));
        (world.invalidations.iter().all(|one| is_applied(one.progress))
            && (0..world.instances.len())
                .all(|at| (0..self.scope.keys).all(|key| self.is_served(&world, at, key))))
        .then_some(())
    }

    fn round(&self, mut world: World) -> Option<World> {
        let mut actions: Vec<_> = (0..world.invalidations.len())
            .filter(|which| matches!(world.invalidations[*which].progress, Progress::Sent { .. }))
            .filter_map(|which| Some(Action::Answer { which: u8::try_from(which).ok()? }))
            .collect();
        for by in (0..world.instances.len()).filter_map(|by| u8::try_from(by).ok()) {
            actions.extend([Action::Look { by, log: Log::New }, Action::LookOn { by }, Action::Take { by }]);
            actions.push(Action::Flush { by, log: Log::New, answered: true });
        }
        actions.push(Action::Tick);
        for action in actions {
            // Impossible actions are skipped.
            world = self.after(&world, action).unwrap_or(world);
        }
        Some(world)
    }

    /// Whether a response that is filled here now is served here, and everywhere else through the
    /// shared tier.
    fn is_served(&self, world: &World, at: usize, key: u8) -> bool {
        let filled = new(&world.instances[at], key, world.db[usize::from(key)]);
        let there = world.register[usize::from(key)].as_ref();
        let is_shared = !self.scope.register || self.replaces(there, &filled);
        is_shared
            && self.serves(&world.instances[at], &filled) == Some(true)
            && world.instances.iter().all(|other| {
                let promoted = self.promoted(other, &filled, other.tail.position().mark.local);
                self.trusts(other) && self.verdict(other, &promoted) == Verdict::Valid
            })
    }
}
