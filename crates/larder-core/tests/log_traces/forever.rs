//! Random histories, held against two references that forget nothing: what an instance was told, event by event
//! (whatever that refuses is never valid in its table), and what really happened (P1, P2 and P3 of the log).

use std::time::Duration;

use larder_core::log::names::Names;
use larder_core::log::position::{Incarnation, LogId, Position};
use larder_core::log::selector::{Event, Glob, Mode, Prefix, Selector, Tag};
use larder_core::log::table::Verdict;
use larder_core::log::tail::{Limits, Look, Passing};
use larder_core::store::Appended;
use larder_core::time::Boot;
use proptest::prelude::*;

use crate::world::{Instance, MAX_STALENESS, Redis, Stored, at, incarnation};

const TAGS: usize = 12;
const SMALL: Limits = Limits {
    rows: 6,
    globs: 1,
    outbox: 3,
};

#[derive(Debug, Clone)]
enum Step {
    BeginFill {
        by: usize,
        tag: usize,
    },
    EndFill {
        which: usize,
    },
    AskShared {
        by: usize,
    },
    EndAsk {
        by: usize,
        which: usize,
    },
    Invalidate {
        by: usize,
        event: Event,
        reached: Reached,
    },
    Answer {
        by: usize,
    },
    Flush {
        by: usize,
        reached: Reached,
    },
    SendLook {
        by: usize,
        count: usize,
    },
    TakeLook {
        by: usize,
    },
    Trim {
        keep: usize,
    },
    FailOver {
        lost: usize,
    },
    Wait {
        millis: u64,
    },
}

/// How far an append came.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reached {
    Answered,
    TimedOut,
    Nothing,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let by = 0..2_usize;
    let which = any::<usize>;
    let reached = prop_oneof![
        3 => Just(Reached::Answered),
        1 => Just(Reached::TimedOut),
        1 => Just(Reached::Nothing),
    ];
    let step = prop_oneof![
        5 => (by.clone(), 0..TAGS).prop_map(|(by, tag)| Step::BeginFill { by, tag }),
        5 => which().prop_map(|which| Step::EndFill { which }),
        2 => by.clone().prop_map(|by| Step::AskShared { by }),
        4 => (by.clone(), which()).prop_map(|(by, which)| Step::EndAsk { by, which }),
        4 => (by.clone(), event(), reached.clone())
            .prop_map(|(by, event, reached)| Step::Invalidate { by, event, reached }),
        3 => by.clone().prop_map(|by| Step::Answer { by }),
        3 => (by.clone(), reached).prop_map(|(by, reached)| Step::Flush { by, reached }),
        6 => (by.clone(), 1..4_usize).prop_map(|(by, count)| Step::SendLook { by, count }),
        6 => by.prop_map(|by| Step::TakeLook { by }),
        1 => (0..3_usize).prop_map(|keep| Step::Trim { keep }),
        1 => (0..3_usize).prop_map(|lost| Step::FailOver { lost }),
        2 => (0..1_500_u64).prop_map(|millis| Step::Wait { millis }),
    ];
    prop::collection::vec(step, 1..150)
}

fn event() -> impl Strategy<Value = Event> {
    let selector = prop_oneof![
        12 => (0..TAGS).prop_map(|tag| Selector::Tag(Tag::new(tag.to_string()))),
        2 => (0..TAGS).prop_map(|tag| Selector::Prefix(Prefix::new(&format!("/{}", tag / 4)).unwrap())),
        2 => (0..TAGS).prop_map(|tag| Selector::Glob(Glob::new(&format!("*/{tag}")).unwrap())),
        1 => Just(Selector::All),
    ];
    let mode = prop_oneof![2 => Just(Mode::Hard), 1 => Just(Mode::Soft)];
    (mode, selector).prop_map(|(mode, selector)| Event { mode, selector })
}

fn names(tag: usize) -> Names {
    let path = format!("/{}/{tag}", tag / 4);
    Names::new(&path, vec![], vec![], vec![Tag::new(tag.to_string())])
}

