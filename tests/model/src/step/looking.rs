//! Polls (rules 4 to 9).

use larder_core::invalidation::log_page::LogPage;
use larder_core::time::WallTime;

use super::server;
use crate::action::{Action, Log};
use crate::canonical::NOW;
use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::server::{Answer, Beginning, Server};
use crate::world::{Instance, PendingLook, World, id_number, incarnation, log_id};

impl Protocol {
    pub(super) fn looking(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Look { by, log } => {
                let instance = world.instances.get_mut(usize::from(by))?;
                let (cursor, sought) = (instance.tail.cursor(NOW), instance.sought.take());
                let (server, births) = server(world, log)?;
                let begins = |server: &Server| self.beginning(server, sought);
                let answer = server.look(&cursor, self.scope.count, births, begins, self.scope.reading);
                let mut looking = PendingLook { sent: NOW, answer, half: None };
                if self.reads(Reading::PollInTwoHalves) {
                    looking.answer = server.head();
                    looking.half = Some(log == Log::Old);
                }
                world.instances.get_mut(usize::from(by))?.look = Some(looking);
            }
            Action::LookOn { by } => {
                let instance = world.instances.get(usize::from(by))?;
                let (mine, after) = cursor(instance);
                let mut looking = instance.look.clone()?;
                let log = if looking.half? { Log::Old } else { Log::New };
                server(world, log)?.0.add_entries(&mut looking.answer, (mine, after), self.scope.count);
                looking.half = None;
                world.instances.get_mut(usize::from(by))?.look = Some(looking);
            }
            Action::Seek { by } => {
                let mark = self.mark(&world.server)?;
                world.instances.get_mut(usize::from(by))?.sought = Some(mark);
            }
            Action::Publish { by } => {
                let instance = world.instances.get_mut(usize::from(by))?;
                instance.early = Some(instance.look.as_ref()?.sent);
            }
            Action::Take { by } => {
                let instance = world.instances.get_mut(usize::from(by))?;
                let PendingLook { sent, answer, .. } = instance.look.take()?;
                let sent = if self.reads(Reading::DatedByTheAnswer) { NOW } else { sent };
                instance.early = None;
                let look = self.look(&answer);
                self.change(instance, |tail| tail.apply_page(&look, sent));
                self.note_passed(world, by, sent);
            }
            _ => return None,
        }
        Some(())
    }

    /// Returns where a poll begins for a process that is new to the incarnation. The script decides
    /// this in the same answer.
    fn beginning(&self, server: &Server, sought: Option<u8>) -> Beginning {
        let asked_before = self.reads(Reading::CheckpointReadBefore);
        let after = if asked_before { sought } else { self.mark(server) }.unwrap_or_default();
        Beginning { after, floor: if self.reads(Reading::CheckpointIsNoFloor) { 0 } else { after } }
    }

    /// Returns the checkpoint if it is trustworthy: of this incarnation, and its entry exists.
    fn mark(&self, server: &Server) -> Option<u8> {
        let mark = server.mark?;
        let (same, there) = (mark.incarnation == server.incarnation, server.has(mark));
        let believed = match self.scope.reading {
            Reading::AnyCheckpoint => true,
            Reading::CheckpointWithoutItsEntry => same,
            Reading::CheckpointOfAnyIncarnation => there,
            _ => same && there,
        };
        believed.then_some(mark.id)
    }

    /// Converts the answer for the tail.
    pub(crate) fn look(&self, answer: &Answer) -> LogPage {
        let entries: Vec<_> = answer
            .entries
            .iter()
            .map(|(id, targets)| {
                (log_id(*id), targets.iter().map(|target| self.vocabulary.event(*target)).collect())
            })
            .collect();
        let mut look = LogPage {
            incarnation: incarnation(answer.incarnation),
            floor: log_id(answer.floor),
            last: log_id(answer.last),
            now: WallTime::default(),
            more: answer.more,
            entries,
            fenced: answer.fenced,
            is_busy: false,
        };
        let newest = look.entries.last().map(|(id, _)| *id);
        match self.scope.reading {
            Reading::NoFloor => look.floor = log_id(0),
            Reading::EveryPollConfirms if look.more => {
                look.more = false;
                look.last = newest.unwrap_or(look.last);
            }
            Reading::EndIsTheLastEvent if !look.more => {
                look.last = newest.unwrap_or_default();
                look.floor = log_id(0);
            }
            _ => {}
        }
        look
    }
}

/// Returns where the next poll of this process begins.
pub(crate) fn cursor(instance: &Instance) -> (u8, u8) {
    let cursor = instance.tail.cursor(NOW);
    (cursor.incarnation.to_bytes()[0], id_number(cursor.after))
}
