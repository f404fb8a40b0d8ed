//! Two processes, one log and one shared tier. Anything may happen to them, in any order.

use larder_core::invalidation::append_status::{AppendStatus, Appended};
use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::selector::Event;
use larder_core::invalidation::tail::Limits;
use larder_core::time::BootTime;
use proptest::prelude::*;

use super::reference::{Reference, Severity};
use super::steps::{Reached, Step, is_named, names};
use crate::world::{Instance, MAX_STALENESS, Redis, Stored, at};

/// A response, with what only the world knows about it.
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
    /// Whether `invalidate` has returned. From then on P1 holds.
    returned: bool,
    /// The moment from which P2 counts.
    applied_at: Option<BootTime>,
    sent: Option<Appended>,
    deferred: bool,
}

struct Process {
    instance: Instance,
    reference: Reference,
    memory: Vec<Kept>,
    asked: Option<Position>,
    look: Option<(LogPage, BootTime)>,
}

impl Process {
    fn with(limits: Limits) -> Self {
        Self {
            instance: Instance::with(limits),
            reference: Reference::new(),
            memory: vec![],
            asked: None,
            look: None,
        }
    }

    fn trusts_shared(&self, now: BootTime) -> bool {
        self.instance.tail.may_trust_store(now, MAX_STALENESS)
    }

    fn defer(&mut self, event: &Event, now: BootTime) {
        self.instance.tail.defer(std::slice::from_ref(event), now);
        self.reference.deferred.push(event.clone());
    }
}

pub(super) struct World {
    redis: Redis,
    processes: [Process; 2],
    shared: Vec<Kept>,
    filling: Vec<(usize, Kept)>,
    invalidations: Vec<Invalidation>,
    millis: u64,
    step: usize,
}

impl World {
    pub(super) fn new(limits: Limits) -> Self {
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

    fn now(&self) -> BootTime {
        at(self.millis)
    }

    pub(super) fn take(&mut self, step: Step) {
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
                // A SET may be late by any number of steps, so no step needs to ask for it sooner.
                self.shared.push(kept.clone());
                self.processes[by].memory.push(kept);
            }
            Step::AskShared { by } => {
                let process = &mut self.processes[by];
                process.asked = process.trusts_shared(now).then(|| process.instance.tail.position());
            }
            Step::EndAsk { by, which } if !self.shared.is_empty() => {
                let found = &self.shared[which % self.shared.len()];
                let process = &mut self.processes[by];
                if let Some(asked) = process.asked.take() {
                    let stored = Instance::promote(&found.stored, asked);
                    process.memory.push(Kept { stored, ..found.clone() });
                }
            }
            Step::Invalidate { by, event, reached } => self.invalidate(by, event, reached),
            Step::Answer { by } => self.answer(by),
            Step::Flush { by, reached } => self.flush(by, reached),
            Step::SendLook { by, count } => {
                let cursor = self.processes[by].instance.tail.cursor(at(0));
                self.processes[by].look = Some((self.redis.look(cursor, count), now));
            }
            Step::TakeLook { by } => {
                let process = &mut self.processes[by];
                if let Some((look, sent)) = process.look.take() {
                    process.instance.tail.apply_page(&look, sent);
                    process.reference.apply_page(&look);
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

    /// Dates the answers to pending appends as of now.
    fn answer(&mut self, by: usize) {
        let now = self.now();
        let waiting = self.invalidations.iter_mut().filter(|one| one.by == by && !one.deferred);
        for one in waiting.filter(|one| !one.returned) {
            if let Some(sent) = &mut one.sent {
                sent.answered = now;
            }
        }
    }

    fn flush(&mut self, by: usize, reached: Reached) {
        let now = self.now();
        let tail = &mut self.processes[by].instance.tail;
        let Some(batch) = tail.next_batch().filter(|_| reached != Reached::Nothing) else {
            return;
        };
        let appended = self.redis.append(batch.events(), now);
        if reached == Reached::Answered {
            tail.batch_appended(&batch, appended);
            self.processes[by].reference.appended_to.push(appended.incarnation);
            // The outbox of these worlds is smaller than a batch, so the batch has all that was not
            // appended.
            let deferred = self.invalidations.iter_mut().filter(|one| one.by == by && one.deferred);
            for one in deferred.filter(|one| one.sent.is_none()) {
                one.sent = Some(appended);
            }
        }
    }

    fn note_passed(&mut self) {
        let now = self.now();
        for one in self.invalidations.iter_mut().filter(|one| one.applied_at.is_none()) {
            let Some(sent) = one.sent else { continue };
            match self.processes[one.by].instance.tail.append_status(&sent) {
                AppendStatus::Applied => {
                    one.returned = true;
                    one.applied_at = Some(now);
                }
                AppendStatus::AppendAgain if one.deferred => one.sent = None,
                AppendStatus::AppendAgain => {
                    one.sent = Some(self.redis.append(std::slice::from_ref(&one.event), now));
                }
                AppendStatus::Pending => {}
            }
        }
    }

    /// Returns every response that the process could serve now.
    fn candidates(&self, by: usize) -> Vec<Kept> {
        let process = &self.processes[by];
        let mut all = process.memory.clone();
        if process.trusts_shared(self.now()) {
            let asked = process.instance.tail.position();
            all.extend(
                self.shared
                    .iter()
                    .map(|kept| Kept { stored: Instance::promote(&kept.stored, asked), ..kept.clone() }),
            );
        }
        all
    }

    pub(super) fn check_against_history(&self, exactly: bool) -> Result<(), TestCaseError> {
        for by in 0..2 {
            let process = &self.processes[by];
            for kept in self.candidates(by) {
                let found = Severity::from(process.instance.check(&kept.stored, self.now()));
                let reference = process.reference.verdict(&kept.stored.position, kept.tag);
                prop_assert!(
                    found >= reference,
                    "{by} finds {found:?}, was reference {reference:?}: {kept:?}"
                );
                prop_assert!(
                    !exactly || found == reference,
                    "{by} finds {found:?}, was reference {reference:?}: {kept:?}"
                );
            }
        }
        Ok(())
    }

    pub(super) fn hold_against_what_happened(&self) -> Result<(), TestCaseError> {
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
                    let p2 =
                        one.applied_at.is_some_and(|applied| applied.saturating_add(MAX_STALENESS) < now);
                    prop_assert!(!old || !p1, "P1: {by} serves {kept:?} after {:?}", one.event);
                    prop_assert!(!old || !p2, "P2: {by} serves {kept:?} after {:?}", one.event);
                }
            }
        }
        Ok(())
    }

    /// P3: once faults are over, a filled response is served.
    ///
    /// It is served in memory and by way of the shared tier.
    pub(super) fn recovers(&mut self) -> Result<(), TestCaseError> {
        for _ in 0..100 {
            for by in 0..2 {
                self.take(Step::Flush { by, reached: Reached::Answered });
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