/// Written for its own, from the words that [`names`] and [`event`] use.
fn is_named(tag: usize, selector: &Selector) -> bool {
    let text = selector.to_text();
    match selector {
        Selector::All => true,
        Selector::Prefix(_) => text == format!("p:/{}", tag / 4),
        Selector::Glob(_) => text == format!("g:*/{tag}"),
        _ => text == format!("t:{tag}"),
    }
}

/// What an instance was told of one incarnation, and all that it ever deferred.
struct Told {
    incarnation: Incarnation,
    read: LogId,
    floor: LogId,
    events: Vec<(LogId, Event)>,
    deferred: Vec<Event>,
}

impl Told {
    fn nothing() -> Self {
        Self {
            incarnation: incarnation(0),
            read: LogId::ZERO,
            floor: LogId::ZERO,
            events: vec![],
            deferred: vec![],
        }
    }

    fn take_look(&mut self, look: &Look) {
        if look.incarnation != self.incarnation {
            let deferred = std::mem::take(&mut self.deferred);
            *self = Self {
                incarnation: look.incarnation,
                deferred,
                ..Self::nothing()
            };
        }
        if look.floor > self.read {
            self.floor = look.floor;
        }
        for (id, events) in &look.entries {
            self.events
                .extend(events.iter().map(|event| (*id, event.clone())));
        }
        let read = look.entries.last().map_or(self.read, |(id, _)| *id);
        let end = if look.more { LogId::ZERO } else { look.last };
        self.read = self.read.max(read).max(look.floor).max(end);
    }

    fn verdict(&self, position: &Position, tag: usize) -> Told3 {
        if position.incarnation != self.incarnation || position.mark.log < self.floor {
            return Told3::Refused;
        }
        let unread = self.events.iter().filter(|(id, _)| *id > position.mark.log);
        let local = usize::try_from(position.mark.local).unwrap();
        let after = unread
            .map(|(_, event)| event)
            .chain(self.deferred.iter().skip(local));
        let modes = after
            .filter(|event| is_named(tag, &event.selector))
            .map(|event| event.mode);
        modes.fold(Told3::Valid, |worst, mode| {
            worst.max(if mode == Mode::Hard {
                Told3::Refused
            } else {
                Told3::Soft
            })
        })
    }
}

/// [`Verdict`] without times, from the mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told3 {
    Valid,
    Soft,
    Refused,
}

impl From<Verdict> for Told3 {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Valid => Self::Valid,
            Verdict::Soft(_) => Self::Soft,
            Verdict::Refused => Self::Refused,
        }
    }
}

/// A response with what only the world knows of it.
#[derive(Debug, Clone)]
struct Kept {
    stored: Stored,
    tag: usize,
    /// The step at which its fill read the database.
    read_at: usize,
}

struct Invalidation {
    event: Event,
    by: usize,
    committed_at: usize,
    /// From here P1 holds.
    returned: bool,
    /// The moment from which P2 counts.
    applied_at: Option<Boot>,
    sent: Option<Appended>,
    deferred: bool,
}

struct Process {
    instance: Instance,
    told: Told,
    memory: Vec<Kept>,
    asked: Option<Position>,
    look: Option<(Look, Boot)>,
}

impl Process {
    fn with(limits: Limits) -> Self {
        Self {
            instance: Instance::with(limits),
            told: Told::nothing(),
            memory: vec![],
            asked: None,
            look: None,
        }
    }

    fn trusts_shared(&self, now: Boot) -> bool {
        self.instance.tail.trusts_shared(now, MAX_STALENESS)
    }

    fn defer(&mut self, event: &Event, now: Boot) {
        self.instance.tail.defer(std::slice::from_ref(event), now);
        self.told.deferred.push(event.clone());
    }
}

struct World {
    redis: Redis,
    processes: [Process; 2],
    shared: Vec<Kept>,
    filling: Vec<(usize, Kept)>,
    invalidations: Vec<Invalidation>,
    millis: u64,
    step: usize,
}

impl World {
    fn new(limits: Limits) -> Self {
        Self {
            redis: Redis::new(),
            processes: [Process::with(limits), Process::with(limits)],
            shared: vec![],
            filling: vec![],
            invalidations: vec![],
            millis: 0,
            step: 0,
        }
    }

