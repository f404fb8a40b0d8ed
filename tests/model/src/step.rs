//! The results of actions.

mod elsewhere;
mod faults;
mod invalidating;
mod looking;
mod requesting;

pub(crate) use requesting::new;

use larder_core::invalidation::table::Verdict;
use larder_core::time::BootTime;

use crate::action::{Action, Log};
use crate::canonical::{NOW, make_canonical};
use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::server::Server;
use crate::world::{Instance, StoredResponse, World};

impl Protocol {
    /// Returns the world after this action.
    #[must_use]
    pub fn after(&self, world: &World, action: Action) -> Option<World> {
        let mut world = world.clone();
        let mut now = NOW;
        match action {
            Action::Tick => now = self.tick(&mut world),
            Action::Begin { .. }
            | Action::Depart { .. }
            | Action::Join { .. }
            | Action::Follow { .. }
            | Action::End { .. } => {
                self.fill(&mut world, action)?;
            }
            Action::Ask { .. } | Action::JoinAsk { .. } | Action::Got { .. } | Action::Arrive { .. } => {
                self.share(&mut world, action)?;
            }
            Action::Hit { .. } | Action::Remember { .. } => self.hit(&mut world, action)?,
            Action::Elsewhere { .. }
            | Action::Foreign { .. }
            | Action::Recreate
            | Action::FillElsewhere { .. } => {
                self.elsewhere(&mut world, action)?;
            }
            Action::Invalidate { .. }
            | Action::Answer { .. }
            | Action::TimeOut { .. }
            | Action::Flush { .. } => {
                self.invalidating(&mut world, action)?;
            }
            Action::Look { .. }
            | Action::LookOn { .. }
            | Action::Publish { .. }
            | Action::Take { .. }
            | Action::Seek { .. } => {
                self.looking(&mut world, action)?;
            }
            Action::Other
            | Action::Mark { .. }
            | Action::Trim
            | Action::Lose { .. }
            | Action::Isolate
            | Action::Heal
            | Action::Restart { .. } => self.fault(&mut world, action)?,
        }
        self.forget(&mut world);
        make_canonical(&mut world, now, self.scope.max_staleness + 1);
        Some(world)
    }

    /// Drops responses that can no longer break a promise.
    fn forget(&self, world: &mut World) {
        if self.scope.register {
            return;
        }
        let (none_left, db) = (world.left.of_invalidations() == 0, world.db);
        let is_news = |kept: &StoredResponse| none_left && kept.version >= db[usize::from(kept.key)];
        world.shared.retain(|kept| !is_news(kept));
        // A refused response stays refused, unless an incarnation returns.
        let stays = self.reads(Reading::Right) && self.scope.guarded;
        for instance in &mut world.instances {
            let mut memory = std::mem::take(&mut instance.memory);
            memory
                .retain(|kept| !(is_news(kept) || stays && self.verdict(instance, kept) == Verdict::Refused));
            instance.memory = memory;
            instance.flights.retain(|flight| {
                flight.waiter.is_some() || flight.base.is_some() || !is_news(&flight.brings)
            });
        }
    }

    fn tick(&self, world: &mut World) -> BootTime {
        let now = BootTime::from_nanos(NOW.as_nanos() + 1);
        let suspended = world.old.is_some() && !self.scope.guarded;
        for one in &mut world.invalidations {
            // Rule 5: without `min-replicas-to-write`, the bound begins only when the cut-off
            // primary has stopped.
            if let (crate::world::Progress::Applied(at), true) = (&mut one.progress, suspended) {
                *at = now;
            }
        }
        make_canonical(world, now, self.scope.max_staleness + 1);
        let over = |progress| matches!(progress, crate::world::Progress::Applied(at) if self.is_over(at));
        for one in world.invalidations.iter().filter(|one| over(one.progress)) {
            world.everywhere.raise(one.target, one.versions);
        }
        world.invalidations.retain(|one| !over(one.progress));
        NOW
    }

    /// Changes a tail. Verdicts that hits remember belong to its generation (rule 11).
    pub(crate) fn change<R>(
        &self,
        instance: &mut Instance,
        change: impl FnOnce(&mut larder_core::invalidation::tail::Tail) -> R,
    ) -> R {
        let (generation, incarnation) = (instance.tail.generation(), instance.tail.position().incarnation);
        let result = change(&mut instance.tail);
        let kept =
            self.reads(Reading::GenerationIsKept) && incarnation != instance.tail.position().incarnation;
        if generation != instance.tail.generation() && !kept {
            instance.memory.iter_mut().for_each(|kept| kept.is_remembered = false);
            instance.hit.iter_mut().for_each(|(_, same)| *same = false);
        }
        result
    }
}

/// Returns one of the servers.
fn server(world: &mut World, log: Log) -> Option<(&mut Server, &mut u8)> {
    let server = match log {
        Log::New => Some(&mut world.server),
        Log::Old => world.old.as_mut(),
    };
    Some((server?, &mut world.births))
}
