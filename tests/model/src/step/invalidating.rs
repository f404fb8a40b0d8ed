//! Invalidations (rules 14 and 15), as in `larder`.

use larder_core::invalidation::append_status::{AppendStatus, Appended};
use larder_core::invalidation::position::LogId;
use larder_core::time::BootTime;

use super::server;
use crate::action::{Action, Log};
use crate::canonical::NOW;
use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::target::Target;
use crate::world::{Invalidation, Progress, Token, World, incarnation, log_id};

impl Protocol {
    pub(super) fn invalidating(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Invalidate { by, target, reached } => self.invalidate(world, by, target, reached),
            Action::Answer { which } => {
                let one = world.invalidations.get_mut(usize::from(which))?;
                let Progress::Sent { incarnation: number, id } = one.progress else { return None };
                let appended = Appended { incarnation: incarnation(number), id: log_id(id), answered: NOW };
                one.progress = Progress::Waiting(appended);
                let by = usize::from(one.by);
                self.change(world.instances.get_mut(by)?, |tail| tail.note_appended(&appended));
                if self.reads(Reading::AppliedWhenAppended) {
                    self.applied(world, usize::from(which), &appended);
                } else {
                    let by = world.invalidations.get(usize::from(which))?.by;
                    self.note_passed(world, by, BootTime::ZERO);
                }
                Some(())
            }
            Action::TimeOut { which } => self.defer(world, usize::from(which)),
            Action::Flush { by, log, answered } => self.flush(world, by, log, answered),
            _ => None,
        }
    }

    fn invalidate(&self, world: &mut World, by: u8, target: Target, reached: Option<Log>) -> Option<()> {
        world.left.invalidations -= 1;
        self.commit(world, target);
        let mut progress = Progress::Deferred(None);
        if let Some(log) = reached {
            let (server, births) = server(world, log)?;
            let (incarnation, id) = server.append(vec![target], births);
            progress = Progress::Sent { incarnation, id };
        }
        world.invalidations.push(Invalidation { by, target, versions: world.db, progress });
        match reached {
            Some(_) => Some(()),
            None => self.defer(world, world.invalidations.len() - 1),
        }
    }

    /// The first step of every invalidation.
    pub(super) fn commit(&self, world: &mut World, target: Target) {
        for (key, version) in (0..self.scope.keys).zip(&mut world.db) {
            *version += u8::from(target.names(key));
        }
    }

    /// Rule 15: an append that timed out may have happened. It is repeated.
    fn defer(&self, world: &mut World, which: usize) -> Option<()> {
        let one = world.invalidations.get_mut(which)?;
        one.progress = Progress::Deferred(None);
        let event = self.vocabulary.event(one.target);
        let instance = world.instances.get_mut(usize::from(one.by))?;
        self.change(instance, |tail| tail.defer(&[event], NOW));
        if self.reads(Reading::TimedOutHappened) {
            let batch = instance.tail.next_batch()?;
            let (incarnation, id) = (instance.tail.position().incarnation, LogId::ZERO);
            self.change(instance, |tail| {
                tail.batch_appended(&batch, Appended { incarnation, id, answered: NOW });
            });
        }
        Some(())
    }

    fn flush(&self, world: &mut World, by: u8, log: Log, answered: bool) -> Option<()> {
        let batch = world.instances.get(usize::from(by))?.tail.next_batch()?;
        let targets = batch.events().iter().map(|event| self.vocabulary.target(event)).collect();
        let (server, births) = server(world, log)?;
        let (number, id) = server.append(targets, births);
        if !answered {
            world.left.lost_answers -= 1;
            return Some(());
        }
        let appended = Appended { incarnation: incarnation(number), id: log_id(id), answered: NOW };
        let instance = world.instances.get_mut(usize::from(by))?;
        self.change(instance, |tail| tail.batch_appended(&batch, appended));
        for one in world.invalidations.iter_mut().filter(|one| one.by == by) {
            if one.progress == Progress::Deferred(None) {
                one.progress = Progress::Deferred(Some(appended));
            }
        }
        self.note_passed(world, by, BootTime::ZERO);
        Some(())
    }

    /// Updates the progress of each append of this process after its tail has changed, by a poll of
    /// this moment.
    pub(super) fn note_passed(&self, world: &mut World, by: u8, looked: BootTime) {
        for which in 0..world.invalidations.len() {
            let one = world.invalidations[which];
            let (Progress::Waiting(appended) | Progress::Deferred(Some(appended))) = one.progress else {
                continue;
            };
            if one.by != by || by == crate::world::OTHER_PROCESS {
                continue;
            }
            let Some(instance) = world.instances.get(usize::from(by)) else { continue };
            match (self.passing(instance, &appended, looked), one.progress) {
                (AppendStatus::Applied, _) => self.applied(world, which, &appended),
                (AppendStatus::AppendAgain, Progress::Deferred(_)) => {
                    world.invalidations[which].progress = Progress::Deferred(None);
                }
                (AppendStatus::AppendAgain, _) => drop(self.defer(world, which)),
                (AppendStatus::Pending, _) => {}
            }
        }
    }

    fn applied(&self, world: &mut World, which: usize, appended: &Appended) {
        let one = &mut world.invalidations[which];
        one.progress = Progress::Applied(NOW);
        world.instances[usize::from(one.by)].here.raise(one.target, one.versions);
        if self.scope.tokens {
            let Appended { incarnation, id, .. } = *appended;
            world.tokens.push(Token { incarnation, id, target: one.target, versions: one.versions });
        }
    }
}
