//! The steps of the model of writes.

use larder_core::invalidation::append_status::AppendStatus;
use larder_core::invalidation::position::{Position, Watermark};
use larder_core::invalidation::selector::{Event, Mode};

use super::world::{Entry, Operation, Process, Progress, RequiredChanges, Stored, boot, other_event, shared};
use super::{Invalidation, STALENESS, WriteModel, WriteReading, WriteWorld, ticks};

/// A step. A number is that of a process, of an operation, or of a value in the shared tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Step {
    /// Time passes.
    Tick,
    /// A process begins a write: it notes its position, and then reads the database.
    ///
    /// A later read shows more changes, so this is the worst moment.
    Begin(usize),
    /// A write commits. Its value shows its own change, and what it has read.
    Commit(usize),
    /// A process commits a change in another way, which it then invalidates.
    Change(usize, Invalidation),
    /// The event of an operation is appended.
    Append(usize),
    /// The same, but the answer is lost. The operation appends again, or defers.
    AppendUnheard(usize),
    /// The event of an operation is deferred, and the operation ends.
    Defer(usize),
    /// A write fails or is cancelled after its commit.
    Fail(usize),
    /// The process has passed the event of an operation. It ends, and a write stores its value.
    Finish(usize),
    /// A process reads the row, and stores the value.
    ///
    /// A value that is stored later, or written to the shared tier later, is served less.
    Load(usize),
    /// A process gets a value from the shared tier.
    Promote(usize, usize),
    /// A process polls to the end of the log.
    Poll(usize),
    /// A process polls for one entry.
    PollOne(usize),
    /// A process appends what it has deferred.
    Flush(usize),
    /// Something else is invalidated.
    Other,
    /// The log loses its oldest entry.
    Trim,
    /// The log is lost, and begins a new incarnation.
    Lose,
    /// A process ends, and a new one takes its place.
    Restart(usize),
}

impl Step {
    pub(super) fn all(model: &WriteModel, world: &WriteWorld, steps: &mut Vec<Self>) {
        steps.extend([Self::Tick, Self::Other, Self::Trim, Self::Lose]);
        for by in 0..world.processes.len() {
            steps.extend([Self::Begin(by), Self::Load(by), Self::Poll(by), Self::PollOne(by)]);
            steps.extend([Self::Flush(by), Self::Restart(by)]);
            steps.extend(model.changes.iter().map(|what| Self::Change(by, *what)));
            steps.extend((0..world.shared.len()).map(|which| Self::Promote(by, which)));
        }
        for one in 0..world.operations.len() {
            steps.extend([Self::Commit(one), Self::Append(one), Self::AppendUnheard(one)]);
            steps.extend([Self::Defer(one), Self::Fail(one), Self::Finish(one)]);
        }
    }
}

/// Takes one from a budget.
fn spend(left: &mut u8) -> Option<()> {
    *left = left.checked_sub(1)?;
    Some(())
}

impl WriteWorld {
    /// Takes this step. Returns `None` if it cannot be taken.
    pub(super) fn take(&mut self, step: Step, model: &WriteModel) -> Option<()> {
        match step {
            Step::Tick => {
                spend(&mut self.left.ticks)?;
                self.now += 1;
            }
            Step::Begin(by) => self.begin(by, model)?,
            Step::Commit(one) => self.commit(one, model)?,
            Step::Change(by, what) => self.change(by, what)?,
            Step::Append(one) => self.append_one(one, model)?,
            Step::AppendUnheard(one) => {
                spend(&mut self.left.lost_answers)?;
                let operation = self.operations.get(one)?;
                let is_committed = operation.progress == Progress::Committed;
                let events = is_committed.then(|| operation.events.clone())?;
                self.append(events);
            }
            Step::Defer(one) => self.defer(one, model)?,
            Step::Fail(one) => self.fail(one, model)?,
            Step::Finish(one) => self.finish(one, model)?,
            Step::Load(by) => {
                spend(&mut self.left.loads)?;
                let position = self.processes.get(by)?.tail.position();
                let filled_at = Some(boot(self.now));
                self.store(by, Stored { shows: self.committed, position, filled_at })?;
            }
            Step::Promote(by, which) => self.promote(by, which)?,
            Step::Poll(by) => self.poll(by, usize::MAX)?,
            Step::PollOne(by) => {
                model.polls_in_parts.then_some(())?;
                self.poll(by, 1)?;
            }
            Step::Flush(by) => self.flush(by)?,
            Step::Other => {
                spend(&mut self.left.others)?;
                self.append(vec![other_event(self.left.others)]);
            }
            Step::Trim => {
                spend(&mut self.left.trims)?;
                (!self.log.is_empty()).then_some(())?;
                self.floor = self.log.remove(0).id;
            }
            Step::Lose => {
                spend(&mut self.left.losses)?;
                self.life += 1;
                (self.log, self.floor) = (vec![Entry { id: 1, events: vec![] }], 0);
            }
            Step::Restart(by) => {
                spend(&mut self.left.restarts)?;
                *self.processes.get_mut(by)? = Process::new(model);
                self.operations.retain(|operation| operation.by != by);
            }
        }
        Some(())
    }

