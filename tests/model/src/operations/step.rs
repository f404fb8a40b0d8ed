//! The steps of the model of operations.

use super::queue::Entry;
use super::world::{Reader, Repeat};
use super::{KEYS, OperationModel, OperationReading, OperationWorld};

/// A step. A number is that of a key, of a worker, or of an operation in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Step {
    /// An operation on a key is pushed and acknowledged.
    Push(usize),
    /// The same, but the answer is lost.
    PushUnheard(usize),
    /// The push is repeated with its id, or waits until it is durable. Then it is acknowledged.
    Repeat(usize),
    /// A worker reads the queue. It has the right to read, or gets it.
    Read(usize),
    /// The sink commits an operation of the worker's batch: the first of its key.
    Commit(usize, usize),
    /// A worker completes an operation that it has flushed.
    Complete(usize),
    /// The sink refuses an operation for the last time: the first of its key.
    Refuse(usize, usize),
    /// The sink does so, although it has committed: a timeout, for example.
    CommitAndRefuse(usize, usize),
    /// A worker forgets its batch. What it has flushed is not completed.
    GiveUp(usize),
    /// One call of a retry of a key.
    Retry(usize),
    /// The oldest dead letter of a key is dropped.
    Discard(usize),
    /// The queue becomes durable as it is now.
    Persist,
    /// The queue is lost, except for what is durable.
    LoseQueue,
    /// The clock of the queue goes back.
    SetClockBack,
}

impl Step {
    pub(super) fn all(model: &OperationModel, world: &OperationWorld, steps: &mut Vec<Self>) {
        for key in 0..model.keys.min(KEYS) {
            steps.extend([Self::Push(key), Self::PushUnheard(key), Self::Retry(key), Self::Discard(key)]);
        }
        steps.extend((0..world.repeats.len()).map(Self::Repeat));
        for (by, reader) in world.readers.iter().enumerate() {
            steps.extend([Self::Read(by), Self::Complete(by), Self::GiveUp(by)]);
            for one in 0..reader.batch.len() {
                steps.extend([Self::Commit(by, one), Self::Refuse(by, one), Self::CommitAndRefuse(by, one)]);
            }
        }
        steps.extend([Self::Persist, Self::LoseQueue, Self::SetClockBack]);
    }
}

/// Takes one from a budget.
fn spend(left: &mut u8) -> Option<()> {
    *left = left.checked_sub(1)?;
    Some(())
}

impl OperationWorld {
    /// Takes this step. Returns `None` if it cannot be taken.
    pub(super) fn take(&mut self, step: Step, model: &OperationModel) -> Option<()> {
        match step {
            Step::Push(key) => {
                spend(&mut self.left.pushes)?;
                self.pushes += 1;
                self.push(key, self.pushes, model);
                if model.waits {
                    self.repeats.push(Repeat { operation: self.pushes, key });
                } else {
                    self.acknowledged.push((self.pushes, key));
                }
            }
            Step::PushUnheard(key) => {
                spend(&mut self.left.pushes)?;
                spend(&mut self.left.unheard)?;
                self.pushes += 1;
                self.push(key, self.pushes, model);
                self.repeats.push(Repeat { operation: self.pushes, key });
            }
            Step::Repeat(one) => self.repeat(one, model)?,
            Step::Read(by) => self.read(by, model)?,
            Step::Commit(..)
            | Step::Complete(_)
            | Step::Refuse(..)
            | Step::CommitAndRefuse(..)
            | Step::GiveUp(_) => self.flush(step, model)?,
            Step::Retry(key) => {
                spend(&mut self.left.retries)?;
                self.clock += 1;
                self.queue.retry(key, self.time(), model)?;
            }
            Step::Discard(key) => {
                spend(&mut self.left.discards)?;
                let dropped = self.queue.discard(key, model)?;
                self.acknowledged.retain(|(operation, _)| *operation != dropped.operation);
            }
            Step::Persist => {
                (self.left.lost_queues > 0).then_some(())?;
                self.durable = self.queue.clone();
            }
            Step::LoseQueue => {
                spend(&mut self.left.lost_queues)?;
                self.lose_queue(model);
            }
            Step::SetClockBack => {
                spend(&mut self.left.clocks_back)?;
                self.is_clock_back = true;
            }
        }
        Some(())
    }