    fn now(&self) -> Boot {
        at(self.millis)
    }

    fn take(&mut self, step: Step) {
        self.step += 1;
        self.millis += 1;
        let now = self.now();
        match step {
            Step::BeginFill { by, tag } => {
                let mut stored = self.processes[by].instance.begin_fill("", now);
                stored.names = names(tag);
                let read_at = self.step;
                self.filling.push((by, Kept { stored, tag, read_at }));
            }
            Step::EndFill { which } if !self.filling.is_empty() => {
                let (by, kept) = self.filling.swap_remove(which % self.filling.len());
                // A SET may be as late as it likes: nobody needs to ask for it sooner.
                self.shared.push(kept.clone());
                self.processes[by].memory.push(kept);
            }
            Step::AskShared { by } => {
                let process = &mut self.processes[by];
                process.asked = process
                    .trusts_shared(now)
                    .then(|| process.instance.tail.position());
            }
            Step::EndAsk { by, which } if !self.shared.is_empty() => {
                let found = &self.shared[which % self.shared.len()];
                let process = &mut self.processes[by];
                if let Some(asked) = process.asked.take() {
                    let stored = Instance::promote(&found.stored, asked);
                    process.memory.push(Kept {
                        stored,
                        ..found.clone()
                    });
                }
            }
            Step::Invalidate { by, event, reached } => self.invalidate(by, event, reached),
            Step::Answer { by } => self.answer(by),
            Step::Flush { by, reached } => self.flush(by, reached),
            Step::SendLook { by, count } => {
                let cursor = self.processes[by].instance.tail.cursor();
                self.processes[by].look = Some((self.redis.look(cursor, count), now));
            }
            Step::TakeLook { by } => {
                let process = &mut self.processes[by];
                if let Some((look, sent)) = process.look.take() {
                    process.instance.tail.take_look(&look, sent);
                    process.told.take_look(&look);
                }
            }
            Step::Trim { keep } => self.redis.trim(keep),
            Step::FailOver { lost } => self.redis.fail_over(lost),
            Step::Wait { millis } => self.millis += millis,
            Step::EndFill { .. } | Step::EndAsk { .. } => {}
        }
        self.note_passed();
    }

    fn invalidate(&mut self, by: usize, event: Event, reached: Reached) {
        let now = self.now();
        let appended =
            (reached != Reached::Nothing).then(|| self.redis.append(std::slice::from_ref(&event), now));
        let sent = appended.filter(|_| reached == Reached::Answered);
        if sent.is_none() {
            self.processes[by].defer(&event, now);
        }
        self.invalidations.push(Invalidation {
            event,
            by,
            committed_at: self.step,
            returned: sent.is_none(),
            applied_at: None,
            deferred: sent.is_none(),
            sent,
        });
    }

    /// The answers to appends that wait for it arrive only now.
    fn answer(&mut self, by: usize) {
        let now = self.now();
        let waiting = self
            .invalidations
            .iter_mut()
            .filter(|one| one.by == by && !one.deferred);
        for one in waiting.filter(|one| !one.returned) {
            if let Some(sent) = &mut one.sent {
                sent.answered = now;
            }
        }
    }

    fn flush(&mut self, by: usize, reached: Reached) {
        let now = self.now();
        let tail = &mut self.processes[by].instance.tail;
        let Some(batch) = tail.unsent().filter(|_| reached != Reached::Nothing) else {
            return;
        };
        let appended = self.redis.append(batch.events(), now);
        if reached == Reached::Answered {
            tail.sent(&batch, appended);
            // The outbox of these worlds is smaller than a batch, so all that was unsent is in it.
            let deferred = self
                .invalidations
                .iter_mut()
                .filter(|one| one.by == by && one.deferred);
            for one in deferred.filter(|one| one.sent.is_none()) {
                one.sent = Some(appended);
            }
        }
    }

