//! Looks (rules 4 to 9).

use larder_core::store::Look;

use super::server;
use crate::action::{Action, Log};
use crate::canonical::NOW;
use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::server::Answer;
use crate::world::{Instance, Looking, World, id_number, incarnation, log_id};

impl Protocol {
    pub(super) fn looking(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Look { by, log } => {
                let cursor = cursor(world.instances.get(usize::from(by))?);
                let (server, births) = server(world, log)?;
                let mut looking =
                    Looking { sent: NOW, answer: server.look(cursor, self.scope.count, births), half: None };
                if self.reads(Reading::LookInTwoHalves) {
                    looking.answer = server.head();
                    looking.half = Some(log == Log::Old);
                }
                world.instances.get_mut(usize::from(by))?.look = Some(looking);
            }
            Action::LookOn { by } => {
                let instance = world.instances.get(usize::from(by))?;
                let (mine, after, _) = cursor(instance);
                let mut looking = instance.look.clone()?;
                let log = if looking.half? { Log::Old } else { Log::New };
                server(world, log)?.0.add_entries(&mut looking.answer, (mine, after), self.scope.count);
                looking.half = None;
                world.instances.get_mut(usize::from(by))?.look = Some(looking);
            }
            Action::Publish { by } => {
                let instance = world.instances.get_mut(usize::from(by))?;
                instance.early = Some(instance.look.as_ref()?.sent);
            }
            Action::Take { by } => {
                let instance = world.instances.get_mut(usize::from(by))?;
                let Looking { sent, answer, .. } = instance.look.take()?;
                let sent = if self.reads(Reading::DatedByTheAnswer) { NOW } else { sent };
                instance.early = None;
                let look = self.look(&answer);
                self.change(instance, |tail| tail.take_look(&look, sent));
                self.note_passed(world, by, sent);
            }
            _ => return None,
        }
        Some(())
    }

    /// What the tail is told of it.
    pub(crate) fn look(&self, answer: &Answer) -> Look {
        let entries: Vec<_> = answer
            .entries
            .iter()
            .map(|(id, whats)| (log_id(*id), whats.iter().map(|what| self.words.event(*what)).collect()))
            .collect();
        let mut look = Look {
            incarnation: incarnation(answer.incarnation),
            floor: log_id(answer.floor),
            last: log_id(answer.last),
            more: answer.more,
            entries,
        };
        let newest = look.entries.last().map(|(id, _)| *id);
        match self.scope.reading {
            Reading::NoFloor => look.floor = log_id(0),
            Reading::EveryLookConfirms if look.more => {
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

/// Where the next look of this process begins.
pub(crate) fn cursor(instance: &Instance) -> (u8, u8, bool) {
    let cursor = instance.tail.cursor();
    (cursor.incarnation.to_bytes()[0], id_number(cursor.after), cursor.broken)
}
