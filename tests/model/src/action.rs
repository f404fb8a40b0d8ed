//! The actions of the model, and when each one is possible.

use crate::judge::seen;
use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::target::Target;
use crate::world::{Flight, Progress, World};

/// An action. Numbers are instances (`by`, `at`) or positions in a list (`which`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
#[allow(missing_docs)] // The type's description covers the fields.
pub enum Action {
    /// A fill begins. With a base, it revalidates a response in memory.
    Begin { at: u8, key: u8, base: Option<u8> },
    /// Rules 2 and 3 misread: the fill takes its position.
    Depart { at: u8, which: u8 },
    /// A request joins a fill.
    Join { at: u8, which: u8 },
    /// The head of the response has arrived: the request follows the body, or starts over.
    Follow { at: u8, which: u8 },
    /// A fill ends.
    End { at: u8, which: u8, how: FillResult },
    /// A request asks the shared tier, and leads a flight.
    Ask { at: u8, key: u8 },
    /// A request joins that flight.
    JoinAsk { at: u8 },
    /// The shared tier has answered.
    Got { at: u8, which: u8 },
    /// A SET arrives at the shared tier.
    Arrive { which: u8 },
    /// A commit, and an append that reaches this log or none.
    Invalidate { by: u8, target: Target, reached: Option<Log> },
    /// Another process invalidates, and gets the result immediately.
    Elsewhere { target: Target, log: Log },
    /// A program in another language commits and appends, without a script of Larder.
    Foreign { target: Target },
    /// The Stream is lost, but not its record. Such a program creates it again with an event that
    /// names nothing here.
    Recreate,
    /// Another process fills with complete knowledge of this log.
    FillElsewhere { key: u8, log: Log },
    /// The reply to an append arrives.
    Answer { which: u8 },
    /// The append times out.
    TimeOut { which: u8 },
    /// Deferred events are appended. The reply may get lost.
    Flush { by: u8, log: Log, answered: bool },
    /// A poll is sent and answered.
    Look { by: u8, log: Log },
    /// Rule 4 misread: the second half of the poll.
    LookOn { by: u8 },
    /// Rule 11 misread: the confirmation is published.
    Publish { by: u8 },
    /// The result of the poll is applied.
    Take { by: u8 },
    /// A hit finds a response valid.
    Hit { at: u8, which: u8 },
    /// The hit remembers its verdict.
    Remember { at: u8 },
    /// A process appends an event that names nothing here.
    Other,
    /// A poll of any process leaves a checkpoint at the newest entry.
    Mark { log: Log },
    /// Rule 4 misread: a separate request determines where the next poll begins.
    Seek { by: u8 },
    /// The Stream loses its oldest entry.
    Trim,
    /// The log is lost, or this many of its newest entries.
    Lose { newest: u8 },
    /// A failover that one side of the network does not notice.
    Isolate,
    /// The primary of that side stops.
    Heal,
    /// A process ends, and a new one starts.
    Restart { at: u8 },
    /// Time passes.
    Tick,
}

/// One of two servers that both act as the primary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Log {
    /// The server that was elected last.
    New,
    /// The server that was cut off.
    Old,
}

/// The end of a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum FillResult {
    /// A response.
    Filled,
    /// A 304, correct or not.
    NotModified,
    /// The handler failed: the stale response is served instead (RFC 5861 §4).
    Failed,
}

/// Adds every possible action.
pub fn all(protocol: &Protocol, world: &World, actions: &mut Vec<Action>) {
    let scope = &protocol.scope;
    for at in 0..small(world.instances.len()) {
        requests(protocol, world, at, actions);
        log(protocol, world, at, actions);
        if at < small(scope.invalidators) && world.left.invalidations > 0 {
            for target in &scope.targets {
                let logs = logs(protocol, world, true).map(Some);
                let reached = logs.chain([None]);
                actions.extend(reached.map(|reached| Action::Invalidate {
                    by: at,
                    target: *target,
                    reached,
                }));
            }
        }
        if world.left.restarts > 0 {
            actions.push(Action::Restart { at });
        }
    }
    for which in 0..small(world.invalidations.len()) {
        match world.invalidations[usize::from(which)].progress {
            Progress::Sent { .. } => actions.extend([Action::Answer { which }, Action::TimeOut { which }]),
            Progress::Waiting(_) => actions.push(Action::TimeOut { which }),
            Progress::Deferred(_) | Progress::Applied(_) => {}
        }
    }
    if scope.register {
        actions.extend((0..small(world.shared.len())).map(|which| Action::Arrive { which }));
    }
    elsewhere(protocol, world, actions);
    faults(protocol, world, actions);
    actions.push(Action::Tick);
}