    /// Takes a step of a reader with its batch.
    fn flush(&mut self, step: Step, model: &OperationModel) -> Option<()> {
        match step {
            Step::Commit(by, one) => {
                let entry = self.take_from_batch(by, one, model)?;
                self.commit(entry, model)?;
                self.readers.get_mut(by)?.flushed.push(entry);
            }
            Step::Complete(by) => {
                let reader = self.readers.get_mut(by)?;
                (!reader.flushed.is_empty()).then_some(())?;
                let entry = reader.flushed.remove(0);
                self.queue.complete(entry, model);
            }
            Step::Refuse(by, one) => self.refuse(by, one, model)?,
            Step::CommitAndRefuse(by, one) => {
                let entry = *self.readers.get(by)?.batch.get(one)?;
                self.refuse(by, one, model)?;
                self.commit(entry, model)?;
            }
            Step::GiveUp(by) => {
                let reader = self.readers.get_mut(by)?;
                *reader = Reader { has_right: reader.has_right, ..Reader::default() };
            }
            _ => return None,
        }
        Some(())
    }

    fn push(&mut self, key: usize, operation: u8, model: &OperationModel) {
        self.clock += 1;
        self.queue.push(self.time(), key, operation, model);
    }

    /// Lets a push wait until it is durable, or repeats it. It is acknowledged after that.
    fn repeat(&mut self, one: usize, model: &OperationModel) -> Option<()> {
        let Repeat { mut operation, key } = *self.repeats.get(one)?;
        let is_known = self.queue.ids & (1 << operation) != 0;
        if !is_known && !self.rows.get(key)?.applied.contains(&operation) {
            // The store has lost the operation and its id, and it has not taken effect. So it is a
            // new one, in the order of the pushes.
            self.pushes += 1;
            operation = self.pushes;
            *self.repeats.get_mut(one)? = Repeat { operation, key };
        }
        if !is_known || model.is_wrong(OperationReading::DuplicateIsQueued) {
            self.push(key, operation, model);
        }
        let is_in = |ids: u8| ids & (1 << operation) != 0;
        let has_to_wait = model.waits && self.left.lost_queues > 0 && !is_in(self.durable.ids);
        if has_to_wait {
            return Some(());
        }
        self.repeats.remove(one);
        // It may have been discarded meanwhile.
        if self.left.discards == model.budget.discards {
            self.acknowledged.push((operation, key));
        }
        Some(())
    }

    fn read(&mut self, by: usize, model: &OperationModel) -> Option<()> {
        let reader = self.readers.get(by)?;
        (reader.batch.is_empty() && reader.flushed.is_empty()).then_some(())?;
        spend(&mut self.left.reads)?;
        let is_taken = self.readers.iter().any(|reader| reader.has_right);
        if is_taken && !self.readers.get(by)?.has_right {
            // The lease of another reader has expired.
            spend(&mut self.left.takeovers)?;
        }
        for (other, reader) in self.readers.iter_mut().enumerate() {
            reader.has_right = other == by;
        }
        let batch = self.queue.read(model);
        let waits = model.waits && !model.is_wrong(OperationReading::FlushedBeforeItIsDurable);
        if waits && self.left.lost_queues > 0 {
            let newest = batch.last().map_or(0, |entry| entry.place);
            (newest <= self.durable.last).then_some(())?;
        }
        if model.is_wrong(OperationReading::CompletedBeforeTheCommit) {
            batch.iter().for_each(|entry| self.queue.complete(*entry, model));
        }
        self.readers.get_mut(by)?.batch = batch;
        Some(())
    }

    /// Takes an operation from a batch, if no earlier one of its key is there.
    fn take_from_batch(&mut self, by: usize, one: usize, model: &OperationModel) -> Option<Entry> {
        let batch = &mut self.readers.get_mut(by)?.batch;
        let entry = *batch.get(one)?;
        let is_first = batch.iter().take(one).all(|earlier| earlier.key != entry.key);
        (is_first || model.is_wrong(OperationReading::FlushesInAnyOrder)).then(|| batch.remove(one))
    }

    fn commit(&mut self, entry: Entry, model: &OperationModel) -> Option<()> {
        let highest = self.rows.iter().map(|row| row.sequence).max()?;
        let row = self.rows.get_mut(entry.key)?;
        let is_newer = match model.reading {
            OperationReading::NoFence => true,
            OperationReading::OneFenceForAllKeys => entry.sequence > highest,
            _ => entry.sequence > row.sequence,
        };
        if is_newer {
            row.sequence = entry.sequence;
            row.applied.push(entry.operation);
        }
        Some(())
    }

    fn refuse(&mut self, by: usize, one: usize, model: &OperationModel) -> Option<()> {
        spend(&mut self.left.refusals)?;
        let entry = self.take_from_batch(by, one, model)?;
        let reader = self.readers.get_mut(by)?;
        if !model.is_wrong(OperationReading::GoesOnAfterARefusal) {
            reader.batch.retain(|other| other.key != entry.key);
        }
        if reader.has_right || model.is_wrong(OperationReading::AnyReaderQuarantines) {
            self.queue.quarantine(entry, model);
        }
        Some(())
    }
}