    fn begin(&mut self, by: usize, model: &WriteModel) -> Option<()> {
        spend(&mut self.left.writes)?;
        let mode = if model.is_wrong(WriteReading::EventIsSoft) { Mode::Soft } else { Mode::Hard };
        let events = [Invalidation::Key, Invalidation::Tag].map(|what| Event { mode, ..what.event() });
        let began = Some(self.processes.get(by)?.tail.position());
        self.operations.push(Operation {
            by,
            began,
            began_at: self.now,
            events: events.to_vec(),
            mode: Mode::Hard,
            change: 0,
            shows: self.committed,
            progress: Progress::Begun,
        });
        Some(())
    }

    fn commit(&mut self, one: usize, model: &WriteModel) -> Option<()> {
        let change = self.next_change();
        let operation = self.operations.get_mut(one)?;
        (operation.progress == Progress::Begun).then_some(())?;
        if model.is_wrong(WriteReading::BeginsAfterTheRead) {
            operation.began = Some(self.processes.get(operation.by)?.tail.position());
        }
        if model.is_wrong(WriteReading::BeginsAfterTheCommit) {
            // A write that reads its row when it changes it.
            operation.shows = self.committed;
        }
        operation.change = change;
        operation.shows |= change;
        operation.progress = Progress::Committed;
        self.committed |= change;
        Some(())
    }

    fn change(&mut self, by: usize, what: Invalidation) -> Option<()> {
        spend(&mut self.left.changes)?;
        self.operations.push(Operation {
            by,
            began: None,
            began_at: self.now,
            events: vec![what.event()],
            mode: what.event().mode,
            change: self.next_change(),
            shows: 0,
            progress: Progress::Committed,
        });
        self.committed |= self.next_change();
        Some(())
    }

    /// Returns the bit of the next change.
    const fn next_change(&self) -> u8 {
        1 << self.committed.count_ones()
    }

    fn append_one(&mut self, one: usize, model: &WriteModel) -> Option<()> {
        let operation = self.operations.get_mut(one)?;
        let by = operation.by;
        (operation.progress == Progress::Committed).then_some(())?;
        if let (true, Some(began)) =
            (model.is_wrong(WriteReading::BeginsAfterTheCommit), &mut operation.began)
        {
            *began = self.processes.get(by)?.tail.position();
        }
        let mut events = operation.events.clone();
        let mut sharing = vec![one];
        if model.is_wrong(WriteReading::EntryIsShared) {
            let is_sharing = |other: &Operation| other.by == by && other.progress == Progress::Committed;
            let all = self.operations.iter().enumerate().filter(|(_, other)| is_sharing(other));
            sharing = all.map(|(other, _)| other).collect();
            events = sharing
                .iter()
                .filter_map(|one| self.operations.get(*one))
                .flat_map(|one| one.events.clone())
                .collect();
        }
        let appended = self.append(events);
        self.processes.get_mut(by)?.tail.note_appended(&appended);
        for one in sharing {
            self.operations.get_mut(one)?.progress = Progress::Appended(appended);
        }
        if model.is_wrong(WriteReading::StoredWhenAppended) {
            let operation = self.operations.get(one)?.clone();
            let position = operation.began.and_then(|began| self.position_at_once(by, began, appended));
            self.store_written(&operation, position, model)?;
        }
        Some(())
    }