fn requests(protocol: &Protocol, world: &World, at: u8, actions: &mut Vec<Action>) {
    beginnings(protocol, world, at, actions);
    fills(protocol, world, at, actions);
    shared_tier(protocol, world, at, actions);
    if protocol.scope.remembers {
        hits(world, at, actions);
    }
}

/// Adds requests that begin a fill or ask the shared tier.
fn beginnings(protocol: &Protocol, world: &World, at: u8, actions: &mut Vec<Action>) {
    let (scope, left) = (&protocol.scope, &world.left);
    let instance = &world.instances[usize::from(at)];
    for key in 0..scope.keys {
        if left.fills > 0 && protocol.may_grow_old(world, world.db[usize::from(key)], key) {
            actions.push(Action::Begin { at, key, base: None });
        }
        if left.gets > 0
            && instance.ask.is_none()
            && is_sought(protocol, world, key)
            && protocol.trusts(instance)
        {
            actions.push(Action::Ask { at, key });
        }
    }
    if scope.validates && left.fills > 0 {
        let bases = (0..).zip(&instance.memory).filter(|(_, kept)| protocol.may_validate(instance, kept));
        actions.extend(bases.map(|(base, kept)| Action::Begin { at, key: kept.key, base: Some(base) }));
    }
}

/// Adds the steps of fills and of the requests that join them.
fn fills(protocol: &Protocol, world: &World, at: u8, actions: &mut Vec<Action>) {
    let instance = &world.instances[usize::from(at)];
    for (which, flight) in (0..).zip(&instance.flights) {
        if flight.is_late {
            actions.push(Action::Depart { at, which });
            continue;
        }
        actions.push(Action::End { at, which, how: FillResult::Filled });
        if flight.base.is_some() {
            actions.extend([FillResult::NotModified, FillResult::Failed].map(|how| Action::End {
                at,
                which,
                how,
            }));
        }
        let began = flight.brings.filled_at.unwrap_or_default();
        if world.left.joins > 0
            && flight.waiter.is_none()
            && protocol.may_join(instance, began)
            && would_break(protocol, world, at, flight)
        {
            actions.push(Action::Join { at, which });
        }
        if flight.waiter.is_some() {
            actions.push(Action::Follow { at, which });
        }
    }
}

/// Adds the steps of a request to the shared tier.
fn shared_tier(protocol: &Protocol, world: &World, at: u8, actions: &mut Vec<Action>) {
    let instance = &world.instances[usize::from(at)];
    if let Some(ask) = &instance.ask {
        let least = protocol.least(world, usize::from(at), ask.key, true);
        if world.left.joins > 0
            && ask.waiter.is_none()
            && protocol.may_join(instance, ask.began)
            && seen(&least, 1).is_some()
        {
            actions.push(Action::JoinAsk { at });
        }
        let answers = protocol.answers(world, ask.key);
        actions.extend((0..small(answers.len())).map(|which| Action::Got { at, which }));
    }
}

/// Adds the steps of a hit that remembers.
fn hits(world: &World, at: u8, actions: &mut Vec<Action>) {
    let instance = &world.instances[usize::from(at)];
    match instance.hit {
        Some(_) => actions.push(Action::Remember { at }),
        None => {
            let hits = (0..).zip(&instance.memory).filter(|(_, kept)| !kept.is_remembered);
            actions.extend(hits.map(|(which, _)| Action::Hit { at, which }));
        }
    }
}

/// Whether the shared tier contains, or may contain, a response that would break a promise.
fn is_sought(protocol: &Protocol, world: &World, key: u8) -> bool {
    let flights = world.instances.iter().flat_map(|instance| &instance.flights).map(|flight| &flight.brings);
    world.left.of_invalidations() > 0
        || world
            .shared
            .iter()
            .chain(flights)
            .any(|kept| kept.key == key && protocol.may_grow_old(world, kept.version, key))
}