    fn note_passed(&mut self) {
        let now = self.now();
        for one in self
            .invalidations
            .iter_mut()
            .filter(|one| one.applied_at.is_none())
        {
            let Some(sent) = one.sent else { continue };
            match self.processes[one.by].instance.tail.passed(&sent) {
                Passing::Passed => {
                    one.returned = true;
                    one.applied_at = Some(now);
                }
                Passing::AppendAgain if one.deferred => one.sent = None,
                Passing::AppendAgain => {
                    one.sent = Some(self.redis.append(std::slice::from_ref(&one.event), now));
                }
                Passing::Waiting => {}
            }
        }
    }

    /// Everything that each process could serve now.
    fn candidates(&self, by: usize) -> Vec<Kept> {
        let process = &self.processes[by];
        let mut all = process.memory.clone();
        if process.trusts_shared(self.now()) {
            let asked = process.instance.tail.position();
            all.extend(self.shared.iter().map(|kept| Kept {
                stored: Instance::promote(&kept.stored, asked),
                ..kept.clone()
            }));
        }
        all
    }

    fn hold_against_what_was_told(&self, exactly: bool) -> Result<(), TestCaseError> {
        for by in 0..2 {
            let process = &self.processes[by];
            for kept in self.candidates(by) {
                let found = Told3::from(process.instance.check(&kept.stored, self.now()));
                let told = process.told.verdict(&kept.stored.position, kept.tag);
                prop_assert!(found >= told, "{by} finds {found:?}, was told {told:?}: {kept:?}");
                prop_assert!(
                    !exactly || found == told,
                    "{by} finds {found:?}, was told {told:?}: {kept:?}"
                );
            }
        }
        Ok(())
    }

    fn hold_against_what_happened(&self) -> Result<(), TestCaseError> {
        let now = self.now();
        for by in 0..2 {
            let instance = &self.processes[by].instance;
            for kept in self.candidates(by) {
                if !instance.serves(&kept.stored, now) {
                    continue;
                }
                for one in &self.invalidations {
                    let old = kept.read_at < one.committed_at && is_named(kept.tag, &one.event.selector);
                    let p1 = one.by == by && one.returned;
                    let p2 = one
                        .applied_at
                        .is_some_and(|applied| applied.saturating_add(MAX_STALENESS) < now);
                    prop_assert!(!old || !p1, "P1: {by} serves {kept:?} after {:?}", one.event);
                    prop_assert!(!old || !p2, "P2: {by} serves {kept:?} after {:?}", one.event);
                }
            }
        }
        Ok(())
    }

    /// P3: once faults are over, what is filled is served, in memory and by way of the shared tier.
    fn recovers(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..200 {
            for by in 0..2 {
                self.take(Step::Flush {
                    by,
                    reached: Reached::Answered,
                });
                self.take(Step::SendLook { by, count: 3 });
                self.take(Step::TakeLook { by });
            }
        }
        let now = self.now();
        prop_assert!(self.invalidations.iter().all(|one| one.applied_at.is_some()));
        for by in 0..2 {
            let filled = self.processes[by].instance.begin_fill("", now);
            for other in &self.processes {
                prop_assert!(other.trusts_shared(now));
                let promoted = Instance::promote(&filled, other.instance.tail.position());
                prop_assert!(other.instance.serves(&promoted, now));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// With little room: rows sink into the floor and the outbox collapses.
    #[test]
    fn whatever_is_forgotten_no_verdict_is_milder_than_what_was_told(steps in steps()) {
        let mut world = World::new(SMALL);
        for step in steps {
            world.take(step);
            world.hold_against_what_was_told(false)?;
        }
    }

    /// With room for all there is nothing to refuse for nothing.
    #[test]
    fn while_nothing_is_forgotten_every_verdict_is_what_was_told(steps in steps()) {
        let mut world = World::new(Limits::default());
        for step in steps {
            world.take(step);
            world.hold_against_what_was_told(true)?;
        }
    }

    #[test]
    fn what_was_invalidated_is_gone_and_what_is_filled_after_the_faults_is_served(steps in steps()) {
        for limits in [SMALL, Limits::default()] {
            let mut world = World::new(limits);
            for step in steps.clone() {
                world.take(step);
                world.hold_against_what_happened()?;
            }
            world.recovers()?;
            world.take(Step::Wait { millis: u64::try_from(Duration::from_secs(1).as_millis()).unwrap() });
            world.hold_against_what_happened()?;
        }
    }
}
