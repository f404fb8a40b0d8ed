//! The canonical form of worlds. Worlds with the same future have the same form, so that each is
//! visited once.

use std::time::Duration;

use larder_core::invalidation::position::{Position, Watermark};
use larder_core::time::BootTime;

use crate::server::Server;
use crate::world::{Invalidation, LowestVersions, Progress, StoredResponse, World, incarnation};

/// The current moment of every world.
pub const NOW: BootTime = BootTime::from_nanos(1_000);

/// Converts a world at `now` into its canonical form, where the current moment is [`NOW`]. Ages up
/// to `horizon` are kept. Beyond it, ages do not matter; only the order of moments is kept.
pub fn make_canonical(world: &mut World, now: BootTime, horizon: u64) {
    let oldest = BootTime::from_nanos(now.as_nanos().saturating_sub(horizon));
    let kept = world.instances.iter_mut().flat_map(|instance| &mut instance.memory);
    kept.filter(|kept| kept.filled_at.is_some_and(|at| at <= oldest)).for_each(|kept| kept.filled_at = None);
    for instance in &mut world.instances {
        normalise_least(&mut instance.here, &world.everywhere);
        if world.left.joins == 0 {
            // Only joining requests depend on when and where a flight began.
            for ask in instance.ask.iter_mut().filter(|ask| ask.waiter.is_none()) {
                ask.began = oldest;
                ask.position = Position {
                    watermark: Watermark { local: ask.position.watermark.local, ..Watermark::ZERO },
                    incarnation: incarnation(0),
                };
            }
        }
    }
    forget_old_appends(world, now);
    let mut seen = vec![now];
    visit(world, now, horizon, &mut |moment| {
        seen.push(moment);
        moment
    });
    seen.sort_unstable();
    seen.dedup();
    let mut ages: Vec<(BootTime, BootTime)> = Vec::with_capacity(seen.len());
    let (mut before, mut age) = (now, 0);
    for moment in seen.into_iter().rev() {
        age += before.as_nanos().saturating_sub(moment.as_nanos()).min(horizon);
        ages.push((moment, BootTime::from_nanos(NOW.as_nanos().saturating_sub(age))));
        before = moment;
    }
    visit(world, now, horizon, &mut |moment| {
        ages.iter().find(|(old, _)| *old == moment).map_or(moment, |(_, new)| *new)
    });
    sort(&mut world.shared);
    for instance in &mut world.instances {
        sort(&mut instance.memory);
    }
}

/// An append and the moment at which a log refused everything matter by their order alone. Moments
/// that are in order with everything to come are made equal.
fn forget_old_appends(world: &mut World, now: BootTime) {
    let before = BootTime::from_nanos(now.as_nanos() - 1);
    let mut fences: Vec<BootTime> = servers(world).map(|server| server.fence).collect();
    fences.extend(world.instances.iter().filter_map(|instance| instance.look.as_ref()).map(|look| look.sent));
    forget_fenced_appends(world, before);
    let mut appends = Vec::new();
    visit_appends(world, &mut |at| {
        let at = if fences.iter().any(|fence| *fence > at) { at } else { at.max(before) };
        appends.push(at);
        at
    });
    for server in servers(world) {
        if !appends.iter().any(|at| *at < server.fence) {
            server.fence = BootTime::ZERO;
        }
    }
}

/// If there is one log, and it began or appended *all* after an append, so will each log to come.
fn forget_fenced_appends(world: &mut World, before: BootTime) {
    if world.old.is_some() || world.left.isolations > 0 {
        return;
    }
    let fence = BootTime::from_nanos(world.server.fence.as_nanos().saturating_sub(1));
    for instance in world.instances.iter_mut().filter(|instance| instance.look.is_none()) {
        // A log that was lost begins again later.
        let until = if world.server.is_lost { before } else { before.min(fence) };
        instance.tail.forget_appends_until(until);
    }
}

fn visit_appends(world: &mut World, moment: &mut dyn FnMut(BootTime) -> BootTime) {
    for instance in &mut world.instances {
        instance.tail.replace_append_moments(moment);
    }
    world.owed = world.owed.map(moment);
}