/// Whether a joined request would see a forbidden version if it accepted the flight's response.
fn would_break(protocol: &Protocol, world: &World, at: u8, flight: &Flight) -> bool {
    let brings = flight.base.map_or(flight.brings.version, |base| base.version.min(flight.brings.version));
    seen(&protocol.least(world, usize::from(at), flight.brings.key, true), brings).is_some()
}

fn log(protocol: &Protocol, world: &World, by: u8, actions: &mut Vec<Action>) {
    let instance = &world.instances[usize::from(by)];
    if instance.look.is_none() || !protocol.scope.guarded {
        actions.extend(logs(protocol, world, false).map(|log| Action::Look { by, log }));
    }
    if protocol.reads(Reading::CheckpointReadBefore) && instance.sought.is_none() {
        actions.push(Action::Seek { by });
    }
    match &instance.look {
        Some(look) if look.half.is_some() => actions.push(Action::LookOn { by }),
        Some(_) => {
            actions.push(Action::Take { by });
            if protocol.reads(Reading::ConfirmedBeforeRows) && instance.early.is_none() {
                actions.push(Action::Publish { by });
            }
        }
        // One task appends one batch after the other.
        None if instance.tail.next_batch().is_some() => {
            for log in logs(protocol, world, true)
                .filter(|log| log_of(world, *log).is_some_and(|last| last < protocol.scope.last_id))
            {
                actions.push(Action::Flush { by, log, answered: true });
                if world.left.lost_answers > 0 {
                    actions.push(Action::Flush { by, log, answered: false });
                }
            }
        }
        None => {}
    }
}

fn log_of(world: &World, log: Log) -> Option<u8> {
    match log {
        Log::New => Some(world.server.last),
        Log::Old => world.old.as_ref().map(|old| old.last),
    }
}

/// Returns the servers that answer. With `min-replicas-to-write`, a server that was cut off accepts
/// no writes (rule 5).
fn logs(protocol: &Protocol, world: &World, to_write: bool) -> impl Iterator<Item = Log> {
    let answers = !protocol.scope.guarded || (!to_write && protocol.reads(Reading::PollWithoutHeartbeat));
    [Log::New].into_iter().chain((answers && world.old.is_some()).then_some(Log::Old))
}

/// Adds the actions of other processes. Their progress does not matter: a response from a process
/// that knows less of the log is refused sooner.
fn elsewhere(protocol: &Protocol, world: &World, actions: &mut Vec<Action>) {
    let (scope, left) = (&protocol.scope, &world.left);
    if left.foreign > 0 {
        actions.extend(scope.targets.iter().map(|target| Action::Foreign { target: *target }));
    }
    if left.recreations > 0 {
        actions.push(Action::Recreate);
    }
    for log in logs(protocol, world, true) {
        if left.elsewhere > 0 {
            actions.extend(scope.targets.iter().map(|target| Action::Elsewhere { target: *target, log }));
        }
        let keys = (0..scope.keys).filter(|_| left.others_fills > 0);
        let keys = keys.filter(|key| protocol.may_grow_old(world, world.db[usize::from(*key)], *key));
        actions.extend(keys.map(|key| Action::FillElsewhere { key, log }));
    }
}

fn faults(protocol: &Protocol, world: &World, actions: &mut Vec<Action>) {
    let left = &world.left;
    if left.others > 0 {
        actions.push(Action::Other);
    }
    if left.marks > 0 {
        actions.extend(logs(protocol, world, true).map(|log| Action::Mark { log }));
    }
    if left.trims > 0 && !world.server.entries.is_empty() {
        actions.push(Action::Trim);
    }
    if left.losses > 0 {
        // The amount that is lost does not matter to a new incarnation.
        let most =
            if protocol.reads(Reading::IncarnationIsKept) { small(world.server.entries.len()) } else { 0 };
        actions.extend((0..=most).map(|newest| Action::Lose { newest }));
    }
    if left.isolations > 0 && world.old.is_none() {
        actions.push(Action::Isolate);
    }
    if world.old.is_some() {
        actions.push(Action::Heal);
    }
}

fn small(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
