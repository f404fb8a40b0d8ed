//! Actions of processes that are not observed. To an observed process, they look like any number of
//! processes.

use larder_core::invalidation::position::{Position, Watermark};

use super::server;
use crate::action::{Action, Log};
use crate::canonical::NOW;
use crate::protocol::Protocol;
use crate::target::{Selection, hard};
use crate::world::{Invalidation, OTHER_PROCESS, Progress, StoredResponse, World, incarnation, log_id};

impl Protocol {
    pub(super) fn elsewhere(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Elsewhere { target, log } => {
                world.left.elsewhere -= 1;
                self.commit(world, target);
                let (server, births) = server(world, log)?;
                server.append(vec![target], births);
                if log == Log::Old {
                    world.owed = Some(NOW);
                }
                let (versions, progress) = (world.db, Progress::Applied(NOW));
                world.invalidations.push(Invalidation { by: OTHER_PROCESS, target, versions, progress });
            }
            Action::Foreign { target } => {
                world.left.foreign -= 1;
                self.commit(world, target);
                world.server.append_foreign(target);
                let (versions, progress) = (world.db, Progress::Applied(NOW));
                world.invalidations.push(Invalidation { by: OTHER_PROCESS, target, versions, progress });
            }
            Action::Recreate => {
                world.left.recreations -= 1;
                world.server.recreate(hard(Selection::Other(0)), self.scope.reading);
            }
            Action::FillElsewhere { key, log } => {
                world.left.others_fills -= 1;
                let version = world.db[usize::from(key)];
                let (server, _) = server(world, log)?;
                let mark = Watermark { log: log_id(server.last), local: 0 };
                let position = Position { incarnation: incarnation(server.incarnation), watermark: mark };
                world.shared.push(StoredResponse {
                    key,
                    version,
                    position,
                    filled_at: None,
                    is_remembered: false,
                });
            }
            _ => return None,
        }
        Some(())
    }
}
