//! Faults.

use super::server;
use crate::action::{Action, Log};
use crate::canonical::NOW;
use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::target::{Selection, hard};
use crate::world::{Instance, LowestVersions, Progress, World};

impl Protocol {
    pub(super) fn fault(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Other => {
                world.left.others -= 1;
                let number = world.left.others;
                let uris =
                    self.scope.targets.iter().any(|target| matches!(target.selection, Selection::Uri(_)));
                let other = hard(if uris { Selection::OtherUri(number) } else { Selection::Other(number) });
                let (server, births) = server(world, Log::New)?;
                server.append(vec![other], births);
            }
            Action::Mark { log } => {
                world.left.marks -= 1;
                server(world, log)?.0.leave_mark();
            }
            Action::Trim => {
                world.left.trims -= 1;
                world.server.trim();
            }
            Action::Lose { newest } => {
                world.left.losses -= 1;
                self.lose(world, newest);
            }
            Action::Isolate => {
                world.left.isolations -= 1;
                world.old = Some(world.server.clone());
                self.lose(world, 0);
            }
            Action::Heal => {
                world.old = None;
                if let Some(appended) = world.owed.take() {
                    let (server, births) = server(world, Log::New)?;
                    server.enter(births);
                    if !server.is_fenced(appended, self.scope.reading) {
                        server.append(vec![hard(Selection::All)], births);
                        server.fence = NOW;
                    }
                }
            }
            Action::Restart { at } => {
                world.left.restarts -= 1;
                world.births += 1;
                let here = world.instances.get(usize::from(at))?.here;
                // If two logs are trusted in turns, the new process may meet the other one.
                let here = if self.scope.guarded { here } else { LowestVersions::default() };
                world.instances[usize::from(at)] = self.instance(world.births, here);
                // A crash loses deferred invalidations and those that had not returned (rule 15).
                world
                    .invalidations
                    .retain(|one| one.by != at || matches!(one.progress, Progress::Applied(_)));
            }
            _ => return None,
        }
        Some(())
    }

    fn lose(&self, world: &mut World, newest: u8) {
        (0..newest).for_each(|_| world.server.lose_newest());
        if !self.reads(Reading::IncarnationIsKept) {
            world.server.is_lost = true;
            world.server.entries.clear();
        }
    }

    /// Creates a process that has just started.
    #[must_use]
    pub fn instance(&self, placeholder: u8, here: LowestVersions) -> Instance {
        Instance {
            tail: self.tail(placeholder),
            look: None,
            memory: vec![],
            flights: vec![],
            ask: None,
            hit: None,
            here,
            early: None,
            sought: None,
        }
    }
}