    fn defer(&mut self, one: usize, model: &WriteModel) -> Option<()> {
        spend(&mut self.left.deferred)?;
        let mut operation = self.operations.get(one)?.clone();
        matches!(operation.progress, Progress::Committed | Progress::Appended(_)).then_some(())?;
        let now = boot(self.now);
        let process = self.processes.get_mut(operation.by)?;
        process.tail.defer(&operation.events, now);
        process.note_forgotten();
        process.here.add(RequiredChanges::after(&operation));
        let position = process.tail.position();
        if model.is_wrong(WriteReading::DeferredIsStored) && operation.began.is_some() {
            self.store_written(&operation, Some(position), model)?;
        }
        if model.is_wrong(WriteReading::FlushedIsStored) {
            operation.progress = Progress::Deferred;
            if let Some(began) = &mut operation.began {
                began.watermark.local = position.watermark.local;
            }
            *self.operations.get_mut(one)? = operation;
        } else {
            self.operations.remove(one);
        }
        Some(())
    }

    fn fail(&mut self, one: usize, model: &WriteModel) -> Option<()> {
        spend(&mut self.left.failures)?;
        let operation = self.operations.get_mut(one)?;
        (operation.progress != Progress::Begun).then_some(())?;
        operation.began.take()?;
        if model.is_wrong(WriteReading::FailureAppendsNothing) {
            let operation = self.operations.remove(one);
            self.end(&operation)?;
        }
        Some(())
    }

    fn finish(&mut self, one: usize, model: &WriteModel) -> Option<()> {
        let operation = self.operations.get_mut(one)?;
        let Progress::Appended(appended) = operation.progress else { return None };
        let tail = &self.processes.get(operation.by)?.tail;
        let is_elsewhere = tail.position().incarnation != appended.incarnation;
        match tail.append_status(&appended) {
            AppendStatus::Applied => {}
            _ if is_elsewhere && model.is_wrong(WriteReading::TailMayBeElsewhere) => {}
            AppendStatus::Pending => return None,
            AppendStatus::AppendAgain => {
                operation.progress = Progress::Committed;
                return Some(());
            }
        }
        let operation = self.operations.remove(one);
        if is_elsewhere {
            let own = |began: Position| Watermark { log: appended.id, ..began.watermark };
            let position = operation.began.map(|began| Position { watermark: own(began), ..began });
            let position = position.filter(|position| position.incarnation == appended.incarnation);
            return self.store_written(&operation, position, model);
        }
        self.end(&operation)?;
        let Some(began) = operation.began else { return Some(()) };
        if model.is_wrong(WriteReading::StoredWhenAppended) {
            return Some(());
        }
        let position = self.written_position(operation.by, began, appended, model);
        self.is_useless |= self.would_be_useful(operation.by, began, appended)
            && !position.is_some_and(|position| self.is_served(operation.by, position));
        self.store_written(&operation, position, model)
    }

    /// Notes that an operation has returned `Applied`.
    fn end(&mut self, operation: &Operation) -> Option<()> {
        let required = RequiredChanges::after(operation);
        self.processes.get_mut(operation.by)?.here.add(required);
        self.applied.push((self.now, required));
        Some(())
    }

    fn store_written(
        &mut self,
        operation: &Operation,
        position: Option<Position>,
        model: &WriteModel,
    ) -> Option<()> {
        let Some(position) = position else { return Some(()) };
        let filled_at = match model.reading {
            WriteReading::CountsAsFilled => Some(boot(self.now)),
            WriteReading::CountsAsFilledAtItsBeginning => Some(boot(operation.began_at)),
            _ => None,
        };
        self.store(operation.by, Stored { shows: operation.shows, position, filled_at })
    }

    fn store(&mut self, by: usize, stored: Stored) -> Option<()> {
        self.processes.get_mut(by)?.memory.push(stored);
        if self.left.gets > 0 {
            self.shared.push(shared(stored));
        }
        Some(())
    }

    /// Reads a value from the shared tier (rules 1 and 12).
    fn promote(&mut self, by: usize, which: usize) -> Option<()> {
        spend(&mut self.left.gets)?;
        let mut stored = *self.shared.get(which)?;
        let now = boot(self.now);
        let process = self.processes.get_mut(by)?;
        process.tail.may_trust_store(now, ticks(STALENESS)).then_some(())?;
        stored.position.watermark.local = process.tail.position().watermark.local;
        process.memory.push(stored);
        Some(())
    }

    fn flush(&mut self, by: usize) -> Option<()> {
        let batch = self.processes.get(by)?.tail.next_batch()?;
        let appended = self.append(batch.events().to_vec());
        self.processes.get_mut(by)?.tail.batch_appended(&batch, appended);
        let deferred = |one: &&mut Operation| one.by == by && one.progress == Progress::Deferred;
        self.operations
            .iter_mut()
            .filter(deferred)
            .for_each(|one| one.progress = Progress::Appended(appended));
        Some(())
    }
}
