//! Requests: fills and their followers, the shared tier, and hits.

use larder_core::log::position::Position;
use larder_core::log::table::Verdict;

use crate::action::{Action, FillResult};
use crate::canonical::NOW;
use crate::judge::seen;
use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::world::{Ask, Flight, Instance, StoredResponse, Waiter, World};

impl Protocol {
    pub(super) fn fill(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Begin { at, key, base } => {
                let version = world.db[usize::from(key)];
                let instance = world.instances.get_mut(usize::from(at))?;
                let base = base.and_then(|base| instance.memory.get(usize::from(base)).copied());
                let is_late = base.is_some() && self.reads(Reading::BaseBeforePosition);
                let brings = new(instance, key, version);
                instance.flights.push(Flight { brings, base, is_late, waiter: None });
                world.left.fills -= 1;
            }
            Action::Depart { at, which } => {
                let instance = world.instances.get_mut(usize::from(at))?;
                let position = instance.tail.position();
                let flight = instance.flights.get_mut(usize::from(which))?;
                flight.brings.position = position;
                flight.is_late = false;
            }
            Action::Join { at, which } => {
                let key = world.instances.get(usize::from(at))?.flights.get(usize::from(which))?.brings.key;
                let mut waiter = self.waiter(world, at, key);
                let flight = world.instances.get_mut(usize::from(at))?.flights.get_mut(usize::from(which))?;
                if self.reads(Reading::TokenAfterJoining) {
                    waiter.position = flight.brings.position;
                }
                flight.waiter = Some(waiter);
            }
            Action::Follow { at, which } => self.follow(world, usize::from(at), usize::from(which))?,
            Action::End { at, which, how } => self.end(world, usize::from(at), usize::from(which), how)?,
            _ => return None,
        }
        Some(())
    }

    fn waiter(&self, world: &mut World, at: u8, key: u8) -> Waiter {
        world.left.joins -= 1;
        let at = usize::from(at);
        let (position, least) = (world.instances[at].tail.position(), self.least(world, at, key, true));
        Waiter { joined_at: NOW, position, least }
    }

    /// The names of a response are known with its head, so a joined request gets its decision
    /// before the fill ends.
    fn follow(&self, world: &mut World, at: usize, which: usize) -> Option<()> {
        let flight = world.instances.get_mut(at)?.flights.get_mut(which)?;
        let (waiter, flight) = (flight.waiter.take()?, flight.clone());
        let instance = &world.instances[at];
        let kept = self.filled(instance, &flight, false);
        let brought = (&flight.brings.position, true);
        if self.reads(Reading::FollowsUnchecked) || self.takes(instance, &waiter, &kept, brought) {
            world.found = world.found.or(seen(&waiter.least, kept.version));
        }
        Some(())
    }

    fn end(&self, world: &mut World, at: usize, which: usize, how: FillResult) -> Option<()> {
        let instance = world.instances.get_mut(at)?;
        let flight = instance.flights.remove(which);
        if how == FillResult::Failed {
            // The stale response is judged again after the handler has failed.
            let stale = flight.base.filter(|base| self.serves(instance, base).is_some())?;
            return self.deliver(world, at, flight.waiter, &stale, (&flight.brings.position, false));
        }
        let kept = self.filled(instance, &flight, how == FillResult::NotModified);
        if self.verdict(instance, &kept) != Verdict::Refused {
            instance.memory.push(kept);
        }
        if instance.tail.confirmed_at().is_some() {
            let mark = larder_core::log::position::Mark { local: 0, ..kept.position.mark };
            let position = Position { mark, ..kept.position };
            world.shared.push(StoredResponse { position, filled_at: None, ..kept });
        }
        self.deliver(world, at, flight.waiter, &kept, (&flight.brings.position, how == FillResult::Filled))
    }

    /// Delivers the end of a flight to its waiter.
    fn deliver(
        &self,
        world: &mut World,
        at: usize,
        waiter: Option<Waiter>,
        kept: &StoredResponse,
        brought: (&Position, bool),
    ) -> Option<()> {
        if let Some(waiter) = waiter.filter(|waiter| self.takes(&world.instances[at], waiter, kept, brought))
        {
            world.found = world.found.or(seen(&waiter.least, kept.version));
        }
        Some(())
    }

    pub(super) fn share(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Ask { at, key } => {
                world.left.gets -= 1;
                let least = self.least(world, usize::from(at), key, true);
                let instance = world.instances.get_mut(usize::from(at))?;
                let position = instance.tail.position();
                instance.ask = Some(Ask { key, began: NOW, position, least, waiter: None });
            }
            Action::JoinAsk { at } => {
                let key = world.instances.get(usize::from(at))?.ask.as_ref()?.key;
                let waiter = self.waiter(world, at, key);
                world.instances.get_mut(usize::from(at))?.ask.as_mut()?.waiter = Some(waiter);
            }
            Action::Got { at, which } => {
                let ask = world.instances.get_mut(usize::from(at))?.ask.take()?;
                let answer = **self.answers(world, ask.key).get(usize::from(which))?;
                self.got(world, usize::from(at), &ask, &answer)?;
            }
            Action::Arrive { which } => {
                let new = world.shared.get(usize::from(which)).copied()?;
                let there = &mut world.register[usize::from(new.key)];
                if !self.replaces(there.as_ref(), &new) {
                    return None;
                }
                *there = Some(new);
            }
            _ => return None,
        }
        Some(())
    }

    fn got(&self, world: &mut World, at: usize, ask: &Ask, answer: &StoredResponse) -> Option<()> {
        let instance = world.instances.get_mut(at)?;
        let kept = self.promoted(instance, answer, ask.position.mark.local);
        match self.verdict(instance, &kept) {
            Verdict::Refused => return Some(()),
            verdict => {
                instance.memory.push(kept);
                if verdict != Verdict::Valid || !self.is_usable(instance, kept.filled_at, NOW) {
                    return Some(());
                }
            }
        }
        world.found = world.found.or(seen(&ask.least, kept.version));
        self.deliver(world, at, ask.waiter, &kept, (&ask.position, false))
    }

    pub(super) fn hit(&self, world: &mut World, action: Action) -> Option<()> {
        match action {
            Action::Hit { at, which } => {
                let instance = world.instances.get_mut(usize::from(at))?;
                let kept = *instance.memory.get(usize::from(which))?;
                if self.verdict(instance, &kept) != Verdict::Valid {
                    return None;
                }
                instance.hit = Some((kept, true));
            }
            Action::Remember { at } => {
                let instance = world.instances.get_mut(usize::from(at))?;
                let (found, same) = instance.hit.take()?;
                if same || self.reads(Reading::GenerationAfterRows) {
                    let held = instance.memory.iter_mut().filter(|kept| **kept == found);
                    held.for_each(|kept| kept.is_remembered = true);
                }
            }
            _ => return None,
        }
        Some(())
    }
}

/// Returns the response of a fill that begins now and reads this version (rule 2).
pub(crate) fn new(instance: &Instance, key: u8, version: u8) -> StoredResponse {
    let position = instance.tail.position();
    StoredResponse { key, version, position, filled_at: Some(NOW), is_remembered: false }
}