fn servers(world: &mut World) -> impl Iterator<Item = &mut Server> {
    [&mut world.server].into_iter().chain(world.old.as_mut())
}

/// Removes bounds that the bounds for every instance already imply.
fn normalise_least(here: &mut LowestVersions, everywhere: &LowestVersions) {
    let pairs = [(&mut here.at_all, &everywhere.at_all), (&mut here.as_fresh, &everywhere.as_fresh)];
    for (here, everywhere) in pairs.into_iter().flat_map(|(here, everywhere)| here.iter_mut().zip(everywhere))
    {
        if *here <= *everywhere {
            *here = 0;
        }
    }
}

fn sort(kept: &mut Vec<StoredResponse>) {
    kept.sort_unstable_by_key(|kept| {
        let StoredResponse { key, version, position, filled_at, is_remembered } = *kept;
        (
            key,
            version,
            position.incarnation.to_bytes()[0],
            position.watermark.log,
            position.watermark.local,
            filled_at,
            is_remembered,
        )
    });
    kept.dedup();
}

/// Replaces each moment by the result of `moment`.
fn visit(world: &mut World, now: BootTime, horizon: u64, moment: &mut dyn FnMut(BootTime) -> BootTime) {
    let oldest = BootTime::from_nanos(now.as_nanos().saturating_sub(horizon));
    visit_appends(world, moment);
    for server in servers(world).filter(|server| server.fence != BootTime::ZERO) {
        server.fence = moment(server.fence);
    }
    for (by, instance) in world.instances.iter_mut().enumerate() {
        let awaits =
            world.invalidations.iter().any(|one| usize::from(one.by) == by && answered(one).is_some());
        // A waiter compares moments with the time when it joined (rule 13).
        let waits = instance.flights.iter().any(|flight| flight.waiter.is_some())
            || instance.ask.is_some_and(|ask| ask.waiter.is_some());
        let oldest = if waits { BootTime::ZERO } else { oldest };
        // If a process has no pending append, only ages matter, and only up to the horizon.
        let mut own = |at: BootTime| moment(if awaits { at } else { at.max(oldest) });
        instance.tail.make_canonical(awaits, &mut own);
        instance.look.iter_mut().for_each(|look| look.sent = own(look.sent));
        instance.early = instance.early.map(&mut own);
        let mut aged = |at: &mut BootTime| *at = moment((*at).max(oldest));
        instance.memory.iter_mut().filter_map(|kept| kept.filled_at.as_mut()).for_each(&mut aged);
        instance.hit.iter_mut().filter_map(|(kept, _)| kept.filled_at.as_mut()).for_each(&mut aged);
        for flight in &mut instance.flights {
            flight.brings.filled_at.iter_mut().for_each(&mut aged);
            flight.base.iter_mut().filter_map(|base| base.filled_at.as_mut()).for_each(&mut aged);
            flight.waiter.iter_mut().for_each(|waiter| aged(&mut waiter.joined_at));
        }
        if let Some(ask) = &mut instance.ask {
            aged(&mut ask.began);
            ask.waiter.iter_mut().for_each(|waiter| aged(&mut waiter.joined_at));
        }
    }
    for one in &mut world.invalidations {
        match &mut one.progress {
            Progress::Waiting(appended) | Progress::Deferred(Some(appended)) => {
                appended.answered = moment(appended.answered);
            }
            Progress::Applied(at) => *at = moment((*at).max(oldest)),
            Progress::Sent { .. } | Progress::Deferred(None) => {}
        }
    }
}

fn answered(one: &Invalidation) -> Option<BootTime> {
    match one.progress {
        Progress::Waiting(appended) | Progress::Deferred(Some(appended)) => Some(appended.answered),
        Progress::Sent { .. } | Progress::Deferred(None) | Progress::Applied(_) => None,
    }
}

/// Returns the duration of this many ticks.
#[must_use]
pub const fn ticks(number: u64) -> Duration {
    Duration::from_nanos(number)
}
